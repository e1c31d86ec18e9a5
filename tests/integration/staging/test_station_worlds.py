"""Each good item is staged, each bad one has its own row, and nothing incomplete is called complete."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from station_worlds import Station, judged

from eoflows.base.http import AddressPolicy, HttpClient, Keyring, Origin, RetryPolicy
from eoflows.products.selection import partial_pages
from eoflows.products.staging import Place, Stager, StagingReport, stage_pages
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.stac import SearchRequest, StacClient
from eoflows.stores.storage.local import LocalStorage
from eoflows.stores.transfer import TransferEngine, TransferSettings

pytestmark = pytest.mark.anyio

WORLDS, BATCH = 48, 8
PROVEN, PROVEN_BATCH = 20_000, 200


async def staged(station: Station, folder: Path) -> tuple[bool, dict[str, Any]]:
    """Stage all that a station has; tell whether its answer was cut, and give the records by id."""
    home, retry = Origin.of(station.url), RetryPolicy(attempts=1)
    try:
        engine = TransferEngine(TransferSettings(threads=1), Keyring(), AddressPolicy([home]), retry)
        async with (
            HttpClient(trusted=[home], retry=retry, timeout=20) as http,
            engine,
            LocalCatalog(folder / "catalog.sqlite") as catalog,
        ):
            client = StacClient(f"{station.url}/api", http)
            storage = LocalStorage(folder / "storage")
            stager = Stager(Place("demo", "c"), catalog, storage, engine, source_url=client.url)
            with StagingReport(folder / "table.jsonl") as report:
                pages = partial_pages(client.pages(SearchRequest()), report.was_cut)
                await stage_pages(pages, stager, report)
            records = {one["id"]: one async for page in catalog.search() for one in page}
        return report.cut is not None, records
    finally:
        station.http.shutdown()
        station.http.server_close()


async def faults_of(seed: int, folder: Path) -> list[str]:
    """Stage all that the station of a seed has, and say what was wrong."""
    station = Station(seed)
    cut, _ = await staged(station, folder)
    return judged(station, folder, cut, folder / "table.jsonl")


async def broken(seeds: Iterator[int] | range) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            try:
                faults = await faults_of(seed, Path(folder))
            except Exception as error:  # noqa: BLE001  # whatever it is, the world goes into the list
                faults = [f"raised {type(error).__name__}: {error}"]
        if faults:
            station = Station(seed)
            found[f"{seed}: {station.method}, {station.paging}, {station.trouble}"] = faults
            station.http.server_close()
    return found


@pytest.mark.parametrize("first", range(0, WORLDS, BATCH))
async def test_worlds_of_stations(first: int) -> None:
    assert not await broken(range(first, first + BATCH))


@pytest.mark.prove
@pytest.mark.parametrize("first", range(WORLDS, PROVEN, PROVEN_BATCH))
async def test_thousands_of_worlds_of_stations(first: int) -> None:
    """Gone on with from any seed by `-k "[SEED]"`."""
    assert not await broken(range(first, min(PROVEN, first + PROVEN_BATCH)))
