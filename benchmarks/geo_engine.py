"""Our raster streams beside the official Geo Engine client, from the sandbox.

    python -m benchmarks.geo_engine [--repeats 5] [--cases f32-256 ...] [--json] [--check]

Tiles have 512 x 512 pixels. The sandbox runs in a process of its own and has every message ready before
the clock runs. Each run is a process of its own that has streamed a small part before, so that nothing is
imported while the clock runs. Runs take turns; figures are medians, with the least and the most in
brackets. Memory is touched and given back just before; RSS is the peak above what the process had then.
`receive` only receives, with two requests in flight. `zarr` streams into a store; `zarr after` receives
everything into memory with our own client, and then writes it with zarr-python, same chunks and
compression. With --check a missed target gives exit status 1.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OFFICIAL = "geoengine==0.9.4"
HOME = Path(__file__).resolve().parents[1] / ".eoflows" / "bench"
PEER = Path(__file__).parent / "peers" / "geo_engine_official.py"
PIXEL = 0.001
TILE = 512


@dataclass(frozen=True)
class Case:
    """A square of tiles, and what is expected of us."""

    side: int
    """Tiles in each direction."""
    data_type: str
    null_share: float
    modes: tuple[str, ...]
    times_official: float | None = None
    """How many times as fast as the official client."""
    of_receiving: float | None = None
    """Part of the speed of receiving only."""

    @property
    def bytes(self) -> int:
        """Bytes of the values."""
        return (self.side * TILE) ** 2 * int(self.data_type[1:]) // 8

    def task(self, url: str) -> list[Any]:
        """Arguments of a run: server, operator, bounds and days."""
        pixels = self.side * TILE
        params = {"width": pixels, "height": pixels, "dataType": self.data_type, "nullShare": self.null_share}
        params |= {"origin": [0, 0], "pixelSize": [PIXEL, PIXEL]}
        bounds = [0, -pixels * PIXEL, pixels * PIXEL, 0]
        return [url, {"type": "SandboxRaster", "params": params}, bounds, 1]


MEMORY, STORED = ("official", "receive", "xarray"), ("zarr", "zarr after")
CASES = {
    "f32-64": Case(8, "F32", 0.0, ("zarr",)),
    "f32-256": Case(16, "F32", 0.0, (*MEMORY, *STORED), 5, 0.8),
    "f32-1024": Case(32, "F32", 0.0, (*MEMORY, *STORED), 4, 0.8),
    "f32-256-nulls": Case(16, "F32", 0.1, MEMORY, 4),
    "u8-256-nulls": Case(16, "U8", 0.1, (*MEMORY, *STORED), 7),
}


def serve(folder: Path) -> None:
    """Run the sandbox until the standard input ends."""
    from eoflows.sandbox import Sandbox, SandboxSettings  # noqa: PLC0415
    from eoflows.sandbox.geo_engine import GeoEngineSettings  # noqa: PLC0415

    settings = SandboxSettings(days=1, geo_engine=GeoEngineSettings(cache_bytes=3 << 30))
    with Sandbox(settings) as box:
        (folder / "part").write_text(f"{box.url}/geoengine/0.9")
        (folder / "part").rename(folder / "url")
        sys.stdin.read()


@contextmanager
def server() -> Iterator[str]:
    """Run the sandbox in a process of its own, and give the address."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.geo_engine", "--serve", folder]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            until = time.monotonic() + 60
            while not (Path(folder) / "url").exists():
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit("the sandbox did not start")
                time.sleep(0.05)
            yield (Path(folder) / "url").read_text()
        finally:
            process.terminate()
            process.wait()


def _memory_folder() -> Path:
    """Make a folder in memory, where there is one: the disk's speed does not count."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))


def settled(size: int) -> int:
    """Touch and give back memory, forget the peak so far, and give what the process has now, in KiB.

    The host of a virtual machine may give memory only when it is first touched, which takes longer than
    all that is measured here. It is touched in small pages and in large ones, which the system keeps apart:
    NumPy takes large ones for arrays from 4 MiB on, and small ones for tiles.
    """
    import numpy as np  # noqa: PLC0415

    bytearray(b"x") * size
    np.empty(size, np.uint8).fill(1)
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def memory(what: str) -> int:
    """Give a figure of /proc/self/status in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


