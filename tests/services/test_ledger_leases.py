"""Leases, fences, recognition, decisions of people, and money: by an injected clock, over a transport."""

from datetime import timedelta

import anyio
import httpx
import pytest
from job_world import KINDS, World, endpoint, intent, rows

from eokit.errors import (
    AbsentError,
    BudgetError,
    InvalidInputError,
    LateError,
    LedgerError,
    OutcomeUnknownError,
    RefusedError,
    TakenError,
    UnreachableError,
    UnsentError,
)
from eokit.jobs.announce import announce
from eokit.jobs.collect import collect
from eokit.jobs.models import Billing, JobState, Phase
from eokit.jobs.resolve import resolve_job
from eokit.jobs.wait import wait_for_jobs
from eokit.ledger import Finding, JobFilter, Reservation
from eokit.storage import LocalStorage

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(ledger_url: str) -> World:
    return World(ledger_url)


@pytest.fixture
async def ledger(world: World):
    async with world.ledger() as found:
        yield found


def state(name: str, phase: Phase = Phase.RUNNING, **more) -> JobState:
    return JobState(id=name, phase=phase, **more)


# Leases


async def test_a_late_owner_writes_nothing(world: World, ledger) -> None:
    first = (await ledger.intend(intent("none-a"))).record
    assert (await ledger.intend(intent("none-a"))).finding is Finding.BUSY
    world.clock.advance(181)
    second = await ledger.intend(intent("none-a"))
    assert (second.finding, second.record.fence) == (Finding.RESOLVE, first.fence + 1)
    for write in (
        ledger.accepted(first, state("job-1")),
        ledger.refused(first, "no"),
        ledger.put_back(first, "no"),
        ledger.unknown(first, "no"),
        ledger.abandon(first, "no"),
        ledger.resend(first),
        ledger.note_seen(first, ["x"]),
        ledger.adopt(first, state("job-1")),
        ledger.renew(first),
        ledger.collected(first, {}),
        ledger.collect_failed(first, "no", None),
    ):
        with pytest.raises(LateError, match="nothing was written"):
            await write
    assert await rows(ledger) == [second.record]


async def test_a_late_round_writes_nothing(world: World, ledger) -> None:
    record = await world.submit(ledger, "none-a", inputs={"seconds": 9})
    claim = await ledger.claim_endpoint("dummy", endpoint("none-a"))
    assert await ledger.claim_endpoint("dummy", endpoint("none-a")) is None
    world.clock.advance(181)
    assert (await ledger.claim_endpoint("dummy", endpoint("none-a"))).fence == claim.fence + 1
    for write in (
        ledger.observe(claim, [(record, state(record.remote_id, Phase.FAILED))]),
        ledger.missing(claim, [record.key]),
        ledger.close(claim, [record.key], Phase.LOST, "gone"),
        ledger.keep_endpoint(claim),
        ledger.release_endpoint(claim, ledger.now(), asked_at=None),
    ):
        with pytest.raises(LateError, match="nothing was written"):
            await write
    assert await rows(ledger) == [record]


async def test_nothing_is_sent_at_the_end_of_a_lease(world: World, ledger) -> None:
    """The list that is read before takes too long."""

    def slow(request: httpx.Request) -> None:
        if request.method == "GET":
            world.clock.advance(176)

    world.line.before = slow
    with pytest.raises(LateError, match="not sent in time"):
        await world.submit(ledger, "listing-a")
    assert world.jobs("listing-a") == []
    (record,) = await rows(ledger)
    assert record.phase is Phase.PLANNED


async def test_a_request_waits_no_longer_than_its_lease(ledger_url: str) -> None:
    world = World(ledger_url, lease=1.0)
    world.line.handle_async_request = lambda request: anyio.sleep_forever()
    async with world.ledger() as ledger:
        with anyio.fail_after(5), pytest.raises(OutcomeUnknownError, match="no answer in the 1 s"):
            await world.submit(ledger, "none-a")


