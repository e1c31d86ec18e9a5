"""The environment that a flow works in: who for, which services, which catalogue, which storage."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from eoflows.base.errors import InvalidInputError, UnsafeNameError
from eoflows.base.http import HttpClient
from eoflows.stores.catalog import Catalog
from eoflows.stores.stac.client import MatchedCount, StacClient
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.stac.request import SearchRequest
from eoflows.stores.stac.waiting import within
from eoflows.stores.storage import Storage, asset_key
from eoflows.stores.transfer import TransferEngine

__all__ = [
    "AuxiliarySource",
    "CatalogSearch",
    "FlowEnv",
    "FlowEnvArgs",
    "Searcher",
    "Source",
    "StagingService",
    "select_search_client_and_kwargs",
]

_FOR_PROGRAMS = ("calling_span", "service_name")


def _people_first(schema: dict[str, Any]) -> None:
    """Let forms ask for what people fill in before they ask for what programs do."""
    fields = schema["properties"]
    schema["properties"] = {name: fields[name] for name in sorted(fields, key=_FOR_PROGRAMS.__contains__)}


class AuxiliarySource(StrEnum):
    """The STAC sources of auxiliary products, by the names that RS-Server's flows use."""

    AUXIP = "auxip"
    CADIP = "cadip"
    PRIP = "prip"
    CDSE = "cdse"
    EARTHDATAHUB = "earthdatahub"
    CATALOG = "catalog"
    LTA = "lta"


