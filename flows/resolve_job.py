"""Clear up a job of which nobody knows whether the service made it."""

from prefect import flow

from eokit.jobs.resolve import Decision
from tasks.decide import settle_doubt
from tasks.job_tables import publish_jobs

__all__ = ["resolve_job"]


@flow(name="resolve-job", flow_run_name="resolve {job}: {decision}")
async def resolve_job(
    job: str, decision: Decision, who: str, why: str = "", job_id: str = "", ledger: str = "default"
) -> str:
    """Write down what a person found out about a job whose outcome is unknown.

    Args:
        job: Key of the job, or the beginning of it as show-jobs prints it.
        decision: `adopt` the service's job with `job_id`; it is `absent`, so that it may be sent again;
            or `abandon` it: nobody follows it, and money set aside for it stays so.
        who: Who decides; kept with the job.
        why: On what ground; kept with the job.
        job_id: The service's id of the job, to adopt it.
        ledger: Name of the Job Ledger block.

    Returns:
        Where the job stands now.

    Raises:
        InvalidInputError: Something is missing.
        LedgerError: Nothing is open about this job, or the id belongs to another one.
        AbsentError: The service has no job with that id.
    """
    record = await settle_doubt(ledger, job, decision, job_id=job_id, who=who, why=why)
    await publish_jobs("resolved-job", f"{decision} by {who}.", [record])
    return str(record.phase)
