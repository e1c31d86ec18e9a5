"""Streams a raster into xarray with the official client; run by its own interpreter."""

import asyncio
import json
import resource
import sys
import time
import warnings
from datetime import datetime

warnings.simplefilter("ignore")

import geoengine as ge  # noqa: E402


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
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, used = time.perf_counter(), time.process_time()
    found = await workflow.raster_stream_into_xarray(query)
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "cpu": cpu, "rss": (peak - base) / 1024, "pixels": int(found.size)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*json.loads(sys.argv[1])))))
