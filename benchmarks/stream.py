"""100,000 products of which 99,900 are known, through search, known-items check and staging.

    python -m benchmarks.stream [--products N] [--new N]

The sandbox runs in a process of its own; the figures are those of the client alone.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from eoflows.base.http import AddressPolicy, ApiKey, HttpClient, Keyring, Origin
from eoflows.products.staging import Place, Stager, StagingReport, stage_pages
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.stac import SearchRequest, StacClient
from eoflows.stores.storage import LocalStorage
from eoflows.stores.transfer import TransferEngine

TYPE = {"op": "=", "args": [{"property": "product:type"}, "AUX_POEORB"]}
SIZE = 20_000


def write_list(path: Path, products: int) -> None:
    """Write a list of orbit products, as the sandbox loads it."""
    start = datetime(2000, 1, 1, tzinfo=UTC)
    with path.open("w") as lines:
        for number in range(products):
            begin = start + timedelta(hours=number)
            end, made = begin + timedelta(hours=26), begin + timedelta(days=20)
            times = [f"{moment:%Y%m%dT%H%M%S}" for moment in (made, begin, end)]
            name = f"S1A_OPER_AUX_POEORB_OPOD_{times[0]}_V{times[1]}_{times[2]}.EOF"
            record = {"name": name, "size": SIZE, "last_modified": made.isoformat(), "etag": "0" * 32}
            lines.write(json.dumps(record) + "\n")


@contextmanager
def sandbox(listed: Path, ready: Path) -> Iterator[str]:
    """Run the sandbox with a list of products, and give its address."""
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "--days",
        "1",
        "--load",
        str(listed),
        "--ready-file",
        str(ready),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait()


@asynccontextmanager
async def opened(url: str, state: Path) -> AsyncIterator[tuple[StacClient, LocalCatalog, Keyring]]:
    """Open the station and the catalogue."""
    origin = Origin.of(url)
    keyring = Keyring([(origin, ApiKey(SecretStr("sandbox-demo-key")))])
    async with (
        HttpClient(keyring=keyring, trusted=[origin], timeout=300) as http,
        LocalCatalog(state / "catalog.sqlite") as catalog,
    ):
        yield StacClient(f"{url}/auxip/", http), catalog, keyring


async def fill(url: str, state: Path, new: int) -> None:
    """Register all products but the first `new`, as if they had been staged."""
    count = 0
    async with opened(url, state) as (client, catalog, _):
        async for page in client.pages(SearchRequest(filter=TYPE)):
            await catalog.upsert("demo:aux", page[max(0, new - count) :])
            count += len(page)


async def measure(url: str, state: Path) -> dict[str, float]:
    """Measure a run; only what `fill` left out is staged."""
    async with (
        opened(url, state) as (client, catalog, keyring),
        TransferEngine(None, keyring, AddressPolicy([Origin.of(url)])) as engine,
    ):
        stager = Stager(Place("demo", "aux"), catalog, LocalStorage(state / "storage"), engine)
        started, used = time.monotonic(), time.process_time()
        with StagingReport(state / "table.jsonl") as report:
            await stage_pages(client.pages(SearchRequest(filter=TYPE)), stager, report)
        wall, cpu = time.monotonic() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return report.summary() | {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "peak_rss_mb": round(peak)}


def main() -> None:
    """Run it and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=100)
    parser.add_argument("--measure", nargs=2, metavar=("URL", "STATE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(asyncio.run(measure(given.measure[0], Path(given.measure[1])))))
        return
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "products.jsonl"
        write_list(listed, given.products)
        with sandbox(listed, Path(folder) / "ready.json") as url:
            asyncio.run(fill(url, Path(folder), given.new))
            # A fresh process, so that filling the catalogue does not count.
            again = [sys.executable, "-m", "benchmarks.stream", "--measure", url, folder]
            subprocess.run(again, check=True)


if __name__ == "__main__":
    main()
