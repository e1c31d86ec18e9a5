"""Never twice, never another's: wrong clocks, ids given again, absences that pass, ends after a deadline."""

from datetime import timedelta

import httpx
import pytest
from job_world import World, intent, rows

from eoflows.base.errors import AbsentError, EoError, LedgerError
from eoflows.jobs.clocks import ServiceClock, StepWatch, utc_now
from eoflows.jobs.models import Phase
from eoflows.jobs.resolve import resolve_job

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", ["inputs", "listing"])
@pytest.mark.parametrize("ahead", [-3600.0, -5.0, -3.0, 3.0, 5.0, 3600.0])
async def test_a_date_by_another_clock_makes_no_second_job(
    world: World, ledger, kind: str, ahead: float
) -> None:
    """A proxy writes `Date`, the service `created`."""
    world.line._clock = lambda: world.clock() + timedelta(seconds=ahead)
    world.line.orders += ["lost"]
    try:
        await world.submit(ledger, f"{kind}-a", patience=30)
    except EoError:
        assert (await rows(ledger))[0].phase is Phase.UNKNOWN
    assert len(world.jobs(f"{kind}-a")) == 1


@pytest.mark.parametrize("kind", ["inputs", "listing"])
@pytest.mark.parametrize("step", [-3600.0, -10.0, 10.0, 3600.0])
async def test_a_clock_that_is_set_makes_no_second_job(ledger_url: str, kind: str, step: float) -> None:
    world, wrong = World(ledger_url), timedelta(seconds=-step)
    ledger = world.ledger()
    ledger._clock = lambda: world.clock() + wrong
    async with ledger:
        world.line.orders += ["lost"]
        try:
            await world.submit(ledger, f"{kind}-a", patience=0)
        except EoError:
            wrong = timedelta()
        for _ in range(4):
            world.clock.advance(900)
            await world.track(ledger)
        assert len(world.jobs(f"{kind}-a")) == 1


async def test_a_list_that_could_not_be_had_before_leaves_the_near_ones_to_a_person(
    world: World, ledger
) -> None:
    world.dummy.add("inputs-a", "wait", {"n": ""})
    world.clock.advance(60)
    world.line.before = _no_lists
    world.line.orders += ["dropped"]
    with pytest.raises(EoError):
        await world.submit(ledger, "inputs-a", patience=0)
    world.line.before = lambda request: None
    world.clock.advance(600)
    await world.track(ledger)
    (record,) = await rows(ledger)
    assert (record.phase, "made before by its clock" in record.message) == (Phase.UNKNOWN, True)
    assert len(world.jobs("inputs-a")) == 1


def _no_lists(request: httpx.Request) -> None:
    if request.method == "GET":
        raise httpx.ReadTimeout("no list", request=request)


@pytest.mark.parametrize("kind", ["inputs", "listing", "none", "token"])
async def test_an_id_given_again_is_not_ours(world: World, ledger, kind: str) -> None:
    """The service restarts, counts anew, and gives our id to somebody else's job, which succeeds."""
    place = f"{kind}-a"
    mine = await world.submit(ledger, place, inputs={"seconds": 6000})
    world.clock.advance(100)
    world.dummy.forget(place)
    theirs = world.dummy.add(place, "wait", {"n": "theirs", "seconds": 1})
    jobs = world.dummy._places[place].jobs
    del jobs[theirs.id]
    theirs.id = mine.remote_id or ""
    jobs[theirs.id] = theirs
    await ledger.want_cancelled([mine.key])
    world.clock.advance(5)
    await world.track(ledger)
    record = await ledger.job(mine.key)
    assert record.phase is not Phase.SUCCEEDED
    assert not record.wanted
    assert not any(path.startswith("DELETE") for path in world.line.asked)


async def test_a_lost_job_that_is_back_is_not_made_again(world: World, ledger) -> None:
    mine = await world.submit(ledger, "inputs-a", inputs={"seconds": 60_000})
    world.clock.advance(5)
    jobs = dict(world.dummy._places["inputs-a"].jobs)
    world.dummy.forget("inputs-a")
    for _ in range(2):
        await world.track(ledger)
        world.clock.advance(3600)
    assert (await ledger.job(mine.key)).phase is Phase.LOST
    assert len(await ledger.resubmit_lost(["dummy"], "policy")) == 1
    world.dummy._places["inputs-a"].jobs.update(jobs)
    await world.track(ledger)
    record = await ledger.job(mine.key)
    assert (record.phase, record.remote_id) == (Phase.RUNNING, mine.remote_id)
    assert len(world.jobs("inputs-a")) == 1


