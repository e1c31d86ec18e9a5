"""Where auxiliary products are searched."""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from eokit.catalog import Catalog
from eokit.errors import InvalidInputError
from eokit.stac.items import ItemDict
from eokit.stac.request import SearchRequest
from eokit.stac.waiting import within

if TYPE_CHECKING:
    from eokit.rs_server.environment import FlowEnv

__all__ = ["AuxiliarySource", "CatalogSearch", "Searcher", "select_search_client_and_kwargs"]


class AuxiliarySource(StrEnum):
    """The STAC sources of auxiliary products, by the names that RS-Server's flows use."""

    AUXIP = "auxip"
    CADIP = "cadip"
    PRIP = "prip"
    CDSE = "cdse"
    EARTHDATAHUB = "earthdatahub"
    CATALOG = "catalog"
    LTA = "lta"


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
    flow_env: "FlowEnv", source: AuxiliarySource
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
