"""From an intent to a job with an id: the transitions around the one request that cannot be repeated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from eoflows.base.errors import InvalidInputError, TakenError
from eoflows.jobs.ledger import money
from eoflows.jobs.ledger.records import Finding, Intended, Intent, JobRecord
from eoflows.jobs.ledger.statements import (
    FREE,
    NEVER_SENT,
    change,
    chunks,
    free_at,
    insert,
    insert_job,
    read_job,
    read_jobs,
    values_of,
)
from eoflows.jobs.ledger.tables import Utc, endpoints, jobs
from eoflows.jobs.models import CLOSED, JobState, Phase

__all__ = [
    "Lease",
    "Likeness",
    "Rivals",
    "abandon",
    "accepted",
    "adopt",
    "hold_planned",
    "intend",
    "note_seen",
    "plan",
    "put_back",
    "refused",
    "renew",
    "resend",
    "rivals",
    "take",
    "unknown",
]

Likeness = Literal["inputs", "process", "all"]


class Lease:
    """Who takes a row, and for how long.

    Args:
        owner: Any text that no other process uses.
        seconds: Must be longer than one request may take.
    """

    def __init__(self, owner: str, seconds: float) -> None:
        self.owner, self.seconds = owner, seconds

    def values(self, now: datetime) -> dict[str, Any]:
        """The row's columns."""
        return {
            "lease_owner": self.owner,
            "lease_until": now + timedelta(seconds=self.seconds),
            "fence": jobs.c.fence + 1,
        }


def _row(intent: Intent, now: datetime) -> dict[str, Any]:
    return {
        "key": intent.key,
        "service": intent.request.service,
        "endpoint": intent.endpoint,
        "server": intent.server,
        "process": intent.request.process_name,
        "run_key": intent.run_key,
        "fingerprint": intent.fingerprint,
        "label": intent.label,
        "who": intent.who,
        "request": intent.request.model_dump(mode="json"),
        "planned_at": now,
        "changed_at": now,
        "deadline_at": intent.deadline,
    }


def _know_endpoint(connection: sa.Connection, intent: Intent) -> None:
    key = {"service": intent.request.service, "endpoint": intent.endpoint}
    known = sa.select(endpoints.c.server).filter_by(**key)
    if connection.execute(known).scalar() == intent.server:
        # An upsert would lock the row, and let one process submit at a time.
        return
    statement = insert(connection, endpoints).values(**key, server=intent.server)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(key),
            set_={"server": intent.server},
        )
    )


def intend(connection: sa.Connection, intent: Intent, lease: Lease, now: datetime) -> Intended:
    """Write an intent, or find what has become of it; take its lease where there is something to do.

    Raises:
        BudgetError: The reservation is not covered; the intent is not written.
    """
    _know_endpoint(connection, intent)
    held = {"phase": str(Phase.SENDING), "attempts": 1, "sent_at": now, "watched": True}
    row = _row(intent, now) | held | lease.values(now) | {"fence": 1}
    written = insert_job(connection, row)
    if written is not None:
        if intent.reservation is not None:
            money.reserve(connection, intent.key, intent.reservation, now)
        return Intended(written, Finding.SEND)
    record = read_job(connection, row["key"])
    if not (record.sendable or record.doubtful):
        return Intended(record, Finding.KNOWN)
    if record.lease_until is not None and record.lease_until > now:
        return Intended(record, Finding.BUSY)
    if record.sendable and intent.reservation is not None:
        money.reserve(connection, intent.key, intent.reservation, now)
    values = lease.values(now)
    if record.doubtful:
        return Intended(change(connection, record.key, record.fence, values), Finding.RESOLVE)
    values |= {"server": intent.server, "deadline_at": intent.deadline, "cancel_wanted_at": None}
    values |= _sending(record, now)
    return Intended(change(connection, record.key, record.fence, values), Finding.SEND)


def _sending(record: JobRecord, now: datetime) -> dict[str, Any]:
    return {
        "phase": str(Phase.SENDING),
        "attempts": record.attempts + 1,
        "sent_at": now,
        "changed_at": now,
        "watched": True,
        "untold": False,
        "message": "",
        "finished_at": None,
    }


