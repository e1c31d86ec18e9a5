"""The tracker's rounds, and telling of ends, by an injected clock, over a transport."""

from datetime import timedelta

import httpx
import pytest
from job_world import KINDS, World, endpoint, in_doubt, intent, rows, state

from eoflows.base.errors import (
    LedgerError,
    RefusedError,
    UnsentError,
)
from eoflows.jobs.announce import announce
from eoflows.jobs.models import Phase
from eoflows.jobs.wait import wait_for_jobs

pytestmark = pytest.mark.anyio


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
async def test_what_a_service_denies_for_long_is_lost(world: World, ledger, kind: str) -> None:
    records = [await world.submit(ledger, f"{kind}-a", n=n, inputs={"seconds": 6000}) for n in range(5)]
    world.clock.advance(5)
    world.dummy.forget(f"{kind}-a", *(record.remote_id for record in records[:4]))
    await world.track(ledger)
    for seconds in (5, 50, 3540):
        assert {record.phase for record in await rows(ledger)} == {Phase.RUNNING}
        world.clock.advance(seconds)
        await world.track(ledger)
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


async def test_a_full_queue_is_no_failure_of_the_endpoint(world: World, ledger) -> None:
    await ledger.plan([intent("inputs-a", n=n) for n in range(30)])
    world.line.orders += ["fine", "429"]
    (full,) = await world.track(ledger)
    assert full.error == ""
    made = len(world.jobs("inputs-a"))
    assert full.sent == made < 30
    assert {row.phase for row in await rows(ledger) if row.remote_id is None} == {Phase.PLANNED}
    world.clock.advance(5)
    (rest,) = await world.track(ledger)
    assert (rest.sent, len(world.jobs("inputs-a"))) == (30 - made, 30)


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


async def test_each_pause_ends_with_a_look_at_the_service(world: World, ledger) -> None:
    record = await world.submit(ledger, "inputs-a", inputs={"seconds": 1000})
    rounds: list[int] = []

    def looks() -> int:
        return sum(count for path, count in world.line.asked.items() if path.startswith("GET "))

    before = looks()
    await wait_for_jobs(
        ledger,
        world.open_server,
        [record.key],
        until=ledger.now() + timedelta(seconds=100),
        on_change=lambda found: rounds.append(looks() - before),
        sleep=world.clock.sleep,
    )
    assert len(rounds) > 8
    assert rounds == list(range(len(rounds)))


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
