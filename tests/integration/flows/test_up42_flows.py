"""The flows of UP42, against its stand-in. Approval needs a worker: see the deployed tests."""

from collections import Counter
from typing import Any

import anyio
import pytest
from flow_runs import run, sandbox_parameters

from eoflows.flows.estimate_up42_job import estimate_up42_job
from eoflows.flows.list_up42_jobs import list_up42_jobs
from eoflows.flows.run_up42_job import run_up42_job
from eoflows.flows.track_jobs import track_jobs
from eoflows.jobs.ledger import Balance, JobFilter, Ledger
from eoflows.jobs.models import Phase
from eoflows.sandbox.faults import Fault
from eoflows.tasks.up42 import Decision

pytestmark = pytest.mark.anyio
SERVER = "up42-credentials/sandbox"
TREES = "detection-trees-spacept"
EXECUTION = f"/up42/v2/processing/processes/{TREES}/execution"


def options(**more: Any) -> dict[str, Any]:
    return {"server": SERVER, "ledger": "sandbox", "approval": "never", **more}


def hrefs(place, *numbers: int) -> list[str]:
    region = place.box.up42
    sources = region.sources("demo")
    return [region.item_url(sources[number]) for number in numbers]


def ledger(place) -> Ledger:
    return Ledger(str(place.state / "ledger.sqlite"), create=True)


async def balance(place, name: str) -> Balance:
    async with ledger(place) as opened:
        return await opened.balance(name)


async def test_items_are_priced_and_nothing_is_sent(place):
    done = await run(estimate_up42_job, TREES, item_hrefs=hrefs(place, 0, 2), server=SERVER)
    price = await done.result()
    assert price > 0
    rows = done.artifacts["up42-estimate"]["data"]
    assert sum(int(row["estimated"]) for row in rows if row["estimated"]) >= price
    assert place.box.up42.jobs.all == []


async def test_jobs_are_made_paid_and_fetched_once(place):
    asked = options(item_hrefs=hrefs(place, 0, 4))
    async with ledger(place) as opened:
        await opened.set_budget("spring", 1000)
    done = await run(run_up42_job, TREES, "Trees", **asked, budget="spring")
    assert done.state.message == "2 succeeded", done.state.message
    files = [path.name for path in (place.state / "storage/jobs").rglob("*") if path.is_file()]
    assert any(name.endswith(".tif") for name in files)
    assert any(name.endswith(".json") for name in files)

    # Work done and credits captured are two facts; the tracker learns of the second.
    with anyio.fail_after(60):
        while (await balance(place, "spring")).reserved:
            await track_jobs("sandbox", return_state=True)
    captured = place.box.up42.account("demo").captured
    assert (await balance(place, "spring")).spent == captured > 0

    again = await run(run_up42_job, TREES, "Trees", **asked, budget="spring")
    assert again.state.message == "2 succeeded"
    assert len(place.box.up42.jobs.all) == 2
    rows = again.artifacts["up42-costs"]["data"]
    assert sum(int(row["captured"]) for row in rows if row["captured"]) == captured
    assert (await balance(place, "spring")).spent == captured


async def test_the_deployments_search_finds_no_results(place):
    parameters = sandbox_parameters("up42")["eoflows.flows.run_up42_job.run_up42_job"]
    for _ in range(2):
        done = await run(run_up42_job, **parameters)
        assert done.state.message == "1 succeeded"
    assert len(place.box.up42.jobs.all) == 1
    assert place.box.up42.jobs.all[0].collection, "its results are in storage"


