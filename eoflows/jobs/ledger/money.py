"""Money: budgets, what is set aside for jobs, and what they cost in the end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from eoflows.base.errors import BudgetError, InvalidInputError, LedgerError
from eoflows.jobs.ledger.records import Balance, Reservation
from eoflows.jobs.ledger.statements import chunks, insert, price
from eoflows.jobs.ledger.tables import budgets, reservations
from eoflows.jobs.models import JobState

__all__ = [
    "Period",
    "balance",
    "balances",
    "give_back",
    "pay",
    "reserve",
    "set_budget",
    "settle",
    "unsettled",
]

Period = Literal["", "day", "month", "year"]


def set_budget(connection: sa.Connection, name: str, credits: int, period: Period) -> None:
    """Make a budget, or change its limit; what is set aside stays."""
    if credits < 0 or not name:
        raise InvalidInputError(f"budget {name!r} of {credits} credits: give a name, and 0 or more credits")
    values: dict[str, Any] = {"credits": credits, "period": period}
    statement = insert(connection, budgets).values(name=name, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def _start(period: str, now: datetime) -> datetime | None:
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}
    return starts.get(period)


def balance(connection: sa.Connection, name: str, now: datetime, *, lock: bool = False) -> Balance:
    """Give a budget's balance in its present period.

    Args:
        connection: An open transaction.
        name: The budget.
        now: Aware UTC; days, months and years begin at midnight UTC.
        lock: Whether nobody else may reserve until the transaction ends.

    Raises:
        LedgerError: There is no such budget.
    """
    statement = sa.select(budgets).where(budgets.c.name == name)
    row = connection.execute(statement.with_for_update() if lock else statement).mappings().one_or_none()
    if row is None:
        raise LedgerError(f"there is no budget {name!r}; make it with the flow set-budget")
    open_, paid = reservations.c.settled.is_(None), reservations.c.settled
    sums = sa.select(
        sa.func.coalesce(sa.func.sum(sa.case((open_, reservations.c.reserved), else_=0)), 0),
        sa.func.coalesce(sa.func.sum(sa.func.coalesce(paid, 0)), 0),
    ).where(reservations.c.budget == name)
    start = _start(row["period"], now)
    if start is not None:
        sums = sums.where(reservations.c.made_at >= start)
    reserved, spent = connection.execute(sums).one()
    return Balance(
        name=name, credits=row["credits"], period=row["period"], reserved=int(reserved), spent=int(spent)
    )


def balances(connection: sa.Connection, now: datetime) -> list[Balance]:
    """Give all budgets' balances, by name."""
    names = connection.execute(sa.select(budgets.c.name).order_by(budgets.c.name)).scalars()
    return [balance(connection, name, now) for name in names.all()]


def reserve(connection: sa.Connection, key: str, wanted: Reservation, now: datetime) -> None:
    """Set money aside for a job, instead of what was set aside for it before.

    Raises:
        BudgetError: The budget has not that much left.
    """
    if wanted.credits < 0:
        raise InvalidInputError(f"{wanted.credits} credits cannot be set aside; give 0 or more")
    here = balance(connection, wanted.budget, now, lock=True)
    mine = sa.and_(reservations.c.key == key, reservations.c.budget == wanted.budget)
    held = connection.execute(
        sa.select(reservations.c.reserved).where(mine, reservations.c.settled.is_(None))
    ).scalar()
    left = here.left + (held or 0)
    if wanted.credits > left:
        raise BudgetError(
            f"budget {here.name!r} has {left} of {here.credits} credits left, {wanted.credits} are needed; "
            "nothing was sent; raise the budget or ask for less"
        )
    values: dict[str, Any] = {"reserved": wanted.credits, "settled": None, "made_at": now, "settled_at": None}
    statement = insert(connection, reservations).values(key=key, budget=wanted.budget, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["key", "budget"], set_=values))


def unsettled(connection: sa.Connection, keys: Sequence[str]) -> list[str]:
    """Give those jobs for which money is still set aside."""
    found: list[str] = []
    for part in chunks(keys):
        mine = sa.and_(reservations.c.key.in_(part), reservations.c.settled.is_(None))
        found += connection.execute(sa.select(reservations.c.key).where(mine)).scalars()
    return found


def settle(connection: sa.Connection, key: str, state: JobState, now: datetime) -> None:
    """Write down what a job has cost, once that is known."""
    rows = connection.execute(
        sa.select(reservations).where(reservations.c.key == key, reservations.c.settled.is_(None))
    ).mappings()
    for row in rows.all():
        cost = price(state, row["reserved"])
        if cost is not None:
            _write(connection, key, cost, now)


def give_back(connection: sa.Connection, key: str, now: datetime) -> None:
    """Give back what was set aside for a job that certainly does not exist."""
    _write(connection, key, 0, now)


def pay(connection: sa.Connection, key: str, cost: int, now: datetime) -> None:
    """Write down what a job has cost, as a person knows it.

    Raises:
        LedgerError: Nothing is set aside for it.
    """
    if not unsettled(connection, [key]):
        raise LedgerError(f"no money is set aside for job {key[:12]}; there is nothing to settle")
    _write(connection, key, cost, now)


def _write(connection: sa.Connection, key: str, cost: int, now: datetime) -> None:
    connection.execute(
        sa.update(reservations)
        .where(reservations.c.key == key, reservations.c.settled.is_(None))
        .values(settled=cost, settled_at=now)
    )
