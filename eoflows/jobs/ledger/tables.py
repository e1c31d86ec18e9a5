"""The tables of the ledger. `migrations` makes them; a test compares the two."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from eoflows.base.secrets import hide

__all__ = ["approvals", "budgets", "endpoints", "jobs", "metadata", "reservations"]


class Utc(TypeDecorator[datetime]):
    """Aware UTC; SQLite, which knows no zones, keeps it without one."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse a time without a zone: it would be stored as something else."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        aware = value.astimezone(UTC)
        return aware.replace(tzinfo=None) if dialect.name == "sqlite" else aware

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give it back aware."""
        return value if value is None else value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


class Words(TypeDecorator[str]):
    """What a service or a person says: it is kept without what was sent in confidence, and without NUL."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Take out what must not be kept; PostgreSQL keeps no NUL, whatever a service says."""
        return None if value is None else hide(value.replace("\0", ""))


def _words(name: str) -> sa.Column[str]:
    return sa.Column(name, Words, nullable=False, server_default="")


def _time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, Utc)


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    kind = sa.String(length) if length else sa.Text()
    return sa.Column(name, kind, nullable=False, server_default="")


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _lease() -> list[sa.Column[Any]]:
    return [_text("lease_owner", 200), _time("lease_until"), _number("fence")]


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    _text("service", 40),
    _text("endpoint", 500),
    _text("server", 300),
    _text("process", 300),
    _text("run_key", 300),
    _text("fingerprint", 64),
    _text("label", 300),
    _text("who", 300),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("queued", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("phase", 20),
    sa.Column("remote_id", sa.String(300)),
    _text("raw_status", 100),
    sa.Column("progress", sa.Float),
    _words("message"),
    sa.Column("credits", sa.Integer),
    _text("billing", 20),
    sa.Column("document", sa.JSON),
    sa.Column("seen_before", sa.JSON),
    _number("attempts"),
    _time("planned_at"),
    _time("sent_at"),
    _time("created_at"),
    _time("started_at"),
    _time("finished_at"),
    _time("changed_at"),
    _time("missing_since"),
    _time("deadline_at"),
    _time("cancel_wanted_at"),
    _text("approval", 64),
    _flag("watched"),
    _flag("untold"),
    _flag("wanted"),
    _time("collected_at"),
    _time("collect_after"),
    _number("collect_attempts"),
    sa.Column("outputs", sa.JSON),
    *_lease(),
    sa.Index(None, "endpoint", "watched"),
    sa.Index(None, "remote_id"),
    sa.Index(None, "fingerprint"),
    sa.Index(None, "approval"),
    sa.Index(None, "untold"),
    sa.Index(None, "wanted", "collect_after"),
    sa.Index(None, "label"),
)
"""A row per intent.

`watched`: the tracker still has to look at it. `untold`: its end has not been announced yet (the outbox,
written in the transaction that ends it). `wanted`: its results are to be fetched and are not yet.
`seen_before`: ids that were listed before it was sent and show no time of creation.
"""

endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("service", sa.String(40), primary_key=True),
    sa.Column("endpoint", sa.String(500), primary_key=True),
    _text("server", 300),
    _time("due_at"),
    _time("asked_at"),
    _time("failing_since"),
    _number("failures"),
    _words("message"),
    *_lease(),
)
"""A row per endpoint: who follows its jobs at the moment, and when that is due again."""

budgets = sa.Table(
    "budgets",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("credits", sa.BigInteger, nullable=False),
    _text("period", 10),
)

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("key", sa.String(64), sa.ForeignKey("jobs.key"), primary_key=True),
    sa.Column("budget", sa.String(200), sa.ForeignKey("budgets.name"), primary_key=True),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.Column("settled", sa.BigInteger),
    _time("made_at"),
    _time("settled_at"),
    sa.Index(None, "budget", "made_at"),
)
"""Money set aside for a job; `settled` is what it cost in the end, 0 when it was given back."""

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("credits", sa.BigInteger, nullable=False),
    _text("label", 300),
    sa.Column("summary", sa.JSON, nullable=False),
    sa.Column("until", Utc, nullable=False),
    _text("state", 20),
    _text("who", 300),
    _words("why"),
    _time("asked_at"),
    _time("decided_at"),
    sa.Index(None, "subject"),
    sa.Index(None, "state", "until"),
)
"""What people were asked to agree to; jobs that wait for it name it in `approval`."""
