"""Following open jobs: which endpoints are due, who follows them, and what was found."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from eoflows.base.errors import LateError
from eoflows.jobs.ledger import money
from eoflows.jobs.ledger.intents import end_unsent
from eoflows.jobs.ledger.records import EndpointClaim, JobRecord
from eoflows.jobs.ledger.statements import (
    NEVER_SENT,
    chunks,
    columns_of,
    is_one_of,
    price,
    read_jobs,
    values_of,
)
from eoflows.jobs.ledger.tables import endpoints, jobs
from eoflows.jobs.ledger.transaction import Look
from eoflows.jobs.models import CLOSED, JobState, Phase
from eoflows.jobs.transitions import Event, Standing, moved, phases_of

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


def due_endpoints(look: Look, older_than: float | None = None) -> list[tuple[str, str]]:
    """Give service and endpoint of those that have jobs to look at, and whose time has come.

    Args:
        look: An open transaction.
        older_than: Also those that answered more than so many seconds ago, whatever their pace; an
            endpoint that does not answer, or has asked for patience, keeps its time.
    """
    open_ = sa.exists().where(
        jobs.c.service == endpoints.c.service, jobs.c.endpoint == endpoints.c.endpoint, jobs.c.watched
    )
    due = sa.or_(endpoints.c.due_at.is_(None), endpoints.c.due_at <= look.now)
    if older_than is not None:
        stale = endpoints.c.asked_at <= look.now - timedelta(seconds=older_than)
        due = sa.or_(due, sa.and_(endpoints.c.failures == 0, stale))
    statement = sa.select(endpoints.c.service, endpoints.c.endpoint).where(open_, due)
    rows = look.connection.execute(statement.order_by(endpoints.c.due_at))
    return [(row.service, row.endpoint) for row in rows]


def _at(service: str, endpoint: str) -> sa.ColumnElement[bool]:
    return sa.and_(endpoints.c.service == service, endpoints.c.endpoint == endpoint)


def claim_endpoint(look: Look, service: str, endpoint: str) -> EndpointClaim | None:
    """Take the right to follow an endpoint's jobs; None if somebody has it."""
    free = sa.or_(endpoints.c.lease_until.is_(None), endpoints.c.lease_until <= look.now)
    statement = (
        sa.update(endpoints)
        .where(_at(service, endpoint), free)
        .values(look.round.values(look.now) | {"fence": endpoints.c.fence + 1})
    )
    if look.connection.execute(statement).rowcount != 1:
        return None
    row = look.connection.execute(sa.select(endpoints).where(_at(service, endpoint))).mappings().one()
    names = ("service", "endpoint", "server", "fence", "failures", "failing_since", "asked_at")
    return EndpointClaim(**{name: row[name] for name in names})


def _hold(look: Look, claim: EndpointClaim, values: Mapping[str, Any] | None = None) -> None:
    """Check that a claim still stands, in the transaction that relies on it; no values keep it."""
    if values is None:
        values = {"lease_until": look.round.until(look.now)}
    held = sa.and_(_at(claim.service, claim.endpoint), endpoints.c.fence == claim.fence)
    if look.connection.execute(sa.update(endpoints).where(held).values(dict(values))).rowcount != 1:
        raise LateError(
            f"{claim.endpoint}: round {claim.fence} is over and another has begun; nothing was written"
        )


def keep_endpoint(look: Look, claim: EndpointClaim) -> None:
    """Keep a claim for longer.

    Raises:
        LateError: The round was taken over.
    """
    _hold(look, claim)


