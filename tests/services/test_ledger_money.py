"""Budgets: never passed, settled when a price is known."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_world import World, endpoint, intent, rows, sqlite_url, state

from eoflows.base.errors import (
    BudgetError,
    ContractError,
    InvalidInputError,
    LedgerError,
    PriceError,
    UnreachableError,
)
from eoflows.base.http import HttpClient, RetryPolicy
from eoflows.jobs.ledger import Finding, Reservation
from eoflows.jobs.models import Billing, Phase
from eoflows.jobs.service import Ask, JobServer
from eoflows.jobs.submission import submit
from eoflows.services.dummy import DummyRequest, DummyService

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


class Priced(DummyService):
    """A service that says what a job would cost, each time another price."""

    prices = iter(())

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.can = replace(self.can, prices=True)

    async def price(self, request: DummyRequest, ask: Ask) -> int:
        found = next(self.prices)
        if isinstance(found, Exception):
            raise found
        return found


def priced(world: World, *prices: object) -> JobServer[DummyRequest]:
    service = Priced(endpoint("inputs-a"))
    service.prices = iter(prices)
    http = HttpClient(transport=world.line, retry=RetryPolicy(attempts=1))
    return JobServer(service, endpoint("inputs-a"), http, clock=world.clock)


@pytest.mark.parametrize("held", [None, 10, 20])
@pytest.mark.parametrize("most", [None, 10, 20])
@pytest.mark.parametrize("price", [-5, 0, 10, 11, 21])
async def test_the_price_is_asked_again_before_sending(world: World, ledger, held, most, price: int) -> None:
    await ledger.set_budget("b", 100)
    reservation = None if held is None else Reservation(budget="b", credits=held)
    wanted = intent("inputs-a", reservation=reservation, most=most)
    limits = [one for one in (held, most) if one is not None]
    if limits and max(0, price) > min(limits):
        with pytest.raises(PriceError, match=f"costs {price} credits now, {min(limits)} were agreed"):
            await submit(ledger, priced(world, price), wanted)
        assert world.jobs("inputs-a") == []
        assert (await ledger.job(wanted.key)).phase is Phase.PLANNED
        assert (await ledger.balance("b")).left == 100
    else:
        await submit(ledger, priced(world, price), wanted)
        assert len(world.jobs("inputs-a")) == 1


async def test_a_price_that_cannot_be_had_sends_nothing(world: World, ledger) -> None:
    for trouble in (UnreachableError("no answer"), ContractError("no price")):
        with pytest.raises(type(trouble)):
            await submit(ledger, priced(world, trouble), intent("inputs-a", most=10))
        assert (await rows(ledger))[0].phase is Phase.PLANNED
    assert world.jobs("inputs-a") == []


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=5))
async def test_no_price_enlarges_a_budget(costs: list[int]) -> None:
    with TemporaryDirectory() as folder:
        world = World(sqlite_url(Path(folder)))
        async with world.ledger() as ledger:
            await ledger.set_budget("b", 100)
            for number, cost in enumerate(costs):
                held = Reservation(budget="b", credits=1)
                record = (await ledger.intend(intent("inputs-a", n=number, reservation=held))).record
                said = state(f"job-{number}", Phase.SUCCEEDED, credits=cost, billing=Billing.CAPTURED)
                left = (await ledger.balance("b")).left
                await ledger.accepted(record, said)
                assert (await ledger.balance("b")).left <= left + 1
                if (await ledger.balance("b")).left < 1:
                    break
            assert (await ledger.balance("b")).left <= 100
