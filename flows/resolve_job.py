"""Clear up a job of which nobody knows whether the service made it, or what it has cost."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from eoflows.jobs.resolve import Decision
from eoflows.tasks.decide import settle_doubt
from eoflows.tasks.job_tables import shown_jobs
from eoflows.tasks.parameters import LedgerName, described
from eoflows.tasks.progress import show

__all__ = ["resolve_job"]


@flow(name="resolve-job", flow_run_name="resolve {job}: {decision}")
@described
async def resolve_job(
    job: str,
    decision: Decision,
    who: str,
    why: str = "",
    job_id: str = "",
    ledger: LedgerName = "default",
    credits: Annotated[int, Field(ge=0)] | None = None,
) -> str:
    """Write down what a person found out about a job whose outcome, or cost, is unknown.

    Args:
        job: Key of the job, or the beginning of it as show-jobs prints it.
        decision: `adopt` the service's job with `job_id`; it is `absent`, so that it may be sent again;
            `abandon` it: nobody follows it, and money set aside for it stays so; or, of one that has
            ended, it is `paid`: the money set aside becomes `credits` spent.
        who: Who decides; kept with the job.
        why: On what ground; kept with the job.
        job_id: The service's id of the job, to adopt it.
        credits: What the job has cost, 0 if nothing; for `paid`.

    Returns:
        Where the job stands now.

    Raises:
        InvalidInputError: Something is missing.
        LedgerError: Nothing is open about this job, or the id belongs to another one, or no money is set
            aside for it.
        AbsentError: The service has no job with that id.
    """
    record = await settle_doubt(ledger, job, decision, job_id=job_id, credits=credits, who=who, why=why)
    outcome = shown_jobs(f"{decision} by {who}.", [record], str(record.phase))
    await show("resolved-job", outcome)
    return outcome.result
