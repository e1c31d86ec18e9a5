"""Fetching results: who fetches which, and what was fetched."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from eoflows.jobs.ledger.intents import Lease
from eoflows.jobs.ledger.records import JobRecord
from eoflows.jobs.ledger.statements import FREE, change, free_at, read_jobs
from eoflows.jobs.ledger.tables import jobs

__all__ = ["collect_failed", "collected", "hold_wanted", "want_again"]


def hold_wanted(
    connection: sa.Connection, most: int, lease: Lease, now: datetime, keys: Sequence[str] | None = None
) -> list[JobRecord]:
    """Take jobs whose results are to be fetched, oldest first.

    Args:
        connection: An open transaction.
        most: At the most so many.
        lease: Who takes them.
        now: Aware UTC.
        keys: Only of these; None: of all that are due.
    """
    condition = sa.and_(jobs.c.wanted, free_at(now))
    if keys is None:
        condition &= sa.or_(jobs.c.collect_after.is_(None), jobs.c.collect_after <= now)
    else:
        condition &= jobs.c.key.in_(keys)
    values = lease.values(now)
    return [
        change(connection, record.key, record.fence, values)
        for record in read_jobs(connection, condition, limit=most, lock=True)
    ]


def collected(
    connection: sa.Connection, key: str, fence: int, outputs: Mapping[str, Any], now: datetime
) -> JobRecord:
    """Write down what was fetched of a job."""
    values = {"wanted": False, "collected_at": now, "outputs": dict(outputs), "changed_at": now}
    return change(connection, key, fence, {**values, "collect_attempts": jobs.c.collect_attempts + 1, **FREE})


def collect_failed(
    connection: sa.Connection, key: str, fence: int, message: str, again: datetime | None, now: datetime
) -> JobRecord:
    """Write down that results could not be fetched.

    Args:
        connection: An open transaction.
        key: The job.
        fence: Number of the lease.
        message: Why.
        again: When to try again; None: not by itself.
        now: Aware UTC.
    """
    values = {"wanted": again is not None, "collect_after": again, "message": message, "changed_at": now}
    return change(connection, key, fence, {**values, "collect_attempts": jobs.c.collect_attempts + 1, **FREE})


def want_again(connection: sa.Connection, keys: Sequence[str], now: datetime) -> int:
    """Have results fetched again, or for the first time; give the number of jobs."""
    condition = sa.and_(jobs.c.key.in_(keys), jobs.c.phase == "succeeded")
    values = {"wanted": True, "collect_after": None, "changed_at": now}
    return connection.execute(sa.update(jobs).where(condition).values(values)).rowcount
