"""What people see of remote jobs: one table, and a moving line."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from prefect.artifacts import acreate_table_artifact

from eoflows.base.errors import public_url
from eoflows.base.times import format_utc
from eoflows.jobs.ledger import JobRecord
from eoflows.jobs.models import Phase

__all__ = ["counted", "progress_of", "publish_jobs"]

_ROWS = 200
_FIRST = (Phase.UNKNOWN, Phase.LOST, Phase.UNREACHABLE, Phase.OVERDUE, Phase.FAILED, Phase.REJECTED)


def counted(records: Iterable[JobRecord]) -> str:
    """Count jobs by phase, in words."""
    counts = Counter(record.phase for record in records)
    return ", ".join(f"{number} {phase}" for phase, number in counts.most_common()) or "no jobs"


def progress_of(records: Sequence[JobRecord]) -> tuple[float, str]:
    """Give how far some jobs are together: percent, and a line."""
    done = sum(1.0 if record.closed else record.progress or 0.0 for record in records)
    return 100.0 * done / max(1, len(records)), counted(records)


async def publish_jobs(key: str, title: str, records: Sequence[JobRecord]) -> None:
    """Publish jobs as a table, those first that need attention.

    Args:
        key: Artifact key.
        title: What they are, in a sentence.
        records: The jobs.
    """
    ranks = {phase: rank for rank, phase in enumerate(_FIRST)}
    ordered = sorted(records, key=lambda record: ranks.get(record.phase, len(_FIRST)))
    more = f" {len(records) - _ROWS} more are not shown here." if len(records) > _ROWS else ""
    rows = [_row(record) for record in ordered[:_ROWS]] or [{"job": "none"}]
    await acreate_table_artifact(rows, key=key, description=f"**{title}** {counted(records)}.{more}")


def _row(record: JobRecord) -> dict[str, Any]:
    progress = "" if record.progress is None else f"{record.progress:.0%}"
    return {
        "job": record.key[:12],
        "service": record.service,
        "process": record.process,
        "phase": str(record.phase),
        "progress": progress,
        "id": record.remote_id or "",
        "where": public_url(record.endpoint),
        "credits": "" if record.credits is None else str(record.credits),
        "changed": format_utc(record.changed_at),
        "results": "fetched" if record.collected_at else ("wanted" if record.wanted else ""),
        "message": record.message[:300],
    }
