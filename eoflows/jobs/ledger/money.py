"""Money: budgets, what is set aside for jobs, and what they cost in the end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from eoflows.base.errors import BudgetError, InvalidInputError, LedgerError
from eoflows.jobs.ledger.records import Balance, Reservation
from eoflows.jobs.ledger.statements import chunks, insert, price
from eoflows.jobs.ledger.tables import budgets, reservations
from eoflows.jobs.ledger.transaction import Look
from eoflows.jobs.models import JobState

__all__ = [
    "Period",
    "balance",
    "balances",
    "give_back",
    "pay",
    "reserve",
    "set_aside",
    "set_budget",
    "settle",
    "unsettled",
]

Period = Literal["", "day", "month", "year"]


def set_budget(look: Look, name: str, credits: int, period: Period = "") -> None:
    """Make a budget, or change its limit; what is set aside stays."""
    if credits < 0 or not name:
        raise InvalidInputError(f"budget {name!r} of {credits} credits: give a name, and 0 or more credits")
    values: dict[str, Any] = {"credits": credits, "period": period}
    statement = insert(look.connection, budgets).values(name=name, **values)
    look.connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def _start(period: str, now: datetime) -> datetime | None:
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}
    return starts.get(period)


def balance(look: Look, name: str, *, lock: bool = False) -> Balance:
    """Give a budget's balance in its present period.

    Args:
        look: An open transaction; days, months and years begin at midnight UTC.
        name: The budget.
        lock: Whether nobody else may reserve until the transaction ends.

    Raises:
        LedgerError: There is no such budget.
    """
    statement = sa.select(budgets).where(budgets.c.name == name)
    row = look.connection.execute(statement.with_for_update() if lock else statement).mappings().one_or_none()
    if row is None:
        raise LedgerError(f"there is no budget {name!r}; make it with the flow set-budget")
    open_, paid = reservations.c.settled.is_(None), reservations.c.settled
    sums = sa.select(
        sa.func.coalesce(sa.func.sum(sa.case((open_, reservations.c.reserved), else_=0)), 0),
        # A discount that was written down before enlarges no budget.
        sa.func.coalesce(sa.func.sum(sa.case((paid > 0, paid), else_=0)), 0),
    ).where(reservations.c.budget == name)
    start = _start(row["period"], look.now)
    if start is not None:
        sums = sums.where(reservations.c.made_at >= start)
    reserved, spent = look.connection.execute(sums).one()
    return Balance(
        name=name, credits=row["credits"], period=row["period"], reserved=int(reserved), spent=int(spent)
    )


def balances(look: Look) -> list[Balance]:
    """Give all budgets' balances, by name."""
    names = look.connection.execute(sa.select(budgets.c.name).order_by(budgets.c.name)).scalars()
    return [balance(look, name) for name in names.all()]


def reserve(look: Look, key: str, wanted: Reservation) -> None:
    """Set money aside for a job, instead of what was set aside for it before.

    Raises:
        BudgetError: The budget has not that much left.
    """
    if wanted.credits < 0:
        raise InvalidInputError(f"{wanted.credits} credits cannot be set aside; give 0 or more")
    here = balance(look, wanted.budget, lock=True)
    mine = sa.and_(reservations.c.key == key, reservations.c.budget == wanted.budget)
    held = look.connection.execute(
        sa.select(reservations.c.reserved).where(mine, reservations.c.settled.is_(None))
    ).scalar()
    left = here.left + (held or 0)
    if wanted.credits > left:
        raise BudgetError(
            f"budget {here.name!r} has {left} of {here.credits} credits left, {wanted.credits} are needed; "
            "nothing was sent; raise the budget or ask for less"
        )
    values: dict[str, Any] = {
        "reserved": wanted.credits,
        "settled": None,
        "made_at": look.now,
        "settled_at": None,
    }
    statement = insert(look.connection, reservations).values(key=key, budget=wanted.budget, **values)
    look.connection.execute(statement.on_conflict_do_update(index_elements=["key", "budget"], set_=values))


def unsettled(look: Look, keys: Sequence[str]) -> list[str]:
    """Give those jobs for which money is still set aside."""
    found: list[str] = []
    for part in chunks(keys):
        mine = sa.and_(reservations.c.key.in_(part), reservations.c.settled.is_(None))
        found += look.connection.execute(sa.select(reservations.c.key).where(mine)).scalars()
    return found


def settle(look: Look, key: str, state: JobState) -> None:
    """Write down what a job has cost, once that is known."""
    rows = look.connection.execute(
        sa.select(reservations).where(reservations.c.key == key, reservations.c.settled.is_(None))
    ).mappings()
    for row in rows.all():
        cost = price(state, row["reserved"])
        if cost is not None:
            _write(look, key, cost)


def set_aside(look: Look, key: str) -> int | None:
    """Give what is set aside for a job and not settled; None if nothing is."""
    mine = sa.and_(reservations.c.key == key, reservations.c.settled.is_(None))
    return look.connection.execute(sa.select(sa.func.min(reservations.c.reserved)).where(mine)).scalar()


def give_back(look: Look, key: str) -> None:
    """Give back what was set aside for a job that certainly does not exist."""
    _write(look, key, 0)


def pay(look: Look, key: str, cost: int) -> None:
    """Write down what a job has cost, as a person knows it.

    Raises:
        LedgerError: Nothing is set aside for it.
    """
    if not unsettled(look, [key]):
        raise LedgerError(f"no money is set aside for job {key[:12]}; there is nothing to settle")
    _write(look, key, cost)


def _write(look: Look, key: str, cost: int) -> None:
    """Settle; a discount never enlarges a budget."""
    look.connection.execute(
        sa.update(reservations)
        .where(reservations.c.key == key, reservations.c.settled.is_(None))
        .values(settled=max(0, cost), settled_at=look.now)
    )
