"""Process items with UP42: validate, price, have it approved, send, follow, fetch."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.jobs.ledger import ApprovalState
from eoflows.tasks.parameters import (
    DeadlineHours,
    Fetch,
    LedgerName,
    RunKey,
    Up42Account,
    Up42Inputs,
    Up42Items,
    Up42Search,
    Up42Title,
    described,
)
from eoflows.tasks.progress import show
from eoflows.tasks.run_jobs import JobsOutcome
from eoflows.tasks.servers import open_desk
from eoflows.tasks.up42 import (
    ApprovalPolicy,
    Up42Order,
    approved,
    costs,
    offers_task,
    processed,
    run_offers,
)

__all__ = ["run_up42_job"]

_KEY = "up42-costs"


@flow(name="run-up42-job", flow_run_name="{process}: {title}")
@described
async def run_up42_job(
    process: str,
    title: Up42Title,
    asset_ids: list[str] | None = None,
    item_hrefs: Up42Items = None,
    search: Up42Search = None,
    inputs: Up42Inputs = None,
    server: Up42Account = "up42-credentials/default",
    ledger: LedgerName = "default",
    budget: str = "",
    max_credits_per_job: Annotated[int, Field(ge=0)] | None = None,
    max_credits: Annotated[int, Field(ge=0)] | None = None,
    budget_id: str | None = None,
    approval: ApprovalPolicy = "above",
    approval_above: Annotated[int, Field(ge=0)] = 0,
    approval_hours: Annotated[float, Field(gt=0)] = 24.0,
    run_key: RunKey = "",
    wait_seconds: float = 600.0,
    deadline_hours: DeadlineHours = None,
    fetch: Fetch = "now",
) -> State[dict[str, Any]]:
    """Make processing jobs, each once, within limits that are checked before anything is sent.

    Where an approval is wanted the run is suspended and holds no slot: a person sees the price in the UI and
    approves or rejects. What is not approved in time, or costs more by then than was approved, is not sent.
    Jobs of UP42 cannot be cancelled; what outlives this run is followed by track-jobs.

    Args:
        process: What to run, like pansharpening.
        asset_ids: Assets in storage whose items are processed.
        budget: Budget of the ledger that pays; empty: none.
        max_credits_per_job: Credits that one job may cost.
        max_credits: Credits that all jobs together may cost.
        budget_id: A budget kept by UP42, passed through.
        approval: Whether a person is asked: never, above a price, or always.
        approval_above: The price above which a person is asked, in credits for all jobs together.
        approval_hours: How long to wait for the answer; none means no.
        wait_seconds: How long this run waits for the jobs.

    Returns:
        Job keys by phase, and what was fetched.

    Raises:
        InvalidInputError: No such process, item or block.
        BudgetError: The budget does not cover it.
        OutcomeUnknownError: Nobody can say whether some jobs exist; nothing is sent again.
        PartialError: Some jobs were not sent, or did not succeed.
    """
    order = Up42Order(
        server=server,
        process=process,
        title=title,
        asset_ids=asset_ids or (),
        item_hrefs=item_hrefs or (),
        search=search,
        inputs=inputs or {},
        budget_id=budget_id,
        max_credits_per_job=max_credits_per_job,
        max_credits=max_credits,
        run_key=run_key,
    )
    offers = await offers_task(order)
    await show(_KEY, costs(offers, None), part=_KEY)
    async with open_desk(ledger) as desk:
        said = await approved(
            desk,
            order,
            offers,
            policy=approval,
            above=approval_above,
            hours=approval_hours,
            budget=budget,
        )
        if said is not None and said.state is not ApprovalState.APPROVED:
            return processed(offers, JobsOutcome([]), said).state()
        after, outcome = await run_offers(
            desk,
            order,
            offers,
            budget=budget,
            wait_seconds=wait_seconds,
            deadline_hours=deadline_hours,
            fetch=fetch,
        )
    await show(_KEY, costs(after, outcome, said=said), part=_KEY)
    return processed(after, outcome, said).state()
