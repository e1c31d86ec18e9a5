from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eoflows.base.http import Origin, RetryPolicy
from eoflows.jobs.tracker import Pace
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.services.earth_engine import (
    EarthEngineClient,
    EarthEngineProject,
    GCSStore,
    TileGrid,
    Tracker,
    known_grids,
)
from eoflows.stores.transfer import TransferSettings

_CONUS = known_grids()["LANDSAT_ARD_CU"]
GRID = TileGrid(_CONUS.ul, _CONUS.crs, (3000, 3000), (50, 40), name="coarse")
"""The tiles of Landsat ARD with a hundredth of their pixels along each edge, and fewer rows."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_box() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(days=0)) as box:
        yield box


@pytest.fixture
def box(shared_box) -> Iterator[Sandbox]:
    """The session's sandbox, with no operations and no objects."""
    shared_box.faults.clear()
    shared_box.earth_engine.operations.clear()
    shared_box.cloud_storage.store.clear()
    yield shared_box
    shared_box.faults.clear()


@pytest.fixture
def store(box) -> GCSStore:
    return GCSStore(
        "eo-bucket",
        url=box.url,
        retry=RetryPolicy(attempts=3, base=0.01),
        settings=TransferSettings(stall=3.0),
    )


@pytest.fixture
def client(box, tmp_path) -> EarthEngineClient:
    project = EarthEngineProject(
        project="demo-project",
        url=box.url,
        storage_url=box.url,
        settle=0.0,
        trusted=[Origin.of(box.url)],
        retry=RetryPolicy(attempts=3, base=0.01),
    )
    return EarthEngineClient(project, tmp_path / "ledger.db", lost_after=0.0, pace=Pace(shortest=0.01))


@pytest.fixture
def make_tracker(store, client) -> Callable[..., Tracker]:
    def make(**changes: Any) -> Tracker:
        options = {"export_image_kwds": {"shardSize": 16, "fileDimensions": 32}, "client": client} | changes
        return Tracker(GRID, store, **options)

    return make


@pytest.fixture
def tracker(make_tracker) -> Tracker:
    return make_tracker()


@pytest.fixture
def dest(tmp_path) -> Path:
    return tmp_path / "home"
