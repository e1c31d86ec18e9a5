"""What people decide about jobs that nobody else can tell."""

import pytest
from job_world import World, in_doubt, intent

from eoflows.base.errors import (
    AbsentError,
    InvalidInputError,
    LedgerError,
    TakenError,
)
from eoflows.jobs.ledger import Reservation
from eoflows.jobs.models import Phase
from eoflows.jobs.resolve import resolve_job

pytestmark = pytest.mark.anyio


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


async def test_a_person_says_what_a_lost_job_has_cost(world: World, ledger) -> None:
    await ledger.set_budget("b", 100)
    server = world.server("none-a")
    held = Reservation(budget="b", credits=20)
    key = await in_doubt(world, ledger, "none-a", "dropped", reservation=held)
    with pytest.raises(LedgerError, match="not known before it ends"):
        await resolve_job(ledger, server, key, "paid", credits=3, who="ann")
    await resolve_job(ledger, server, key, "abandon", who="ann")
    assert (await ledger.balance("b")).reserved == 20
    for wrong in (None, -1):
        with pytest.raises(InvalidInputError, match=f"credits is {wrong}"):
            await resolve_job(ledger, server, key, "paid", credits=wrong, who="ann")
    record = await resolve_job(ledger, server, key[:12], "paid", credits=3, who="ann", why="its invoice")
    assert record.credits == 3
    assert record.message.endswith("paid by ann: its invoice")
    after = await ledger.balance("b")
    assert (after.reserved, after.spent, after.left) == (0, 3, 97)
    with pytest.raises(LedgerError, match="nothing to settle"):
        await resolve_job(ledger, server, key, "paid", credits=0, who="ann")


async def test_a_person_does_not_interrupt(world: World, ledger) -> None:
    held = (await ledger.intend(intent("none-a"))).record
    with pytest.raises(LedgerError, match="is held by"):
        await resolve_job(ledger, world.server("none-a"), held.key, "absent", who="ann")


async def test_a_wrong_id_leaves_a_planned_job_planned(world: World, ledger) -> None:
    (planned,) = await ledger.plan([intent("none-a")])
    with pytest.raises(AbsentError):
        await resolve_job(ledger, world.server("none-a"), planned.key, "adopt", job_id="job-9", who="ann")
    assert (await ledger.job(planned.key)).phase is Phase.PLANNED
