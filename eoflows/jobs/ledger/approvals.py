"""Approvals: money that a person must agree to before anything is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from eoflows.base.errors import InvalidInputError, LedgerError
from eoflows.jobs.ledger import money
from eoflows.jobs.ledger.intents import end_unsent, plan
from eoflows.jobs.ledger.records import Intent
from eoflows.jobs.ledger.statements import insert, inserts, is_one_of
from eoflows.jobs.ledger.tables import approvals, jobs
from eoflows.jobs.ledger.transaction import Look
from eoflows.jobs.models import Phase
from eoflows.jobs.transitions import Event

__all__ = ["Approval", "ApprovalState", "ask", "decide", "expire", "find_approvals"]


class ApprovalState(StrEnum):
    """Where an approval stands."""

    ASKED = "asked"
    """Nobody has decided; the money is set aside."""
    APPROVED = "approved"
    """What it names may be sent."""
    REJECTED = "rejected"
    """Nothing of it is sent; the money is free."""
    EXPIRED = "expired"
    """Nobody has decided in time; as rejected."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What a person is asked to agree to, and what they said.

    Attributes:
        id: Hash of what is asked for and of the credits.
        subject: Hash of what is asked for alone: process, inputs, and the caller's distinction.
        credits: What it may cost at the most.
        label: What it belongs to.
        summary: What people are shown.
        until: When the question is void, aware UTC.
        state: Where it stands.
        who: Who decided.
        why: On what ground.
        asked_at: When it was asked, aware UTC.
        decided_at: When it was decided, aware UTC, or None.
    """

    id: str
    subject: str
    credits: int
    label: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    until: datetime
    state: ApprovalState = ApprovalState.ASKED
    who: str = ""
    why: str = ""
    asked_at: datetime | None = None
    decided_at: datetime | None = None


def _read(row: sa.RowMapping) -> Approval:
    return Approval(**{**row, "state": ApprovalState(row["state"])})


def find_approvals(look: Look, subject: str) -> list[Approval]:
    """Give what was asked and decided about a subject, the newest first."""
    statement = sa.select(approvals).where(approvals.c.subject == subject)
    newest = statement.order_by(approvals.c.asked_at.desc())
    return [_read(row) for row in look.connection.execute(newest).mappings()]


def ask(look: Look, wanted: Approval, planned: Sequence[Intent]) -> Approval:
    """Ask for an approval, and set aside the money of what it is about, all in one transaction.

    Asked again, the question that stands is given. One that was rejected or is void is asked anew. Other
    open questions about the same subject become void, and their money goes over to this one.

    Raises:
        BudgetError: A budget does not cover it; nothing is asked.
    """
    expire(look)
    for other in find_approvals(look, wanted.subject):
        if other.state is ApprovalState.ASKED and other.id != wanted.id:
            _close(look, other.id, ApprovalState.EXPIRED, "", "the estimate has changed")
    values: dict[str, Any] = {
        "subject": wanted.subject,
        "credits": wanted.credits,
        "label": wanted.label,
        "summary": dict(wanted.summary),
        "until": wanted.until,
        "state": str(ApprovalState.ASKED),
        "who": "",
        "why": "",
        "asked_at": look.now,
        "decided_at": None,
    }
    over = approvals.c.state.in_([str(ApprovalState.REJECTED), str(ApprovalState.EXPIRED)])
    statement = insert(look.connection, approvals).values(id=wanted.id, **values)
    statement = statement.on_conflict_do_update(index_elements=["id"], set_=values, where=over)
    if inserts(look.connection, statement, approvals.c.id):
        _set_aside(look, wanted.id, planned)
    return _approval(look, wanted.id)


def _set_aside(look: Look, name: str, planned: Sequence[Intent]) -> None:
    for record, intent in zip(plan(look, planned, queued=False), planned, strict=True):
        if not record.sendable:
            continue
        if intent.reservation is not None:
            money.reserve(look, record.key, intent.reservation)
        values = {"approval": name, "message": "waits for approval", "changed_at": look.now}
        look.connection.execute(sa.update(jobs).where(jobs.c.key == record.key).values(values))


def _approval(look: Look, name: str) -> Approval:
    found = (
        look.connection.execute(sa.select(approvals).where(approvals.c.id == name)).mappings().one_or_none()
    )
    if found is None:
        raise LedgerError(f"nobody has asked for approval {name!r}")
    return _read(found)


def decide(look: Look, name: str, *, approve: bool, who: str, why: str) -> Approval:
    """Write down what a person said. What has been decided, or is void, stays as it is.

    Raises:
        InvalidInputError: Nobody approves.
        LedgerError: It was never asked.
    """
    if approve and not who.strip():
        raise InvalidInputError("who approves? give a name; it is kept with the approval")
    expire(look)
    if _approval(look, name).state is ApprovalState.ASKED:
        state = ApprovalState.APPROVED if approve else ApprovalState.REJECTED
        _close(look, name, state, who, why)
    return _approval(look, name)


def expire(look: Look) -> int:
    """Make void what nobody has decided in time, and free its money; give the number."""
    late = sa.select(approvals.c.id).where(
        approvals.c.state == str(ApprovalState.ASKED), approvals.c.until <= look.now
    )
    names = look.connection.execute(late).scalars().all()
    for name in names:
        _close(look, name, ApprovalState.EXPIRED, "", "nobody decided in time")
    return len(names)


def _close(look: Look, name: str, state: ApprovalState, who: str, why: str) -> None:
    asked = sa.and_(approvals.c.id == name, approvals.c.state == str(ApprovalState.ASKED))
    values = {"state": str(state), "who": who, "why": why, "decided_at": look.now}
    if look.connection.execute(sa.update(approvals).where(asked).values(values)).rowcount != 1:
        return
    if state is ApprovalState.APPROVED:
        return
    waiting = sa.and_(jobs.c.approval == name, is_one_of((Phase.PLANNED,)))
    keys = look.connection.execute(sa.select(jobs.c.key).where(waiting)).scalars().all()
    end_unsent(look, keys, Event.DENY, f"approval {state}: {why or 'no reason given'}")
