"""Streams a raster into xarray with the official client; run by its own interpreter."""

import asyncio
import json
import sys
import time
import warnings
from datetime import datetime
from pathlib import Path

warnings.simplefilter("ignore")

import geoengine as ge  # noqa: E402
import numpy as np  # noqa: E402

PIXEL = 0.001


def memory(what: str) -> int:
    """Give a figure of /proc/self/status in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def settled(size: int) -> int:
    """Touch and give back memory, forget the peak so far, and give what the process has now, in KiB.

    As in `benchmarks.geo_engine`, which says why.
    """
    bytearray(b"x") * size
    np.empty(size, np.uint8).fill(1)
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


async def measure(url: str, operator: dict[str, object], bounds: list[float], days: int) -> dict[str, float]:
    """Stream a small part, then all of it."""
    ge.initialize(url)
    workflow = ge.register_workflow({"type": "Raster", "operator": operator})
    start, end = datetime(2014, 1, 1), datetime(2014, 1, 1 + days)
    xmin, ymin, xmax, ymax = bounds
    small = ge.BoundingBox2D(xmin, ymax - 1, xmin + 1, ymax)
    await workflow.raster_stream_into_xarray(ge.RasterQueryRectangle(small, ge.TimeInterval(start), 0))
    box = ge.BoundingBox2D(xmin, ymin, xmax, ymax)
    query = ge.RasterQueryRectangle(box, ge.TimeInterval(start, end), 0)
    base = settled(round(-ymin * xmax / PIXEL**2 * 16))
    began, used = time.perf_counter(), time.process_time()
    found = await workflow.raster_stream_into_xarray(query)
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    peak = memory("VmHWM")
    return {"seconds": seconds, "cpu": cpu, "rss": (peak - base) / 1024, "pixels": int(found.size)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*json.loads(sys.argv[1])))))