def take(connection: sa.Connection, key: str, lease: Lease, now: datetime) -> Intended:
    """Take the lease of a row that is planned or doubtful, if it is free; nothing is sent by that."""
    record = read_job(connection, key)
    if not (record.sendable or record.doubtful):
        return Intended(record, Finding.KNOWN)
    if record.lease_until is not None and record.lease_until > now:
        return Intended(record, Finding.BUSY)
    taken = change(connection, key, record.fence, lease.values(now))
    return Intended(taken, Finding.SEND if record.sendable else Finding.RESOLVE)


def plan(
    connection: sa.Connection, intents: Sequence[Intent], now: datetime, *, queued: bool = True
) -> list[JobRecord]:
    """Write intents that are to be sent later; jobs that are there stay.

    Args:
        connection: An open transaction.
        intents: What is to be sent.
        now: Aware UTC.
        queued: Whether the tracker sends them when the service has room.
    """
    for intent in intents:
        if queued and intent.reservation is not None:
            raise InvalidInputError("a queued job cannot set money aside; submit it instead")
        _know_endpoint(connection, intent)
    state = {"phase": str(Phase.PLANNED), "queued": queued, "watched": queued}
    rows = [_row(intent, now) | state for intent in intents]
    for start in range(0, len(rows), 100):
        statement = insert(connection, jobs).values(rows[start : start + 100])
        again = state | {"untold": False, "message": "", "cancel_wanted_at": None, "finished_at": None}
        never_sent = [str(Phase.REJECTED), str(Phase.CANCELLED)]
        sendable = sa.or_(
            jobs.c.phase == str(Phase.PLANNED),
            sa.and_(jobs.c.phase.in_(never_sent), jobs.c.remote_id.is_(None)),
        )
        connection.execute(
            statement.on_conflict_do_update(index_elements=["key"], set_=again, where=sendable)
        )
    return [read_job(connection, intent.key, lock=False) for intent in intents]


def hold_planned(
    connection: sa.Connection, service: str, endpoint: str, most: int, lease: Lease, now: datetime
) -> list[JobRecord]:
    """Take planned jobs of an endpoint for sending, the oldest first, up to its room."""
    waiting = sa.and_(
        jobs.c.service == service,
        jobs.c.endpoint == endpoint,
        jobs.c.watched,
        jobs.c.queued,
        jobs.c.phase == str(Phase.PLANNED),
        free_at(now),
    )
    found = read_jobs(connection, waiting, limit=most, lock=True)
    return [
        change(connection, record.key, record.fence, lease.values(now) | _sending(record, now))
        for record in found
    ]


def resend(connection: sa.Connection, key: str, fence: int, lease: Lease, now: datetime) -> JobRecord:
    """Begin another attempt of a row that is held, after the service was asked and has no such job."""
    record = read_job(connection, key)
    return change(connection, key, fence, _sending(record, now) | lease.values(now))


def note_seen(connection: sa.Connection, key: str, fence: int, ids: Sequence[str]) -> JobRecord:
    """Remember which ids were listed before the request is sent."""
    return change(connection, key, fence, {"seen_before": list(ids)})


def accepted(connection: sa.Connection, key: str, fence: int, state: JobState, now: datetime) -> JobRecord:
    """Write down the job that the service has made."""
    record = change(connection, key, fence, {**values_of(state, now), **_closing(state), **FREE})
    money.settle(connection, key, state, now)
    return record


def _closing(state: JobState) -> dict[str, Any]:
    if state.phase not in CLOSED:
        return {}
    return {"untold": True, "wanted": state.phase is Phase.SUCCEEDED}


def refused(connection: sa.Connection, key: str, fence: int, message: str, now: datetime) -> JobRecord:
    """Write down a definite no: there is no job, and the money is free."""
    values = {"phase": str(Phase.REJECTED), "message": message, "changed_at": now, "finished_at": now}
    record = change(connection, key, fence, {**values, "watched": False, "untold": True, **FREE})
    money.give_back(connection, key, now)
    return record


def put_back(connection: sa.Connection, key: str, fence: int, message: str, now: datetime) -> JobRecord:
    """Write down that there is certainly no job, so that it may be sent later; its money is free.

    One that somebody wants stopped is thereby stopped.
    """
    record = read_job(connection, key)
    values = {"phase": str(Phase.PLANNED), "message": message, "changed_at": now, "watched": record.queued}
    if record.cancel_wanted_at is not None:
        values |= {**NEVER_SENT, "finished_at": now}
    changed = change(connection, key, fence, {**values, **FREE})
    money.give_back(connection, key, now)
    return changed


