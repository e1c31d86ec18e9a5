"""The async client against the sandbox's UP42, over HTTP."""

import pytest

from eoflows.base.errors import (
    AbsentError,
    CredentialsError,
    ForbiddenAddressError,
    OutcomeUnknownError,
    RefusedError,
    ThrottledError,
)
from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.up42.settings import Up42Settings
from eoflows.services.up42 import Cost, JobSorting, JobStatus

pytestmark = pytest.mark.anyio

PAN = "pansharpening"
EXECUTION = f"/up42/v2/processing/processes/{PAN}/execution"


@pytest.fixture
async def client(make_client):
    async with make_client() as opened:
        yield opened


async def test_from_a_process_to_its_results(client, up42, inputs):
    assert {one["id"] for one in await client.processes()} >= {PAN, "upsampling-ns"}
    process = await client.process(PAN)
    assert set(process["inputs"]) == {"title", "item", "greyWeights"}
    assert await client.eula(process)
    assert await client.check(PAN, inputs()) == frozenset()
    assert await client.estimate(PAN, inputs()) == Cost("area", 63, 15.8, "SQ_KM")
    assert up42.jobs.all == []
    job = await client.execute(PAN, inputs(), budget_id="large")
    assert (job.status, job.workspace_id) == (JobStatus.CREATED, up42.user().workspace)
    assert up42.jobs.get(job.id).budget == "large"
    up42.jobs.finish(job.id)
    job = await client.job(job.id)
    assert (job.status, job.credits, job.definition) == (JobStatus.CAPTURED, 63, {"inputs": inputs()})
    collection = await client.collection(job.collection_url)
    by_collection = [item async for page in client.results(job.id, job.collection_url) for item in page]
    by_job = [item async for page in client.results(job.id) for item in page]
    assert by_collection == by_job
    assert [item["collection"] for item in by_job] == [collection["id"]]


async def test_what_stands_in_a_jobs_way(client, up42, inputs):
    async def names(process=PAN, **changes):
        return [error.name for error in await client.check(process, inputs() | changes)]

    assert await names("no-such-process") == ["ProcessNotFound"]
    assert await names(title="") == ["InvalidSchema"]
    assert await names(title="t" * 251) == ["InvalidTitle"]
    assert await names(item=inputs(item=1)["item"]) == ["MissingPanchromaticAsset"]
    assert await names(item=inputs(item=2)["item"]) == ["UnsupportedCollection"]
    up42.terms.set_license(PAN, accepted=False)
    assert await names() == ["EulaNotAccepted"]
    with pytest.raises(RefusedError):
        await client.estimate(PAN, {})
    with pytest.raises(AbsentError):
        await client.validate("no-such-process", inputs())


async def test_an_estimate_is_of_its_moment(client, up42, inputs):
    before = await client.estimate(PAN, inputs())
    up42.terms.set_price(PAN, 10)
    after = await client.estimate(PAN, inputs())
    assert (before.credits, after.credits) == (63, 158)


@pytest.mark.parametrize(
    ("fault", "parameters", "error", "jobs"),
    [
        ("lost_answer", {}, OutcomeUnknownError, 1),
        ("unavailable", {"takes_effect": True}, OutcomeUnknownError, 1),
        ("unavailable", {}, OutcomeUnknownError, 0),
        ("reset", {"takes_effect": True}, OutcomeUnknownError, 1),
        ("bad_json", {}, OutcomeUnknownError, 1),
        ("error_page", {}, OutcomeUnknownError, 0),
        ("throttle", {}, ThrottledError, 0),
        ("forbidden", {}, CredentialsError, 0),
    ],
)
async def test_an_execution_is_sent_once_whatever_comes_back(
    box, client, up42, inputs, fault, parameters, error, jobs
):
    since = box.log.last
    with box.faults.active(Fault(fault, path=EXECUTION, parameters=parameters)), pytest.raises(error):
        await client.execute(PAN, inputs())
    assert len(up42.jobs.all) == jobs
    assert box.log.count(EXECUTION, since=since) == 1


