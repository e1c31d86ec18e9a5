"""Retention: what the ledger may forget, so that it still makes nothing twice.

A row whose job exists, or may exist, is never removed: its key, id, end and price stay for ever. What goes
is what nobody asks the ledger for again: the service's last document, and the rows of what certainly never
became a job.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from eoflows.jobs.ledger.approvals import ApprovalState
from eoflows.jobs.ledger.statements import free_at, is_one_of, never_sent
from eoflows.jobs.ledger.tables import approvals, jobs, reservations
from eoflows.jobs.ledger.transaction import Look
from eoflows.jobs.models import CLOSED

__all__ = ["Tidied", "tidy"]


@dataclass(frozen=True)
class Tidied:
    """What was, or would be, forgotten.

    Attributes:
        documents: Jobs whose last document of the service goes.
        rows: Intents that never became a job.
        approvals: Questions that were denied or that nobody answered.
    """

    documents: int
    rows: int
    approvals: int


def tidy(look: Look, before: datetime, *, plan_only: bool = False) -> Tidied:
    """Forget what ended before a time and is not needed.

    A job is done with when its end was told, its results were fetched or are not wanted, nothing more is
    expected of its service, and no money is set aside for it.

    Args:
        look: An open transaction.
        before: Aware UTC.
        plan_only: Only count.
    """
    open_money = sa.exists().where(reservations.c.key == jobs.c.key, reservations.c.settled.is_(None))
    done = sa.and_(
        is_one_of(CLOSED),
        jobs.c.changed_at < before,
        ~jobs.c.watched,
        ~jobs.c.untold,
        ~jobs.c.wanted,
        ~open_money,
        free_at(look.now),
    )
    spent = sa.exists().where(reservations.c.key == jobs.c.key, reservations.c.settled != 0)
    no_job = sa.and_(done, never_sent(), ~spent)
    full = sa.and_(done, ~no_job, jobs.c.document.is_not(None), sa.cast(jobs.c.document, sa.Text) != "null")
    denied = [str(ApprovalState.REJECTED), str(ApprovalState.EXPIRED)]
    void = sa.and_(approvals.c.state.in_(denied), approvals.c.decided_at < before)

    def count(table: sa.Table, condition: sa.ColumnElement[bool]) -> int:
        return look.connection.execute(
            sa.select(sa.func.count()).select_from(table).where(condition)
        ).scalar_one()

    found = count(jobs, full), count(jobs, no_job)
    if plan_only:
        return Tidied(*found, count(approvals, void))
    slim = {"document": sa.null(), "seen_before": sa.null()}
    look.connection.execute(sa.update(jobs).where(full).values(slim))
    keys = sa.select(jobs.c.key).where(no_job)
    look.connection.execute(sa.delete(reservations).where(reservations.c.key.in_(keys)))
    look.connection.execute(sa.delete(jobs).where(no_job))
    return Tidied(*found, look.connection.execute(sa.delete(approvals).where(void)).rowcount)