async def test_a_cancelled_run_learns_what_became_of_its_request(world: World, ledger) -> None:
    with anyio.CancelScope() as scope:
        world.line.before = lambda request: scope.cancel()
        await world.submit(ledger, "none-a")
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    (record,) = await rows(ledger)
    assert record.remote_id == world.jobs("none-a")[0].id


async def test_two_collect_at_once(world: World, ledger, tmp_path) -> None:
    for n in range(6):
        await world.submit(ledger, "none-a", n=n)
    done = []

    async def one() -> None:
        # Their bytes come through curl, so a service that gives them with its answer is stood in for.
        storage = LocalStorage(tmp_path / "storage")
        async with world.ledger() as mine:
            done.extend(await collect(mine, world.open_collecting, storage))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(one)
    assert sorted(one.record.key for one in done) == sorted(record.key for record in await rows(ledger))
    assert all(one.outputs["a.bin"]["size"] == 3 and not one.error for one in done)
    assert all(record.collected_at and not record.wanted for record in await rows(ledger))
    assert await collect(ledger, world.open_collecting, LocalStorage(tmp_path / "storage")) == []


# What became of it


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["lost", "dropped", "broken", "503", "500"])
async def test_lost_answers(world: World, ledger, kind: str, order: str) -> None:
    world.line.orders += [order]
    if kind == "none":
        with pytest.raises(OutcomeUnknownError):
            await world.submit(ledger, "none-a")
        world.clock.advance(86_400)
        assert [one.resolved for one in await world.track(ledger)] == [0]
        assert (await rows(ledger))[0].phase is Phase.UNKNOWN
    else:
        record = await world.submit(ledger, f"{kind}-a")
        assert [job.id for job in world.jobs(f"{kind}-a")] == [record.remote_id]
    assert len(world.jobs(f"{kind}-a")) == (kind != "none" or order != "dropped")


async def test_a_second_attempt_that_is_refused_does_not_settle_the_first(world: World, ledger) -> None:
    """The first took effect; the second was refused, throttled, or never left."""
    world.line.orders += ["lost", "403", "429", "unsent"]
    record = await world.submit(ledger, "token-a", patience=30)
    assert [job.id for job in world.jobs("token-a")] == [record.remote_id]
    assert record.attempts == 5


async def test_no_connection_is_a_definite_no(world: World, ledger) -> None:
    world.line.orders += ["unsent"]
    with pytest.raises(UnsentError):
        await world.submit(ledger, "none-a")
    assert (await rows(ledger))[0].phase is Phase.PLANNED
    assert (await world.submit(ledger, "none-a")).phase is Phase.SUCCEEDED
    assert len(world.jobs("none-a")) == 1


async def test_a_list_that_cannot_be_read_before_is_a_definite_no(world: World, ledger) -> None:
    world.line.dead.add("listing-a")
    with pytest.raises(UnreachableError):
        await world.submit(ledger, "listing-a")
    assert (await rows(ledger))[0].phase is Phase.PLANNED


async def test_a_slow_service_is_not_asked_too_early(ledger_url: str) -> None:
    """It shows a job seven seconds after it was made: what it says before is no answer."""
    world = World(ledger_url, settle=8.0, visible_after=7.0)
    async with world.ledger() as ledger:
        for kind in ("inputs", "listing"):
            world.line.orders += ["lost"]
            record = await world.submit(ledger, f"{kind}-a", patience=30)
            assert [job.id for job in world.jobs(f"{kind}-a")] == [record.remote_id]
            assert record.attempts == 1


async def test_settling_is_counted_from_the_end_of_the_waiting(world: World, ledger) -> None:
    """The answer was waited for longer than a job needs to be seen; then the service is slow to list it."""

    def slow(request: httpx.Request) -> None:
        if request.method == "POST":
            world.clock.advance(60)

    world.line.before = slow
    world.line.orders += ["dropped"]
    with pytest.raises(OutcomeUnknownError, match="does not list it yet"):
        await world.submit(ledger, "inputs-a", patience=1)
    assert world.line.asked["POST /dummy/inputs-a/jobs"] == 1


