"""Many processes at once over one ledger."""

import json
import os
import signal
from collections import Counter
from pathlib import Path

import anyio
import pytest
from ledger_processes import Drivers, check_never_two

from eoflows.jobs.ledger import Ledger
from eoflows.jobs.models import Phase
from eoflows.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio


async def soon(condition, *, within: float = 60.0) -> None:
    """Wait until a condition holds."""
    with anyio.fail_after(within):
        while not condition():  # noqa: ASYNC110 - it becomes true in another process
            await anyio.sleep(0.05)


@pytest.mark.parametrize("kind", ["token", "inputs", "listing", "none"])
async def test_eight_submitters_and_three_trackers(kind: str, drivers: Drivers, box: Sandbox) -> None:
    place, count = f"{kind}-crowd-{drivers.folder.name}", 15
    calm = {"lease": 90, "timeout": 60}
    trackers = [drivers.start("follow", place, patience=300, **calm) for _ in range(3)]
    submitters = [drivers.start("many_jobs", place, count=count, patience=60, **calm) for _ in range(8)]
    said = [json.loads(one.end().said) for one in submitters]
    jobs = box.dummy.jobs(place)
    check_never_two(jobs)
    assert len(jobs) == count
    assert {len(outcomes) for outcomes in said} == {count}
    records = await drivers.records()
    assert {record.remote_id for record in records} == {job.id for job in jobs}

    await soon(lambda: len(drivers.announcements()) == count)
    for one in trackers:
        assert not one.is_over, one.end()
        os.kill(one.pid, signal.SIGKILL)
        assert one.end().code == -9
    assert {record.phase for record in await drivers.records()} == {Phase.SUCCEEDED}
    check_never_two(box.dummy.jobs(place))


async def test_submitters_killed_in_a_crowd_leave_nothing_behind(drivers: Drivers, box: Sandbox) -> None:
    place, count = f"inputs-killed-{drivers.folder.name}", 20
    slow = Fault("latency", path=f"/dummy/{place}/jobs", method="POST", parameters={"seconds": 0.3})
    with box.faults.active(slow):
        for kills in range(1, 4):
            one = drivers.start("many_jobs", place, count=count, patience=60)
            await soon(lambda least=5 * kills: len(box.dummy.jobs(place)) >= least)
            os.kill(one.pid, signal.SIGKILL)
            one.end()
    said = {"LateError"}
    while said - {"succeeded", "running"}:
        last = [drivers.start("many_jobs", place, count=count, patience=60) for _ in range(2)]
        said = {outcome for one in last for outcome in json.loads(one.end().said)}
        assert said <= {"succeeded", "running", "LateError"}
    jobs = box.dummy.jobs(place)
    check_never_two(jobs)
    assert len(jobs) == count


@pytest.mark.parametrize("runs", [20])
async def test_twenty_runs_race_for_the_last_credits(runs: int, drivers: Drivers, box: Sandbox) -> None:
    """A budget of 70 credits, jobs that cost 10: seven of them, whoever is first."""
    place = f"inputs-money-{drivers.folder.name}"
    async with Ledger(drivers.ledger) as ledger:
        await ledger.set_budget("project", 70)
    racing = [
        drivers.start("many_jobs", place, name=f"run-{number}-", budget="project", lease=30)
        for number in range(runs)
    ]
    outcomes = Counter(json.loads(one.end().said)[0] for one in racing)
    assert outcomes["BudgetError"] == runs - 7
    assert len(box.dummy.jobs(place)) == 7
    async with Ledger(drivers.ledger) as ledger:
        before = await ledger.balance("project")
    assert (before.reserved + before.spent, before.left) == (70, 0)

    assert drivers.run("follow", place, patience=3).said == "over"
    async with Ledger(drivers.ledger) as ledger:
        after = await ledger.balance("project")
    # The service names no price: what was set aside was spent.
    assert (after.reserved, after.spent, after.left) == (0, 70, 0)


async def test_two_processes_make_the_tables_at_once(drivers: Drivers) -> None:
    opening = [drivers.start("follow", patience=0.1) for _ in range(8)]
    assert {one.end().said for one in opening} == {"over"}
    assert await drivers.records() == []


async def test_a_stopped_submitter_sends_nothing_when_it_wakes(drivers: Drivers, box: Sandbox) -> None:
    """Whose lease was taken over while it stood still, between its intent and its request."""
    place = f"none-stopped-{drivers.folder.name}"
    stopped = drivers.start("one_job", place, step="after intent", how="stop", lease=1)
    await soon(lambda: _state(stopped.pid) == "T")
    await anyio.sleep(1.1)
    assert drivers.run("one_job", place, patience=0).said == "OutcomeUnknownError"
    os.kill(stopped.pid, signal.SIGCONT)
    assert stopped.end().said == "LateError"
    assert box.dummy.jobs(place) == []
    (record,) = await drivers.records()
    assert (record.phase, record.attempts) == (Phase.UNKNOWN, 1)


@pytest.mark.parametrize("kind", ["token", "inputs", "listing"])
async def test_a_submitter_stopped_before_its_request(kind: str, drivers: Drivers, box: Sandbox) -> None:
    """It wakes when another run has made the job; what it still sends is never answered with a second."""
    place = f"{kind}-stopped-{drivers.folder.name}"
    stopped = drivers.start("one_job", place, step="after intent", how="stop", lease=1)
    await soon(lambda: _state(stopped.pid) == "T")
    await anyio.sleep(1.1)
    assert drivers.run("one_job", place, patience=20).said == "succeeded"
    os.kill(stopped.pid, signal.SIGCONT)
    assert stopped.end().said in ("LateError", "succeeded")
    assert len(box.dummy.jobs(place)) == 1


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
