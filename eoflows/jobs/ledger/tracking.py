"""Following open jobs: which endpoints are due, who follows them, and what was found."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from eoflows.base.errors import LateError
from eoflows.jobs.ledger import money
from eoflows.jobs.ledger.intents import Lease
from eoflows.jobs.ledger.records import EndpointClaim, JobRecord
from eoflows.jobs.ledger.statements import NEVER_SENT, chunks, price, read_jobs, values_of
from eoflows.jobs.ledger.tables import endpoints, jobs
from eoflows.jobs.models import CLOSED, OPEN, JobState, Phase

__all__ = [
    "claim_endpoint",
    "close",
    "due_endpoints",
    "keep_endpoint",
    "mark_told",
    "missing",
    "observe",
    "release_endpoint",
    "untold",
    "want_cancelled",
    "watched",
]


def due_endpoints(
    connection: sa.Connection, now: datetime, older_than: float | None = None
) -> list[tuple[str, str]]:
    """Give service and endpoint of those that have jobs to look at, and whose time has come.

    Args:
        connection: An open transaction.
        now: Aware UTC.
        older_than: Also those that answered more than so many seconds ago, whatever their pace; an
            endpoint that does not answer, or has asked for patience, keeps its time.
    """
    open_ = sa.exists().where(
        jobs.c.service == endpoints.c.service, jobs.c.endpoint == endpoints.c.endpoint, jobs.c.watched
    )
    due = sa.or_(endpoints.c.due_at.is_(None), endpoints.c.due_at <= now)
    if older_than is not None:
        stale = endpoints.c.asked_at <= now - timedelta(seconds=older_than)
        due = sa.or_(due, sa.and_(endpoints.c.failures == 0, stale))
    statement = sa.select(endpoints.c.service, endpoints.c.endpoint).where(open_, due)
    return [(row.service, row.endpoint) for row in connection.execute(statement.order_by(endpoints.c.due_at))]


def _at(service: str, endpoint: str) -> sa.ColumnElement[bool]:
    return sa.and_(endpoints.c.service == service, endpoints.c.endpoint == endpoint)


def claim_endpoint(
    connection: sa.Connection, service: str, endpoint: str, lease: Lease, now: datetime
) -> EndpointClaim | None:
    """Take the right to follow an endpoint's jobs; None if somebody has it."""
    free = sa.or_(endpoints.c.lease_until.is_(None), endpoints.c.lease_until <= now)
    until = now + timedelta(seconds=lease.seconds)
    statement = (
        sa.update(endpoints)
        .where(_at(service, endpoint), free)
        .values(lease_owner=lease.owner, lease_until=until, fence=endpoints.c.fence + 1)
    )
    if connection.execute(statement).rowcount != 1:
        return None
    row = connection.execute(sa.select(endpoints).where(_at(service, endpoint))).mappings().one()
    names = ("service", "endpoint", "server", "fence", "failures", "failing_since", "asked_at")
    return EndpointClaim(**{name: row[name] for name in names})


def _hold(connection: sa.Connection, claim: EndpointClaim, values: Mapping[str, Any]) -> None:
    """Check that a claim still stands, in the transaction that relies on it."""
    held = sa.and_(_at(claim.service, claim.endpoint), endpoints.c.fence == claim.fence)
    if connection.execute(sa.update(endpoints).where(held).values(dict(values))).rowcount != 1:
        raise LateError(
            f"{claim.endpoint}: round {claim.fence} is over and another has begun; nothing was written"
        )


def keep_endpoint(connection: sa.Connection, claim: EndpointClaim, lease: Lease, now: datetime) -> None:
    """Keep a claim for longer.

    Raises:
        LateError: The round was taken over.
    """
    _hold(connection, claim, {"lease_until": now + timedelta(seconds=lease.seconds)})


def release_endpoint(
    connection: sa.Connection,
    claim: EndpointClaim,
    due: datetime,
    *,
    asked_at: datetime | None,
    failing_since: datetime | None = None,
    failures: int = 0,
    message: str = "",
) -> None:
    """End a round.

    Args:
        connection: An open transaction.
        claim: The claim that ends.
        due: When the next round is due.
        asked_at: When the service last answered.
        failing_since: Since when it has not.
        failures: How many rounds in a row it has not.
        message: Why not.
    """
    _hold(
        connection,
        claim,
        {
            "lease_owner": "",
            "lease_until": None,
            "due_at": due,
            "asked_at": asked_at,
            "failing_since": failing_since,
            "failures": failures,
            "message": message,
        },
    )


def watched(connection: sa.Connection, service: str, endpoint: str) -> list[JobRecord]:
    """Give the jobs of an endpoint that are to be looked at, oldest first."""
    return read_jobs(
        connection, sa.and_(jobs.c.service == service, jobs.c.endpoint == endpoint, jobs.c.watched)
    )