async def test_a_list_without_times(ledger_url: str) -> None:
    world = World(ledger_url, shows_created=False)
    async with world.ledger() as ledger:
        theirs = world.dummy.add("listing-a", "wait", {"n": "theirs"})
        world.line.orders += ["lost"]
        record = await world.submit(ledger, "listing-a")
        assert record.seen_before == [theirs.id]
        assert record.remote_id == world.jobs("listing-a")[-1].id != theirs.id
        assert len(world.jobs("listing-a")) == 2


async def test_what_was_there_before_is_not_ours(world: World, ledger) -> None:
    world.dummy.add("inputs-a", "wait", {"n": ""})
    world.clock.advance(10)
    world.line.orders += ["dropped"]
    record = await world.submit(ledger, "inputs-a")
    assert len(world.jobs("inputs-a")) == 2
    assert record.remote_id == world.jobs("inputs-a")[-1].id


@pytest.mark.parametrize("ahead", [-3000.0, -20.0, 20.0, 3000.0])
async def test_clocks_that_differ(world: World, ledger, ahead: float) -> None:
    """The service's clock is wrong, and says so in its answers."""
    world.dummy._clock = lambda: world.clock() + timedelta(seconds=ahead)
    world.line._clock = world.dummy._clock
    for kind in ("inputs", "listing"):
        world.line.orders += ["lost"]
        record = await world.submit(ledger, f"{kind}-a")
        assert [job.id for job in world.jobs(f"{kind}-a")] == [record.remote_id]


async def test_without_the_endpoint_for_ourselves_a_list_says_nothing(world: World, ledger) -> None:
    world.exclusive = False
    world.line.orders += ["lost"]
    with pytest.raises(OutcomeUnknownError):
        await world.submit(ledger, "listing-a")


async def in_doubt(world: World, ledger, place: str, order: str, **more) -> str:
    """Leave an intent in doubt; give its key."""
    world.line.orders += [order]
    with pytest.raises(OutcomeUnknownError):
        await world.submit(ledger, place, patience=0, **more)
    return intent(place, **more).key


@pytest.mark.parametrize("orders", [("lost", "dropped"), ("dropped", "lost")])
async def test_two_in_doubt_and_one_job(world: World, ledger, orders: tuple[str, str]) -> None:
    """By their inputs, one adopts it and the other is sent again: two intents, two jobs."""
    world.settle = 1000.0
    for run, order in zip("ab", orders, strict=True):
        world.line.orders += [order]
        # Nobody may look before both are in doubt.
        world.line.before = _refuse_lists
        with pytest.raises(OutcomeUnknownError):
            await world.submit(ledger, "inputs-a", patience=0, run_key=run)
    world.line.before, world.settle = (lambda request: None), 2.0
    world.clock.advance(10)
    records = [await world.submit(ledger, "inputs-a", run_key=run) for run in "ab"]
    assert sorted(job.id for job in world.jobs("inputs-a")) == sorted(one.remote_id for one in records)
    assert len({one.remote_id for one in records}) == 2


def _refuse_lists(request: httpx.Request) -> None:
    if request.method == "GET":
        raise httpx.ReadTimeout("no list", request=request)


async def test_two_in_doubt_where_only_a_list_tells(world: World, ledger) -> None:
    """One of two, and nobody can say which: a person does, and the other follows by itself."""
    first = await _in_doubt_by_list(world, ledger, "lost", n=1)
    second = await _in_doubt_by_list(world, ledger, "dropped", n=2)
    world.clock.advance(100)
    await world.track(ledger)
    assert {(await ledger.job(key)).phase for key in (first, second)} == {Phase.UNKNOWN}
    (job,) = world.jobs("listing-a")
    server = world.server("listing-a")
    await resolve_job(ledger, server, first, "adopt", job_id=job.id, who="ann", why="title")
    await world.track(ledger)
    assert (await ledger.job(second)).phase is Phase.PLANNED
    await world.submit(ledger, "listing-a", n=2)
    assert len(world.jobs("listing-a")) == 2