async def test_nobody_knows_is_no_reason_to_send_a_lost_job_again(world: World, ledger) -> None:
    mine = await world.submit(ledger, "none-a", inputs={"seconds": 60_000})
    world.clock.advance(5)
    world.dummy.forget("none-a")
    for _ in range(2):
        await world.track(ledger)
        world.clock.advance(3600)
    await ledger.resubmit_lost(["dummy"], "policy")
    world.line.before = _no_lists
    await world.track(ledger)
    assert (await ledger.job(mine.key)).phase is Phase.PLANNED
    assert world.jobs("none-a") == []


async def late(world: World, ledger) -> str:
    """Leave a job that ends a little after its deadline."""
    soon = world.clock() + timedelta(seconds=30)
    mine = await world.submit(ledger, "inputs-a", inputs={"seconds": 60}, deadline=soon)
    world.clock.advance(31)
    await world.track(ledger)
    assert (await ledger.job(mine.key)).phase is Phase.OVERDUE
    return mine.key


async def test_an_end_after_the_deadline_is_had_by_asking_again(world: World, ledger) -> None:
    key = await late(world, ledger)
    world.clock.advance(100)
    assert (await world.submit(ledger, "inputs-a", inputs={"seconds": 60})).key == key
    await world.track(ledger)
    record = await ledger.job(key)
    assert (record.phase, record.wanted, record.attempts) == (Phase.SUCCEEDED, True, 1)
    assert len(world.jobs("inputs-a")) == 1


async def test_an_end_after_the_deadline_is_had_by_a_person(world: World, ledger) -> None:
    key = await late(world, ledger)
    server = world.server("inputs-a")
    going = await resolve_job(ledger, server, key, "follow", who="ann")
    assert (going.phase, going.deadline_at) == (Phase.RUNNING, None)
    world.clock.advance(100)
    await world.track(ledger)
    assert ((await ledger.job(key)).phase, (await ledger.job(key)).wanted) == (Phase.SUCCEEDED, True)
    with pytest.raises(LedgerError, match="cannot be followed again"):
        await resolve_job(ledger, server, key, "follow", who="ann")


async def test_what_its_service_has_not_is_not_followed_again(world: World, ledger) -> None:
    key = await late(world, ledger)
    world.dummy.forget("inputs-a")
    with pytest.raises(AbsentError):
        await resolve_job(ledger, world.server("inputs-a"), key, "follow", who="ann")
    assert (await ledger.job(key)).phase is Phase.OVERDUE
    (planned,) = await ledger.plan([intent("inputs-a", n="new")])
    with pytest.raises(LedgerError, match="cannot be followed again"):
        await resolve_job(ledger, world.server("inputs-a"), planned.key, "follow", who="ann")


def test_several_dates_bound_the_offset() -> None:
    clock, now = ServiceClock(), utc_now().replace(microsecond=0)
    assert (clock.offset, clock.uncertainty) == (0.0, 0.0)
    for part in (0.1, 0.5, 0.9):
        asked = now + timedelta(seconds=part)
        clock.note(now + timedelta(seconds=100), asked, asked)
    assert 99.9 <= clock.offset <= 100.1
    assert clock.uncertainty <= 0.11
    clock.note(now + timedelta(seconds=500), now, now)
    assert clock.uncertainty > 195


def test_a_clock_that_is_set_is_noticed() -> None:
    wall, steady = utc_now(), [0.0]
    moved = [wall]
    watch = StepWatch(lambda: moved[0], lambda: steady[0])
    moved[0], steady[0] = wall + timedelta(seconds=50), 50.0
    assert watch.step == 0.0
    moved[0] += timedelta(seconds=3600)
    assert watch.step == 3600.0
    assert StepWatch(utc_now).step == 0.0
