"""Budgets: never passed, settled when a price is known."""

import anyio
import pytest
from job_world import World, endpoint, intent, rows, state

from eoflows.base.errors import (
    BudgetError,
    InvalidInputError,
    LedgerError,
)
from eoflows.jobs.ledger import Finding, Reservation
from eoflows.jobs.models import Billing, Phase

pytestmark = pytest.mark.anyio


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