def unknown(connection: sa.Connection, key: str, fence: int, message: str, now: datetime) -> JobRecord:
    """Write down that nobody can say yet whether there is a job; the money stays set aside.

    Its time of change stays that of the beginning of the doubt.
    """
    since = sa.case((jobs.c.phase == str(Phase.UNKNOWN), jobs.c.changed_at), else_=sa.literal(now, Utc))
    values = {"phase": str(Phase.UNKNOWN), "message": message, "changed_at": since, "watched": True}
    return change(connection, key, fence, {**values, **FREE})


@dataclass(frozen=True)
class Rivals:
    """What other rows have to do with jobs that one row may adopt.

    Attributes:
        taken: Ids that belong to other rows.
        sending: Whether another row that asks for the like is being sent by somebody just now.
        doubtful: Whether another row that asks for the like waits for the same kind of answer.
    """

    taken: frozenset[str]
    sending: bool
    doubtful: bool


def rivals(
    connection: sa.Connection, record: JobRecord, ids: Sequence[str], now: datetime, *, like: Likeness
) -> Rivals:
    """Look at the other rows of a row's endpoint.

    Args:
        connection: An open transaction.
        record: The row.
        ids: Jobs that it may adopt.
        now: Aware UTC.
        like: Which rows ask for the like: those with equal `inputs`, of the same `process`, or `all`.
    """
    here = sa.and_(
        jobs.c.service == record.service, jobs.c.endpoint == record.endpoint, jobs.c.key != record.key
    )
    taken: set[str] = set()
    for part in chunks(ids):
        known = sa.select(jobs.c.remote_id).where(here, jobs.c.remote_id.in_(part))
        taken |= {one for one in connection.execute(known).scalars() if one}
    same = {
        "inputs": jobs.c.fingerprint == record.fingerprint,
        "process": jobs.c.process == record.process,
        "all": sa.true(),
    }[like]
    doubtful = jobs.c.phase.in_([str(Phase.SENDING), str(Phase.UNKNOWN)])
    leases = connection.execute(sa.select(jobs.c.lease_until).where(here, same, doubtful)).scalars().all()
    sending = any(lease is not None and lease > now for lease in leases)
    return Rivals(frozenset(taken), sending, bool(leases))


def adopt(connection: sa.Connection, key: str, fence: int, state: JobState, now: datetime) -> JobRecord:
    """Write down that a job of the service is this one.

    Raises:
        TakenError: Another row has it.
        LateError: Somebody has taken the row over meanwhile.
    """
    record = read_job(connection, key)
    here = sa.and_(endpoints.c.service == record.service, endpoints.c.endpoint == record.endpoint)
    # Two rows that look at the same job adopt it one after the other.
    connection.execute(sa.select(endpoints.c.endpoint).where(here).with_for_update())
    if rivals(connection, record, [state.id], now, like="inputs").taken:
        raise TakenError(
            f"job {state.id} at {record.endpoint} belongs to another intent; nothing was written"
        )
    return accepted(connection, key, fence, state, now)


def paid(
    connection: sa.Connection, record: JobRecord, credits: int, message: str, now: datetime
) -> JobRecord:
    """Write down what a person says that an ended job has cost; nothing more is expected of its service.

    Raises:
        LedgerError: No money is set aside for it.
    """
    money.pay(connection, record.key, credits, now)
    values = {"credits": credits, "message": message, "changed_at": now, "watched": False}
    return change(connection, record.key, record.fence, values)


def renew(connection: sa.Connection, key: str, fence: int, lease: Lease, now: datetime) -> None:
    """Keep a row for longer."""
    change(connection, key, fence, {"lease_until": now + timedelta(seconds=lease.seconds)})


def abandon(connection: sa.Connection, key: str, fence: int, message: str, now: datetime) -> JobRecord:
    """Write down that a person has given a job up; money that it may have cost stays set aside."""
    values = {"phase": str(Phase.ABANDONED), "message": message, "changed_at": now, "finished_at": now}
    return change(
        connection, key, fence, {**values, "watched": False, "untold": True, "wanted": False, **FREE}
    )
