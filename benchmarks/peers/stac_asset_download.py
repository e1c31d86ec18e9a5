"""Downloads a case with stac-asset and prints its figures; run by the peers' own interpreter."""

import asyncio
import datetime
import json
import sys
import time
from pathlib import Path
from typing import Any

import pystac
import stac_asset

MOMENT = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)


def items(urls: list[str], *, together: bool) -> list[pystac.Item]:
    """Give an item per file, as catalogues do, or one item that has them all."""
    if together:
        item = pystac.Item("item", None, None, MOMENT, {})
        for number, url in enumerate(urls):
            item.add_asset(f"asset-{number}", pystac.Asset(href=url))
        return [item]
    made = []
    for number, url in enumerate(urls):
        made.append(pystac.Item(f"item-{number:04}", None, None, MOMENT, {}))
        made[-1].add_asset("data", pystac.Asset(href=url))
    return made


async def download(found: list[pystac.Item], folder: str, given: dict[str, Any]) -> None:
    """Download as its documentation shows."""
    await stac_asset.download_item_collection(
        pystac.ItemCollection(found, clone_items=False),
        folder,
        file_name=None,
        max_concurrent_downloads=given["connections"],
        stream=given["stream"],
    )


def peak() -> float:
    """Give the most memory that this process had, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1000


async def measure(given: dict[str, Any]) -> dict[str, float]:
    """Warm up, then measure."""
    together = given["together"]
    # Its clients, botocore among them, are imported by the first download.
    await download(items(given["warm"], together=together), f"{given['folder']}/warm", given)
    found = items(given["urls"], together=together)
    started, used = time.perf_counter(), time.process_time()
    await download(found, given["folder"], given)
    wall, cpu = time.perf_counter() - started, time.process_time() - used
    return {"wall": wall, "cpu": cpu, "rss": peak()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(json.load(sys.stdin)))))
