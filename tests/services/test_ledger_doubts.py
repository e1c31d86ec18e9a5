"""What becomes of requests whose answer was lost, by each kind of recognition."""

from datetime import timedelta

import httpx
import pytest
from job_world import KINDS, World, in_doubt, intent, rows, state

from eoflows.base.errors import (
    OutcomeUnknownError,
    TakenError,
    UnreachableError,
    UnsentError,
)
from eoflows.jobs.models import Phase
from eoflows.jobs.resolve import resolve_job

pytestmark = pytest.mark.anyio


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
