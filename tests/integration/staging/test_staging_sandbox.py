import pystac
import pytest
from staging_workshop import PLACE, md5_of

from eoflows.base.errors import EoError, UnreachableError
from eoflows.base.times import Interval
from eoflows.products.selection import Wanted
from eoflows.products.staging import Outcome
from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.stores.stac import SearchRequest

pytestmark = pytest.mark.anyio

ORBITS = SearchRequest(filter={"op": "=", "args": [{"property": "product:type"}, "AUX_POEORB"]})
DOWNLOADS = "/auxip/Products"


@pytest.fixture(scope="module")
def shared_box():
    with Sandbox(SandboxSettings(days=6)) as box:
        yield box


@pytest.fixture
def box(shared_box):
    shared_box.faults.clear()
    return shared_box


@pytest.fixture
def orbits(box):
    return {one.name: one for one in box.stations["auxip"].products if one.product_type == "AUX_POEORB"}


async def test_a_type_ends_as_verified_files_and_records(box, orbits, workshop):
    async with workshop(box) as shop:
        report = await shop.run(ORBITS)
        items = await shop.catalog.get_many(PLACE.catalog_collection, report.present)
    assert report.summary() == {
        "found": 12,
        "already": 0,
        "staged": 12,
        "failed": 0,
        "planned": 0,
        "passed_over": 0,
        "bytes": sum(one.content.size for one in orbits.values()),
        "bytes_planned": 0,
    }
    files = shop.files()
    assert set(files) == set(orbits)
    for name, path in files.items():
        assert path.stat().st_size == orbits[name].content.size
        assert md5_of(path) == orbits[name].content.md5
    assert len(items) == 12
    for document in items:
        item = pystac.Item.from_dict(document)
        (name,) = item.assets
        asset = item.assets[name]
        assert item.id == name.removesuffix(".EOF")
        assert asset.href == files[name].as_uri()
        assert asset.extra_fields["file:size"] == files[name].stat().st_size
        assert asset.extra_fields["file:checksum"] == "d50110" + md5_of(files[name])
        assert [link.rel for link in item.links if link.rel == "via"] == ["via"]
        assert len(set(item.stac_extensions)) == len(item.stac_extensions)


async def test_a_second_run_fetches_nothing(box, workshop):
    async with workshop(box) as shop:
        await shop.run(ORBITS)
    before = box.log.last
    async with workshop(box) as shop:
        report = await shop.run(ORBITS)
    assert report.summary() | {"already": 12, "staged": 0} == report.summary()
    assert box.log.entries(DOWNLOADS, since=before) == []


async def test_a_lost_catalogue_is_rebuilt_from_the_files(box, workshop, tmp_path):
    async with workshop(box) as shop:
        await shop.run(ORBITS)
    (tmp_path / "catalog.sqlite").unlink()
    before = box.log.last
    async with workshop(box) as shop:
        report = await shop.run(ORBITS)
    assert report.count(Outcome.STAGED) == 12
    assert box.log.entries(DOWNLOADS, since=before) == []


async def test_a_corrupt_product_fails_alone(box, orbits, workshop):
    bad = sorted(orbits)[5]
    fault = Fault("wrong_checksum", f"{DOWNLOADS}({orbits[bad].uuid})/$value")
    async with workshop(box) as shop:
        with box.faults.active(fault):
            report = await shop.run(ORBITS)
        (failed,) = report.failures
        assert failed.item == bad.removesuffix(".EOF")
        assert failed.reason.startswith("Integrity: md5")
        assert report.count(Outcome.STAGED) == 11
        assert set(shop.files()) == set(orbits) - {bad}
        assert await shop.catalog.get(PLACE.catalog_collection, failed.item) is None
        again = await shop.run(ORBITS)
        assert (again.count(Outcome.STAGED), again.count(Outcome.ALREADY)) == (1, 11)


@pytest.mark.parametrize("kind", ["reset", "unavailable", "server_error", "truncate"])
async def test_an_unreachable_station_is_not_nothing_found(box, workshop, kind):
    async with workshop(box) as shop:
        with box.faults.active(Fault(kind, "/auxip/search")), pytest.raises(UnreachableError):
            await shop.run(ORBITS)


@pytest.mark.parametrize("kind", ["bad_json", "forbidden", "error_page"])
async def test_neither_is_a_broken_or_refused_answer(box, workshop, kind):
    async with workshop(box) as shop:
        with box.faults.active(Fault(kind, "/auxip/search")), pytest.raises(EoError):
            await shop.run(ORBITS)


async def test_a_failing_asset_publishes_nothing_of_its_item(box, workshop):
    """A session has many chunks; one that is gone makes the whole session fail, and the others go on."""
    session, other = box.stations["cadip"].sessions[:2]
    chunk = session.chunks[3]
    async with workshop(box, "cadip") as shop:
        with box.faults.active(Fault("server_error", f"/cadip/Files({chunk.uuid})/$value")):
            report = await shop.run(SearchRequest())
        assert [record.item for record in report.failures] == [session.id]
        assert "500" in report.failures[0].reason
        assert await shop.catalog.get(PLACE.catalog_collection, session.id) is None
        staged = await shop.catalog.get(PLACE.catalog_collection, other.id)
        assert set(staged["assets"]) == {one.name for one in other.chunks}
        before = box.log.last
        again = await shop.run(SearchRequest())
        assert again.count(Outcome.STAGED) == 1
        # CADIP promises no checksums, and size alone is no proof: all chunks of the session come again.
        fetched = box.log.entries("/cadip/Files", since=before, status=200)
        assert {entry.path for entry in fetched} == {
            f"/cadip/Files({one.uuid})/$value" for one in session.chunks
        }
        assert {name: shop.files()[name].stat().st_size for name in staged["assets"]} == {
            one.name: one.size for one in other.chunks
        }
        assert shop.files()[chunk.name].stat().st_size == chunk.size


async def test_selected_assets_and_later_the_rest(box, workshop):
    session = box.stations["cadip"].sessions[0]
    first, rest = session.chunks[0], session.chunks[1:]
    only = SearchRequest(filter={"op": "=", "args": [{"property": "cadip:id"}, session.uuid]})
    async with workshop(box, "cadip", selected=[first.name]) as shop:
        assert (await shop.run(only)).count(Outcome.STAGED) == 1
        assert set(shop.files()) == {first.name}
    before = box.log.last
    async with workshop(box, "cadip") as shop:
        assert (await shop.run(only)).count(Outcome.STAGED) == 1
        record = await shop.catalog.get(PLACE.catalog_collection, session.id)
    assert set(record["assets"]) == {one.name for one in session.chunks}
    assert len(box.log.entries("/cadip/Files", since=before)) == len(rest)


async def test_a_plan_touches_nothing(box, workshop):
    before = box.log.last
    async with workshop(box) as shop:
        report = await shop.run(ORBITS, plan_only=True)
        assert await shop.catalog.collections() == []
    assert report.count(Outcome.PLANNED) == 12
    assert report.bytes_planned > 0
    assert not shop.root.exists()
    assert box.log.entries(DOWNLOADS, since=before) == []


async def test_valid_cover_at_a_station_that_is_strict(box, orbits, workshop):
    """A product whose validity begins exactly at the start is not missed."""
    product = orbits[sorted(orbits)[4]]
    asked = Interval(product.start, product.end)
    async with workshop(box) as shop:
        report = await shop.run(Wanted("AUX_POEORB", asked))
    same = {one.name for one in orbits.values() if (one.start, one.end) == (product.start, product.end)}
    assert product.name in same
    assert set(shop.files()) == same
    assert report.count(Outcome.STAGED) == len(same)
