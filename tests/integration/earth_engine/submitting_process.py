"""Submits orders in one child process per step, each of which kills itself at its own step.

    python submitting_process.py URL FOLDER STEPS

No hook of the production code is used: the network that is handed over counts requests. An even child n
dies before request n / 2 is sent, an odd one after the answer to (n - 1) / 2 came and before anybody saw it.
"""

import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

import ee  # noqa: F401
import google.cloud.storage  # noqa: F401
import httpx
from requests import Response
from requests.adapters import HTTPAdapter

from eoflows.base.http import AddressPolicy, Origin
from eoflows.base.http.client import guarded_transport
from eoflows.services.earth_engine import (
    EarthEngineClient,
    EarthEngineProject,
    GCSStore,
    TileGrid,
    Tracker,
    known_grids,
)

COLLECTION, TILE, SPAN = "LANDSAT/LC09/C02/T1_L2", (4, 3), ("2022-01-01", "2022-03-01", "MS")


class Death:
    """Ends this process at a request; one counter serves the whole process."""

    def __init__(self, step: int) -> None:
        self._number, self._late = divmod(step, 2)
        self._count = itertools.count()

    def before(self) -> bool:
        """Count a request; say whether its answer is the last thing that comes."""
        last = next(self._count) == self._number
        if last and not self._late:
            self.now()
        return last

    def now(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Deadly(httpx.AsyncBaseTransport):
    """The network of Earth Engine."""

    def __init__(self, url: str, death: Death) -> None:
        self._inner, self._death = guarded_transport(AddressPolicy([Origin.of(url)])), death

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        last = self._death.before()
        answer = await self._inner.handle_async_request(request)
        if last:
            await answer.aread()
            self._death.now()
        return answer


class DeadlyStorage(HTTPAdapter):
    """The network of Cloud Storage."""

    def __init__(self, death: Death) -> None:
        super().__init__()
        self._death = death

    def send(self, *args: Any, **options: Any) -> Response:
        last = self._death.before()
        answer = super().send(*args, **options)
        if last:
            answer.raw.read()
            self._death.now()
        return answer


def tracker(
    url: str,
    folder: Path,
    step: int | str,
    transport: httpx.AsyncBaseTransport | None = None,
    adapter: HTTPAdapter | None = None,
) -> Tracker:
    """Give the tracker of a step: each has a project, a ledger and folders of its own."""
    trusted = [Origin.of(url)]
    project = EarthEngineProject(
        project=f"project-{step}", url=url, storage_url=url, trusted=trusted, transport=transport, settle=0.0
    )
    grid = known_grids()["LANDSAT_ARD_CU"]
    return Tracker(
        TileGrid(grid.ul, grid.crs, (3000, 3000), (50, 40)),
        GCSStore("eo-bucket", url=url, adapter=adapter),
        prefix_template=f"STEP{step}",
        tracking_prefix=f"TRACKING{step}",
        export_image_kwds={"shardSize": 16, "fileDimensions": 32},
        # A dead process holds its lease no longer than this.
        client=EarthEngineClient(project, folder / f"{step}.db", lease=3.0),
    )


def main(url: str, folder: Path, steps: int) -> None:
    """Run the children one after the other, and say of each whether it was killed."""
    for step in range(steps):
        child = os.fork()
        if not child:
            death = Death(step)
            dying = tracker(url, folder, step, Deadly(url, death), DeadlyStorage(death))
            dying.submit(COLLECTION, TILE, *SPAN)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(
            step,
            "killed" if os.WIFSIGNALED(status) else f"ended {os.waitstatus_to_exitcode(status)}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
