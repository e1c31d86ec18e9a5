"""Two workers of a Dask cluster beside one: converting tiles, and staging products.

    python -m benchmarks.scale_out [--tiles 6] [--batches 6] [--repeats 3] [--json]

Both go through the suite's own tasks on a real Prefect server. The cluster stands before the clock starts.
Converting takes processor time, and shows what a second processor is worth. Each staging batch waits for a
sandbox that answers at a bounded rate, as a station does, and shows what more connections are worth. The
repeats are interleaved; figures are the median and, in brackets, the least and the most.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
from prefect import flow
from prefect.testing.utilities import prefect_test_harness

from eoflows.blocks.logos import PUBLIC
from eoflows.deployments.register import register_types, write_sandbox
from eoflows.products.environment import AuxiliarySource, FlowEnvArgs, select_search_client_and_kwargs
from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.stores.stac import SearchRequest
from eoflows.stores.stac.items import ItemDict
from eoflows.tasks.earth_engine_files import convert_tile_task
from eoflows.tasks.environment import opened
from eoflows.tasks.spread import Spread, spread
from eoflows.tasks.stage import Order, stage_batch_task

EDGE = 2560
LAYERS = 4
RATE = 200_000
"""Bytes a second that the sandbox sends of each product."""

ENV = FlowEnvArgs(owner_id="demo", environment="sandbox")
Pieces = Callable[[Spread], list[Awaitable[object]]]


@flow
async def timed(dask: str, pieces: Pieces) -> float:
    """Give the seconds that some pieces take on a cluster that stands already."""
    async with spread(dask) as room:
        began = time.perf_counter()
        free = anyio.CapacityLimiter(2 * room.workers)

        async def run(piece: Awaitable[object]) -> None:
            async with free:
                await piece

        async with anyio.create_task_group() as group:
            for piece in pieces(room):
                group.start_soon(run, piece)
        return time.perf_counter() - began


def conversions(base: Path, tiles: int) -> Pieces:
    """Make tiles, and give what converts all of them."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit" / "earth_engine"))
    from preard_files import make_order  # noqa: PLC0415

    made = [
        make_order(base / f"tile{n}", "tile", size=(EDGE, EDGE), edge=EDGE, block=256, layers=LAYERS)
        for n in range(tiles)
    ]

    def pieces(room: Spread) -> list[Awaitable[object]]:
        out = base / f"out-{time.monotonic_ns()}"
        return [room.run(convert_tile_task, "zarr", [path], out / str(n)) for n, path in enumerate(made)]

    return pieces


async def found(limit: int) -> list[ItemDict]:
    """Search the sandbox's station for products."""
    async with opened(ENV, writable=False) as flow_env:
        client, options = select_search_client_and_kwargs(flow_env, AuxiliarySource.AUXIP)
        pages = client.pages(SearchRequest(limit=limit), **options)
        return [item async for page in pages for item in page]


def stagings(items: list[ItemDict], batches: int) -> Pieces:
    """Give what stages the items anew into a collection of its own."""
    size = -(-len(items) // batches)

    def pieces(room: Spread) -> list[Awaitable[object]]:
        order = Order(SearchRequest(), f"c{time.monotonic_ns()}")
        parts = (items[start : start + size] for start in range(0, len(items), size))
        return [room.run(stage_batch_task, ENV, order, part) for part in parts]

    return pieces


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tiles", type=int, default=6)
    parser.add_argument("--batches", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures: dict[str, dict[int, list[float]]] = {}
    with (
        tempfile.TemporaryDirectory() as name,
        prefect_test_harness(server_startup_timeout=120),
        Sandbox(SandboxSettings(days=21)) as box,
    ):
        base = Path(name)
        (base / "state").mkdir()
        asyncio.run(register_types(PUBLIC))
        asyncio.run(write_sandbox(box.url, box.other_url, base / "state"))
        box.faults.add(Fault("slow", "/auxip/Products*", parameters={"rate": RATE}))
        jobs = {
            "conversion": conversions(base, given.tiles),
            "staging": stagings(asyncio.run(found(600)), given.batches),
        }
        for _ in range(given.repeats):
            for kind, pieces in jobs.items():
                for workers in (1, 2):
                    seconds = asyncio.run(timed(f"local:{workers}", pieces))
                    figures.setdefault(kind, {}).setdefault(workers, []).append(seconds)
            for left in base.glob("out-*"):
                shutil.rmtree(left)
    if given.json:
        print(json.dumps(figures))
        return
    for kind, by_workers in figures.items():
        one, two = (statistics.median(by_workers[workers]) for workers in (1, 2))
        spans = ", ".join(f"{w}: {min(s):.1f} - {max(s):.1f} s" for w, s in by_workers.items())
        print(f"{kind:12} one worker {one:.1f} s, two {two:.1f} s, ratio {one / two:.2f}  ({spans})")


if __name__ == "__main__":
    main()