class FlowEnvArgs(BaseModel):
    """Who a flow works for, and in which environment; what a flow takes as its first parameter."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_people_first)

    owner_id: str = Field(description="Owner of the collections; one that the environment serves.")
    calling_span: tuple[int, int, bool] | None = Field(
        default=None,
        description="Trace id, span id and is_remote of the OpenTelemetry span that this run belongs to.",
    )
    service_name: str = Field(default="rs.workflows", description="Service name in traces.")
    environment: str = Field(
        default="default", description="Name of the EoEnvironment block: services, catalogue and storage."
    )

    @field_validator("owner_id")
    @classmethod
    def _usable(cls, value: str) -> str:
        try:
            asset_key(value, "c", "i", "a")
        except UnsafeNameError as error:
            raise ValueError(
                f"owner_id {value[:80]!r} cannot be part of a path; use letters and digits"
            ) from error
        if ":" in value:
            raise ValueError(f"owner_id {value!r} has a colon, which separates owner and collection")
        return value


@dataclass(frozen=True)
class Source:
    """One configured STAC source.

    Attributes:
        url: Landing page of its API.
        schemes: URL schemes of its assets, the preferred first.
        page_size: Items per page.
        matched: What `numberMatched` of its answers is; see `StacClient`.
    """

    url: str
    schemes: tuple[str, ...] = ("https", "http", "s3")
    page_size: int = 1000
    matched: MatchedCount = "exact"


@dataclass(frozen=True)
class StagingService:
    """RS-Server's staging service, by the names of its settings.

    Attributes:
        server: Name of its OGC Processes Server block.
        ledger: Name of the Job Ledger block that remembers its jobs.
        hours: How long anybody waits for a job.
        stages_all: Whether it stages whatever flows stage, in place of the transfer engine.
    """

    server: str
    ledger: str
    hours: float = 24.0
    stages_all: bool = False


class FlowEnv:
    """An opened environment; the EoEnvironment block opens and closes it.

    Args:
        args: Who for.
        owners: The owners that this environment serves.
        sources: Configured sources.
        http: Client for API calls, with all credentials by origin.
        engine: Transfer engine, with the same credentials.
        catalog: Catalogue of what was staged.
        storage: Where assets go.
        writable: Whether the catalogue may be written.
        service: RS-Server's staging service, where there is one.

    Raises:
        InvalidInputError: The environment does not serve this owner.
    """

    def __init__(
        self,
        args: FlowEnvArgs,
        *,
        owners: frozenset[str],
        sources: Mapping[AuxiliarySource, Source],
        http: HttpClient,
        engine: TransferEngine,
        catalog: Catalog,
        storage: Storage,
        writable: bool = True,
        service: StagingService | None = None,
    ) -> None:
        if args.owner_id not in owners:
            raise InvalidInputError(
                f"owner {args.owner_id!r} is not served by environment {args.environment!r}, which serves "
                f"{', '.join(sorted(owners)) or 'nobody'}; add it to the block's owners if it should be"
            )
        self.args, self.owner_id = args, args.owner_id
        self.catalog, self.storage, self.engine, self.writable = catalog, storage, engine, writable
        self._sources, self._http = sources, http
        self._clients: dict[AuxiliarySource, StacClient] = {}
        self.service = service
        self.bytes_moved = 0

    @property
    def sources(self) -> tuple[AuxiliarySource, ...]:
        """The configured sources."""
        return tuple(self._sources)

    def moved(self, size: int) -> None:
        """Count bytes that arrived."""
        self.bytes_moved += size

    def source(self, source: AuxiliarySource) -> Source:
        """Give the settings of a source.

        Raises:
            InvalidInputError: The environment has none.
        """
        if source not in self._sources:
            raise InvalidInputError(
                f"environment {self.args.environment!r} has no {source}; it has "
                f"{', '.join(sorted(self._sources)) or 'no source'}: add a StacApi for it to the block"
            )
        return self._sources[source]

    async def document(self, url: str) -> Any:
        """Give a JSON document; credentials go to the origin that they belong to.

        Raises:
            ServiceError: It cannot be had.
            ForbiddenAddressError: The address is private, and of no configured service.
        """
        return await self._http.json("GET", url)

    def client(self, source: AuxiliarySource) -> StacClient:
        """Give the client for a source, which remembers how that is asked; nothing is requested yet."""
        settings = self.source(source)
        if source not in self._clients:
            self._clients[source] = StacClient(
                settings.url, self._http, page_size=settings.page_size, matched=settings.matched
            )
        return self._clients[source]


class Searcher(Protocol):
    """Something that answers searches page by page."""

    def pages(self, request: SearchRequest, *, timeout: float | None = None) -> AsyncIterator[list[ItemDict]]:
        """Give the items found; see `StacClient.pages`."""
        ...


class CatalogSearch:
    """Searches a catalogue as if it were a station.

    Args:
        catalog: What to search.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def pages(
        self, request: SearchRequest, *, timeout: float | None = None, owner_id: str | None = None
    ) -> AsyncIterator[list[ItemDict]]:
        """Give the items found.

        Args:
            request: Its collections may be named with their owner (`owner:collection`) or without.
            timeout: Seconds that may be spent waiting for the catalogue, over all pages.
            owner_id: Owner of the collections that are named without one.

        Raises:
            DeadlineError: The catalogue took longer than `timeout`.
            InvalidInputError: The request cannot be understood.
        """
        pages = self._catalog.search(
            [name if ":" in name else f"{owner_id}:{name}" for name in request.collections] or None,
            datetime=request.timestamp,
            filter=request.filter,
            sortby=request.sortby or None,
            max_items=request.limit,
        )
        return pages if timeout is None else within(pages, timeout)


def select_search_client_and_kwargs(
    flow_env: FlowEnv, source: AuxiliarySource
) -> tuple[Searcher, dict[str, Any]]:
    """Select the client for a source, and the arguments that its searches take besides the request.

    Args:
        flow_env: The opened environment.
        source: Where to search.

    Returns:
        The client and further keyword arguments for its `pages`: the owner for the catalogue, none
        for the others.

    Raises:
        InvalidInputError: `lta`, which no service offers as STAC; an unknown name; or a source that
            the environment has not configured.
    """
    try:
        source = AuxiliarySource(source)
    except ValueError as error:
        names = ", ".join(AuxiliarySource)
        raise InvalidInputError(
            f"Unsupported auxiliary product source: {str(source)!r}; use one of {names}"
        ) from error
    if source is AuxiliarySource.LTA:
        raise InvalidInputError(
            "LTA auxiliary product search is not supported: RS-Server exposes no STAC endpoint for long-term "
            "archives, where a product must be ordered before it can be read; search auxip or cdse instead"
        )
    if source is AuxiliarySource.CATALOG:
        return CatalogSearch(flow_env.catalog), {"owner_id": flow_env.owner_id}
    return flow_env.client(source), {}