async def test_an_invalid_item_one_too_dear_and_a_lost_answer(place):
    invalid, dear, *good = hrefs(place, 2, 0, 4, 5)
    prices = [
        await (await run(estimate_up42_job, TREES, item_hrefs=[one], server=SERVER)).result() for one in good
    ]
    dearest = await (await run(estimate_up42_job, TREES, item_hrefs=[dear], server=SERVER)).result()
    assert dearest > max(prices), "the case needs one item that costs more"
    with place.box.faults.active(Fault("lost_answer", path=EXECUTION, method="POST", times=1)):
        done = await run(
            run_up42_job,
            TREES,
            "Trees",
            **options(item_hrefs=[invalid, dear, *good], max_credits_per_job=max(prices)),
        )
    assert done.state.name == "Partial"
    rows = done.artifacts["up42-costs"]["data"]
    whys = sorted(row["why"].partition(":")[0] for row in rows if row["outcome"] == "not sent")
    assert whys == ["invalid", "over the limit"]
    assert sum(row["outcome"] == "succeeded" for row in rows) == 2
    assert len(place.box.up42.jobs.all) == 2


@pytest.mark.parametrize("seconds", [0.0, 1.0])
async def test_an_account_without_credits_stops_the_siblings(place, monkeypatch, seconds):
    # The service may reject long after the wave was sent; what follows waits for its word.
    monkeypatch.setitem(place.box.up42.settings.durations, "valid", seconds)
    place.box.up42.account("demo").paid_in = 0
    many = hrefs(place, *(n for n in range(12) if n not in (1, 2)))
    done = await run(run_up42_job, TREES, "Trees", **options(item_hrefs=many))
    assert done.state.is_failed()
    rows = done.artifacts["up42-costs"]["data"]
    assert {row["outcome"] for row in rows} == {"rejected", "not sent"}
    assert any("no credits left" in row["why"] for row in rows)
    assert len(place.box.up42.jobs.all) == 8


def test_an_empty_answer_approves_nothing():
    assert not Decision().approve


async def test_what_a_budget_does_not_cover_is_not_sent(place):
    item = hrefs(place, 4)[0]
    one = await (await run(estimate_up42_job, TREES, item_hrefs=[item], server=SERVER)).result()
    async with ledger(place) as opened:
        await opened.set_budget("tight", one)
    requests = options(item_hrefs=[item], budget="tight")
    first = await run(run_up42_job, TREES, "One", **requests)
    assert first.state.message == "1 succeeded"
    second = await run(run_up42_job, TREES, "Two", **requests)
    assert second.state.is_failed()
    assert "0 of" in second.artifacts["up42-costs"]["data"][0]["why"]
    async with ledger(place) as opened:
        assert len(await opened.jobs(JobFilter(phases=[Phase.SUCCEEDED]))) == 1


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.prove)])
async def test_many_items_one_invalid_one_over_budget_one_answer_lost(place, count):
    place.box.up42.account("demo").paid_in = 1_000_000
    many = hrefs(place, *range(count))
    price = await (await run(estimate_up42_job, TREES, item_hrefs=many, server=SERVER)).result()
    async with ledger(place) as opened:
        await opened.set_budget("large", price - 1)
    with place.box.faults.active(Fault("lost_answer", path=EXECUTION, method="POST", times=1)):
        done = await run(run_up42_job, TREES, "Trees", **options(item_hrefs=many, budget="large"))
    assert done.state.name == "Partial", done.state.message
    rows = done.artifacts["up42-costs"]["data"]
    assert Counter(row["outcome"] for row in rows) == {"succeeded": count - 2, "not sent": 2}
    left, invalid = sorted(row["why"] for row in rows if row["outcome"] == "not sent")
    assert "credits left" in left
    assert invalid.startswith("invalid")
    jobs = place.box.up42.jobs.all
    assert len(jobs) == count - 2
    assert len({str(job.inputs) for job in jobs}) == count - 2


async def test_the_account_is_shown(place):
    done = await run(list_up42_jobs, SERVER)
    assert await done.result() == 0
    assert TREES in {row["process"] for row in done.artifacts["up42-processes"]["data"]}
    wrong = await run(list_up42_jobs, SERVER, statuses=["nonsense"])
    assert "UP42 knows" in wrong.state.message
