"""What expires, and that a run which is killed at any point is completed by the next."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from upkeep_world import BEGIN, PLACE, MakingStager, product

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import format_utc
from eoflows.products.expiry import Expirer, Reason, Rules, plan_expiry
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.storage import LocalStorage

pytestmark = pytest.mark.anyio
COLLECTION = PLACE.catalog_collection
NOW = BEGIN + timedelta(days=40)


async def planned(catalog: LocalCatalog, rules: Rules, now: datetime = NOW) -> dict[str, Reason]:
    return {
        one.item: one.reason async for page in plan_expiry(catalog, COLLECTION, rules, now) for one in page
    }


def orbit(generation: str, start: datetime, **properties: Any) -> dict[str, Any]:
    span = f"V{start:%Y%m%dT%H%M%S}_{start + timedelta(hours=1):%Y%m%dT%H%M%S}"
    name = f"S1A_OPER_AUX_RESORB_OPOD_{generation}_{span}"
    return product(name, start, **{"product:type": "AUX_RESORB", "platform": "sentinel-1a"}, **properties)


async def test_age_is_counted_from_a_time_of_the_item(tmp_path: Path) -> None:
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        await catalog.upsert(COLLECTION, [product(f"P{n}", BEGIN + timedelta(days=n)) for n in range(20)])
        found = await planned(catalog, Rules(timedelta(days=30)))
        assert found == {f"P{n}": Reason.AGE for n in range(10)}
        assert await planned(catalog, Rules(timedelta(days=30), "updated")) == {}


async def test_superseded_is_decided_by_the_generation_not_by_publication(tmp_path: Path) -> None:
    early, late = orbit("20260301T050000", BEGIN), orbit("20260301T070000", BEGIN)
    early["properties"]["published"] = format_utc(BEGIN + timedelta(days=9))
    twin = orbit("20260301T060000", BEGIN)
    twin["properties"]["platform"] = "sentinel-1c"
    other = orbit("20260301T040000", BEGIN + timedelta(hours=1))
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        await catalog.upsert(COLLECTION, [early, late, twin, other])
        assert await planned(catalog, Rules(superseded=True)) == {early["id"]: Reason.SUPERSEDED}


async def test_evicted_when_all_assets_are_or_the_item_expires(tmp_path: Path) -> None:
    whole, half, open_end = (product(name, BEGIN) for name in ("WHOLE", "HALF", "OPEN"))
    for item, end in ((whole, NOW), (half, NOW), (open_end, None)):
        (asset,) = item["assets"].values()
        asset["eviction_datetime"] = format_utc(end) if end else "9999-12-31T23:59:59.999Z"
    half["assets"]["more"] = {"href": "https://station.example/more"}
    stated = product("STATED", BEGIN, expires=format_utc(NOW))
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        await catalog.upsert(COLLECTION, [whole, half, open_end, stated])
        found = await planned(catalog, Rules(evicted=True))
        assert found == {"WHOLE": Reason.EVICTED, "STATED": Reason.EVICTED}
        assert await planned(catalog, Rules(evicted=True), NOW - timedelta(seconds=1)) == {}


def test_no_rule_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="no rule"):
        Rules()


async def test_expired_items_stay_without_assets_and_objects(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        await MakingStager(catalog, storage).stage_all([product("P1", BEGIN), product("P2", BEGIN)])
        expirer = Expirer(catalog, storage, PLACE, lambda: NOW)
        assert await expirer.expire(["P1"]) == 1
        record = await catalog.get(COLLECTION, "P1")
        assert record is not None
        assert record["assets"] == {}
        assert record["properties"]["unpublished"] == format_utc(NOW)
        assert "expiry:removing" not in record["properties"]
        assert [one.key async for page in storage.list() for one in page] == ["demo/aux/P2/P2.EOF"]
        assert await planned(catalog, Rules(timedelta(days=1))) == {"P2": Reason.AGE}
        assert await expirer.expire(["P1"]) == 0


class KilledError(BaseException):
    """Stands for kill -9."""


@pytest.mark.parametrize("lives", range(1, 8))
async def test_killed_at_any_write_the_next_run_completes_it(tmp_path: Path, lives: int) -> None:
    storage, left = LocalStorage(tmp_path / "storage"), lives

    class Mortal:
        """Hands calls on until its lives are used up."""

        def __init__(self, real: Any, *deadly: str) -> None:
            self._real, self._deadly = real, deadly

        def __getattr__(self, name: str) -> Any:
            nonlocal left
            if name in self._deadly:
                left -= 1
                if left == 0:
                    raise KilledError
            return getattr(self._real, name)

    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        names = [f"P{n}" for n in range(5)]
        await MakingStager(catalog, storage).stage_all([product(name, BEGIN) for name in names])
        mortal = Expirer(Mortal(catalog, "upsert"), Mortal(storage, "delete"), PLACE, lambda: NOW)  # type: ignore[arg-type]
        try:
            await mortal.expire(names)
            assert lives > 6
        except KilledError:
            stored = [one.key async for page in storage.list() for one in page]
            for record in await catalog.get_many(COLLECTION, names):
                hrefs = {asset["href"] for asset in record["assets"].values()}
                assert hrefs <= {storage.href(key) for key in stored}
        expirer = Expirer(catalog, storage, PLACE, lambda: NOW)
        left_over = [one.item for one in await expirer.unfinished()]
        fresh = await planned(catalog, Rules(timedelta(days=1)))
        await expirer.expire(sorted({*left_over, *fresh}))
        assert [one.key async for page in storage.list() for one in page] == []
        assert all(
            record["properties"]["unpublished"] and not record["assets"]
            for record in await catalog.get_many(COLLECTION, names)
        )
        assert await expirer.unfinished() == []


async def test_item_that_is_staged_again_meanwhile_keeps_its_objects(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        stager, item = MakingStager(catalog, storage), product("P1", BEGIN)
        await stager.stage_all([item])

        class Restaging:
            def __getattr__(self, name: str) -> Any:
                return getattr(catalog, name)

            async def upsert(self, collection: str, items: Any) -> None:
                await catalog.upsert(collection, items)
                await stager.stage_all([item])

        expirer = Expirer(Restaging(), storage, PLACE, lambda: NOW)  # type: ignore[arg-type]
        assert await expirer.expire(["P1"]) == 0
        assert await storage.stat("demo/aux/P1/P1.EOF")
