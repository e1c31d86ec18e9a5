"""Google Earth Engine: projects, tile grids, and where pre-ARD is kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, field_validator, model_validator

from eoflows.base.errors import InvalidInputError
from eoflows.base.http import Origin
from eoflows.blocks.google import GoogleCredentials
from eoflows.blocks.jobs import JobServerBlock, Slot
from eoflows.blocks.logos import logo
from eoflows.jobs.service import JobServer

# The library knows the ledger, and flows that need none do not load it: each method imports what it opens.
if TYPE_CHECKING:
    from eoflows.services import earth_engine

__all__ = ["EarthEngineProject", "PreArdStore", "TileGrid"]

_STORAGE = "https://storage.googleapis.com"


class EarthEngineProject(JobServerBlock):
    """A Google Cloud project with Earth Engine, and who asks.

    Example:
        Load a stored project:
        ```python
        from eoflows.blocks import EarthEngineProject

        project = EarthEngineProject.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Earth Engine Project"
    _block_type_slug = "earth-engine-project"
    _logo_url = logo("earth-engine")
    _documentation_url = HttpUrl("https://developers.google.com/earth-engine/guides/processing_environments")
    _description = "A project whose exports make pre-ARD, with its credentials and limits."

    project: str = Field(min_length=2, description="Id of the Google Cloud project.")
    credentials: GoogleCredentials | None = Field(
        default=None, description="Who asks; empty only for stand-ins, which ask nobody."
    )
    pending: int = Field(
        default=2900,
        ge=1,
        le=3000,
        description="Exports that may wait or run at a time; Earth Engine takes 3000 per project, people's "
        "own included. What there is no room for waits in the ledger.",
    )
    settle: float = Field(default=60.0, ge=0, description="Seconds after which a new export is surely seen.")
    url: str = Field(
        default="https://earthengine.googleapis.com",
        description="Origin of Earth Engine; another one for stand-ins.",
        title="URL",
    )
    storage_url: str = Field(
        default=_STORAGE,
        description="Origin of Cloud Storage; another one for stand-ins.",
        title="Storage URL",
    )

    @field_validator("url", "storage_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        return str(Origin.of(value))

    @model_validator(mode="after")
    def _usable(self) -> Self:
        from eoflows.services.earth_engine.service import EarthEngineService  # noqa: PLC0415

        EarthEngineService(self.project)
        return self

    @asynccontextmanager
    async def open_jobs(self, *, slot: Slot | None = None) -> AsyncIterator[JobServer[Any]]:
        """Open it for submission, tracking and collection; what is opened is an `EarthEngineServer`."""
        from eoflows.services.earth_engine.project import EarthEngineProject as Project  # noqa: PLC0415

        project = Project(
            project=self.project,
            credentials=self.credentials.credentials() if self.credentials else None,
            url=self.url,
            storage_url=self.storage_url,
            pending=self.pending,
            settle=self.settle,
            trusted=[Origin.of(self.url), Origin.of(self.storage_url)],
            slot=slot,
        )
        async with project.open() as server:
            yield server


class TileGrid(Block):
    """A plane cut into tiles: one of the known grids, or a definition of your own.

    Example:
        Load a stored grid:
        ```python
        from eoflows.blocks import TileGrid

        grid = TileGrid.load("BLOCK_NAME").open()
        ```
    """

    _block_type_name = "Tile Grid"
    _block_type_slug = "tile-grid"
    _logo_url = logo("tile-grid")
    _documentation_url = HttpUrl("https://www.usgs.gov/landsat-missions/landsat-us-analysis-ready-data")
    _description = "Tiles that pre-ARD is ordered in: Landsat ARD, a global grid, or your own."

    known: Literal["LANDSAT_ARD_CU", "LANDSAT_ARD_AK", "LANDSAT_ARD_HI", "GLOBAL_10_DEGREES"] | None = Field(
        default=None,
        description="Landsat ARD of the conterminous USA, Alaska or Hawaii, or 10 degrees world-wide.",
    )
    definition: dict[str, Any] | None = Field(
        default=None,
        description="Your own, in place of `known`: ul (x and y of the upper left corner), crs (EPSG code or "
        "WKT), res (edges of a pixel), size (columns and rows of a tile), limits ([[first and last row], "
        "[first and last column]], or none), name.",
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if (self.known is None) == (self.definition is None):
            raise InvalidInputError("give one of `known` and `definition`")
        self.open()
        return self

    def open(self) -> "earth_engine.TileGrid":
        """Give the grid.

        Raises:
            InvalidInputError: It is no grid.
        """
        from eoflows.services.earth_engine.grid import TileGrid as Grid  # noqa: PLC0415
        from eoflows.services.earth_engine.grid import known_grids  # noqa: PLC0415

        return known_grids()[self.known] if self.known else Grid.from_dict(self.definition or {})


class PreArdStore(Block):
    """Where exports go and tracking documents are kept: a bucket, or a folder where one is mounted.

    Example:
        Load a stored place:
        ```python
        from eoflows.blocks import PreArdStore

        store = PreArdStore.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Pre-ARD Store"
    _block_type_slug = "pre-ard-store"
    _logo_url = logo("pre-ard-store")
    _documentation_url = HttpUrl("https://developers.google.com/earth-engine/guides/exporting_images")
    _description = "Bucket of Cloud Storage, or local folder, of exports, their metadata and documents."

    bucket: str = Field(
        default="", description="Bucket that Earth Engine writes to; empty: nothing can be ordered."
    )
    folder: Path | None = Field(
        default=None,
        description="Folder with an absolute path that has the bucket's names: where it is mounted, or a "
        "copy of it. Documents are kept there, too.",
    )
    downloads: Path | None = Field(
        default=None,
        description="Folder with an absolute path for downloads and what is made of them, where a run names "
        "none.",
    )
    credentials: GoogleCredentials | None = Field(
        default=None, description="Who asks for the bucket; empty for a folder, and for stand-ins."
    )
    url: str = Field(
        default=_STORAGE,
        description="Origin of Cloud Storage; another one for stand-ins.",
        title="URL",
    )

    @field_validator("url")
    @classmethod
    def _origin(cls, value: str) -> str:
        return str(Origin.of(value))

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not self.bucket and self.folder is None:
            raise InvalidInputError("give a `bucket`, a `folder`, or both where the bucket is mounted")
        for name in ("folder", "downloads"):
            path = getattr(self, name)
            if path is not None and not path.expanduser().is_absolute():
                raise InvalidInputError(f"{name} {path} is relative; workers have other working directories")
        return self

    def open(self, *, slot: Slot | None = None) -> "earth_engine.PreArdStore":
        """Give the store.

        Args:
            slot: Gives the context in which one connection to a host may be used.
        """
        from eoflows.services.earth_engine.stores import GCSStore, LocalStore  # noqa: PLC0415

        if self.folder is not None:
            return LocalStore(self.folder.expanduser(), mounts=self.bucket)
        return GCSStore(
            self.bucket,
            credentials=self.credentials.credentials() if self.credentials else None,
            url=self.url,
            slot=slot,
        )
