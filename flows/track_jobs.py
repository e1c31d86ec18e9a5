"""Follow all open jobs of all services, one round per run."""

from prefect import flow

from eoflows.tasks.job_tables import tracked_once
from eoflows.tasks.job_tracking import track_task
from eoflows.tasks.parameters import LedgerName, described
from eoflows.tasks.progress import show

__all__ = ["track_jobs"]


@flow(name="track-jobs", flow_run_name="track jobs of {ledger}")
@described
async def track_jobs(ledger: LedgerName = "default") -> int:
    """Look once at the open jobs of every endpoint that is due, and tell of those that have ended.

    Run it by a schedule: nothing waits inside. A run that comes while another is at an endpoint leaves that
    endpoint to it.

    Returns:
        The number of jobs that have ended.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    rounds = await track_task(ledger)
    outcome = tracked_once(rounds)
    if rounds:
        await show("tracked", outcome)
    return outcome.result
