"""Lost jobs are sent again only by decision, and only those that can have cost nothing."""

import anyio
import pytest
from job_world import KINDS, World, rows

from eoflows.jobs.ledger import Ledger, Reservation
from eoflows.jobs.ledger.resubmission import MOST_ATTEMPTS
from eoflows.jobs.models import Phase

pytestmark = pytest.mark.anyio


async def lose(world: World, ledger: Ledger, place: str) -> None:
    """Have the service forget its jobs, and the tracker find out."""
    world.clock.advance(5)
    world.dummy.forget(place)
    for _ in range(2):
        await world.track(ledger)
        world.clock.advance(3600)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_lost_job_is_sent_again_once(world: World, ledger: Ledger, kind: str) -> None:
    place = f"{kind}-a"
    first = await world.submit(ledger, place, inputs={"seconds": 60})
    await lose(world, ledger, place)
    assert (await ledger.job(first.key)).phase is Phase.LOST

    both = []

    async def again() -> None:
        both.extend(await ledger.resubmit_lost(["dummy"], "sent again by ada"))

    async with anyio.create_task_group() as group:
        group.start_soon(again)
        group.start_soon(again)
    assert [record.key for record in both] == [first.key]
    assert both[0].phase is Phase.PLANNED
    assert both[0].message == f"sent again by ada; lost was {first.remote_id}"

    await world.track(ledger)
    (made,) = world.jobs(place)
    found = await ledger.job(first.key)
    assert (found.phase, found.remote_id, found.attempts) == (Phase.RUNNING, made.id, 2)
    world.clock.advance(61)
    await world.track(ledger)
    assert (await ledger.job(first.key)).phase is Phase.SUCCEEDED
    assert [record.key for record in await ledger.untold()] == [first.key]


async def test_what_money_was_set_aside_for_waits_for_a_person(world: World, ledger: Ledger) -> None:
    await ledger.set_budget("spring", 100)
    reservation = Reservation(budget="spring", credits=0)
    await world.submit(ledger, "inputs-a", inputs={"seconds": 60}, reservation=reservation)
    await lose(world, ledger, "inputs-a")
    assert await ledger.resubmit_lost(["dummy"], "policy") == []
    await world.track(ledger)
    assert world.jobs("inputs-a") == []
    assert [record.phase for record in await rows(ledger)] == [Phase.LOST]


async def test_what_has_a_price_waits_for_a_person(world: World, ledger: Ledger) -> None:
    await world.submit(ledger, "inputs-a", inputs={"credits": 5, "seconds": 60})
    await lose(world, ledger, "inputs-a")
    (record,) = await rows(ledger)
    assert (record.phase, record.credits) == (Phase.LOST, 5)
    assert await ledger.resubmit_lost(["dummy"], "policy") == []


async def test_only_what_is_named_and_lost_is_sent_again(world: World, ledger: Ledger) -> None:
    lost = await world.submit(ledger, "inputs-a", inputs={"seconds": 60})
    await lose(world, ledger, "inputs-a")
    running = await world.submit(ledger, "inputs-a", n=2, inputs={"seconds": 600})
    assert await ledger.resubmit_lost(["ogc-processes"], "policy") == []
    assert await ledger.resubmit_lost(["dummy"], "policy", keys=[running.key]) == []
    assert [one.key for one in await ledger.resubmit_lost(["dummy"], "policy")] == [lost.key]


async def test_what_is_lost_again_and_again_waits_for_a_person(world: World, ledger: Ledger) -> None:
    first = await world.submit(ledger, "inputs-a", inputs={"seconds": 600})
    for _ in range(MOST_ATTEMPTS - 1):
        await lose(world, ledger, "inputs-a")
        assert len(await ledger.resubmit_lost(["dummy"], "policy")) == 1
        await world.track(ledger)
    await lose(world, ledger, "inputs-a")
    assert await ledger.resubmit_lost(["dummy"], "policy") == []
    found = await ledger.job(first.key)
    assert (found.phase, found.attempts) == (Phase.LOST, MOST_ATTEMPTS)
