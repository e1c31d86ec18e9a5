"""Several writers at once, in one process and in several, on the sandbox and on a real pgstac."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from catalog_writer import product

from eoflows.base.http import HttpClient
from eoflows.sandbox import Sandbox
from eoflows.stores.catalog.remote import CatalogProfile, RemoteCatalog

pytestmark = pytest.mark.anyio
WRITER = Path(__file__).with_name("catalog_writer.py")


@pytest.fixture(params=["sandbox", pytest.param("pgstac", marks=pytest.mark.services)])
def server(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The address and the profile."""
    if request.param == "sandbox":
        return request.getfixturevalue("box").url + "/catalog", "rs-server"
    return request.getfixturevalue("pgstac").url, "pgstac"


@pytest.fixture
async def catalog(server: tuple[str, str], http_for: Callable[[str], HttpClient]) -> Any:
    async with http_for(server[0]) as http:
        yield RemoteCatalog(server[0], http, profile=CatalogProfile(server[1]))


def writer(
    server: tuple[str, str], collection: str, first: int, last: int, run: str
) -> subprocess.Popen[str]:
    arguments = [*server, collection, str(first), str(last), run]
    command = [sys.executable, "-W", "error", str(WRITER), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


async def ended_well(process: subprocess.Popen[str]) -> None:
    _, said = await anyio.to_thread.run_sync(process.communicate)
    assert (process.returncode, said) == (0, "")


async def numbers(catalog: RemoteCatalog, collection: str) -> list[int]:
    found = [item["id"] async for page in catalog.search([collection], limit=1000) for item in page]
    return [int(name.rpartition("_")[2]) for name in found]


async def test_five_thousand_items_by_two_runs_at_once(
    catalog: RemoteCatalog, server: tuple[str, str], collection: str
) -> None:
    runs = [writer(server, collection, 0, 3000, "first"), writer(server, collection, 2000, 5000, "second")]
    for run in runs:
        await ended_well(run)
    assert await numbers(catalog, collection) == list(range(5000))
    known = await catalog.known(collection, [f"S1A_AUX_{number:05d}" for number in range(5001)])
    assert len(known) == 5000
    assert known["S1A_AUX_00042"].assets["p"].size == 42
    (one,) = await catalog.get_many(collection, ["S1A_AUX_02500"])
    assert one["properties"]["eoflows:run"] in ("first", "second")


async def test_the_same_items_by_three_runs_at_once(
    catalog: RemoteCatalog, server: tuple[str, str], collection: str
) -> None:
    runs = [writer(server, collection, 0, 700, str(run)) for run in range(3)]
    for run in runs:
        await ended_well(run)
    assert await numbers(catalog, collection) == list(range(700))


async def test_killed_in_the_middle_and_run_again(
    catalog: RemoteCatalog, server: tuple[str, str], collection: str
) -> None:
    victim = writer(server, collection, 0, 3000, "victim")
    assert victim.stdout is not None
    assert await anyio.to_thread.run_sync(victim.stdout.readline) == "0\n"
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    left = await numbers(catalog, collection)
    assert 500 <= len(left) < 3000
    published = {
        item["id"]: item["properties"]["published"]
        for item in await catalog.get_many(collection, [f"S1A_AUX_{number:05d}" for number in left])
    }
    await ended_well(writer(server, collection, 0, 3000, "second"))
    assert await numbers(catalog, collection) == list(range(3000))
    again = await catalog.get_many(collection, list(published))
    assert {item["id"]: item["properties"]["published"] for item in again} == published
    assert {item["properties"]["eoflows:run"] for item in again} == {"victim"}


async def test_many_writers_in_one_process(catalog: RemoteCatalog, collection: str) -> None:
    async with anyio.create_task_group() as group:
        for start in range(0, 800, 100):
            batch = [product(number, "x") for number in range(start, start + 150)]
            group.start_soon(catalog.upsert, collection, batch)
    assert await numbers(catalog, collection) == list(range(850))


async def test_writers_that_share_nothing(
    server: tuple[str, str], http_for: Callable[[str], HttpClient], collection: str
) -> None:
    """Each item of its own day widens the bounds of the partition: pgstac fails one of two such writers."""

    async def write(first: int) -> None:
        async with http_for(server[0]) as http:
            own = RemoteCatalog(server[0], http, profile=CatalogProfile(server[1]), batch=5)
            # A lock of this process would hide what processes do to each other.
            own._writer._lock = lambda _: anyio.Lock()  # type: ignore[method-assign]
            await own.upsert(collection, [product(number, "x") for number in range(first, first + 60)])

    async with anyio.create_task_group() as group:
        for first in range(0, 240, 60):
            group.start_soon(write, first)
    async with http_for(server[0]) as http:
        catalog = RemoteCatalog(server[0], http, profile=CatalogProfile(server[1]))
        assert await numbers(catalog, collection) == list(range(240))


async def test_a_conflict_with_another_item_replaces_it(catalog: RemoteCatalog, collection: str) -> None:
    await catalog.upsert(collection, [product(number, "x") for number in range(300)])
    changed = [product(number, "y", **({"n": 1} if number % 3 == 0 else {})) for number in range(250, 350)]
    await catalog.upsert(collection, changed)
    items = {item["id"]: item async for page in catalog.search([collection]) for item in page}
    assert len(items) == 350
    runs = {number: items[f"S1A_AUX_{number:05d}"]["properties"]["eoflows:run"] for number in range(350)}
    assert {number for number, run in runs.items() if run == "y"} == {
        number for number in range(250, 350) if number >= 300 or number % 3 == 0
    }


async def test_staged_again_after_it_expired(
    catalog: RemoteCatalog, server: tuple[str, str], box: Sandbox, collection: str
) -> None:
    await catalog.upsert(collection, [product(number, "x") for number in range(20)])
    gone = [product(number, "x", unpublished="2024-01-01T00:00:00Z") | {"assets": {}} for number in range(10)]
    if server[1] == "pgstac":
        await catalog.upsert(collection, gone)
    else:
        for item in gone:
            box.catalogue.unpublish(collection, item["id"])
    names = [f"S1A_AUX_{number:05d}" for number in range(20)]
    known = await catalog.known(collection, names)
    assert [known[name].unpublished for name in names] == [True] * 10 + [False] * 10
    await catalog.upsert(collection, [product(number, "y") for number in range(20)])
    known = await catalog.known(collection, names)
    assert not any(known[name].unpublished for name in names)
    assert all(known[name].assets for name in names)