async def test_all_jobs_are_listed_once_page_by_page(box, client, up42, inputs):
    made = [(await client.execute("upsampling-ns", inputs(f"{n}"))).id for n in range(130)]
    since = box.log.last
    jobs = client.jobs(workspace_id=up42.user().workspace)
    first = [(await anext(jobs)).id for _ in range(100)]
    assert box.log.count("/up42/v2/processing/jobs", since=since) == 1
    # One that is made meanwhile moves all others by one place.
    await client.execute("upsampling-ns", inputs("later"))
    found = first + [job.id async for job in jobs]
    assert found == made[::-1]


async def test_every_filter_and_order(client, up42, inputs):
    cheap = await client.execute("upsampling-ns-sentinel", inputs("cheap"))
    dear = await client.execute(PAN, inputs("dear"))
    failed = await client.execute(PAN, inputs("failed"))
    up42.jobs.redirect(failed.id, "licensed", "valid", "accepted", "running", "failed", "released")
    for job in (cheap, dear, failed):
        up42.jobs.finish(job.id)

    async def titles(**filters):
        return [job.definition["inputs"]["title"] async for job in client.jobs(**filters)]

    assert await titles() == ["failed", "dear", "cheap"]
    assert await titles(process_id=[PAN], sort_by=JobSorting.created.asc) == ["dear", "failed"]
    assert await titles(status=[JobStatus.RELEASED, JobStatus.INVALID]) == ["failed"]
    assert (await titles(sort_by=JobSorting.credits))[0] == "dear"
    assert await titles(min_duration=1000) == []
    assert len(await titles(min_duration=0, max_duration=1000)) == 3
    assert await titles(workspace_id=up42.user("colleague").workspace) == []


async def test_a_next_page_at_another_host_is_refused(make_client):
    settings = Up42Settings(next_link="elsewhere", page_size=1, max_page_size=1, requests_per_second=None)
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box:
        async with make_client(at=box) as client:
            item = box.up42.item_url(box.up42.sources()[0])
            for title in ("1", "2"):
                await client.execute(PAN, {"title": title, "item": item})
            jobs = client.jobs()
            with pytest.raises(ForbiddenAddressError, match="the next page is at"):
                await anext(jobs)
            assert not [one for one in box.log.entries("/up42/v2") if one.origin == "other"]


async def test_a_token_that_ends_is_renewed_once(client, up42, inputs):
    job = await client.execute(PAN, inputs())
    issued = up42.tokens.issued
    up42.tokens.expire_all()
    assert (await client.job(job.id)).id == job.id
    up42.tokens.expire_all()
    await client.execute(PAN, inputs("again"))
    assert up42.tokens.issued == issued + 2
    assert len(up42.jobs.titled("again")) == 1


async def test_clients_of_several_accounts_and_regions_live_side_by_side(box, make_client, inputs):
    async with make_client() as demo, make_client("colleague") as colleague, make_client("stranger") as other:
        job = await demo.execute(PAN, inputs())
        assert (await colleague.job(job.id)).id == job.id
        assert await colleague.workspace() != await demo.workspace()
        with pytest.raises(AbsentError):
            await other.job(job.id)
        async with make_client(region="sa") as south:
            assert [one async for one in south.jobs()] == []
            assert box.up42_regions["sa"].tokens.issued >= 1


async def test_a_wrong_password_is_tried_once(box, make_client):
    since = box.log.last
    async with make_client("nobody") as client:
        for _ in range(3):
            with pytest.raises(CredentialsError, match="refused this user and password"):
                await client.processes()
    assert box.log.count("/up42-auth", since=since) == 1


@pytest.mark.parametrize("digits", range(10))
async def test_times_have_any_number_of_digits(make_client, digits):
    settings = Up42Settings(fraction_digits=digits, requests_per_second=None)
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box:
        async with make_client(at=box) as client:
            item = box.up42.item_url(box.up42.sources()[0])
            job = await client.execute(PAN, {"title": "A title", "item": item})
            true = box.up42.jobs.get(job.id).created
            assert job.created.utcoffset().total_seconds() == 0
            assert 0 <= (true - job.created).total_seconds() < 10.0 ** -min(digits, 6)
