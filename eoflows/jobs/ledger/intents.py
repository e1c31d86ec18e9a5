"""From an intent to a job with an id: the transitions around the one request that cannot be repeated."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
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
    columns_of,
    free_at,
    insert,
    insert_job,
    is_one_of,
    never_sent,
    read_job,
    read_jobs,
    values_of,
)
from eoflows.jobs.ledger.tables import Utc, endpoints, jobs
from eoflows.jobs.ledger.transaction import Look
from eoflows.jobs.models import JobState, Phase
from eoflows.jobs.transitions import Event, Standing, moved

__all__ = [
    "Likeness",
    "Rivals",
    "abandon",
    "accepted",
    "adopt",
    "end_unsent",
    "follow",
    "forget_id",
    "hold_planned",
    "intend",
    "note_seen",
    "paid",
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


def _step(look: Look, held: JobRecord, event: Event, message: str, **more: Any) -> JobRecord:
    """Change a row that the caller holds as an event says, and let it go."""
    move = moved(held.standing, event)
    values = {**columns_of(move, look.now), "message": message, **FREE, **more}
    record = change(look, held, values)
    if move.frees:
        money.give_back(look, held.key)
    return record


def _sending(look: Look, held: JobRecord) -> dict[str, Any]:
    begun = {"attempts": held.attempts + 1, "sent_at": look.now, "message": ""}
    return columns_of(moved(held.standing, Event.SEND), look.now) | begun | look.lease.values(look.now)


def intend(look: Look, intent: Intent) -> Intended:
    """Write an intent and its reservation, or find what has become of it; take its lease if there is work.

    Raises:
        BudgetError: The reservation is not covered; the intent is not written.
    """
    _know_endpoint(look.connection, intent)
    first = moved(Standing(Phase.PLANNED), Event.SEND)
    begun = {"attempts": 1, "sent_at": look.now, **look.lease.values(look.now), "fence": 1}
    row = _row(intent, look.now) | columns_of(first, look.now) | begun
    written = insert_job(look.connection, row)
    if written is not None:
        if intent.reservation is not None:
            money.reserve(look, intent.key, intent.reservation)
        return Intended(written, Finding.SEND)
    record = read_job(look, row["key"])
    if record.given_up and (intent.deadline is None or intent.deadline > look.now):
        # Somebody waits for it again.
        record = follow(look, record, "asked for again after its deadline", intent.deadline)
    finding = _finding(look, record)
    if finding in (Finding.KNOWN, Finding.BUSY):
        return Intended(record, finding)
    if finding is Finding.RESOLVE:
        return Intended(change(look, record, look.lease.values(look.now)), finding)
    if intent.reservation is not None:
        money.reserve(look, intent.key, intent.reservation)
    anew = {"server": intent.server, "deadline_at": intent.deadline, "cancel_wanted_at": None}
    return Intended(change(look, record, anew | _sending(look, record)), finding)


def _finding(look: Look, record: JobRecord) -> Finding:
    if not (record.sendable or record.doubtful):
        return Finding.KNOWN
    if record.lease_until is not None and record.lease_until > look.now:
        return Finding.BUSY
    return Finding.SEND if record.sendable else Finding.RESOLVE


def end_unsent(look: Look, keys: Sequence[str], event: Event, message: str) -> None:
    """End planned rows, which somebody wants stopped or denies, and free their money."""
    move = moved(Standing(Phase.PLANNED), event)
    values = columns_of(move, look.now) | {"message": message}
    for part in chunks(keys):
        mine = sa.and_(jobs.c.key.in_(part), is_one_of((Phase.PLANNED,)))
        look.connection.execute(sa.update(jobs).where(mine).values(values))
    for key in money.unsettled(look, keys):
        money.give_back(look, key)


def take(look: Look, key: str) -> Intended:
    """Take the lease of a row that is planned or doubtful, if it is free; nothing is sent by that."""
    record = read_job(look, key)
    finding = _finding(look, record)
    if finding in (Finding.KNOWN, Finding.BUSY):
        return Intended(record, finding)
    return Intended(change(look, record, look.lease.values(look.now)), finding)


def plan(look: Look, planned: Sequence[Intent], *, queued: bool = True) -> list[JobRecord]:
    """Write intents that are to be sent later; jobs that are there stay.

    Args:
        look: An open transaction.
        planned: What is to be sent.
        queued: Whether the tracker sends them when the service has room.
    """
    for intent in planned:
        if queued and intent.reservation is not None:
            raise InvalidInputError("a queued job cannot set money aside; submit it instead")
        _know_endpoint(look.connection, intent)
    move = moved(Standing(Phase.PLANNED, queued=queued), Event.PLAN)
    state = columns_of(move, look.now) | {"queued": queued}
    rows = [_row(intent, look.now) | state for intent in planned]
    for start in range(0, len(rows), 100):
        statement = insert(look.connection, jobs).values(rows[start : start + 100])
        again = state | {"message": "", "cancel_wanted_at": None, "finished_at": None}
        del again["changed_at"]
        sendable = sa.or_(is_one_of((Phase.PLANNED,)), never_sent())
        look.connection.execute(
            statement.on_conflict_do_update(index_elements=["key"], set_=again, where=sendable)
        )
    return [read_job(look, intent.key, lock=False) for intent in planned]


def hold_planned(look: Look, service: str, endpoint: str, most: int) -> list[JobRecord]:
    """Take planned jobs of an endpoint for sending, the oldest first, up to its room."""
    waiting = sa.and_(
        jobs.c.service == service,
        jobs.c.endpoint == endpoint,
        jobs.c.watched,
        jobs.c.queued,
        is_one_of((Phase.PLANNED,)),
        free_at(look.now),
    )
    found = read_jobs(look.connection, waiting, limit=most, lock=True)
    return [change(look, record, _sending(look, record)) for record in found]


def resend(look: Look, held: JobRecord) -> JobRecord:
    """Begin another attempt of a row that is held, after the service was asked and has no such job."""
    return change(look, held, _sending(look, held))


def note_seen(look: Look, held: JobRecord, ids: Sequence[str]) -> JobRecord:
    """Remember which ids were listed before the request is sent."""
    return change(look, held, {"seen_before": list(ids)})


def forget_id(look: Look, held: JobRecord) -> JobRecord:
    """Write down that the job which a row had before is not there any more."""
    return change(look, held, {"remote_id": None, "created_at": None, "missing_since": None})


def follow(look: Look, record: JobRecord, message: str, deadline: datetime | None = None) -> JobRecord:
    """Follow a job again of which nothing more was expected, and which its service may have all the same.

    Args:
        look: An open transaction.
        record: As it was read.
        message: Why.
        deadline: When nobody waits for it any more; None sets no limit.

    Raises:
        InvalidInputError: It has ended by its service's word, or was never sent.
    """
    again = columns_of(moved(record.standing, Event.FOLLOW), look.now)
    forgotten = {"missing_since": None, "cancel_wanted_at": None}
    values = {**again, **forgotten, "deadline_at": deadline, "message": message, "fence": record.fence + 1}
    return change(look, record, values)


def accepted(look: Look, held: JobRecord, state: JobState) -> JobRecord:
    """Write down the job that the service has made."""
    move = moved(held.standing, Event.SAY, said=state.phase, billing=state.billing)
    values = columns_of(move, look.now, finished=state.finished)
    record = change(look, held, {**values, **values_of(state), **FREE})
    money.settle(look, held.key, state)
    return record


def refused(look: Look, held: JobRecord, message: str) -> JobRecord:
    """Write down a definite no: there is no job, and the money is free."""
    return _step(look, held, Event.REFUSE, message)


def put_back(look: Look, held: JobRecord, message: str) -> JobRecord:
    """Write down that there is certainly no job, so that it may be sent later; its money is free.

    One that somebody wants stopped is thereby stopped.
    """
    # Somebody may have asked to stop it since it was taken; what else has changed is for `change` to refuse.
    known = replace(held, cancel_wanted_at=read_job(look, held.key).cancel_wanted_at)
    return _step(look, known, Event.PUT_BACK, NEVER_SENT if known.cancel_wanted_at else message)


def unknown(look: Look, held: JobRecord, message: str) -> JobRecord:
    """Write down that nobody can say yet whether there is a job; the money stays set aside.

    Its time of change stays that of the beginning of the doubt.
    """
    begun = (jobs.c.phase == str(Phase.UNKNOWN), jobs.c.changed_at)
    return _step(look, held, Event.DOUBT, message, changed_at=sa.case(begun, else_=sa.literal(look.now, Utc)))


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


def rivals(look: Look, record: JobRecord, ids: Sequence[str], *, like: Likeness) -> Rivals:
    """Look at the other rows of a row's endpoint.

    Args:
        look: An open transaction.
        record: The row.
        ids: Jobs that it may adopt.
        like: Which rows ask for the like: those with equal `inputs`, of the same `process`, or `all`.
    """
    here = sa.and_(
        jobs.c.service == record.service, jobs.c.endpoint == record.endpoint, jobs.c.key != record.key
    )
    taken: set[str] = set()
    for part in chunks(ids):
        known = sa.select(jobs.c.remote_id).where(here, jobs.c.remote_id.in_(part))
        taken |= {one for one in look.connection.execute(known).scalars() if one}
    same = {
        "inputs": jobs.c.fingerprint == record.fingerprint,
        "process": jobs.c.process == record.process,
        "all": sa.true(),
    }[like]
    doubtful = sa.select(jobs.c.lease_until).where(here, same, is_one_of((Phase.SENDING, Phase.UNKNOWN)))
    leases = look.connection.execute(doubtful).scalars().all()
    sending = any(lease is not None and lease > look.now for lease in leases)
    return Rivals(frozenset(taken), sending, bool(leases))


def adopt(look: Look, held: JobRecord, state: JobState) -> JobRecord:
    """Write down that a job of the service is this one.

    Raises:
        TakenError: Another row has it.
        LateError: Somebody has taken the row over meanwhile.
    """
    here = sa.and_(endpoints.c.service == held.service, endpoints.c.endpoint == held.endpoint)
    # Two rows that look at the same job adopt it one after the other.
    look.connection.execute(sa.select(endpoints.c.endpoint).where(here).with_for_update())
    if rivals(look, held, [state.id], like="inputs").taken:
        raise TakenError(f"job {state.id} at {held.endpoint} belongs to another intent; nothing was written")
    return accepted(look, held, state)


def paid(look: Look, record: JobRecord, credits: int, message: str) -> JobRecord:
    """Write down what a person says that an ended job has cost; nothing more is expected of its service.

    Raises:
        LedgerError: No money is set aside for it.
    """
    money.pay(look, record.key, credits)
    values = columns_of(moved(record.standing, Event.PAY), look.now)
    return change(look, record, {**values, "credits": credits, "message": message})


def renew(look: Look, held: JobRecord) -> None:
    """Keep a row for longer.

    Raises:
        LateError: Somebody has taken it over meanwhile.
    """
    change(look, held, {"lease_until": look.lease.until(look.now)})


def abandon(look: Look, held: JobRecord, message: str) -> JobRecord:
    """Write down that a person has given a job up; money that it may have cost stays set aside."""
    return _step(look, held, Event.ABANDON, message)
