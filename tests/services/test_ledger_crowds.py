"""Many processes at once over one ledger."""

import json
import os
import signal
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from ledger_processes import LATER, Drivers, check_never_two
from waiting import becomes

from eoflows.jobs.ledger import Ledger
from eoflows.jobs.models import Phase
from eoflows.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio
SHORT = 1.0
"""The lease, in seconds, of who is to live on when it is over."""


@pytest.mark.parametrize("kind", ["token", "inputs", "listing", "none"])
async def test_eight_submitters_and_three_trackers(kind: str, drivers: Drivers, box: Sandbox) -> None:
    place, count = f"{kind}-crowd-{drivers.folder.name}", 15
    trackers = [drivers.start("follow", place, patience=300) for _ in range(3)]
    submitters = [drivers.start("many_jobs", place, count=count) for _ in range(8)]
    said = [json.loads(one.end().said) for one in submitters]
    jobs = box.dummy.jobs(place)
    check_never_two(jobs)
    assert len(jobs) == count
    assert {len(outcomes) for outcomes in said} == {count}
    records = await drivers.records()
    assert {record.remote_id for record in records} == {job.id for job in jobs}

    await becomes(lambda: len(drivers.announcements()) == count, "the last announcement")
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
            one = drivers.start("many_jobs", place, count=count, lease=SHORT)

            def enough(one=one, least=5 * kills) -> bool:
                return one.is_over or len(box.dummy.jobs(place)) >= least

            await becomes(enough, f"{5 * kills} jobs")
            if not one.is_over:
                os.kill(one.pid, signal.SIGKILL)
            one.end()
    said = {"LateError"}
    while said - {"succeeded", "running"}:
        last = [drivers.start("many_jobs", place, count=count, ahead=LATER) for _ in range(2)]
        said = {outcome for one in last for outcome in json.loads(one.end().said)}
        assert said <= {"succeeded", "running", "LateError"}
    jobs = box.dummy.jobs(place)
    check_never_two(jobs)
    assert len(jobs) == count


@pytest.mark.parametrize("runs", [20])
async def test_twenty_runs_race_for_the_last_credits(runs: int, drivers: Drivers, box: Sandbox) -> None:
    """A budget of 70 credits, jobs that cost 10: seven of them, whoever is first."""
    place = f"inputs-money-{drivers.folder.name}"
    async with Ledger(drivers.ledger, create=True) as ledger:
        await ledger.set_budget("project", 70)
    racing = [
        drivers.start("many_jobs", place, name=f"run-{number}-", budget="project") for number in range(runs)
    ]
    outcomes = Counter(json.loads(one.end().said)[0] for one in racing)
    assert outcomes["BudgetError"] == runs - 7
    assert len(box.dummy.jobs(place)) == 7
    async with Ledger(drivers.ledger, create=True) as ledger:
        before = await ledger.balance("project")
    assert (before.reserved + before.spent, before.left) == (70, 0)

    async with Ledger(drivers.ledger, create=True) as ledger:
        while (after := await ledger.balance("project")).reserved:
            assert drivers.run("follow", place, patience=1).said == "over"
    # The service names no price: what was set aside was spent.
    assert (after.reserved, after.spent, after.left) == (0, 70, 0)


async def test_two_processes_make_the_tables_at_once(drivers: Drivers) -> None:
    opening = [drivers.start("follow", patience=0.1) for _ in range(8)]
    assert {one.end().said for one in opening} == {"over"}
    assert await drivers.records() == []


async def test_a_stopped_submitter_sends_nothing_when_it_wakes(drivers: Drivers, box: Sandbox) -> None:
    """Whose lease was taken over while it stood still, between its intent and its request."""
    place = f"none-stopped-{drivers.folder.name}"
    stopped = drivers.start("one_job", place, step="after intent", how="stop", lease=SHORT)
    await becomes(lambda: _state(stopped.pid) == "T", "the stop")
    await becomes(partial(_lease_is_over, drivers), "the end of the lease")
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
    stopped = drivers.start("one_job", place, step="after intent", how="stop", lease=SHORT)
    await becomes(lambda: _state(stopped.pid) == "T", "the stop")
    await becomes(partial(_lease_is_over, drivers), "the end of the lease")
    assert drivers.run("one_job", place, ahead=LATER).said == "succeeded"
    os.kill(stopped.pid, signal.SIGCONT)
    assert stopped.end().said in ("LateError", "succeeded")
    assert len(box.dummy.jobs(place)) == 1


async def _lease_is_over(drivers: Drivers) -> bool:
    (record,) = await drivers.records()
    return record.lease_until is None or record.lease_until < datetime.now(UTC)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
