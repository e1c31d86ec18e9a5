"""Look at the ledger of remote jobs and money."""

from datetime import datetime

from prefect import flow

from eoflows.base.times import parse_utc
from eoflows.jobs.ledger import JobFilter
from eoflows.jobs.models import Phase
from eoflows.tasks.decide import find_jobs
from eoflows.tasks.job_tables import shown_budgets, shown_jobs
from eoflows.tasks.parameters import LedgerName, described
from eoflows.tasks.progress import show

__all__ = ["show_jobs"]


@flow(name="show-jobs", flow_run_name="show jobs of {ledger}")
@described
async def show_jobs(
    ledger: LedgerName = "default",
    phases: list[Phase] | None = None,
    service: str = "",
    process: str = "",
    flow_run: str = "",
    since: datetime | None = None,
    limit: int = 1000,
) -> int:
    """Show jobs as a table, those first that need a person, and the balance of each budget.

    Args:
        phases: Only jobs that stand there; none shows all.
        service: Only jobs of this service, like `up42`.
        process: Only jobs of this process.
        flow_run: Only jobs that this flow run submitted, by its id.
        since: Only jobs that were written to the ledger since then; without a zone it is UTC.
        limit: Jobs that are shown at the most, the newest first.

    Returns:
        The number of jobs found.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    wanted = JobFilter(
        phases=phases or (),
        service=service,
        process=process,
        label=flow_run,
        since=since and parse_utc(since),
        limit=limit,
    )
    records, balances = await find_jobs(ledger, wanted)
    outcome = shown_jobs(f"Jobs of {ledger}.", records, len(records))
    await show("jobs", outcome)
    if balances:
        await show("budgets", shown_budgets(ledger, balances))
    return outcome.result
