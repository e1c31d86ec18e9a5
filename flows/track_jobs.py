"""Follow all open jobs of all services, one round per run."""

from prefect import flow
from prefect.artifacts import acreate_table_artifact

from eoflows.tasks.track import track_task

__all__ = ["track_jobs"]


@flow(name="track-jobs", flow_run_name="track jobs of {ledger}")
async def track_jobs(ledger: str = "default") -> int:
    """Look once at the open jobs of every endpoint that is due, and tell of those that have ended.

    Run it by a schedule: nothing waits inside. A run that comes while another is at an endpoint leaves that
    endpoint to it.

    Args:
        ledger: Name of the Job Ledger block.

    Returns:
        The number of jobs that have ended.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    rounds = await track_task(ledger)
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
    if rows:
        title = f"{len(rows)} endpoints asked, {ended} jobs have ended."
        await acreate_table_artifact(rows, key="tracked", description=f"**{title}**")
    return ended
