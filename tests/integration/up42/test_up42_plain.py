"""The reference document's names in plain code, against the sandbox's UP42."""

import inspect
from datetime import UTC, datetime

import pystac
import pytest

from eoflows.base.errors import AbsentError, BudgetError, InvalidInputError, OutcomeUnknownError, RefusedError
from eoflows.sandbox import Fault
from eoflows.sandbox.up42.schedule import Rule
from eoflows.services.up42 import (
    Job,
    JobSorting,
    JobStatus,
    MultiItemJobTemplate,
    SingleItemJobTemplate,
    UnfinishedJob,
    ValidationError,
    initialize_asset,
    processing_templates,
    template_of,
)
from eoflows.services.up42.templates import NAMED

CAPTURED = ("licensed", "valid", "accepted", "running", "successful", "captured")
JOBS = "/up42/v2/processing/jobs"


@pytest.fixture
def client(make_client):
    with make_client() as opened:
        yield opened


@pytest.fixture
def items(client, up42):
    """All items bought, from storage."""
    ids = dict.fromkeys(source.own["up42-system:asset_id"] for source in up42.sources())
    return [item for asset_id in ids for item in initialize_asset(asset_id).stac_items]


@pytest.fixture
def pan(items):
    def make(title="A title", item=0, **more):
        return processing_templates.Pansharpening(title=title, item=items[item], **more)

    return make


class Waits:
    """Notes how long it was to wait, and does not."""

    def __init__(self, then=lambda: None):
        self.waited, self._then = [], then

    async def __call__(self, seconds):
        self.waited.append(seconds)
        self._then()


def test_the_documents_own_example(client, up42, items):
    template = processing_templates.DetectionTreesSpacept(title="Detect trees over UK", item=items[0])
    assert template.is_valid
    assert template.errors == set()
    assert template.cost <= 100
    assert template.workspace_id == up42.user().workspace
    job = template.execute()
    assert (job.process_id, job.status) == ("detection-trees-spacept", JobStatus.CREATED)
    assert Job.get(id=job.id).id == Job.get(job.id).id == Job.get(job_id=job.id).id == job.id
    job = Job.get(job.id)
    assert job.track(wait=0) is None
    assert (job.status, job.credits) == (JobStatus.CAPTURED, template.cost.credits)
    assert datetime(2020, 1, 1, tzinfo=UTC) < job.created <= job.started <= job.finished <= job.updated
    collection = job.collection()
    assert isinstance(collection, pystac.Collection)
    assert collection.title == "Detect trees over UK"
    assert job.collection_url.endswith(collection.id)
    (result,) = job.items()
    assert isinstance(result, pystac.Item)
    assert set(result.assets) == {"data", "metadata"}
    assert [one.id for one in Job.all(max_duration=500, sort_by=JobSorting.process_id)] == [job.id]


def test_an_asset_may_have_several_items_or_none(client, up42):
    several = initialize_asset(up42.sources()[3].own["up42-system:asset_id"]).stac_items
    assert isinstance(several, pystac.ItemCollection)
    assert [item.get_self_href() for item in several] != []
    assert len(several) == 2
    assert len(initialize_asset(asset_id="68567134-27ad-7bd7-4b65-d61adb11fc78").stac_items) == 0


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_named_template(client, up42, items, name):
    made = getattr(processing_templates, name)
    values = {one.attribute: items[0] for one in NAMED[name].inputs if one.kind == "item"}
    template = made(title="A title", **values)
    assert (template.errors, template.process_id) == (set(), NAMED[name].process_id)
    job = template.execute()
    up42.jobs.finish(job.id)
    assert Job.get(job.id).credits == template.cost.credits
    assert name in processing_templates.__all__
    assert made.__module__ == processing_templates.__name__
    assert list(inspect.signature(made).parameters)[: len(NAMED[name].inputs)] == [
        one.attribute for one in NAMED[name].inputs
    ]


def test_a_process_of_tomorrow_needs_no_code(client, items):
    mosaic = template_of("mosaicking-sandbox")
    assert issubclass(mosaic, MultiItemJobTemplate)
    template = mosaic(title="A mosaic", items=items[:2])
    assert template.inputs == {"title": "A mosaic", "items": [item.get_self_href() for item in items[:2]]}
    assert template.execute().process_id == "mosaicking-sandbox"
    with pytest.raises(AbsentError):
        template_of("no-such-process")


def test_a_class_of_ones_own(client, items):
    class Unknown(SingleItemJobTemplate):
        process_id = "no-such-process"

    template = Unknown("A title", items[0])
    assert not template.is_valid
    assert {error.name for error in template.errors} == {"ProcessNotFound"}


def test_an_invalid_template_is_not_executed(client, up42, pan):
    template = pan(item=1)
    assert template.errors == {
        ValidationError("The panchromatic band is missing.", "MissingPanchromaticAsset")
    }
    with pytest.raises(InvalidInputError, match="no cost: MissingPanchromaticAsset"):
        _ = template.cost
    with pytest.raises(InvalidInputError, match="not executed: MissingPanchromaticAsset"):
        template.execute()
    assert up42.jobs.all == []
    with pytest.raises(InvalidInputError, match="has no self href"):
        processing_templates.UpsamplingNS(
            title="x", item=pystac.Item("i", None, None, datetime(2025, 1, 1, tzinfo=UTC), {})
        )


def test_the_cost_is_of_construction_and_the_limit_of_execution(client, up42, pan):
    template = pan()
    up42.terms.set_price("pansharpening", 10)
    assert template.cost.credits == 63
    with pytest.raises(BudgetError, match="costs 158 credits, at most 100 are allowed"):
        template.execute(max_credits=100)
    assert up42.jobs.all == []
    assert template.execute(max_credits=158, budget_id="large").credits is None
    with pytest.raises(RefusedError):
        template.execute(budget_id="no-such-budget")
    assert [job.budget for job in up42.jobs.all] == ["large"]