async def measure(
    mode: str, url: str, operator: dict[str, Any], bounds: Sequence[float], days: int
) -> dict[str, float]:
    """Stream a small part, then all of it, in one of our ways."""
    import zarr  # noqa: PLC0415

    from eoflows.services.geo_engine import (  # noqa: PLC0415
        FillValueWarning,
        GeoEngineClient,
        RasterQueryRectangle,
        submit_workflow,
    )
    from eoflows.services.geo_engine.socket import pulled  # noqa: PLC0415

    warnings.simplefilter("ignore", FillValueWarning)
    times = ("2014-01-01", f"2014-01-{1 + days:02}")
    xmin, ymin, xmax, ymax = bounds
    query = RasterQueryRectangle((xmin, ymin, xmax, ymax), times, 0)
    small = RasterQueryRectangle((xmin, ymax - PIXEL, xmin + PIXEL, ymax), times, 0)
    folder = _memory_folder()
    async with GeoEngineClient(url) as client:
        workflow = await submit_workflow(client, {"type": "Raster", "operator": operator})

        async def run(query: RasterQueryRectangle, place: Path) -> None:
            if mode == "receive":
                params = {"resultType": "arrow", "spatialBounds": query.bbox_str}
                params |= {"timeInterval": query.time_str, "attributes": "0"}
                path = f"workflow/{workflow}/rasterStream"
                async with aclosing(pulled(client, path, params, open_timeout=60, stall=60)) as messages:
                    async for _ in messages:
                        pass
            elif mode == "zarr":
                await workflow.raster_stream_into_zarr(query, place)
            else:
                found = await workflow.raster_stream_into_xarray(query)
                if mode == "zarr after":
                    shape, chunks = found.shape, (1, 1, TILE, TILE)
                    array = zarr.create_array(place, shape=shape, chunks=chunks, dtype=found.dtype)
                    array[...] = found.values

        try:
            await run(small, folder / "small")
            base = settled(round(-ymin * xmax / PIXEL**2 * 16))
            began, used = time.perf_counter(), time.process_time()
            await run(query, folder / "whole")
            seconds, cpu = time.perf_counter() - began, time.process_time() - used
            peak = memory("VmHWM")
        finally:
            shutil.rmtree(folder)
    return {"seconds": seconds, "cpu": cpu, "rss": (peak - base) / 1024}


def official_python() -> str:
    """Build the official client's environment once, and give its interpreter."""
    place = HOME / "geoengine"
    if not (place / "complete").exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run(
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)], check=True
        )
        python = str(place / "bin" / "python")
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, OFFICIAL], check=True)
        (place / "complete").touch()
    return str(place / "bin" / "python")


def one_run(mode: str, case: Case, url: str) -> dict[str, float]:
    """Run a case in one of the ways, in a process of its own."""
    if mode == "official":
        command = [official_python(), str(PEER), json.dumps(case.task(url))]
    else:
        task = json.dumps([mode, *case.task(url)])
        command = [sys.executable, "-m", "benchmarks.geo_engine", "--measure", task]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def run_case(case: Case, url: str, repeats: int) -> dict[str, list[dict[str, float]]]:
    """Run all ways of a case in turns; the first turn only makes the server's messages ready."""
    one_run("receive", case, url)
    found: dict[str, list[dict[str, float]]] = {mode: [] for mode in case.modes}
    for _ in range(repeats):
        for mode in case.modes:
            found[mode].append(one_run(mode, case, url))
    return found


def median(runs: Sequence[dict[str, float]], what: str = "seconds") -> float:
    """Give the median of a figure."""
    return statistics.median(run[what] for run in runs)


def verdicts(name: str, case: Case, runs: dict[str, list[dict[str, float]]]) -> list[tuple[str, bool]]:
    """Compare with what is expected."""
    size, found = case.bytes / 2**20, []

    def expect(what: str, value: float, least: float) -> None:
        found.append((f"{name}: {what} {value:.2f}, at least {least:g}", value >= least))

    def allow(what: str, value: float, most: float) -> None:
        found.append((f"{name}: {what} {value:.0f} MiB, at most {most:.0f}", value <= most))

    if case.times_official is not None:
        ours = median(runs["xarray"])
        expect("times the official client", median(runs["official"]) / ours, case.times_official)
        allow("RSS in memory", median(runs["xarray"], "rss"), 1.15 * size + 64)
        if case.of_receiving is not None:
            expect("of receiving only", median(runs["receive"]) / ours, case.of_receiving)
    if "zarr" in runs:
        allow("RSS of Zarr", median(runs["zarr"], "rss"), 200)
        if "zarr after" in runs:
            expect("of Zarr after receiving", median(runs["zarr after"]) / median(runs["zarr"]), 0.9)
    return found


def show(name: str, case: Case, runs: dict[str, list[dict[str, float]]]) -> None:
    """Print a case as lines."""
    size = case.bytes / 2**20
    nulls = f", {case.null_share:.0%} null" if case.null_share else ""
    print(f"{name}: {case.side**2} tiles, {case.data_type}{nulls}, {size:.0f} MiB")
    for mode, some in runs.items():
        seconds = sorted(run["seconds"] for run in some)
        rate = size / median(some)
        print(
            f"  {mode:10} {median(some):7.2f} s [{seconds[0]:.2f}, {seconds[-1]:.2f}] {rate:6.0f} MiB/s"
            f" {median(some, 'cpu'):6.2f} s CPU {median(some, 'rss'):6.0f} MiB over base"
        )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument("--json", action="store_true", help="print every run as JSON")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    parser.add_argument("--serve", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--measure", metavar="TASK", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(Path(given.serve))
        return
    if given.measure:
        print(json.dumps(asyncio.run(measure(*json.loads(given.measure)))))
        return
    missed = False
    for name in given.cases:
        case = CASES[name]
        # A server for each case: what it keeps of another one would count against its memory.
        with server() as url:
            runs = run_case(case, url, given.repeats)
        print(json.dumps({name: runs})) if given.json else show(name, case, runs)
        for line, good in verdicts(name, case, runs):
            missed = missed or not good
            print(f"  {'ok' if good else 'MISSED'}: {line}")
    if missed and given.check:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
