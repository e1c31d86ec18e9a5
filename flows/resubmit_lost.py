"""Send lost jobs again that can have cost nothing."""

from dataclasses import replace
from typing import Annotated

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.tasks.decide import resubmit_jobs
from eoflows.tasks.job_tables import shown_jobs
from eoflows.tasks.parameters import LedgerName, described
from eoflows.tasks.progress import show

__all__ = ["resubmit_lost"]


@flow(name="resubmit-lost", flow_run_name="send lost jobs of {ledger} again")
@described
async def resubmit_lost(
    services: Annotated[list[str], Field(min_length=1)],
    ledger: LedgerName = "default",
    jobs: list[str] | None = None,
    who: str = "policy",
) -> State[int]:
    """Send jobs again that their service has lost; only those that can have cost nothing.

    The tracker sends them with its next round. A job for which money was set aside, or of which a price or a
    bill is known, stays lost, and so does one that was lost three times: a person decides about these, orders
    again with another `run_key`, and says with resolve-job what the lost one has cost.

    Args:
        services: Services whose jobs are meant, like ogc-processes or earth-engine.
        jobs: Only these, by their keys or the beginnings of them; none takes all that are lost.
        who: Who decided; kept with the jobs.

    Returns:
        The number of jobs that are sent again.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    again, left = await resubmit_jobs(ledger, services, jobs, who)
    words = f"{len(again)} lost jobs are sent again, {len(left)} stay lost."
    outcome = replace(shown_jobs(words, [*left, *again], len(again)), sentence=words)
    await show("resubmitted-jobs", outcome)
    return outcome.state()