def observe(
    connection: sa.Connection,
    claim: EndpointClaim,
    found: Sequence[tuple[JobRecord, JobState]],
    lease: Lease,
    now: datetime,
) -> int:
    """Write down what a service says of its jobs; those of which it says nothing new are not written.

    A job that has ended does not begin again: what is said of it later changes its billing alone.

    Returns:
        The number of jobs that have ended now.

    Raises:
        LateError: The round was taken over; nothing is written.
    """
    _hold(connection, claim, {"lease_until": now + timedelta(seconds=lease.seconds)})
    ended = 0
    changed: list[dict[str, Any]] = []
    for record, state in found:
        values = _news(record, state, now)
        ended += values["untold"]
        changed.append({"the_key": record.key, "was": str(record.phase), **values})
    _update(connection, changed)
    _settle(connection, {record.key: state for record, state in found}, now)
    return ended


def _news(record: JobRecord, state: JobState, now: datetime) -> dict[str, Any]:
    values = values_of(state, now)
    ends = state.phase in CLOSED and record.phase not in CLOSED
    if record.phase in CLOSED:
        values |= {"phase": str(record.phase), "finished_at": record.finished_at}
    return values | {
        "untold": ends,
        "wanted": ends and state.phase is Phase.SUCCEEDED,
    }


def _settle(connection: sa.Connection, states: Mapping[str, JobState], now: datetime) -> None:
    """Settle the money of those whose price is known now."""
    known = [key for key, state in states.items() if price(state, 0) is not None]
    for key in money.unsettled(connection, known):
        money.settle(connection, key, states[key], now)


def _update(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Update many rows, each with its own values; `untold` and `wanted` are only ever set here."""
    if not rows:
        return
    names = [name for name in rows[0] if name in jobs.c and name not in ("untold", "wanted")]
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}", type_=jobs.c[name].type) for name in names}
    for name in ("untold", "wanted"):
        values[name] = sa.or_(jobs.c[name], sa.bindparam(f"new_{name}", type_=sa.Boolean))
    as_read = sa.and_(jobs.c.key == sa.bindparam("the_key"), jobs.c.phase == sa.bindparam("was"))
    statement = sa.update(jobs).where(as_read).values(values)
    in_order = sorted(rows, key=lambda row: str(row["the_key"]))
    connection.execute(statement, [_named(row) for row in in_order])


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name if name in ("the_key", "was") else f"new_{name}": value for name, value in row.items()}


def missing(
    connection: sa.Connection, claim: EndpointClaim, keys: Iterable[str], lease: Lease, now: datetime
) -> None:
    """Note since when a service has not known some jobs."""
    _hold(connection, claim, {"lease_until": now + timedelta(seconds=lease.seconds)})
    for part in chunks(keys):
        condition = sa.and_(jobs.c.key.in_(part), jobs.c.missing_since.is_(None))
        connection.execute(sa.update(jobs).where(condition).values(missing_since=now))


def close(
    connection: sa.Connection,
    claim: EndpointClaim,
    keys: Iterable[str],
    phase: Phase,
    message: str,
    now: datetime,
) -> int:
    """End jobs without a word of the service: lost, unreachable, overdue; money stays set aside.

    A row that is being sent, or in doubt, is not ended by this. Of those that have ended before, and whose
    bill was still open, nothing more is expected.
    """
    _hold(connection, claim, {"fence": claim.fence})
    ended = 0
    for part in chunks(keys):
        mine = jobs.c.key.in_(part)
        condition = sa.and_(mine, jobs.c.phase.in_([str(one) for one in (Phase.PLANNED, *OPEN)]))
        values = {"phase": str(phase), "message": message, "changed_at": now, "finished_at": now}
        ended += connection.execute(sa.update(jobs).where(condition).values(**values, untold=True)).rowcount
        settled = sa.and_(mine, jobs.c.phase.in_([str(one) for one in CLOSED]))
        connection.execute(sa.update(jobs).where(settled).values(watched=False))
    return ended


def want_cancelled(connection: sa.Connection, keys: Iterable[str], now: datetime) -> list[JobRecord]:
    """Note that somebody wants some jobs stopped; planned ones are stopped by that. Give those that go on."""
    going: list[JobRecord] = []
    for part in chunks(keys):
        here = sa.and_(jobs.c.key.in_(part), jobs.c.phase.not_in([str(one) for one in CLOSED]))
        planned = sa.and_(here, jobs.c.phase == str(Phase.PLANNED))
        ended = {**NEVER_SENT, "finished_at": now, "changed_at": now}
        connection.execute(sa.update(jobs).where(planned).values(ended))
        connection.execute(
            sa.update(jobs).where(here, jobs.c.cancel_wanted_at.is_(None)).values(cancel_wanted_at=now)
        )
        going += read_jobs(connection, here)
    return going


def untold(connection: sa.Connection, most: int) -> list[JobRecord]:
    """Give jobs whose end has not been announced, oldest first."""
    return read_jobs(connection, jobs.c.untold, limit=most)


def mark_told(connection: sa.Connection, records: Iterable[JobRecord]) -> None:
    """Note that the end of some jobs has been announced; an intent that was sent again has another end."""
    by_attempts: dict[int, list[str]] = {}
    for record in records:
        by_attempts.setdefault(record.attempts, []).append(record.key)
    for attempts, keys in by_attempts.items():
        for part in chunks(keys):
            told = sa.and_(jobs.c.key.in_(part), jobs.c.attempts == attempts)
            connection.execute(sa.update(jobs).where(told).values(untold=False))
