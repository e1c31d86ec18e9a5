"""A product that is replaced at its source: the old whole, or the new whole, whatever happens between."""

import io
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from deadly import die_at_every_step
from shifting_station import (
    PLACE,
    Answer,
    Left,
    Shop,
    Station,
    left_in,
    multihash,
    opened_shop,
    served_station,
    version_body,
)

from eoflows.products.staging import Outcome, Stager
from eoflows.products.unpack.catalogued import CataloguedUnpacking, UnpackOutcome
from eoflows.products.unpack.unpacker import Unpacker
from eoflows.stores.catalog import KnownItem, LocalCatalog

pytestmark = pytest.mark.anyio


@pytest.fixture
def station() -> Iterator[Station]:
    with served_station() as station:
        yield station


async def whole(folder: Path, **bodies: bytes) -> Left:
    """Make sure that the record of A and its bytes are these."""
    left = await left_in(folder)
    assert left.wrong == []
    assert left.bodies == {"A": bodies}
    return left


async def test_a_replaced_product_changes_as_a_whole(station: Station, tmp_path: Path) -> None:
    old, new = {"a": b"old a", "b": b"old b"}, {"a": b"new a!", "b": b"new b!"}
    async with opened_shop(tmp_path, station.url) as shop:
        first, second = station.item("A", "1", **old), station.item("A", "2", **new)
        await shop.run(first)
        assert (tmp_path / "storage/demo/aux/A/a").read_bytes() == b"old a"
        gone = station.answers.pop("/2/A/b")
        assert (await shop.run(second))["A"].outcome is Outcome.FAILED
        await whole(tmp_path, **old)
        station.answers["/2/A/b"] = gone
        before = len(station.asked)
        assert (await shop.run(second))["A"].outcome is Outcome.STAGED
        # What had arrived was known again.
        assert station.asked[before:] == ["/2/A/b"]
        assert (await whole(tmp_path, **new)).strays == []
        record = await shop.catalog.get("demo:aux", "A")
        assert record is not None
        folder, key = record["assets"]["a"]["href"].removeprefix("file://").rsplit("/", 1)
        assert key == "a"
        assert Path(folder).parent == tmp_path / "storage/demo/aux/A"
        assert (await shop.run(second))["A"].outcome is Outcome.ALREADY
        # Back to what it was: a name is never used for the second time.
        await shop.run(first)
        assert (await whole(tmp_path, **old)).strays == []
        again = await shop.catalog.get("demo:aux", "A")
        assert again is not None
        assert again["assets"]["a"]["href"] not in (record["assets"]["a"]["href"], "")


async def test_only_what_changed_is_fetched_and_replaced(station: Station, tmp_path: Path) -> None:
    async with opened_shop(tmp_path, station.url) as shop:
        await shop.run(station.item("A", a=b"a", b=b"b"))
        await shop.run(station.item("A", a=b"a", b=b"other b", **{"c.zarr": b"c"}))
    left = await whole(tmp_path, a=b"a", b=b"other b", **{"c.zarr": b"c"})
    assert left.strays == []
    assert (tmp_path / "storage/demo/aux/A/a").exists()
    assert (tmp_path / "storage/demo/aux/A/c.zarr").exists()


@pytest.mark.parametrize("promise", [True, False])
async def test_two_overlapping_runs_end_with_one_version_whole(
    station: Station, tmp_path: Path, promise: bool
) -> None:
    first = station.item("A", "1", promise=promise, a=b"first a", b=b"first b")
    second = station.item("A", "2", promise=promise, a=b"the second a", b=b"the second b")
    held = threading.Event()
    station.answers["/1/A/b"] = replace(station.answers["/1/A/b"], before=lambda: held.wait(60) and None)
    outcomes = {}
    async with (
        opened_shop(tmp_path, station.url) as one,
        opened_shop(tmp_path, station.url) as other,
        anyio.create_task_group() as group,
    ):

        async def slow() -> None:
            outcomes.update(await one.run(first))

        group.start_soon(slow)
        try:
            while not (tmp_path / "storage/demo/aux/A/a").exists():  # noqa: ASYNC110
                await anyio.sleep(0.005)
            assert (await other.run(second))["A"].outcome is Outcome.STAGED
        finally:
            held.set()
    assert outcomes["A"].outcome is (Outcome.FAILED if promise else Outcome.ALREADY)
    left = await whole(tmp_path, a=b"the second a", b=b"the second b")
    assert left.strays == []


async def test_a_product_that_two_runs_stage_at_once_is_there_once(station: Station, tmp_path: Path) -> None:
    item = station.item("A", a=b"a" * 300_000, b=b"b" * 10)
    found: list[Any] = []
    async with (
        opened_shop(tmp_path, station.url) as one,
        opened_shop(tmp_path, station.url) as other,
        anyio.create_task_group() as group,
    ):

        async def run(shop: Any) -> None:
            found.append((await shop.run(item))["A"].outcome)

        group.start_soon(run, one)
        group.start_soon(run, other)
    assert Outcome.STAGED in found
    assert set(found) <= {Outcome.STAGED, Outcome.ALREADY}
    assert (await whole(tmp_path, a=b"a" * 300_000, b=b"b" * 10)).strays == []


