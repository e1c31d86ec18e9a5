"""Copies of a ledger in SQLite, taken while workers go on; and putting one back. PostgreSQL has its own."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from eoflows.base.errors import InvalidInputError, LedgerError
from eoflows.base.files import whole_file
from eoflows.jobs.ledger.database import Database, read_url
from eoflows.jobs.ledger.schema import version
from eoflows.jobs.ledger.statements import FREE, columns_of, is_one_of
from eoflows.jobs.ledger.tables import endpoints, jobs
from eoflows.jobs.models import Phase
from eoflows.jobs.transitions import Event, Standing, moved

__all__ = ["back_up", "doubt_planned", "restore"]

_POSTGRES = "is in PostgreSQL: use pg_dump --format=custom and pg_restore"


def back_up(url: str, target: Path) -> int:
    """Copy a ledger, whole and consistent; workers may write meanwhile.

    Args:
        url: The ledger.
        target: File that must not be there; it appears when it is complete and checked.

    Returns:
        The number of jobs in the copy.

    Raises:
        InvalidInputError: The ledger is in PostgreSQL, or the target is there.
        LedgerError: There is no such ledger, or the copy is damaged.
    """
    source = _file(url)
    if not source.exists():
        raise LedgerError(f"there is no ledger {source}")
    return _copied(source, target)


async def restore(backup: Path, url: str) -> int:
    """Put a copy in the place of a ledger that was lost.

    What was planned when the copy was made may have been sent since: it becomes `unknown`, so that its
    service is asked before it is sent. Leases are free. Jobs that were ordered after the copy are not in it:
    look at the services before you order again.

    Args:
        backup: As `back_up` made it.
        url: The ledger; its file must not be there. No worker may have it open.

    Returns:
        The number of jobs in doubt.

    Raises:
        InvalidInputError: The ledger is in PostgreSQL, or its file is there.
        LedgerError: The copy is none, or damaged.
    """
    target = _file(url)
    _copied(backup, target)
    async with Database(read_url(url)) as database:
        return await doubt_planned(database)


async def doubt_planned(database: Database) -> int:
    """Make what is planned unknown, and free all leases; also for a restored ledger in PostgreSQL.

    Returns:
        The number of jobs in doubt.

    Raises:
        LedgerError: It is no ledger.
    """
    return await database.write(lambda c: _doubt(c, datetime.now(UTC)), durable=True)


def _doubt(connection: sa.Connection, now: datetime) -> int:
    if version(connection) is None:
        raise LedgerError("this is no ledger: it has no schema")
    move = moved(Standing(Phase.PLANNED), Event.DOUBT)
    doubt = columns_of(move, now) | {"message": "restored from a copy; it may have been sent since"}
    connection.execute(sa.update(jobs).values(dict(FREE)))
    connection.execute(sa.update(endpoints).values(dict(FREE) | {"due_at": None}))
    return connection.execute(sa.update(jobs).where(is_one_of((Phase.PLANNED,))).values(doubt)).rowcount


def _file(url: str) -> Path:
    parsed = read_url(url)
    if not parsed.drivername.startswith("sqlite"):
        raise InvalidInputError(f"the ledger {parsed.database} {_POSTGRES}")
    return Path(parsed.database or "")


def _copied(source: Path, target: Path) -> int:
    for taken in (target, target.with_name(f"{target.name}-wal")):
        if taken.exists():
            raise InvalidInputError(f"{taken} is there already; nothing was changed")
    if not source.exists():
        raise LedgerError(f"there is no file {source}")
    # Another copy to the same place is not overwritten.
    with whole_file(target, replace=False, fsync=True) as part:
        try:
            with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(part)) as there:
                here.backup(there)
                state = there.execute("PRAGMA integrity_check").fetchone()[0]
                number = there.execute("SELECT count(*) FROM jobs").fetchone()[0]
                there.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise LedgerError(f"{source} cannot be copied: {error}") from error
        if state != "ok":
            raise LedgerError(f"{source} is damaged: {state}")
    return int(number)
