"""An audit finds exactly what was lost, and its repair leaves nothing to find."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from upkeep_world import BEGIN, PLACE, MakingStager, Station, body, file_of, key_of, product

from eoflows.base.times import Interval
from eoflows.completeness.audit import (
    Day,
    Finding,
    Inventory,
    Kind,
    Repairer,
    Scope,
    repair_command,
    take_census,
)
from eoflows.completeness.audit.census import stale_parts
from eoflows.products.expiry import unpublished
from eoflows.products.systematic import Publications, Settler, Stream
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.storage import LocalStorage, ObjectStorage
from eoflows.stores.transfer.s3 import S3Bucket

pytestmark = pytest.mark.anyio
PRODUCTS = 2000
DAYS = 10
SPAN = Interval(BEGIN, BEGIN + timedelta(days=DAYS))
SOON = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


async def look(
    folder: Path, station: Station, catalog: LocalCatalog, storage: LocalStorage, fraction: float = 1.0
) -> tuple[Inventory, list[Finding], list[Day]]:
    inventory = Inventory(folder / f"inventory-{random.random()}.sqlite")
    source = Publications(station, Stream(), page=200)
    scope = Scope(PLACE, SPAN, fraction=fraction, seed=1)
    await take_census(inventory, scope, [source], catalog, storage)
    return inventory, list(inventory.findings(SOON)), inventory.days(SOON)


async def staged(catalog: LocalCatalog, storage: LocalStorage, number: int) -> Station:
    station = Station()
    step = timedelta(days=DAYS) / number
    station.add(product(f"P{n:05}", (BEGIN + n * step).replace(microsecond=0)) for n in range(number))
    await MakingStager(catalog, storage).stage_all(list(station.items.values()))
    return station


async def repair(inventory: Inventory, station: Station, catalog: LocalCatalog, storage: LocalStorage) -> int:
    repairer = Repairer(catalog, storage, Scope(PLACE, SPAN))
    findings = list(inventory.findings(SOON))
    await repairer.own_up(findings)
    stager = MakingStager(catalog, storage)

    def settler(only: frozenset[str]) -> Settler:
        return Settler(stager, catalog, stager.stage, restage_expired=True, only=only)

    source = Publications(station, Stream(), page=200)
    touched = 0
    async for records in repairer.restage(inventory, [source], settler):
        touched += len(records)
    await repairer.remove_unregistered(findings)
    return touched


@pytest.mark.parametrize("seed", [1, 2])
async def test_audit_equals_the_oracle_and_repair_leaves_nothing(tmp_path: Path, seed: int) -> None:
    chance, storage = random.Random(seed), LocalStorage(tmp_path / "storage")
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        station = await staged(catalog, storage, PRODUCTS)
        names = chance.sample(sorted(station.items), 50)
        objects, records, sizes, rotten, gone = (set(names[n : n + 10]) for n in range(0, 50, 10))
        lost = len(objects) + len(records)
        assert lost / (2 * PRODUCTS) == 0.005
        damage(storage, objects, sizes, rotten)
        await catalog.delete(PLACE.catalog_collection, sorted(records))
        withdrawn = {station.items.pop(name)["id"] for name in sorted(gone)}
        await catalog.delete(PLACE.catalog_collection, sorted(withdrawn))

        inventory, found, days = await look(tmp_path, station, catalog, storage)
        with inventory:
            assert by_kind(found) == {
                Kind.ORPHANED: objects,
                Kind.MISSING: records,
                Kind.UNREGISTERED: records | withdrawn,
                Kind.WRONG_SIZE: sizes,
                Kind.WRONG_CHECKSUM: rotten,
            }
            bad = Counter(
                f"{station.items[name]['properties']['published'][:10]}"
                for name in objects | records | sizes | rotten
            )
            assert {day.day: day.state for day in days if day.offered} == {
                f"{BEGIN + timedelta(days=n):%Y-%m-%d}": "partial"
                if bad[f"{BEGIN + timedelta(days=n):%Y-%m-%d}"]
                else "complete"
                for n in range(DAYS)
            }
            assert await repair(inventory, station, catalog, storage) == 40
        inventory, found, days = await look(tmp_path, station, catalog, storage)
        with inventory:
            assert not found
            assert {day.state for day in days} == {"complete"}


def damage(storage: LocalStorage, objects: set[str], sizes: set[str], rotten: set[str]) -> None:
    for name in objects:
        file_of(storage.root, name).unlink()
    for name in sizes:
        file_of(storage.root, name).write_bytes(b"short")
    for name in rotten:
        path = file_of(storage.root, name)
        path.write_bytes(path.read_bytes()[::-1])


def by_kind(findings: list[Finding]) -> dict[Kind, set[str]]:
    found: dict[Kind, set[str]] = {}
    for one in findings:
        found.setdefault(one.kind, set()).add(one.item)
    return found


async def test_expired_items_are_not_missing_and_stay_expired(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        station = await staged(catalog, storage, 20)
        record = await catalog.get(PLACE.catalog_collection, "P00003")
        assert record is not None
        await catalog.upsert(PLACE.catalog_collection, [unpublished(record, BEGIN)])
        await storage.delete([key_of("P00003")])
        inventory, found, days = await look(tmp_path, station, catalog, storage)
        with inventory:
            assert not found
            assert {day.state for day in days} == {"complete"}
            assert sum(day.expired for day in days) == 1


async def test_broken_and_withdrawn_is_unpublished_and_then_no_finding(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        station = await staged(catalog, storage, 20)
        del station.items["P00005"]
        damage(storage, {"P00005"}, set(), set())
        inventory, found, _ = await look(tmp_path, station, catalog, storage)
        with inventory:
            assert by_kind(found) == {Kind.ORPHANED: {"P00005"}}
            assert await repair(inventory, station, catalog, storage) == 0
        record = await catalog.get(PLACE.catalog_collection, "P00005")
        assert record is not None
        assert record["properties"]["unpublished"]
        inventory, found, _ = await look(tmp_path, station, catalog, storage)
        with inventory:
            assert not found


async def test_republished_with_other_bytes_is_outdated(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        station = await staged(catalog, storage, 20)
        station.items["P00007"]["assets"]["P00007.EOF"]["file:checksum"] = "00" * 16
        inventory, found, _ = await look(tmp_path, station, catalog, storage, fraction=0.0)
        with inventory:
            assert [(one.kind, one.item) for one in found] == [(Kind.OUTDATED, "P00007")]


async def test_a_sample_is_the_same_for_the_same_seed() -> None:
    keys = [key_of(f"P{n:05}") for n in range(2000)]
    one, same, other = (Scope(PLACE, SPAN, fraction=0.1, seed=seed) for seed in (1, 1, 2))
    sampled = [key for key in keys if one.samples(key)]
    assert 140 < len(sampled) < 260
    assert sampled == [key for key in keys if same.samples(key)]
    assert sampled != [key for key in keys if other.samples(key)]


async def test_unpacked_folders_are_registered_whole(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    folder = storage.root / "demo/aux/P1/P1.SAFE"
    (folder / "data").mkdir(parents=True)
    for name in ("manifest.safe", "data/a.bin"):
        (folder / name).write_bytes(b"x")
    item = product("P1", BEGIN)
    item["assets"] = {"P1.SAFE": {"href": storage.href("demo/aux/P1/P1.SAFE"), "file:size": 2}}
    origin = {"key": "P1.EOF", "href": "x", "file:size": len(body("P1"))}
    item["assets"]["P1.SAFE"]["eoflows:unpacked_from"] = origin
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        await catalog.upsert(PLACE.catalog_collection, [item])
        station = Station()
        station.add([product("P1", BEGIN)])
        inventory, found, _ = await look(tmp_path, station, catalog, storage)
        with inventory:
            assert not found
        await storage.delete(["demo/aux/P1/P1.SAFE/data/a.bin"])
        inventory, found, _ = await look(tmp_path, station, catalog, storage)
        with inventory:
            assert [(one.kind, one.expected, one.found) for one in found] == [(Kind.WRONG_SIZE, "2", "1")]
            assert await repair(inventory, station, catalog, storage) == 1
        inventory, found, _ = await look(tmp_path, station, catalog, storage)
        with inventory:
            assert not found


async def test_files_of_a_replaced_generation_belong_together_and_those_it_replaced_may_go(
    tmp_path: Path,
) -> None:
    storage, item = LocalStorage(tmp_path / "storage"), product("P1", BEGIN)
    old = storage.root / key_of("P1")
    folder = old.parent / "gen-0123456789ab" / "P1.EOF"
    for path in (old, folder / "a", folder / "b"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    station = Station()
    station.add([product("P1", BEGIN)])
    item["assets"]["P1.EOF"] |= {"href": folder.as_uri() + "/", "file:size": 2}
    station.items["P1"]["assets"]["P1.EOF"] |= {"file:size": 2}
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        await catalog.upsert(PLACE.catalog_collection, [item])
        inventory, found, _ = await look(tmp_path, station, catalog, storage)
        with inventory:
            assert [(one.kind, one.key, one.offered) for one in found] == [
                (Kind.UNREGISTERED, key_of("P1"), True)
            ]
            repairer = Repairer(catalog, storage, Scope(PLACE, SPAN))
            assert await repairer.remove_unregistered(found) == 1
        assert not old.exists()
        assert (folder / "b").exists()


async def test_what_the_source_offers_and_no_record_has_stays(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    path = file_of(storage.root, "P1")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    station = Station()
    station.add([product("P1", BEGIN)])
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        inventory, found, _ = await look(tmp_path, station, catalog, storage)
        with inventory:
            assert Kind.UNREGISTERED in by_kind(found)
            assert await Repairer(catalog, storage, Scope(PLACE, SPAN)).remove_unregistered(found) == 0
        assert path.exists()


async def test_stale_parts_are_told_by_age(tmp_path: Path) -> None:
    storage, scope = LocalStorage(tmp_path), Scope(PLACE, SPAN)
    path = file_of(tmp_path, "P1")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"whole")
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(b"half")
    now = part.stat().st_mtime + 3600
    assert await stale_parts(storage, scope, timedelta(minutes=30), now) == [str(part)]
    assert await stale_parts(storage, scope, timedelta(hours=2), now) == []


@pytest.mark.parametrize("bucket", [False, True])
async def test_folders_of_dead_unpacking_are_stale_as_a_whole(tmp_path: Path, bucket: bool) -> None:
    storage = ObjectStorage(S3Bucket("bucket"), tmp_path) if bucket else LocalStorage(tmp_path)
    folder = tmp_path / "demo/aux/P1/.P1.zip.unpack.part"
    (folder / "content").mkdir(parents=True)
    (folder / "content" / "a.nc").write_bytes(b"half")
    now = folder.stat().st_mtime + 3600
    scope = Scope(PLACE, SPAN)
    assert await stale_parts(storage, scope, timedelta(minutes=30), now) == [str(folder)]
    assert await stale_parts(storage, scope, timedelta(hours=2), now) == []


def test_repair_command_can_be_pasted() -> None:
    line = repair_command("audit-storage/default", {"env": {"owner_id": "demo"}, "start": "it's"})
    assert line == (
        "prefect deployment run audit-storage/default "
        """-p 'env={"owner_id":"demo"}' -p 'start="it'"'"'s"'"""
    )
