"""Results of the official client as a NumPy file; run by its own interpreter.

python official_results.py URL REQUESTS.json RESULTS.npz
"""

import asyncio
import json
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")

import geoengine as ge  # noqa: E402


async def main(url: str, requests: str, results: str) -> None:
    ge.initialize(url)
    found = {}
    for name, one in json.loads(requests).items():
        workflow = ge.register_workflow(one["workflow"])
        start, end = (datetime.fromtimestamp(moment / 1000, UTC) for moment in one["time"])
        query = ge.RasterQueryRectangle(
            ge.BoundingBox2D(*one["box"]), ge.TimeInterval(start, end), one["bands"]
        )
        array = await workflow.raster_stream_into_xarray(query, clip_to_query_rectangle=one["clip"])
        found |= {f"{name}.{part}": array[part].values for part in ("x", "y", "time")}
        found[f"{name}.values"] = array.values
    np.savez(results, **found)


asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_text(), sys.argv[3]))
