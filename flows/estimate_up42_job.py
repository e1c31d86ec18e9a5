"""Say what processing with UP42 would cost."""

from prefect import flow

from eoflows.tasks.parameters import Up42Account, Up42Inputs, Up42Items, Up42Search, Up42Title, described
from eoflows.tasks.progress import show
from eoflows.tasks.up42 import Up42Order, costs, offers_task

__all__ = ["estimate_up42_job"]


@flow(name="estimate-up42-job", flow_run_name="price of {process}")
@described
async def estimate_up42_job(
    process: str,
    asset_ids: list[str] | None = None,
    item_hrefs: Up42Items = None,
    search: Up42Search = None,
    inputs: Up42Inputs = None,
    title: Up42Title = "estimate",
    server: Up42Account = "up42-credentials/default",
) -> int:
    """Validate and price jobs; nothing is sent or reserved.

    Args:
        process: What would run.
        asset_ids: Assets in storage whose items would be processed.

    Returns:
        Credits of all jobs that could be sent.

    Raises:
        InvalidInputError: No such process, item or block.
    """
    order = Up42Order(
        server=server,
        process=process,
        title=title,
        asset_ids=asset_ids or (),
        item_hrefs=item_hrefs or (),
        search=search,
        inputs=inputs or {},
    )
    outcome = costs(await offers_task(order), None)
    await show("up42-estimate", outcome)
    return outcome.result
