"""What people see of remote jobs: one table, and a moving line."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from eoflows.base.errors import EoError, public_url
from eoflows.base.times import format_utc
from eoflows.jobs.ledger import Balance, JobRecord
from eoflows.jobs.models import Phase
from eoflows.jobs.tracker import EndpointRound
from eoflows.tasks.outcome import Outcome, Row

__all__ = ["counted", "progress_of", "shown_budgets", "shown_jobs", "stopped", "tracked_once"]

Result = TypeVar("Result")

_FIRST = (Phase.UNKNOWN, Phase.LOST, Phase.UNREACHABLE, Phase.OVERDUE, Phase.FAILED, Phase.REJECTED)


def counted(records: Iterable[JobRecord]) -> str:
    """Count jobs by phase, in words."""
    counts = Counter(record.phase for record in records)
    return ", ".join(f"{number} {phase}" for phase, number in counts.most_common()) or "no jobs"


def progress_of(records: Sequence[JobRecord]) -> tuple[float, str]:
    """Give how far some jobs are together: percent, and a line."""
    done = sum(1.0 if record.closed else record.progress or 0.0 for record in records)
    return 100.0 * done / max(1, len(records)), counted(records)


def shown_jobs(title: str, records: Sequence[JobRecord], result: Result) -> Outcome[Result]:
    """Give jobs as an outcome: their counts, and a row for each.

    Args:
        title: What they are, in a sentence.
        records: The jobs.
        result: What the flow returns.
    """
    rows, attention = _rows(records)
    return Outcome(
        sentence=f"{title} {counted(records)}.",
        result=result,
        rows=rows,
        attention=attention,
        nothing={"job": "none"},
    )


def shown_budgets(ledger: str, balances: Iterable[Balance]) -> Outcome[None]:
    """Give the balance of each budget of a ledger."""
    rows = [
        {
            "budget": one.name,
            "period": one.period or "for ever",
            "credits": one.credits,
            "reserved": one.reserved,
            "spent": one.spent,
            "left": one.left,
        }
        for one in balances
    ]
    return Outcome(sentence=f"Budgets of {ledger}", result=None, rows=rows, nothing={"budget": "none"})


def stopped(records: Sequence[JobRecord]) -> Outcome[int]:
    """Give the outcome of stopping jobs: one that goes on is told as an error."""
    going = [record for record in records if not record.closed]
    rows, attention = _rows(records)
    sentence = counted(records)
    if going:
        sentence = f"{len(going)} of {len(records)} go on: {counted(going)}; the tracker asks again"
    errors: dict[str, BaseException] = {one.key[:12]: EoError(f"it is {one.phase}") for one in going}
    return Outcome.of_many(
        sentence, len(records), errors, len(records), rows=rows, attention=attention, nothing={"job": "none"}
    )


def tracked_once(rounds: Sequence[EndpointRound]) -> Outcome[int]:
    """Give what a round of the tracker found: a row per endpoint, those first that have a problem."""
    rows = [
        {
            "service": one.service,
            "endpoint": one.endpoint,
            "jobs": one.looked_at,
            "changed": one.changed,
            "ended": one.ended,
            "sent": one.sent,
            "cleared up": one.resolved,
            "problem": one.error or "; ".join(list(one.failures.values())[:3]),
        }
        for one in sorted(rounds, key=lambda one: not one.error)
    ]
    ended = sum(one.ended for one in rounds)
    return Outcome(
        sentence=f"{len(rows)} endpoints asked, {ended} jobs have ended.",
        result=ended,
        rows=rows,
        attention=sum(bool(one.error) for one in rounds),
    )


def _rows(records: Iterable[JobRecord]) -> tuple[list[Row], int]:
    """Give a row per job, and how many of them need attention; those are first."""
    ranks = {phase: rank for rank, phase in enumerate(_FIRST)}
    ordered = sorted(records, key=lambda record: ranks.get(record.phase, len(_FIRST)))
    return [_row(record) for record in ordered], sum(record.phase in ranks for record in ordered)


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
        "message": record.message,
    }
