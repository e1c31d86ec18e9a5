import anyio
import pytest
from staging_items import FakeStager, item

from eoflows.base.errors import InvalidInputError, UnreachableError
from eoflows.products.staging import Outcome, StagingReport, stage_pages
from eoflows.products.staging.pipeline import PipelineSettings

pytestmark = pytest.mark.anyio

SETTINGS = PipelineSettings(batch=4, batches=2, pages=1)


class Search:
    """Pages of numbered items; counts what it was asked for."""

    def __init__(self, pages: int, size: int, error: Exception | None = None) -> None:
        self.pages, self.size, self.error = pages, size, error
        self.given = 0

    async def __call__(self):
        for number in range(self.pages):
            self.given += 1
            yield [item(f"i{number * self.size + place}") for place in range(self.size)]
            await anyio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error


async def run(search: Search, stager: FakeStager, report: StagingReport, **options) -> None:
    await stage_pages(search(), stager, report, settings=SETTINGS, **options)


@pytest.mark.parametrize(
    ("pages", "size", "full"), [(1, 1, 0), (1, 4, 1), (3, 3, 2), (2, 25, 12), (10, 1, 2), (0, 0, 0)]
)
async def test_every_item_is_staged_once_in_batches(pages, size, full):
    stager, report = FakeStager(), StagingReport()
    await run(Search(pages, size), stager, report)
    staged = [name for batch in stager.batches for name in batch]
    assert sorted(staged) == sorted(f"i{number}" for number in range(pages * size))
    assert [len(batch) for batch in stager.batches].count(4) == full
    assert all(1 <= len(batch) <= 4 for batch in stager.batches)
    assert report.count(Outcome.STAGED) == pages * size


async def test_a_slow_destination_stops_the_search():
    stager, report, search = FakeStager(), StagingReport(), Search(1000, 4)
    stager.gate = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(run, search, stager, report)
        await anyio.wait_all_tasks_blocked()
        # Two in work, one ready, one waiting to be, two pages read ahead: and no more.
        assert search.given <= 8
        assert len(stager.batches) == 2
        search.pages = search.given
        stager.gate.set()
    assert report.count(Outcome.STAGED) == search.given * 4
    assert stager.most_at_once == 2


async def test_a_page_that_fails_raises_that_very_error():
    error = UnreachableError("the station is down")
    with pytest.raises(UnreachableError) as caught:
        await run(Search(3, 4, error), FakeStager(), StagingReport())
    assert caught.value is error


async def test_a_batch_that_fails_raises_that_very_error_and_ends_the_search():
    stager, search = FakeStager(), Search(1000, 4)
    stager.error = OSError("no space")
    with pytest.raises(OSError, match="no space") as caught:
        await run(search, stager, StagingReport())
    assert caught.value is stager.error
    assert search.given < 20


async def test_known_items_are_not_staged():
    stager, report = FakeStager(), StagingReport()
    stager.known = {f"i{number}" for number in range(0, 20, 2)}
    await run(Search(5, 4), stager, report)
    assert report.count(Outcome.ALREADY) == report.count(Outcome.STAGED) == 10
    assert not stager.known & {name for batch in stager.batches for name in batch}


async def test_a_plan_stages_nothing():
    stager, report = FakeStager(), StagingReport()
    await run(Search(5, 4), stager, report, plan_only=True)
    assert stager.batches == []
    assert report.count(Outcome.PLANNED) == 20
    assert report.bytes_planned == 140
    assert report.bytes_staged == 0


async def test_a_judge_passes_over_and_a_broken_item_fails_alone():
    def judge(one):
        number = int(one["id"][1:])
        if number == 3:
            raise InvalidInputError("its time is no time")
        return number % 2 == 1, "even"

    stager, report = FakeStager(), StagingReport()
    await run(Search(2, 4), stager, report, judge=judge)
    assert sorted(name for batch in stager.batches for name in batch) == ["i1", "i5", "i7"]
    assert report.count(Outcome.PASSED_OVER) == 4
    assert [(record.item, record.reason) for record in report.failures] == [("i3", "its time is no time")]


async def test_another_stage_takes_the_place_of_the_stagers():
    stager, report, seen = FakeStager(), StagingReport(), []

    async def stage(batch):
        seen.append(len(batch))
        return await stager.stage(batch)

    await run(Search(2, 4), stager, report, stage=stage)
    assert seen == [4, 4]


async def test_cancelling_ends_everything():
    stager, report = FakeStager(), StagingReport()
    stager.gate = anyio.Event()
    with anyio.move_on_after(0.05) as scope:
        await run(Search(1000, 4), stager, report)
    assert scope.cancelled_caught
    assert report.found == 0
