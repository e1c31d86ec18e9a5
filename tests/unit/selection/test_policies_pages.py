"""An answer that missing pages could change is an error, and nothing is chosen from what came."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from policy_oracle import P
from policy_products import STEP, item, moment

from eoflows.base.errors import InvalidInputError, TruncatedError, UnreachableError
from eoflows.base.times import Interval
from eoflows.products.selection import POLICIES, PolicyName, Selection, Wanted, complete_pages, partial_pages
from eoflows.products.staging import ItemPlan, ItemRecord, Outcome, StagingReport, stage_pages

pytestmark = pytest.mark.anyio
Page = list[dict[str, Any]]
WANTED = Wanted(
    "AUX_POEORB", Interval(moment(4 * STEP), moment(6 * STEP)), policy=PolicyName.LATEST_VAL_COVER
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def items(count: int) -> Page:
    return [item(P(f"P{number}", 0, 9 * STEP, number * STEP)) for number in range(count)]


async def pages(found: Page, fails: BaseException | None = None) -> AsyncIterator[Page]:
    for first in range(0, len(found), 2):
        yield found[first : first + 2]
    if fails:
        raise fails


class Stager:
    """Plans and stages everything, and remembers what."""

    def __init__(self) -> None:
        self.staged: list[str] = []

    async def plan(
        self, batch: Sequence[dict[str, Any]], twins: Any
    ) -> tuple[list[ItemPlan], list[ItemRecord]]:
        return [ItemPlan(one, (), (), "not in the catalogue") for one in batch], []

    async def stage(self, batch: Sequence[ItemPlan]) -> list[ItemRecord]:
        self.staged += [plan.item["id"] for plan in batch]
        return [ItemRecord(plan.item["id"], Outcome.STAGED, "not in the catalogue") for plan in batch]


async def run(found: AsyncIterator[Page], **options: Any) -> tuple[Stager, StagingReport]:
    stager, report = Stager(), StagingReport()
    await stage_pages(found, stager, report, chooser=Selection(WANTED), **options)  # type: ignore[arg-type]
    return stager, report


async def test_one_is_staged_and_the_rest_is_passed_over_each_with_its_reason():
    stager, report = await run(pages(items(5)))
    assert stager.staged == ["P4"]
    assert report.summary()["passed_over"] == 4
    (winner,) = [record for record in report.others if record.outcome is Outcome.STAGED]
    assert winner.reason.startswith("not in the catalogue; LatestValCover: validity")
    assert all("latest created is P4" in r.reason for r in report.others if r is not winner)


async def test_a_plan_says_why_too():
    stager, report = await run(pages(items(3)), plan_only=True)
    assert not stager.staged
    (planned,) = [record for record in report.others if record.outcome is Outcome.PLANNED]
    assert "latest created of 3 that fit" in planned.reason


async def test_a_search_that_fails_chooses_nothing():
    """The two pages that came have a best product; the one that did not come may have a better."""
    stager = Stager()
    with pytest.raises(UnreachableError, match="gone"):
        await stage_pages(
            pages(items(4), UnreachableError("gone")),
            stager,  # type: ignore[arg-type]
            StagingReport(),
            chooser=Selection(WANTED),
        )
    assert not stager.staged


@pytest.mark.parametrize("limit", [1, 3, 4])
async def test_a_limit_that_was_reached_is_an_error(limit: int):
    with pytest.raises(InvalidInputError, match=f"its limit of {limit} items"):
        await run(complete_pages(pages(items(limit)), limit))


async def test_a_source_that_cut_its_answer_chooses_nothing():
    stager, report = Stager(), StagingReport()
    cut = complete_pages(pages(items(4), TruncatedError("6 match")), None)
    with pytest.raises(TruncatedError, match="6 match"):
        await stage_pages(cut, stager, report, chooser=Selection(WANTED))  # type: ignore[arg-type]
    assert not stager.staged


async def test_what_came_of_a_cut_answer_is_staged_where_each_product_is_looked_at_alone():
    stager, report = Stager(), StagingReport()
    every = Selection(Wanted("AUX_POEORB", WANTED.interval))
    cut = partial_pages(pages(items(4), TruncatedError("6 match")), report.was_cut)
    await stage_pages(cut, stager, report, chooser=every)  # type: ignore[arg-type]
    assert stager.staged == ["P0", "P1", "P2", "P3"]
    assert report.summary()["cut"] == "6 match"


def test_policies_that_rank_are_those_that_keep_the_best():
    every = {PolicyName.VAL_COVER, PolicyName.VAL_INTERSECT}
    assert {name for name, policy in POLICIES.items() if not policy.ranks} == every


@pytest.mark.parametrize("limit", [None, 5])
async def test_a_limit_that_was_not_reached_is_none(limit: int | None):
    stager, _ = await run(complete_pages(pages(items(4)), limit))
    assert stager.staged == ["P3"]


async def test_an_item_that_cannot_be_read_fails_and_the_others_compete():
    broken = items(1)[0] | {"id": "broken"}
    broken["properties"] = broken["properties"] | {"start_datetime": "soon"}
    stager, report = await run(pages([broken, *items(2)]))
    assert stager.staged == ["P1"]
    assert [record.item for record in report.failures] == ["broken"]
