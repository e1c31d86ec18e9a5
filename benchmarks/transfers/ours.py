"""Downloads a case with our engine and prints its figures; a process of its own."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from eoflows.base.http import AddressPolicy, Origin
from eoflows.stores.transfer import Checksum, Download, TransferEngine, TransferSettings


def peak() -> float:
    """Give the most memory that this process had, in MB; its parent's, as getrusage tells, not among it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1000


def downloads(given: dict[str, Any], urls: list[str], folder: Path) -> list[Download]:
    """Give what the engine is asked for: a product per file, each with a folder of its own."""

    def one(url: str, md5: str) -> Download:
        promised = (Checksum("md5", bytes.fromhex(md5)),) if given["verify"] else ()
        name = url.rpartition("/")[2]
        return Download((url,), folder / f"item-{name[:4]}" / name, size=given["size"], checksums=promised)

    return [one(url, md5) for url, md5 in zip(urls, given["sums"], strict=False)]


async def measure(given: dict[str, Any]) -> dict[str, float]:
    """Warm up, then measure."""
    folder = Path(given["folder"])
    settings = TransferSettings(start_connections=given["start"], most_connections=given["connections"])
    async with TransferEngine(settings, policy=AddressPolicy([Origin.of(given["urls"][0])])) as engine:
        await asyncio.gather(*map(engine.fetch, downloads(given, given["warm"], folder / "warm")))
        started, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*map(engine.fetch, downloads(given, given["urls"], folder)))
        wall, cpu = time.perf_counter() - started, time.process_time() - used
    return {"wall": wall, "cpu": cpu, "rss": peak()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(json.load(sys.stdin)))))
