"""Stop remote jobs."""

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.base.errors import InvalidInputError
from eoflows.jobs.ledger import JobFilter
from eoflows.tasks.decide import cancel_jobs_of
from eoflows.tasks.job_tables import stopped
from eoflows.tasks.parameters import LedgerName, described
from eoflows.tasks.progress import show
from eoflows.tasks.servers import open_desk

__all__ = ["cancel_jobs"]


@flow(name="cancel-jobs", flow_run_name="cancel jobs of {ledger}")
@described
async def cancel_jobs(
    ledger: LedgerName = "default", jobs: list[str] | None = None, flow_run: str = ""
) -> State[int]:
    """Stop jobs at their services. Where a service cannot, the job goes on, and the run says so.

    Args:
        jobs: Keys of the jobs, or beginnings of them as show-jobs prints them.
        flow_run: All jobs that this flow run submitted, by its id.

    Returns:
        The number of jobs that have stopped.

    Raises:
        InvalidInputError: Neither jobs nor a flow run is named.
        LedgerError: The ledger cannot be used.
    """
    if not jobs and not flow_run:
        raise InvalidInputError(
            "which jobs? give their keys in `jobs`, or a `flow_run`; show-jobs lists both"
        )
    async with open_desk(ledger) as desk:
        records = await cancel_jobs_of(desk, JobFilter(keys=jobs or None, label=flow_run))
    outcome = stopped(records)
    await show("cancelled-jobs", outcome)
    return outcome.state()