async def _in_doubt_by_list(world: World, ledger, order: str, **more) -> str:
    held = (await ledger.intend(intent("listing-a", **more))).record
    world.line.orders += [order]
    with pytest.raises(UnreachableError):
        await world.server("listing-a").send(intent("listing-a", **more).request, "")
    await ledger.unknown(held, "no answer")
    return held.key


async def test_another_run_that_sends_the_like_is_waited_for(world: World, ledger) -> None:
    """The job that is listed may be that of a run which has not yet read its answer."""
    mine = await in_doubt(world, ledger, "inputs-a", "dropped", run_key="a")
    rival = (await ledger.intend(intent("inputs-a", run_key="b"))).record
    sent = await world.server("inputs-a").send(intent("inputs-a").request, "")
    world.clock.advance(100)
    with pytest.raises(OutcomeUnknownError, match="sending the like"):
        await world.submit(ledger, "inputs-a", run_key="a", patience=0)
    await ledger.accepted(rival, sent)
    record = await world.submit(ledger, "inputs-a", run_key="a")
    assert (record.key, record.remote_id) == (mine, world.jobs("inputs-a")[-1].id)
    assert len(world.jobs("inputs-a")) == 2


async def test_a_job_is_adopted_once(ledger) -> None:
    held = [(await ledger.intend(intent("inputs-a", run_key=run))).record for run in "ab"]
    await ledger.adopt(held[0], state("job-1"))
    with pytest.raises(TakenError, match="belongs to another intent"):
        await ledger.adopt(held[1], state("job-1"))


# Following


@pytest.mark.parametrize("kind", KINDS)
async def test_an_early_absence_is_no_answer(ledger_url: str, kind: str) -> None:
    world = World(ledger_url, settle=8.0, visible_after=7.0)
    async with world.ledger() as ledger:
        record = await world.submit(ledger, f"{kind}-a", inputs={"seconds": 1})
        for _ in range(6):
            world.clock.advance(1)
            await world.track(ledger)
            assert (await ledger.job(record.key)).phase is Phase.RUNNING
        world.clock.advance(3)
        await world.track(ledger)
        assert (await ledger.job(record.key)).phase is Phase.SUCCEEDED


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_service_forgets_is_lost_at_the_second_look(world: World, ledger, kind: str) -> None:
    records = [await world.submit(ledger, f"{kind}-a", n=n, inputs={"seconds": 60}) for n in range(5)]
    world.clock.advance(5)
    world.dummy.forget(f"{kind}-a", *(record.remote_id for record in records[:4]))
    await world.track(ledger)
    assert {record.phase for record in await rows(ledger)} == {Phase.RUNNING}
    world.clock.advance(5)
    await world.track(ledger)
    phases = sorted(record.phase for record in await rows(ledger))
    assert phases == [Phase.LOST] * 4 + [Phase.RUNNING]
    assert len(await ledger.untold()) == 4


async def test_what_is_seen_again_was_never_lost(world: World, ledger) -> None:
    record = await world.submit(ledger, "none-a", inputs={"seconds": 60})
    world.clock.advance(5)
    job = world.jobs("none-a")[0]
    world.dummy.forget("none-a")
    await world.track(ledger)
    assert (await ledger.job(record.key)).missing_since is not None
    world.dummy._places["none-a"].jobs[job.id] = job
    await world.track(ledger)
    seen = await ledger.job(record.key)
    assert (seen.phase, seen.missing_since) == (Phase.RUNNING, None)


async def test_stopped_by_us_and_removed_is_cancelled(world: World, ledger) -> None:
    record = await world.submit(ledger, "inputs-a", inputs={"seconds": 60})
    world.clock.advance(5)
    await ledger.want_cancelled([record.key])
    world.dummy.forget("inputs-a")
    await world.track(ledger)
    assert (await ledger.job(record.key)).phase is Phase.CANCELLED


