from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eoflows.base.errors import BudgetError, InvalidInputError, LedgerError
from eoflows.jobs.ledger import Approval, ApprovalState, Finding, Intent, JobFilter, Ledger, Reservation
from eoflows.jobs.models import Phase
from eoflows.services.dummy import DummyRequest

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ledger(tmp_path: Path, clock: Clock) -> AsyncIterator[Ledger]:
    async with Ledger(str(tmp_path / "ledger.sqlite"), clock=clock, create=True) as opened:
        await opened.set_budget("spring", 100)
        yield opened


def intent(number: int, credits: int) -> Intent:
    request, money = DummyRequest(inputs={"n": number}), Reservation(budget="spring", credits=credits)
    return Intent(request=request, endpoint="http://x", server="dummy-server/x", reservation=money)


def question(clock: Clock, name: str, credits: int) -> Approval:
    until = clock.now + timedelta(hours=1)
    return Approval(id=name, subject="what", credits=credits, label="run", until=until)


async def reserved(ledger: Ledger) -> int:
    return (await ledger.balance("spring")).reserved


async def test_asking_sets_money_aside_and_approval_lets_it_be_sent(ledger: Ledger, clock: Clock) -> None:
    asked = await ledger.ask_approval(question(clock, "a", 30), [intent(1, 10), intent(2, 20)])
    assert asked.state is ApprovalState.ASKED
    assert await reserved(ledger) == 30
    assert {job.phase for job in await ledger.jobs(JobFilter())} == {Phase.PLANNED}

    decided = await ledger.decide_approval("a", approve=True, who="ada", why="needed")
    assert (decided.state, decided.who, decided.why) == (ApprovalState.APPROVED, "ada", "needed")
    found = await ledger.intend(intent(1, 8))
    assert found.finding is Finding.SEND
    assert await reserved(ledger) == 28


@pytest.mark.parametrize("approve", [None, False])
async def test_rejected_or_expired_frees_the_money(
    ledger: Ledger, clock: Clock, approve: bool | None
) -> None:
    await ledger.ask_approval(question(clock, "a", 30), [intent(1, 30)])
    if approve is None:
        clock.now += timedelta(hours=2)
        assert await ledger.expire_approvals() == 1
    else:
        await ledger.decide_approval("a", approve=approve, who="", why="too dear")
    assert await reserved(ledger) == 0
    (job,) = await ledger.jobs(JobFilter())
    assert job.phase is Phase.CANCELLED
    late = await ledger.decide_approval("a", approve=True, who="ada", why="")
    assert late.state is not ApprovalState.APPROVED

    again = await ledger.ask_approval(question(clock, "a", 30), [intent(1, 30)])
    assert again.state is ApprovalState.ASKED
    assert await reserved(ledger) == 30


async def test_a_raised_estimate_is_another_question_and_takes_the_money_over(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.ask_approval(question(clock, "a", 30), [intent(1, 30)])
    clock.now += timedelta(seconds=1)
    await ledger.ask_approval(question(clock, "b", 90), [intent(1, 90)])
    assert await reserved(ledger) == 90
    assert [one.state for one in await ledger.approvals("what")] == [
        ApprovalState.ASKED,
        ApprovalState.EXPIRED,
    ]


async def test_what_no_budget_covers_is_not_asked(ledger: Ledger, clock: Clock) -> None:
    with pytest.raises(BudgetError, match="100 of 100 credits left, 101 are needed"):
        await ledger.ask_approval(question(clock, "a", 101), [intent(1, 101)])
    assert await ledger.approvals("what") == []
    assert await ledger.jobs(JobFilter()) == []


async def test_a_job_that_is_there_is_not_planned_again(ledger: Ledger, clock: Clock) -> None:
    held = (await ledger.intend(intent(1, 10))).record
    await ledger.ask_approval(question(clock, "a", 30), [intent(1, 10), intent(2, 20)])
    await ledger.decide_approval("a", approve=False, who="", why="")
    assert (await ledger.job(held.key)).phase is Phase.SENDING
    assert await reserved(ledger) == 10


async def test_nobody_cannot_approve(ledger: Ledger, clock: Clock) -> None:
    await ledger.ask_approval(question(clock, "a", 1), [intent(1, 1)])
    with pytest.raises(InvalidInputError, match="who approves"):
        await ledger.decide_approval("a", approve=True, who=" ", why="")
    with pytest.raises(LedgerError, match="nobody has asked"):
        await ledger.decide_approval("z", approve=False, who="ada", why="")


@pytest.mark.parametrize("how", ["rejected", "expired", "replaced"])
async def test_jobs_that_are_denied_are_told_of_like_all_that_end(
    ledger: Ledger, clock: Clock, how: str
) -> None:
    await ledger.ask_approval(question(clock, "a", 30), [intent(1, 10), intent(2, 20)])
    if how == "rejected":
        await ledger.decide_approval("a", approve=False, who="ada", why="too dear")
    elif how == "expired":
        clock.now += timedelta(hours=2)
        await ledger.expire_approvals()
    else:
        await ledger.ask_approval(question(clock, "b", 31), [intent(3, 31)])
    told = {job.key for job in await ledger.untold()}
    assert told == {intent(1, 10).key, intent(2, 20).key}
    await ledger.mark_told(await ledger.untold())
    assert await ledger.untold() == []


async def test_what_is_stopped_while_it_waits_for_approval_frees_its_money(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.ask_approval(question(clock, "a", 30), [intent(1, 10), intent(2, 20)])
    await ledger.want_cancelled([intent(1, 10).key])
    assert await reserved(ledger) == 20
    await ledger.decide_approval("a", approve=False, who="ada", why="")
    assert await reserved(ledger) == 0
    assert len(await ledger.untold()) == 2
