"""One product in two collections of its source: staged once; two products of one id: an error."""

import hashlib
from typing import Any

import pytest
from staging_items import item

from eoflows.products.staging import ItemRecord, Outcome, Place, Stager, StagingReport, stage_pages
from eoflows.stores.storage import LocalStorage

pytestmark = pytest.mark.anyio


class EmptyCatalog:
    async def known(self, collection: str, ids: Any) -> dict[str, Any]:
        return {}


def product(collection: str, body: str | None = "body") -> dict[str, Any]:
    promise = {} if body is None else {"file:size": len(body), "file:checksum": md5(body)}
    asset = {"href": "https://station.example/P1", **promise}
    return item("P1") | {"collection": collection, "assets": {"P1.EOF": asset}}


def md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


async def outcomes(tmp_path, *pages: list[dict[str, Any]]) -> tuple[list[list[str]], list[ItemRecord]]:
    """Stage pages of a search; give what was staged, and all records."""
    stager = Stager(Place("me", "aux"), EmptyCatalog(), LocalStorage(tmp_path), None)  # type: ignore[arg-type]
    staged: list[list[str]] = []

    async def search():
        for page in pages:
            yield page

    async def stage(batch):
        staged.append([plan.item["collection"] for plan in batch])
        return [ItemRecord(plan.item["id"], Outcome.STAGED) for plan in batch]

    report = StagingReport()
    await stage_pages(search(), stager, report, stage=stage)
    return staged, [*report.failures, *report.others]


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("second", ["body", None])
async def test_the_same_product_is_staged_once(tmp_path, apart, second):
    twins = [product("s1-aux"), product("adgs", second)]
    staged, records = await outcomes(tmp_path, *([[one] for one in twins] if apart else [twins]))
    assert staged == [["s1-aux"]]
    assert {record.outcome for record in records} == {Outcome.PASSED_OVER, Outcome.STAGED}
    (twin,) = [record for record in records if record.outcome is Outcome.PASSED_OVER]
    assert "another collection than 'adgs'" in twin.reason


@pytest.mark.parametrize("apart", [False, True])
async def test_two_products_of_one_id_are_an_error(tmp_path, apart):
    twins = [product("s1-aux"), product("adgs", "ydob")]
    staged, records = await outcomes(tmp_path, *([[one] for one in twins] if apart else [twins]))
    assert staged == [["s1-aux"]]
    assert [record.outcome for record in records] == [Outcome.FAILED, Outcome.STAGED]
    assert "other sizes or checksums" in records[0].reason
    assert "'adgs'" in records[0].reason