async def test_cancelling(world: World, ledger) -> None:
    going = await world.submit(ledger, "inputs-a", inputs={"seconds": 600})
    (planned,) = await ledger.plan([intent("inputs-a", n="later")])
    doubtful = await in_doubt(world, ledger, "inputs-a", "dropped", n="doubt")
    still = await ledger.want_cancelled([going.key, planned.key, doubtful])
    assert {record.key for record in still} == {going.key, doubtful}
    world.clock.advance(60)
    await world.track(ledger)
    found = await rows(ledger)
    assert {record.phase for record in found} == {Phase.CANCELLED}
    # Whoever was in doubt turned out never to have been sent; the planned one is not sent any more.
    assert [job.id for job in world.jobs("inputs-a")] == [going.remote_id]
    assert [record.message for record in found if not record.remote_id] == ["never sent"] * 2


async def test_what_has_ended_is_not_asked_to_stop(world: World, ledger) -> None:
    """Some services remove a finished job's results by that."""
    record = await world.submit(ledger, "inputs-a", inputs={"seconds": 5})
    await ledger.want_cancelled([record.key])
    world.clock.advance(6)
    await world.track(ledger)
    assert (await ledger.job(record.key)).phase is Phase.SUCCEEDED
    assert world.line.asked[f"DELETE /dummy/inputs-a/jobs/{record.remote_id}"] == 0


async def test_deadlines(world: World, ledger) -> None:
    soon = world.clock() + timedelta(seconds=30)
    going = await world.submit(ledger, "inputs-a", n=1, inputs={"seconds": 99}, deadline=soon)
    dead = await world.submit(ledger, "token-a", n=2, inputs={"seconds": 99}, deadline=soon)
    world.pending = 1
    (planned,) = await ledger.plan([intent("inputs-a", n=3, deadline=soon)])
    world.line.dead.add("token-a")
    world.clock.advance(29)
    await world.track(ledger)
    assert (await ledger.job(dead.key)).phase is Phase.RUNNING
    world.clock.advance(100)
    rounds = await world.track(ledger)
    assert {one.endpoint: bool(one.error) for one in rounds} == {
        endpoint("inputs-a"): False,
        endpoint("token-a"): True,
    }
    assert (await ledger.job(dead.key)).phase is Phase.UNREACHABLE
    # It ended in time for this round; another was never sent.
    assert (await ledger.job(going.key)).phase is Phase.SUCCEEDED
    never = await ledger.job(planned.key)
    assert (never.phase, never.remote_id) == (Phase.OVERDUE, None)
    assert len(world.jobs("inputs-a")) == 1


async def test_overdue(world: World, ledger) -> None:
    soon = world.clock() + timedelta(seconds=30)
    going = await world.submit(ledger, "inputs-a", inputs={"seconds": 99}, deadline=soon)
    world.clock.advance(31)
    await world.track(ledger)
    assert (await ledger.job(going.key)).phase is Phase.OVERDUE


async def test_a_state_that_nobody_knows_keeps_running(world: World, ledger) -> None:
    record = await world.submit(ledger, "inputs-a", inputs={"seconds": 1, "outcome": "pondering"})
    world.clock.advance(5)
    await world.track(ledger)
    seen = await ledger.job(record.key)
    assert (seen.phase, seen.raw_status) == (Phase.RUNNING, "pondering")


