"""Registration on a real stac-fastapi-pgstac: ours, one POST after the other, and pypgstac load.

    python -m benchmarks.registration [--items N] [--posts N] [--repeats N]

PostgreSQL and pgstac are private to the run and installed when missing. The ways take turns, each time in
a collection of its own; a figure is the median. `pypgstac load` writes to the database itself, past the
API, and its time includes the start of its process. PostgreSQL runs with its own durability.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from eoflows.base.http import HttpClient, Origin
from eoflows.deployments.databases.install import MissingServerError
from eoflows.deployments.databases.pgstac import PrivatePgstac
from eoflows.deployments.databases.postgres import PrivatePostgres
from eoflows.stores.catalog.remote import CatalogProfile, RemoteCatalog

SINGLE, OURS, AGAIN, LOAD = "single POST", "eoflows", "eoflows, run again", "pypgstac load"


def item(number: int) -> dict[str, Any]:
    """Give an auxiliary product of 1 kB."""
    moment = f"20{10 + number % 15}-{1 + number % 12:02d}-{1 + number % 28:02d}T00:52:18.805Z"
    name = f"S1A_OPER_AUX_RESORB_OPOD_{number:09d}"
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/file/v2.1.0/schema.json"],
        "id": name,
        "geometry": {"type": "Point", "coordinates": [3.0, 4.0]},
        "bbox": [3.0, 4.0, 3.0, 4.0],
        "links": [{"rel": "via", "href": f"https://station.example/Products({number})"}],
        "properties": {
            **dict.fromkeys(("datetime", "start_datetime", "end_datetime", "created"), moment),
            "product:type": "OPER_AUX_RESORB_OPOD",
            "platform": "sentinel-1a",
            "constellation": "sentinel-1",
        },
        "assets": {
            f"{name}.EOF": {
                "href": f"s3://bucket/owner/collection/{name}/{name}.EOF",
                "file:size": 5_142_456,
                "file:checksum": "d50110" + "c5936e8aea54c1e9c5bcebe7e726a57f",
            }
        },
    }


class Contest:
    """Registers the same items in each way, and keeps the items per second."""

    def __init__(self, pgstac: PrivatePgstac, items: int, posts: int) -> None:
        self._pgstac = pgstac
        self._items = [item(number) for number in range(items)]
        self._posts = self._items[:posts]
        self.rates: dict[str, list[float]] = {SINGLE: [], OURS: [], AGAIN: [], LOAD: []}

    async def turn(self, number: int) -> None:
        """Let each way register once."""
        await self._clocked(SINGLE, len(self._posts), lambda: self._single(f"bench:single-{number}"))
        for way in (OURS, AGAIN):
            await self._clocked(way, len(self._items), lambda: self._ours(f"bench:ours-{number}"))
        await self._load(f"bench:load-{number}")

    async def _clocked(self, way: str, items: int, work: Callable[[], Awaitable[None]]) -> None:
        started = time.perf_counter()
        await work()
        self.rates[way].append(items / (time.perf_counter() - started))

    async def _ours(self, collection: str, *, empty: bool = False) -> None:
        origin = Origin.of(self._pgstac.url)
        async with HttpClient(trusted=[origin], timeout=120) as http:
            catalog = RemoteCatalog(self._pgstac.url, http, profile=CatalogProfile.PGSTAC)
            await catalog.upsert(collection, [] if empty else self._items)

    async def _single(self, collection: str) -> None:
        await self._ours(collection, empty=True)
        url = f"{self._pgstac.url}/collections/{collection.replace(':', '~')}/items"
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            for one in self._posts:
                (await client.post(url, json=one)).raise_for_status()

    async def _load(self, collection: str) -> None:
        await self._ours(collection, empty=True)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "items.ndjson"
            named = {"collection": collection.replace(":", "~")}
            file.write_text("".join(json.dumps(one | named) + "\n" for one in self._items))
            command = [str(self._pgstac.pypgstac), "load", "items", str(file), "--method", "insert"]
            await self._clocked(LOAD, len(self._items), lambda: asyncio.to_thread(self._run, command))

    def _run(self, command: list[str]) -> None:
        subprocess.run(command, env=self._pgstac.environment, check=True, capture_output=True)


def main() -> None:
    """Print a row per way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--posts", type=int, default=300, help="items for the single POSTs")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    try:
        with PrivatePostgres({}, postgis=True) as postgres, PrivatePgstac(postgres) as pgstac:
            contest = Contest(pgstac, options.items, options.posts)
            for number in range(options.repeats):
                asyncio.run(contest.turn(number))
    except MissingServerError as error:
        raise SystemExit(str(error)) from error
    medians = {way: statistics.median(rates) for way, rates in contest.rates.items()}
    print("| way | items/s | times single POST | lowest to highest |\n|---|---|---|---|")
    for way, rates in contest.rates.items():
        ratio = medians[way] / medians[SINGLE]
        print(f"| {way} | {medians[way]:.0f} | {ratio:.1f} | {min(rates):.0f} to {max(rates):.0f} |")


if __name__ == "__main__":
    main()
