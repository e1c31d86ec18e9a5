"""Submits orders in one child process per step, each of which kills itself at its own step.

    python submitting_process.py URL FOLDER STEPS

No hook of the production code is used: the network that is handed over counts requests. An even child n
dies before request n / 2 is sent, an odd one after the answer to (n - 1) / 2 came and before anybody saw it.
"""

import os
import signal
import sys
from pathlib import Path

import ee  # noqa: F401
import httpx

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


class Deadly(httpx.AsyncBaseTransport):
    """Ends this process at a request; one counter serves the whole process."""

    count = 0

    def __init__(self, url: str, step: int) -> None:
        self._inner = guarded_transport(AddressPolicy([Origin.of(url)]))
        self._number, self._late = divmod(step, 2)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        number, Deadly.count = Deadly.count, Deadly.count + 1
        if number == self._number and not self._late:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = await self._inner.handle_async_request(request)
        if number == self._number:
            await answer.aread()
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


def tracker(
    url: str, folder: Path, step: int | str, transport: httpx.AsyncBaseTransport | None = None
) -> Tracker:
    """Give the tracker of a step: each has a project, a ledger and folders of its own."""
    trusted = [Origin.of(url)]
    project = EarthEngineProject(
        project=f"project-{step}", url=url, storage_url=url, trusted=trusted, transport=transport, settle=0.0
    )
    grid = known_grids()["LANDSAT_ARD_CU"]
    return Tracker(
        TileGrid(grid.ul, grid.crs, (3000, 3000), (50, 40)),
        GCSStore("eo-bucket", url=url, trusted=trusted, transport=transport),
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
            tracker(url, folder, step, Deadly(url, step)).submit(COLLECTION, TILE, *SPAN)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(
            step,
            "killed" if os.WIFSIGNALED(status) else f"ended {os.waitstatus_to_exitcode(status)}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