async def test_a_file_that_no_record_names_is_no_part_of_what_is_staged(
    station: Station, tmp_path: Path
) -> None:
    stale = tmp_path / "storage/demo/aux/A/a"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"of a run that was killed before the product changed")
    async with opened_shop(tmp_path, station.url) as shop:
        assert (await shop.run(station.item("A", a=b"a", b=b"b")))["A"].outcome is Outcome.STAGED
    assert (await whole(tmp_path, a=b"a", b=b"b")).strays == []


class CountingCatalog(LocalCatalog):
    """Counts what it is asked."""

    async def known(self, collection: str, ids: Sequence[str]) -> dict[str, KnownItem]:
        self.asked.extend(ids)
        return await super().known(collection, ids)

    async def get_many(self, collection: str, ids: Sequence[str]) -> list[Any]:
        self.asked.extend(ids)
        return await super().get_many(collection, ids)

    asked: list[str]


async def test_the_catalogue_is_asked_once_for_each_product(station: Station, tmp_path: Path) -> None:
    items = [station.item(f"P{n}", a=b"a") for n in range(150)]
    async with (
        opened_shop(tmp_path, station.url) as shop,
        CountingCatalog(tmp_path / "catalog.sqlite") as catalog,
    ):
        catalog.asked = []
        stager = Stager(PLACE, catalog, shop.stager._storage, shop.stager._engine)
        found = await Shop(tmp_path, catalog, stager).run(*items)
    assert {one.outcome for one in found.values()} == {Outcome.STAGED}
    assert sorted(catalog.asked) == sorted(found) == sorted(item["id"] for item in items)


@pytest.mark.parametrize("plan_only", [True, False])
@pytest.mark.parametrize(
    "bad",
    [
        {"datetime": "yesterday"},
        {"created": 5},
        {"x": 10**40},
        {"datetime": [1]},
        {"published": "2020-13-01"},
    ],
)
async def test_what_the_catalogue_would_refuse_is_refused_before_a_byte_is_fetched(
    station: Station, tmp_path: Path, bad: dict[str, Any], plan_only: bool
) -> None:
    item, good = station.item("A", a=b"a"), station.item("B", a=b"b")
    item["properties"] |= bad
    async with opened_shop(tmp_path, station.url) as shop:
        found = await shop.run(item, good, plan_only=plan_only)
    assert found["A"].outcome is Outcome.FAILED
    assert found["B"].outcome is (Outcome.PLANNED if plan_only else Outcome.STAGED)
    assert "/0/A/a" not in station.asked


async def test_a_checksum_that_nobody_here_can_compute_is_carried_and_said(
    station: Station, tmp_path: Path
) -> None:
    item = station.item("A", a=b"a", b=b"b")
    unknown, known = "8c080400000000", multihash(b"b", "blake2b-128")
    item["assets"]["a"]["file:checksum"], item["assets"]["b"]["file:checksum"] = unknown, known
    async with opened_shop(tmp_path, station.url) as shop:
        found = (await shop.run(item))["A"]
        assert found.outcome is Outcome.STAGED
        assert found.reason.endswith("not verified: the checksum of a")
        record = await shop.catalog.get("demo:aux", "A")
        assert record is not None
        assert [one["file:checksum"] for one in record["assets"].values()] == [unknown, known]
        assert (await shop.run(item))["A"].outcome is Outcome.ALREADY
        item["assets"]["a"]["file:checksum"] = "8c080400000001"
        assert (await shop.run(item))["A"].outcome is Outcome.STAGED


async def test_a_product_that_was_unpacked_is_replaced_too(station: Station, tmp_path: Path) -> None:
    def archive(text: str) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as file:
            file.writestr("P/data.txt", text)
            file.writestr("P/more.txt", "more")
        return target.getvalue()

    async with opened_shop(tmp_path, station.url) as shop:
        storage = shop.stager._storage
        unpacking = CataloguedUnpacking(shop.catalog, "demo:aux", Unpacker(storage, "demo"))
        for text in ("old", "newer"):
            await shop.run(station.item("A", text, **{"P.zip": archive(text)}))
            (record,) = await unpacking.unpack(["A"])
            assert record.outcome is UnpackOutcome.UNPACKED
            item = await shop.catalog.get("demo:aux", "A")
            assert item is not None
            folder = Path(item["assets"]["P"]["href"].removeprefix("file://"))
            assert list(item["assets"]) == ["P"]
            assert (folder / "data.txt").read_text() == text
            files = [path for path in (tmp_path / "storage").rglob("*") if path.is_file()]
            assert sorted(files) == [folder / "data.txt", folder / "more.txt"]


def test_killed_at_any_step_it_is_the_old_or_the_new(tmp_path: Path) -> None:
    with served_station() as station:
        for number in (1, 2):
            station.answers |= {f"/v{number}/P/{key}": Answer(version_body(key, number)) for key in "ab"}
        runs = die_at_every_step(
            "shifting_station:replaced",
            tmp_path,
            str(tmp_path),
            station.url,
            beside=Path(__file__),
            again="shifting_station:completed",
        )
    assert len(runs) > 10
    for run in runs[1:]:
        told = run["told"]
        assert told["before"] in (0, 1, 2), run
        assert (told["wrong"], told["after"]) == ([], 2), run
        assert told["outcome"] in ("staged", "already there"), run
    # Of a run that is killed between the switch and the removal, the audit finds the old files.
    tidy = [run for run in runs[1:] if not run["told"]["strays"]]
    assert len(tidy) > len(runs) // 2
