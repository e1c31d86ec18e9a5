from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from eoflows.base.http import RetryPolicy
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.geo_engine.pixels import pixel_values
from eoflows.sandbox.geo_engine.sources import RasterSource
from eoflows.services.geo_engine import GeoEngineClient, Workflow, submit_workflow

DAY = 86_400_000
START = 1_388_534_400_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_engine() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(days=1)) as box:
        yield box


@pytest.fixture
def engine(shared_engine: Sandbox) -> Iterator[Sandbox]:
    """The session's sandbox, without faults."""
    shared_engine.faults.clear()
    yield shared_engine
    shared_engine.faults.clear()


@pytest.fixture
async def client(engine: Sandbox) -> AsyncIterator[GeoEngineClient]:
    async with opened(engine) as found:
        yield found


def opened(engine: Sandbox, profile: str = "0.9", **options: Any) -> GeoEngineClient:
    """A client that does not wait long before it tries again."""
    retry = RetryPolicy(attempts=3, base=0.01)
    return GeoEngineClient(f"{engine.url}/geoengine/{profile}", retry=retry, **options)


class Raster:
    """A raster of the sandbox with small tiles, and what it has to deliver.

    It has pixels of one unit from (-20, 15); tiles of 16 pixels begin at multiples of 16 from (0, 0).
    """

    def __init__(self, **params: Any) -> None:
        self.params = {
            "width": 60,
            "height": 50,
            "dataType": "F32",
            "origin": [-20, 15],
            "pixelSize": [1, 1],
            "tileSize": 16,
            "time": {"start": START, "granularity": "days", "step": 1, "count": 3},
            **params,
        }
        self.source = RasterSource.from_params(self.params)

    async def workflow(self, client: GeoEngineClient) -> Workflow:
        operator = {"type": "SandboxRaster", "params": self.params}
        return await submit_workflow(client, {"type": "Raster", "operator": operator})

    def pixels(self, step: int, band: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and validity at these centres, computed from the formula."""
        rows, columns = (14.5 - y).round().astype(int), (x + 19.5).round().astype(int)
        return pixel_values(self.source, step, band, rows, columns)

    def check(self, array: Any, steps: list[int], bands: list[int]) -> None:
        """Every pixel of a result is that of the formula."""
        assert array.shape[:2] == (len(steps), len(bands))
        nodata = array.attrs.get("nodata", np.nan)
        for position, step in enumerate(steps):
            for place, band in enumerate(bands):
                values, valid = self.pixels(step, band, array.x.values, array.y.values)
                found = array.values[position, place]
                assert found.dtype == values.dtype
                fill = values.dtype.type(nodata) if values.dtype.kind == "f" or not valid.all() else 0
                np.testing.assert_array_equal(found, np.where(valid, values, fill))
