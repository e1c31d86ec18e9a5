"""Downloads a case with stac-asset and prints its figures; run by the peers' own interpreter."""

import asyncio
import datetime
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pystac
import stac_asset


def items(urls: list[str]) -> pystac.ItemCollection:
    """Give one item with an asset per file: an item per file, and folder for it, would cost more."""
    moment = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
    item = pystac.Item("item", None, None, moment, {})
    for number, url in enumerate(urls):
        item.add_asset(f"asset-{number}", pystac.Asset(href=url))
    return pystac.ItemCollection([item], clone_items=False)


async def download(urls: list[str], folder: str, given: dict[str, Any]) -> None:
    """Download as its documentation shows."""
    await stac_asset.download_item_collection(
        items(urls),
        folder,
        file_name=None,
        max_concurrent_downloads=given["connections"],
        stream=given["stream"],
    )


async def measure(given: dict[str, Any]) -> dict[str, float]:
    """Warm up, then measure."""
    # Its clients, botocore among them, are imported by the first download.
    await download(given["warm"], str(Path(given["folder"]) / "warm"), given)
    started, used = time.perf_counter(), time.process_time()
    await download(given["urls"], given["folder"], given)
    wall, cpu = time.perf_counter() - started, time.process_time() - used
    return {"wall": wall, "cpu": cpu, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(json.load(sys.stdin)))))