async def test_a_list_that_goes_round_in_circles_ends(world: World, ledger) -> None:
    for n in range(5):
        await world.submit(ledger, "inputs-a", n=n, inputs={"seconds": 60})
    real = world.line._inner

    class Circles(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "GET":
                return httpx.Response(200, json={"jobs": [], "next": str(request.url)})
            return await real.handle_async_request(request)

    world.line._inner = Circles()
    (found,) = await world.track(ledger)
    assert "round in circles" in found.error
    assert {record.phase for record in await rows(ledger)} == {Phase.RUNNING}


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"jobs": 3}', b'{"jobs": [{"id": 3}]}', b"null", b"<html>"])
async def test_a_list_that_cannot_be_read_harms_no_other(world: World, ledger, body: bytes) -> None:
    for place in ("inputs-a", "token-b"):
        for n in range(5):
            await world.submit(ledger, place, n=n, inputs={"seconds": 2})
    world.clock.advance(5)
    real = world.line._inner

    class Broken(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "inputs-a" in request.url.path:
                return httpx.Response(200, content=body)
            return await real.handle_async_request(request)

    world.line._inner = Broken()
    first, second = await world.track(ledger)
    assert (bool(first.error), second.error, second.ended) == (True, "", 5)


async def test_two_intents_may_share_a_job(world: World, ledger) -> None:
    """A service that gives the same job to whoever asks for the same."""
    held = [(await ledger.intend(intent("inputs-a", run_key=run))).record for run in "abcd"]
    job = await world.server("inputs-a").send(intent("inputs-a", inputs={"seconds": 5}).request, "")
    for one in held:
        await ledger.accepted(one, job)
    world.clock.advance(9)
    await world.track(ledger)
    assert {record.phase for record in await rows(ledger)} == {Phase.SUCCEEDED}


async def test_planned_jobs_are_sent_as_there_is_room(world: World, ledger) -> None:
    world.pending = 3
    await ledger.plan([intent("inputs-a", n=n, inputs={"seconds": 5}) for n in range(7)])
    for sent in (3, 3, 6, 6, 7):
        await world.track(ledger)
        assert len(world.jobs("inputs-a")) == sent
        world.clock.advance(3)
    await ledger.plan([intent("inputs-a", n=n, inputs={"seconds": 5}) for n in range(7)])
    await world.track(ledger)
    assert len(world.jobs("inputs-a")) == 7


async def test_what_was_put_back_can_be_planned(world: World, ledger) -> None:
    world.line.orders += ["unsent"]
    with pytest.raises(UnsentError):
        await world.submit(ledger, "none-a")
    await ledger.plan([intent("none-a")])
    await world.track(ledger)
    assert len(world.jobs("none-a")) == 1


async def test_odd_words_of_a_service_are_kept_as_far_as_they_can_be(ledger) -> None:
    held = (await ledger.intend(intent("none-a"))).record
    odd = state("job-1", raw_status="s" * 500, message="a\0b")
    record = await ledger.accepted(held, odd)
    assert (record.raw_status, record.message) == ("s" * 100, "ab")


async def test_waiting_ends_with_the_jobs_or_the_time(world: World, ledger) -> None:
    keys = [(await world.submit(ledger, "inputs-a", n=n, inputs={"seconds": 9 * n})).key for n in (1, 2, 9)]
    seen: list[int] = []
    records = await wait_for_jobs(
        ledger,
        world.open_server,
        keys,
        until=ledger.now() + timedelta(seconds=40),
        on_change=lambda found: seen.append(sum(record.closed for record in found)),
        sleep=world.clock.sleep,
    )
    assert [record.phase for record in records] == [Phase.SUCCEEDED, Phase.SUCCEEDED, Phase.RUNNING]
    assert (seen[0], seen[-1]) == (0, 2)
    with pytest.raises(LedgerError, match="no job with the key"):
        await wait_for_jobs(ledger, world.open_server, ["a" * 64], until=ledger.now())


# Telling


async def test_what_dies_before_it_was_told_is_told_again(world: World, ledger) -> None:
    record = await world.submit(ledger, "inputs-a")
    told: list[str] = []

    async def dying(records) -> None:
        told.extend(one.key for one in records)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await announce(ledger, dying)

    async def telling(records) -> None:
        told.extend(one.key for one in records)

    assert (await announce(ledger, telling), await announce(ledger, telling)) == (1, 0)
    assert told == [record.key] * 2


async def test_an_end_that_comes_while_the_last_is_told_is_told_too(world: World, ledger) -> None:
    world.line.orders += ["403"]
    with pytest.raises(RefusedError):
        await world.submit(ledger, "inputs-a")
    told: list[Phase] = []

    async def telling(records) -> None:
        if not told:
            await world.submit(ledger, "inputs-a")
        told.extend(record.phase for record in records)

    await announce(ledger, telling)
    assert told == [Phase.REJECTED, Phase.SUCCEEDED]


# People


async def test_a_person_adopts(world: World, ledger) -> None:
    key = await in_doubt(world, ledger, "none-a", "lost")
    (job,) = world.jobs("none-a")
    server = world.server("none-a")
    for wrong, error in (({"job_id": ""}, InvalidInputError), ({"job_id": "job-9"}, AbsentError)):
        with pytest.raises(error):
            await resolve_job(ledger, server, key, "adopt", who="ann", **wrong)
        assert (await ledger.job(key)).phase is Phase.UNKNOWN
    with pytest.raises(InvalidInputError, match="who decides"):
        await resolve_job(ledger, server, key, "absent", who=" ")
    record = await resolve_job(ledger, server, key[:12], "adopt", job_id=job.id, who="ann", why="its title")
    assert (record.remote_id, record.phase) == (job.id, Phase.SUCCEEDED)
    with pytest.raises(LedgerError, match="nothing is open about it"):
        await resolve_job(ledger, server, key, "absent", who="ann")
    other = await in_doubt(world, ledger, "none-a", "lost", n=2)
    with pytest.raises(TakenError):
        await resolve_job(ledger, server, other, "adopt", job_id=job.id, who="ann")
    assert (await ledger.job(other)).phase is Phase.UNKNOWN


async def test_a_person_says_that_there_is_none(world: World, ledger) -> None:
    key = await in_doubt(world, ledger, "none-a", "dropped")
    record = await resolve_job(ledger, world.server("none-a"), key, "absent", who="ann", why="looked")
    assert (record.phase, record.message) == (Phase.PLANNED, "absent by ann: looked")
    assert (await world.submit(ledger, "none-a")).attempts == 2
    assert len(world.jobs("none-a")) == 1


async def test_a_person_gives_it_up(world: World, ledger) -> None:
    key = await in_doubt(world, ledger, "none-a", "dropped")
    record = await resolve_job(ledger, world.server("none-a"), key, "abandon", who="ann")
    assert (record.phase, record.message) == (Phase.ABANDONED, "abandon by ann: no reason given")
    assert [one.key for one in await ledger.untold()] == [key]
    assert (await world.submit(ledger, "none-a")).phase is Phase.ABANDONED
    assert world.jobs("none-a") == []


async def test_a_person_does_not_interrupt(world: World, ledger) -> None:
    held = (await ledger.intend(intent("none-a"))).record
    with pytest.raises(LedgerError, match="is held by"):
        await resolve_job(ledger, world.server("none-a"), held.key, "absent", who="ann")


async def test_a_wrong_id_leaves_a_planned_job_planned(world: World, ledger) -> None:
    (planned,) = await ledger.plan([intent("none-a")])
    with pytest.raises(AbsentError):
        await resolve_job(ledger, world.server("none-a"), planned.key, "adopt", job_id="job-9", who="ann")
    assert (await ledger.job(planned.key)).phase is Phase.PLANNED


# Money


def paid(credits: int = 10, budget: str = "b", **more):
    return intent("inputs-a", reservation=Reservation(budget=budget, credits=credits), **more)


async def test_a_budget_is_never_passed(ledger) -> None:
    await ledger.set_budget("b", 25)
    outcomes: list[str] = []

    async def one(n: int) -> None:
        try:
            outcomes.append(str((await ledger.intend(paid(n=n))).finding))
        except BudgetError as error:
            outcomes.append(type(error).__name__)

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(one, n)
    assert (outcomes.count("send"), outcomes.count("BudgetError")) == (2, 18)
    assert (await ledger.balance("b")).left == 5
    assert len(await rows(ledger)) == 2


async def test_what_is_refused_costs_nothing(ledger) -> None:
    await ledger.set_budget("b", 10)
    held = (await ledger.intend(paid())).record
    with pytest.raises(BudgetError, match="0 of 10 credits left, 10 are needed; nothing was sent"):
        await ledger.intend(paid(n=2))
    await ledger.refused(held, "no")
    assert (await ledger.balance("b")).left == 10
    again = (await ledger.intend(paid())).record
    await ledger.put_back(again, "not sent")
    assert (await ledger.balance("b")).left == 10
    doubt = (await ledger.intend(paid())).record
    await ledger.unknown(doubt, "?")
    assert (await ledger.balance("b")).reserved == 10


async def test_a_price_is_settled_when_it_is_known(world: World, ledger) -> None:
    await ledger.set_budget("b", 100)
    for outcome, credits in (("success", 7), ("failed", 9)):
        more = {"inputs": {"seconds": 5, "credits": credits, "outcome": outcome}, "n": outcome}
        await world.submit(ledger, "inputs-a", reservation=Reservation(budget="b", credits=20), **more)
    assert (await ledger.balance("b")).reserved == 40
    world.clock.advance(6)
    await world.track(ledger)
    after = await ledger.balance("b")
    assert (after.reserved, after.spent, after.left) == (0, 7, 93)
    assert {record.billing for record in await rows(ledger)} == {Billing.CAPTURED, Billing.RELEASED}


async def test_work_done_and_bill_open_is_still_watched(world: World, ledger) -> None:
    await ledger.set_budget("b", 100)
    record = await world.submit(
        ledger, "inputs-a", inputs={"seconds": 99}, reservation=Reservation(budget="b", credits=20)
    )
    claim = await ledger.claim_endpoint("dummy", endpoint("inputs-a"))
    done = state(record.remote_id, Phase.SUCCEEDED, billing=Billing.WITHHELD, credits=15)
    assert await ledger.observe(claim, [(record, done)]) == 1
    assert len(await ledger.watched("dummy", endpoint("inputs-a"))) == 1
    assert (await ledger.balance("b")).reserved == 20
    closed = await ledger.job(record.key)
    billed = state(record.remote_id, Phase.SUCCEEDED, billing=Billing.CAPTURED, credits=15)
    assert await ledger.observe(claim, [(closed, billed)]) == 0
    assert await ledger.watched("dummy", endpoint("inputs-a")) == []
    after = await ledger.balance("b")
    assert (after.reserved, after.spent) == (0, 15)


@pytest.mark.parametrize(("period", "days"), [("day", 2), ("month", 32), ("year", 367)])
async def test_a_period_begins_anew(world: World, ledger, period, days: int) -> None:
    await ledger.set_budget("b", 10, period)
    await ledger.intend(paid())
    with pytest.raises(BudgetError):
        await ledger.intend(paid(n=2))
    world.clock.advance(86_400 * days)
    assert (await ledger.intend(paid(n=2))).finding is Finding.SEND


async def test_budgets_that_cannot_be(ledger) -> None:
    with pytest.raises(LedgerError, match="no budget 'b'"):
        await ledger.intend(paid())
    assert await rows(ledger) == []
    for name, credits in (("", 1), ("b", -1)):
        with pytest.raises(InvalidInputError):
            await ledger.set_budget(name, credits)
    await ledger.set_budget("b", 1)
    with pytest.raises(InvalidInputError):
        await ledger.intend(paid(-1))
    with pytest.raises(InvalidInputError, match="cannot set money aside"):
        await ledger.plan([paid(1)])
    await ledger.set_budget("b", 5)
    assert [(one.name, one.credits) for one in await ledger.balances()] == [("b", 5)]


# Looking


async def test_jobs_are_found_by_what_they_are(world: World, ledger) -> None:
    first = await world.submit(ledger, "inputs-a", n=1, label="x")
    world.clock.advance(1)
    second = await world.submit(ledger, "token-a", n=2)
    for wanted, expected in (
        (JobFilter(), [second, first]),
        (JobFilter(label="x"), [first]),
        (JobFilter(endpoint=endpoint("token-a")), [second]),
        (JobFilter(phases=[Phase.FAILED]), []),
        (JobFilter(limit=1), [second]),
        (JobFilter(since=second.planned_at), [second]),
        (JobFilter(keys=[first.key[:10]]), [first]),
        (JobFilter(keys=[]), []),
    ):
        assert await ledger.jobs(wanted) == expected
    with pytest.raises(LedgerError, match="2 jobs have keys that begin with ''"):
        await ledger.job("")
    with pytest.raises(LedgerError, match="no job with the key"):
        await ledger.job("zz")
