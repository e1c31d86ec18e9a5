"""The environment that flows work in."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal, Self

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, field_validator, model_validator

from eoflows.base.http import AddressPolicy, HttpClient, Keyring
from eoflows.blocks.catalog import LocalCatalog
from eoflows.blocks.logos import logo
from eoflows.blocks.stac import StacApi
from eoflows.blocks.storage import ObjectStorage
from eoflows.products.environment import AuxiliarySource, FlowEnv, FlowEnvArgs, StagingService
from eoflows.stores.catalog import Catalog
from eoflows.stores.transfer import TransferEngine, TransferSettings

__all__ = ["EoEnvironment"]

Slot = Callable[[str], AbstractAsyncContextManager[object]]


class EoEnvironment(Block):
    """Which owners are served, which sources are searched, and where products go.

    Flows take its name. Several environments (operations, tests, a sandbox) can stand side by side,
    also for one worker: nothing of them is kept in the process's environment variables.

    Example:
        Load a stored environment:
        ```python
        from eoflows.blocks import EoEnvironment

        environment = EoEnvironment.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "EO Environment"
    _block_type_slug = "eo-environment"
    _logo_url = logo("environment")
    _documentation_url = HttpUrl("https://home.rs-python.eu/rs-documentation/")
    _description = "Owners, sources, catalogue and storage that flows work with."

    owners: list[str] = Field(description="Owners that this environment serves; flows refuse any other.")
    catalog: LocalCatalog | StacApi = Field(
        description="Catalogue of what was staged: a local file, or a STAC API with transactions "
        "(RS-Server's catalogue, or a stac-fastapi-pgstac)."
    )
    storage: ObjectStorage = Field(description="Where assets go.")
    auxip: StacApi | None = Field(default=None, description="Auxiliary products (AUXIP, ADGS).")
    cadip: StacApi | None = Field(default=None, description="Downlinked sessions (CADIP).")
    prip: StacApi | None = Field(default=None, description="Products of the production service (PRIP).")
    cdse: StacApi | None = Field(default=None, description="Copernicus Data Space Ecosystem.")
    earthdatahub: StacApi | None = Field(default=None, description="Earth Data Hub of DestinE.")
    most_connections: int = Field(
        default=32, ge=1, le=256, description="Connections to one host at the most, for one run."
    )
    staging: Literal["direct", "service"] = Field(
        default="direct",
        description="Whether flows fetch assets into `storage` themselves, verified; or have RS-Server's "
        "staging service do it, into its own storage and catalogue (`catalog` must be that one).",
    )
    staging_server: str = Field(
        default="",
        description="Name of the OGC Processes Server block of RS-Server's staging service, where there is "
        "one.",
    )
    ledger: str = Field(
        default="default", description="Name of the Job Ledger block that remembers staging jobs."
    )
    staging_hours: float = Field(
        default=24.0, gt=0, description="Hours that anybody waits for a job of the staging service."
    )

    @field_validator("owners")
    @classmethod
    def _named(cls, value: list[str]) -> list[str]:
        return [FlowEnvArgs(owner_id=owner).owner_id for owner in value]

    @model_validator(mode="after")
    def _has_service(self) -> Self:
        if self.staging == "service" and not (self.staging_server and isinstance(self.catalog, StacApi)):
            raise ValueError(
                "staging is 'service': name the service's block in `staging_server`, and let `catalog` be "
                "the STAC API of the catalogue that it writes"
            )
        return self

    @property
    def service(self) -> StagingService | None:
        """RS-Server's staging service, where there is one."""
        if not self.staging_server:
            return None
        return StagingService(self.staging_server, self.ledger, self.staging_hours, self.staging == "service")

    @property
    def apis(self) -> dict[AuxiliarySource, StacApi]:
        """The configured sources."""
        # The catalogue may be a StacApi too, and is not searched like one.
        sources = [source for source in AuxiliarySource if source is not AuxiliarySource.CATALOG]
        found = {source: getattr(self, source.value, None) for source in sources}
        return {source: api for source, api in found.items() if isinstance(api, StacApi)}

    def _open_catalog(self, writable: bool) -> AbstractAsyncContextManager[Catalog]:
        if isinstance(self.catalog, StacApi):
            return self.catalog.open_catalog(writable=writable)
        return self.catalog.open(create=writable)

    @asynccontextmanager
    async def open(
        self, args: FlowEnvArgs, *, slot: Slot | None = None, writable: bool = True
    ) -> AsyncIterator[FlowEnv]:
        """Open everything that a flow needs, and close it at the end.

        Args:
            args: Who for.
            slot: Gives the context in which one connection to a host may be used; it makes limits
                hold over all workers.
            writable: Whether the catalogue may be created and written.

        Raises:
            InvalidInputError: The owner is not served here.
        """
        keyring, trusted = Keyring(), [origin for api in self.apis.values() for origin in api.origins]
        for api in self.apis.values():
            keyring |= api.keyring
        buckets = [bucket.open() for api in self.apis.values() for bucket in api.buckets]
        settings = TransferSettings(
            start_connections=min(8, self.most_connections),
            most_connections=self.most_connections,
            buckets={bucket.bucket: bucket for bucket in buckets},
        )
        engine = TransferEngine(settings, keyring, AddressPolicy(trusted), slot=slot)
        async with (
            HttpClient(keyring=keyring, trusted=trusted) as http,
            engine,
            self._open_catalog(writable) as catalog,
        ):
            yield FlowEnv(
                args,
                owners=frozenset(self.owners),
                sources={source: api.source for source, api in self.apis.items()},
                http=http,
                engine=engine,
                catalog=catalog,
                storage=self.storage.open(),
                writable=writable,
                service=self.service,
            )
