"""What all statements of the ledger have in common."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from eoflows.base.errors import LateError, LedgerError
from eoflows.base.secrets import hide, hide_in
from eoflows.jobs.ledger.records import JobRecord
from eoflows.jobs.ledger.tables import jobs
from eoflows.jobs.ledger.transaction import Look
from eoflows.jobs.models import Billing, JobState, Phase
from eoflows.jobs.transitions import Move

__all__ = [
    "FREE",
    "NEVER_SENT",
    "change",
    "chunks",
    "columns_of",
    "free_at",
    "insert",
    "insert_job",
    "inserts",
    "is_one_of",
    "never_sent",
    "price",
    "read_job",
    "read_jobs",
    "values_of",
]

FREE: Mapping[str, Any] = {"lease_owner": "", "lease_until": None}
"""No lease."""

NEVER_SENT = "never sent"
"""What is said of an intent that somebody wanted stopped before it became a job."""


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """Begin an INSERT that knows what to do on a conflict."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def inserts(connection: sa.Connection, statement: Any, key: sa.Column[Any]) -> bool:
    """Execute an INSERT of one row; say whether it wrote one, or left what was there.

    Args:
        connection: An open transaction.
        statement: The INSERT. What it says of its row count depends on the driver.
        key: A column of its table.
    """
    return connection.execute(statement.returning(key)).first() is not None


def insert_job(connection: sa.Connection, row: Mapping[str, Any]) -> JobRecord | None:
    """Insert a row; None if there is one with its key."""
    statement = _insert_job(connection.dialect.name, tuple(sorted(row)))
    given = {f"new_{name}": value for name, value in row.items()}
    written = connection.execute(statement, given).mappings().one_or_none()
    return None if written is None else JobRecord.of(written)


@cache
def _insert_job(dialect: str, names: tuple[str, ...]) -> Any:
    """SQLAlchemy compiles ON CONFLICT for each use, at many times the cost of the statement; this, once."""
    module: Any = sqlite if dialect == "sqlite" else postgresql
    values = {name: sa.bindparam(f"new_{name}", type_=jobs.c[name].type) for name in names}
    statement = module.insert(jobs).values(values).on_conflict_do_nothing(index_elements=["key"])
    compiled = statement.returning(*jobs.c).compile(dialect=module.dialect(paramstyle="named"))
    # The types of the parameters go along; a cast in the text would be read as a part of their names.
    text = str(compiled).replace("::JSON", "")
    return sa.text(text).bindparams(*values.values()).columns(*jobs.c)


def free_at(now: datetime) -> sa.ColumnElement[bool]:
    """Rows that nobody holds."""
    return sa.or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= now)


def is_one_of(phases: Iterable[Phase]) -> sa.ColumnElement[bool]:
    """Rows that stand in one of some phases."""
    return jobs.c.phase.in_([str(phase) for phase in phases])


def never_sent() -> sa.ColumnElement[bool]:
    """Rows that ended before there was a job; see `JobRecord.sendable`."""
    return sa.and_(is_one_of((Phase.REJECTED, Phase.CANCELLED)), jobs.c.remote_id.is_(None))


def columns_of(move: Move, now: datetime, *, finished: datetime | None = None) -> dict[str, Any]:
    """Give the columns that a move changes.

    Args:
        move: Where a row goes.
        now: Aware UTC.
        finished: When it ended, where that is known.
    """
    given: dict[str, Any] = {"phase": str(move.phase), "watched": move.watched, "changed_at": now}
    given |= {"untold": move.untold, "wanted": move.wanted}
    if move.ends or move.begins:
        given["finished_at"] = (finished or now) if move.ends else None
    return {name: value for name, value in given.items() if value is not None or name == "finished_at"}


def read_jobs(
    connection: sa.Connection, condition: sa.ColumnElement[bool], **options: Any
) -> list[JobRecord]:
    """Read rows, oldest first."""
    order = (jobs.c.planned_at, jobs.c.key)
    statement = sa.select(jobs).where(condition).order_by(*order).limit(options.get("limit"))
    if options.get("lock"):
        statement = statement.with_for_update()
    return [JobRecord.of(row) for row in connection.execute(statement).mappings()]


def read_job(look: Look, key: str, *, lock: bool = True) -> JobRecord:
    """Read one row.

    Raises:
        LedgerError: There is none.
    """
    found = read_jobs(look.connection, jobs.c.key == key, lock=lock)
    if not found:
        raise LedgerError(f"the ledger has no job with the key {key!r}; show-jobs lists what it has")
    return found[0]


def change(look: Look, held: JobRecord, values: Mapping[str, Any]) -> JobRecord:
    """Change a row that the caller holds.

    Raises:
        LateError: Somebody has taken it over meanwhile.
    """
    mine = sa.and_(jobs.c.key == held.key, jobs.c.fence == held.fence)
    statement = sa.update(jobs).where(mine).values(dict(values)).returning(*jobs.c)
    changed = look.connection.execute(statement).mappings().one_or_none()
    if changed is None:
        raise LateError(
            f"job {held.key}: lease {held.fence} is over and another has begun; nothing was written"
        )
    return JobRecord.of(changed)


def values_of(state: JobState) -> dict[str, Any]:
    """Give the columns that are as the service says, where a row stands apart."""
    return {
        "remote_id": state.id,
        "raw_status": hide(state.raw_status.replace("\0", ""))[:100],
        "progress": state.progress,
        "message": state.message,
        "credits": state.credits,
        "billing": str(state.billing),
        "document": hide_in(state.document),
        "created_at": state.created,
        "started_at": state.started,
        "missing_since": None,
    }


def price(state: JobState, reserved: int) -> int | None:
    """What a job has cost, or None while that is open."""
    if state.billing is Billing.RELEASED or state.phase in (Phase.REJECTED,):
        return 0
    if state.billing is Billing.CAPTURED or (state.settled and state.phase is Phase.SUCCEEDED):
        return reserved if state.credits is None else state.credits
    if state.settled and state.phase in (Phase.FAILED, Phase.CANCELLED):
        return state.credits or 0
    return None


def chunks(keys: Iterable[str], size: int = 500) -> Iterable[list[str]]:
    """Cut a long list into what one statement takes."""
    listed = list(keys)
    return (listed[start : start + size] for start in range(0, len(listed), size))
