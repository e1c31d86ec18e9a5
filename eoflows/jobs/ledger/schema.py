"""The schema's version: made when the ledger is empty, raised on demand, never guessed.

Steps first expand (new columns with defaults, which older workers do not mind) and contract in a later
release. A worker refuses a ledger whose version it does not know, or which is older than its own.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from eoflows.base.errors import LedgerError
from eoflows.jobs.ledger.database import Database, absent

__all__ = ["check_schema", "newest", "upgrade", "version"]

_LOCK = 7_306_112
"""Number of PostgreSQL's advisory lock for changes of the schema."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def newest() -> str:
    """Give the version that this release writes."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise LedgerError("this installation has no steps of the ledger's schema; install it again")
    return head


def version(connection: sa.Connection) -> str | None:
    """Give the version of a ledger; None if it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


async def check_schema(database: Database, *, create: bool = False) -> None:
    """See that a ledger can be used.

    Args:
        database: Where it is.
        create: Whether its tables are made where there are none.

    Raises:
        LedgerError: Its version is not the one that this release writes; or there is none.
    """
    wanted, found = newest(), await database.read(version)
    if found is None:
        if not create:
            raise LedgerError(absent(database.where))
        await upgrade(database)
    elif found != wanted:
        raise LedgerError(_refusal(database.where, found, wanted))


def _refusal(where: str, found: str, wanted: str) -> str:
    known = {step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found in known:
        return (
            f"the ledger {where} has schema {found}, this release needs {wanted}: back it up, "
            "then run `python -m eoflows.jobs.ledger upgrade URL`"
        )
    return (
        f"the ledger {where} has schema {found}, which is newer than this release knows ({wanted}): "
        "update this worker"
    )


async def upgrade(database: Database) -> str:
    """Bring a ledger to the newest version, in one transaction; give that version."""
    await database.write(_upgrade, durable=True)
    return newest()


def _upgrade(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
