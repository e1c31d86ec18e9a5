"""Fetch the results of jobs that have succeeded."""

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.tasks.collect import collect_task, collected
from eoflows.tasks.parameters import LedgerName, described

__all__ = ["collect_jobs"]


@flow(name="collect-jobs", flow_run_name="collect results of {ledger}")
@described
async def collect_jobs(
    ledger: LedgerName = "default", jobs: list[str] | None = None, most: int = 500
) -> State[int]:
    """Fetch the results of finished jobs, verified and once; several runs share the work.

    Args:
        jobs: Only these, by their keys; none takes all whose results are due.
        most: Jobs whose results are fetched at the most.

    Returns:
        The number of jobs whose results were fetched.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    return collected(await collect_task(ledger, jobs, most)).state()
