"""Fetching results: who fetches which, and what was fetched."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from eoflows.jobs.ledger.records import JobRecord
from eoflows.jobs.ledger.statements import FREE, change, free_at, read_jobs
from eoflows.jobs.ledger.tables import jobs
from eoflows.jobs.ledger.transaction import Look

__all__ = ["collect_failed", "collected", "hold_wanted", "want_again"]


def hold_wanted(look: Look, most: int, keys: Sequence[str] | None = None) -> list[JobRecord]:
    """Take jobs whose results are to be fetched, oldest first.

    Args:
        look: An open transaction.
        most: At the most so many.
        keys: Only of these; None: of all that are due.
    """
    condition = sa.and_(jobs.c.wanted, free_at(look.now))
    if keys is None:
        condition &= sa.or_(jobs.c.collect_after.is_(None), jobs.c.collect_after <= look.now)
    else:
        condition &= jobs.c.key.in_(keys)
    values = look.lease.values(look.now)
    found = read_jobs(look.connection, condition, limit=most, lock=True)
    return [change(look, record, values) for record in found]


def collected(look: Look, held: JobRecord, outputs: Mapping[str, Any]) -> JobRecord:
    """Write down what was fetched of a job."""
    values = {"wanted": False, "collected_at": look.now, "outputs": dict(outputs), "changed_at": look.now}
    return change(look, held, {**values, "collect_attempts": jobs.c.collect_attempts + 1, **FREE})


def collect_failed(look: Look, held: JobRecord, message: str, again: datetime | None) -> JobRecord:
    """Write down that results could not be fetched.

    Args:
        look: An open transaction.
        held: The job.
        message: Why.
        again: When to try again; None: not by itself.
    """
    values = {"wanted": again is not None, "collect_after": again, "message": message, "changed_at": look.now}
    return change(look, held, {**values, "collect_attempts": jobs.c.collect_attempts + 1, **FREE})


def want_again(look: Look, keys: Sequence[str]) -> int:
    """Have results fetched again, or for the first time; give the number of jobs."""
    condition = sa.and_(jobs.c.key.in_(keys), jobs.c.phase == "succeeded")
    values = {"wanted": True, "collect_after": None, "changed_at": look.now}
    return look.connection.execute(sa.update(jobs).where(condition).values(values)).rowcount
