"""The flows of remote jobs, against the sandbox's made-up service."""

import json
from uuid import uuid4

import pytest
from flow_runs import run

from eoflows.flows.cancel_jobs import cancel_jobs
from eoflows.flows.collect_jobs import collect_jobs
from eoflows.flows.resolve_job import resolve_job
from eoflows.flows.run_job import run_job
from eoflows.flows.set_budget import set_budget
from eoflows.flows.show_jobs import show_jobs
from eoflows.flows.track_jobs import track_jobs
from eoflows.sandbox.faults import Fault
from eoflows.services.dummy import DummyRequest

pytestmark = pytest.mark.anyio
INPUTS, NONE = "dummy-server/sandbox-inputs", "dummy-server/sandbox-none"


def request(**inputs) -> DummyRequest:
    return DummyRequest(inputs={"test": uuid4().hex, **inputs})


def made(place, kind: str, asked: DummyRequest) -> int:
    return sum(job.inputs == asked.inputs for job in place.box.dummy.jobs(f"{kind}-sandbox"))


def files(place) -> list[str]:
    return [path.name for path in (place.state / "storage/jobs").rglob("*") if path.is_file()]


async def test_a_job_is_made_followed_and_fetched_and_made_once(place):
    asked = [request(seconds=1, size=100), request()]
    done = await run(run_job, asked, INPUTS, ledger="sandbox")
    assert (done.state.name, done.state.message) == ("Completed", "2 succeeded")
    assert files(place) == ["result.bin", "result.bin"]
    assert done.artifacts["jobs-progress"]["data"] == 100.0
    assert {row["phase"] for row in done.artifacts["jobs"]["data"]} == {"succeeded"}
    assert {row["files"] for row in done.artifacts["jobs"]["data"]} == {1}
    assert set(done.artifacts) == {"jobs", "jobs-progress", "jobs-results"}
    result = await done.result()
    assert len(result["outputs"]) == 2

    again = await run(run_job, asked, INPUTS, ledger="sandbox")
    assert again.state.message == "2 succeeded"
    assert [made(place, "inputs", one) for one in asked] == [1, 1]


async def test_what_outlives_the_bound_is_the_trackers(place):
    asked = request(seconds=2)
    done = await run(run_job, [asked], INPUTS, ledger="sandbox", wait_seconds=0)
    assert done.state.name == "StillRunning"
    assert "track-jobs follows" in done.state.message

    ended = 0
    while not ended:
        ended = await (await run(track_jobs, "sandbox")).result()
    fetched = await run(collect_jobs, "sandbox")
    assert fetched.state.message == "1 fetched: 1 files, 10 B."
    assert files(place) == ["result.bin"]
    assert (await run(collect_jobs, "sandbox")).state.message == "0 fetched: 0 files, 0 B."


async def test_failed_and_refused_jobs_are_no_success(place):
    good, failing, refused = request(), request(outcome="failed"), request(refuse=True)
    done = await run(run_job, [good, failing, refused], INPUTS, ledger="sandbox")
    assert (done.state.type.value, done.state.name) == ("FAILED", "Partial")
    rows = {row["phase"]: row for row in done.artifacts["jobs"]["data"]}
    assert set(rows) == {"succeeded", "failed", "rejected"}
    assert "as they ask to be" in rows["rejected"]["message"]
    assert files(place) == ["result.bin"]


async def test_an_unknown_outcome_waits_for_a_person_and_is_adopted(place):
    asked = request()
    with place.box.faults.active(Fault("lost_answer", path="/dummy/none-sandbox/jobs", method="POST")):
        done = await run(run_job, [asked], NONE, ledger="sandbox")
    assert done.state.name == "OutcomeUnknown"
    (row,) = done.artifacts["jobs"]["data"]
    assert row["phase"] == "unknown"

    again = await run(run_job, [asked], NONE, ledger="sandbox")
    assert again.state.name == "OutcomeUnknown"
    assert made(place, "none", asked) == 1

    (job,) = [one for one in place.box.dummy.jobs("none-sandbox") if one.inputs == asked.inputs]
    wrong = await run(resolve_job, row["job"], "adopt", "ada", "seen in the UI", "job-nowhere", "sandbox")
    assert wrong.state.is_failed()
    right = await run(resolve_job, row["job"], "adopt", "ada", "seen in the UI", job.id, "sandbox")
    assert await right.result() == "succeeded"
    assert (await run(run_job, [asked], NONE, ledger="sandbox")).state.message == "1 succeeded"
    assert made(place, "none", asked) == 1


async def test_jobs_are_cancelled_and_shown(place):
    asked = [request(seconds=600), request(seconds=600)]
    started = await run(run_job, asked, INPUTS, ledger="sandbox", wait_seconds=0)
    jobs = [row["job"] for row in started.artifacts["jobs"]["data"]]
    done = await run(cancel_jobs, "sandbox", jobs)
    assert done.state.message == "2 cancelled"
    shown = await run(show_jobs, "sandbox")
    assert {row["phase"] for row in shown.artifacts["jobs"]["data"]} == {"cancelled"}
    nothing = await run(cancel_jobs, "sandbox")
    assert "which jobs?" in nothing.state.message


async def test_budgets_are_set_and_shown(place):
    assert await (await run(set_budget, "spring", 100, "month", "sandbox")).result() == 100
    shown = await run(show_jobs, "sandbox")
    assert shown.artifacts["budgets"]["data"][0]["left"] == 100


async def test_a_missing_block_is_named(place):
    done = await run(track_jobs, "nowhere")
    assert "there is no Job Ledger block named 'nowhere'" in done.state.message
    done = await run(run_job, [request()], "dummy-server/nowhere", ledger="sandbox")
    assert "named 'nowhere'" in done.state.message
    assert "nowhere" in json.dumps(done.state.message)