def release_endpoint(
    look: Look,
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
        look: An open transaction.
        claim: The claim that ends.
        due: When the next round is due.
        asked_at: When the service last answered.
        failing_since: Since when it has not.
        failures: How many rounds in a row it has not.
        message: Why not.
    """
    _hold(
        look,
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


def watched(look: Look, service: str, endpoint: str) -> list[JobRecord]:
    """Give the jobs of an endpoint that are to be looked at, oldest first."""
    here = sa.and_(jobs.c.service == service, jobs.c.endpoint == endpoint, jobs.c.watched)
    return read_jobs(look.connection, here)


def observe(look: Look, claim: EndpointClaim, found: Sequence[tuple[JobRecord, JobState]]) -> int:
    """Write down what a service says of its jobs; those of which it says nothing new are not written.

    A job that has ended does not begin again: what is said of it later changes its billing alone.

    Returns:
        The number of jobs that have ended now.

    Raises:
        LateError: The round was taken over; nothing is written.
    """
    _hold(look, claim)
    changed = [_news(look, record, state) for record, state in found]
    _update(look, changed)
    _settle(look, {record.key: state for record, state in found})
    return sum(row["untold"] for row in changed)


def _news(look: Look, record: JobRecord, state: JobState) -> dict[str, Any]:
    move = moved(record.standing, Event.SAY, said=state.phase, billing=state.billing)
    finished = record.finished_at if record.closed else state.finished
    # The rows of one statement have the same columns, also where nothing moves.
    still = {"untold": False, "wanted": False, "finished_at": finished}
    moves = columns_of(move, look.now, finished=finished)
    said = values_of(state) | {"created_at": state.created or record.created_at}
    return {"the_key": record.key, "was": str(record.phase), **said, **still, **moves}


def _settle(look: Look, states: Mapping[str, JobState]) -> None:
    """Settle the money of those whose price is known now."""
    known = [key for key, state in states.items() if price(state, 0) is not None]
    for key in money.unsettled(look, known):
        money.settle(look, key, states[key])


def _update(look: Look, rows: Sequence[dict[str, Any]]) -> None:
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
    look.connection.execute(statement, [_named(row) for row in in_order])


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name if name in ("the_key", "was") else f"new_{name}": value for name, value in row.items()}


def missing(look: Look, claim: EndpointClaim, keys: Sequence[str]) -> None:
    """Note since when a service has not known some jobs."""
    _hold(look, claim)
    for part in chunks(keys):
        condition = sa.and_(jobs.c.key.in_(part), jobs.c.missing_since.is_(None))
        look.connection.execute(sa.update(jobs).where(condition).values(missing_since=look.now))


def close(look: Look, claim: EndpointClaim, keys: Sequence[str], phase: Phase, message: str) -> int:
    """End jobs without a word of the service: lost, unreachable, overdue; money stays set aside.

    A row that is being sent, or in doubt, is not ended by this. Of those that have ended before, and whose
    bill was still open, nothing more is expected.
    """
    _hold(look, claim, {"fence": claim.fence})
    ended = 0
    for part in chunks(keys):
        mine = jobs.c.key.in_(part)
        over = sa.and_(mine, is_one_of(CLOSED))
        look.connection.execute(sa.update(jobs).where(over).values(watched=False))
        move = moved(Standing(Phase.PLANNED), Event.END, said=phase)
        going = sa.and_(mine, is_one_of(phases_of(Event.END) - CLOSED))
        values = columns_of(move, look.now) | {"message": message}
        ended += look.connection.execute(sa.update(jobs).where(going).values(values)).rowcount
    return ended


def want_cancelled(look: Look, keys: Sequence[str]) -> list[JobRecord]:
    """Note that somebody wants some jobs stopped; planned ones are stopped by that. Give those that go on."""
    going: list[JobRecord] = []
    for part in chunks(keys):
        here = sa.and_(jobs.c.key.in_(part), is_one_of(phases_of(Event.STOP)))
        stopped = [
            record for record in read_jobs(look.connection, here, lock=True) if record.phase is Phase.PLANNED
        ]
        end_unsent(look, [record.key for record in stopped], Event.STOP, NEVER_SENT)
        first = sa.and_(here, jobs.c.cancel_wanted_at.is_(None))
        look.connection.execute(sa.update(jobs).where(first).values(cancel_wanted_at=look.now))
        going += read_jobs(look.connection, here)
    return going


def untold(look: Look, most: int = 500) -> list[JobRecord]:
    """Give jobs whose end has not been announced, oldest first."""
    return read_jobs(look.connection, jobs.c.untold, limit=most)


def mark_told(look: Look, records: Sequence[JobRecord]) -> None:
    """Note that the end of some jobs has been announced; an intent that was sent again has another end."""
    by_attempts: dict[int, list[str]] = {}
    for record in records:
        by_attempts.setdefault(record.attempts, []).append(record.key)
    for attempts, keys in by_attempts.items():
        for part in chunks(keys):
            told = sa.and_(jobs.c.key.in_(part), jobs.c.attempts == attempts)
            look.connection.execute(sa.update(jobs).where(told).values(untold=False))