def test_a_lost_answer_is_told(box, client, up42, pan):
    template = pan("lost")
    path = "/up42/v2/processing/processes/pansharpening/execution"
    with (
        box.faults.active(Fault("lost_answer", path=path)),
        pytest.raises(OutcomeUnknownError, match="'lost'"),
    ):
        template.execute()
    assert [job.definition["inputs"]["title"] for job in Job.all("pansharpening")] == ["lost"]


@pytest.mark.parametrize(
    ("path", "status", "polls"),
    [
        (CAPTURED, "captured", 6),
        (("licensed", "valid", "accepted", "running", "failed", "released"), "released", 6),
        (("unlicensed",), "unlicensed", 1),
        (("licensed", "invalid"), "invalid", 2),
        (("licensed", "valid", "rejected"), "rejected", 3),
        (("licensed", "paused", "running", "successful", "captured"), "captured", 5),
    ],
)
def test_tracking_ends_at_every_terminal_status(box, client, up42, pan, path, status, polls):
    job = pan().execute()
    up42.jobs.redirect(job.id, *path)
    since, waits = box.log.last, Waits()
    job.track(wait=7, retries=polls, sleep=waits)
    assert (job.status, box.log.count(JOBS, since=since)) == (status, polls)
    assert waits.waited == [7] * (polls - 1)


def test_tracking_ends_where_the_service_stops_at_successful(make_client, up42, items, pan):
    job = pan().execute()
    up42.jobs.redirect(job.id, *CAPTURED[:-1])
    with pytest.raises(UnfinishedJob, match="is successful after 10 polls"):
        job.track(wait=0, retries=10)
    with make_client(settle=0) as hasty:
        once_more = Job.get(job.id, client=hasty)
        # The service's `Date` has no fractions of a second.
        once_more.track(wait=1, retries=5)
        assert (once_more.status, once_more.credits) == (JobStatus.SUCCESSFUL, None)
        assert once_more.collection() is not None


def test_tracking_counts_polls(box, client, up42, pan):
    job = pan().execute()
    up42.jobs.redirect(job.id)
    since = box.log.last
    with pytest.raises(UnfinishedJob, match="is created after 3 polls"):
        job.track(wait=60, retries=3, sleep=Waits())
    assert box.log.count(JOBS, since=since) == 3
    assert inspect.signature(Job.track).parameters["retries"].default == 4320


def test_tracking_survives_a_service_that_does_not_answer(box, client, up42, pan):
    job = pan().execute()
    waits = Waits(box.faults.clear)
    box.faults.add(Fault("unavailable", path=JOBS, parameters={"retry_after": 120}))
    job.track(wait=60, sleep=waits)
    assert job.status == JobStatus.CAPTURED
    assert waits.waited[0] == 120
    assert set(waits.waited[1:]) == {60}


def test_tracking_a_job_that_is_not_there(client, up42, pan):
    job = pan().execute()
    up42.reset()
    with pytest.raises(AbsentError):
        job.track(wait=0)


def test_validation_errors_of_a_job(client, up42, pan):
    template = pan()
    up42.terms.set_rules(Rule(errors=(("InvalidTitle", "title is too long"),)))
    job = template.execute()
    job.track(wait=0)
    assert job.status == JobStatus.INVALID
    assert job.errors == [ValidationError("title is too long", "InvalidTitle")]
    assert (job.collection_url, job.collection(), job.credits) == (None, None, None)


def test_jobs_are_listed_lazily_with_one_or_several_names(box, client, up42, pan):
    jobs = [pan(title).execute() for title in ("a", "b")]
    assert [job.id for job in Job.all("pansharpening")] == [jobs[1].id, jobs[0].id]
    assert list(Job.all(["upsampling-ns"])) == list(Job.all(status=[])) == []
    since = box.log.last
    listed = Job.all(status=[JobStatus.CREATED])
    assert box.log.count(JOBS, since=since) == 0
    assert next(listed) == jobs[1]


def test_which_client_is_used(make_client, up42, inputs):
    with pytest.raises(InvalidInputError, match="no Up42Client is open here"):
        Job.get("x")
    outer, inner = make_client("demo"), make_client("stranger")
    with outer, inner:
        with pytest.raises(InvalidInputError, match="0 ids are given"):
            Job.get()
        with pytest.raises(InvalidInputError, match="2 ids are given"):
            Job.get("x", id="x")
        (mine,) = initialize_asset(up42.sources()[0].own["up42-system:asset_id"], client=outer).stac_items
        template = processing_templates.Pansharpening(title="mine", item=mine, client=outer)
        job = template.execute()
        assert job.client is outer
        with pytest.raises(AbsentError):
            Job.get(job.id)
        assert next(Job.all(client=outer)).id == job.id
        job.track(wait=0)
        assert job.status == JobStatus.CAPTURED
        assert processing_templates.Pansharpening(title="theirs", item=mine).errors != set()


@pytest.mark.anyio
async def test_plain_calls_work_where_a_loop_runs(make_client, up42, inputs):
    async with make_client() as awaited:
        job = await awaited.execute("pansharpening", inputs())
        with pytest.raises(InvalidInputError, match="opened with `async with`"):
            Job.get(job.id, client=awaited)
        with make_client():
            found = Job.get(job.id)
            found.track(wait=0)
        assert (await awaited.job(job.id)).status == found.status == JobStatus.CAPTURED
