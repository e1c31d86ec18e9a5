"""The verbs that need no Prefect: killed at every step and run again, and several at once."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from deadly import die_at_every_step, run_together
from job_world import World, sqlite_url
from result_actions import content_of, storage_at
from test_results import left_in, objects
from verb_actions import COLLECTION

from eoflows.base.files.leftovers import sweep_folder
from eoflows.stores.catalog import LocalCatalog

pytestmark = pytest.mark.anyio
HERE = Path(__file__)
PAGES = ["demo/_mornings/2025-01-01.html", "demo/_mornings/latest.html"]


def failures(ended: list[dict]) -> list[dict]:
    return [one for one in ended if "failed" in one]


async def ledger_of(folder: Path, jobs: int = 1) -> str:
    """Make a ledger of jobs that have succeeded."""
    await anyio.Path(folder).mkdir(exist_ok=True)
    world = World(sqlite_url(folder))
    async with world.ledger() as ledger:
        for number in range(jobs):
            await world.submit(ledger, "none-a", n=number)
    return world.url


async def test_a_page_dies_at_every_step(tmp_path: Path, where: str) -> None:
    deaths = die_at_every_step("verb_actions:save_page", tmp_path, where, str(tmp_path), "one", beside=HERE)
    assert len(deaths) > 4
    assert failures(deaths) == []
    for death in deaths:
        storage = storage_at(where, str(tmp_path), death["name"])
        await storage.sweep(timedelta(0))
        assert await objects(storage) == dict.fromkeys(PAGES, content_of("one"))
    assert left_in(tmp_path) == []


async def test_different_pages_at_once(tmp_path: Path, where: str) -> None:
    given = [["a", where, str(tmp_path), text] for text in ("one", "two", "three", "one")]
    assert failures(run_together("verb_actions:save_page", *given, beside=HERE)) == []
    found = await objects(storage_at(where, str(tmp_path), "a"))
    assert sorted(found) == PAGES
    assert set(found.values()) <= {content_of(text) for text in ("one", "two", "three")}
    assert left_in(tmp_path) == []


async def test_collecting_dies_at_every_step(tmp_path: Path, where: str) -> None:
    results = tmp_path / "results"
    await ledger_of(tmp_path / "ledgers", 2)
    given = (where, str(results), str(tmp_path / "ledgers"))
    again = "verb_actions:collect_later"
    deaths = die_at_every_step("verb_actions:collect_results", results, *given, beside=HERE, again=again)
    assert len(deaths) > 4
    assert failures(deaths) == []
    for death in deaths:
        storage = storage_at(where, str(results), death["name"])
        await storage.sweep(timedelta(0))
        found = await objects(storage)
        assert len(found) == 2
        assert all(key.endswith("/a.bin") and body == b"abc" for key, body in found.items())
        async with World(sqlite_url(tmp_path / "ledgers" / death["name"])).ledger() as ledger:
            assert await ledger.hold_wanted(10) == []
        assert all(not one["error"] and one["size"] == 3 for one in death["told"])
    assert left_in(tmp_path) == []


async def test_collecting_at_once(tmp_path: Path, where: str) -> None:
    await ledger_of(tmp_path / "ledgers", 2)
    given = ["a", where, str(tmp_path / "results"), str(tmp_path / "ledgers")]
    (tmp_path / "ledgers" / "a").mkdir()
    shutil.copy(tmp_path / "ledgers" / "ledger.db", tmp_path / "ledgers" / "a")
    done = run_together("verb_actions:collect_results", *[given] * 3, beside=HERE)
    assert failures(done) == []
    found = await objects(storage_at(where, str(tmp_path / "results"), "a"))
    assert sorted(found.values()) == [b"abc", b"abc"]
    assert left_in(tmp_path) == []


@pytest.fixture
async def catalog(tmp_path: Path) -> str:
    """The file of a catalogue with items."""
    properties = {"datetime": "2020-01-01T00:00:00Z"}
    items = [
        {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": f"i{number}",
            "geometry": None,
            "links": [],
            "properties": properties,
            "assets": {"a": {"href": f"file:///data/{number}"}},
        }
        for number in range(3)
    ]
    async with LocalCatalog(tmp_path / "c.sqlite") as opened:
        await opened.upsert(COLLECTION, items)
    return str(tmp_path / "c.sqlite")


def check_export(target: Path, kind: str) -> None:
    if kind == "items":
        found = [json.loads(path.read_text())["id"] for path in sorted(target.iterdir())]
        assert found == ["i0", "i1", "i2"]
    else:
        assert target.read_bytes()[:4] == target.read_bytes()[-4:] == b"PAR1"


@pytest.mark.parametrize("kind", ["items", "parquet"])
async def test_an_export_dies_at_every_step(tmp_path: Path, catalog: str, kind: str) -> None:
    pytest.importorskip("rustac")
    folder = tmp_path / "exports"
    deaths = die_at_every_step("verb_actions:export", folder, str(folder), catalog, kind, beside=HERE)
    assert len(deaths) > 4
    assert failures(deaths) == []
    sweep_folder(folder, timedelta(0))
    for death in deaths:
        assert death["told"] == 3
        assert [path.name for path in (folder / death["name"]).iterdir()] == [f"out.{kind}"]
        check_export(folder / death["name"] / f"out.{kind}", kind)


@pytest.mark.parametrize("kind", ["items", "parquet"])
async def test_exports_at_once(tmp_path: Path, catalog: str, kind: str) -> None:
    pytest.importorskip("rustac")
    folder = tmp_path / "exports"
    done = run_together("verb_actions:export", *[["a", str(folder), catalog, kind]] * 4, beside=HERE)
    assert failures(done) == []
    assert [path.name for path in (folder / "a").iterdir()] == [f"out.{kind}"]
    check_export(folder / "a" / f"out.{kind}", kind)


def check_copy(path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy:
        assert copy.execute("SELECT count(*) FROM jobs").fetchone() == (1,)


async def test_a_copy_of_the_ledger_dies_at_every_step(tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    url = await ledger_of(tmp_path)
    deaths = die_at_every_step("verb_actions:back_up", folder, str(folder), url, beside=HERE)
    assert len(deaths) > 3
    assert failures(deaths) == []
    assert {death["told"] for death in deaths} == {1, -1}
    sweep_folder(folder, timedelta(0))
    for death in deaths:
        assert [path.name for path in (folder / death["name"]).iterdir()] == ["copy.db"]
        check_copy(folder / death["name"] / "copy.db")


async def test_copies_of_the_ledger_at_once(tmp_path: Path) -> None:
    url = await ledger_of(tmp_path)
    done = run_together("verb_actions:back_up", *[["a", str(tmp_path), url]] * 4, beside=HERE)
    assert all("there already" in one["failed"] for one in failures(done))
    assert [one["told"] for one in done if "told" in one].count(1) == 1
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["copy.db"]
    check_copy(tmp_path / "a" / "copy.db")
