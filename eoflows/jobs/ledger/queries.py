"""Looking at the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from eoflows.jobs.ledger.records import JobRecord
from eoflows.jobs.ledger.tables import jobs
from eoflows.jobs.ledger.transaction import Look
from eoflows.jobs.models import Phase

__all__ = ["JobFilter", "counts", "find"]

_KEY = 64


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs to give; what is None or empty does not narrow.

    Attributes:
        keys: Keys, or beginnings of them.
        service: Name of a service's column.
        endpoint: Public identity of an endpoint.
        process: What runs.
        label: What they belong to.
        phases: Where they stand.
        since: Planned since, aware UTC.
        limit: At the most so many.
    """

    keys: Sequence[str] | None = None
    service: str = ""
    endpoint: str = ""
    process: str = ""
    label: str = ""
    phases: Sequence[Phase] = ()
    since: datetime | None = None
    limit: int | None = None

    def condition(self) -> sa.ColumnElement[bool]:
        """The rows that are meant."""
        parts: list[sa.ColumnElement[bool]] = [sa.true()]
        if self.keys is not None:
            whole = [key for key in self.keys if len(key) == _KEY]
            begun = [jobs.c.key.startswith(key, autoescape=True) for key in self.keys if len(key) < _KEY]
            parts.append(sa.or_(jobs.c.key.in_(whole), *begun))
        for name in ("service", "endpoint", "process", "label"):
            if value := getattr(self, name):
                parts.append(jobs.c[name] == value)
        if self.phases:
            parts.append(jobs.c.phase.in_([str(phase) for phase in self.phases]))
        if self.since is not None:
            parts.append(jobs.c.planned_at >= self.since)
        return sa.and_(*parts)


def find(look: Look, wanted: JobFilter) -> list[JobRecord]:
    """Give jobs, the newest first."""
    statement = sa.select(jobs).where(wanted.condition())
    statement = statement.order_by(jobs.c.planned_at.desc(), jobs.c.key).limit(wanted.limit)
    return [JobRecord.of(row) for row in look.connection.execute(statement).mappings()]


def counts(look: Look, wanted: JobFilter) -> dict[Phase, int]:
    """Count jobs by phase."""
    statement = sa.select(jobs.c.phase, sa.func.count()).where(wanted.condition()).group_by(jobs.c.phase)
    return {Phase(phase): number for phase, number in look.connection.execute(statement)}
