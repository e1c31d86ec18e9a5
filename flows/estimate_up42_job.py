"""Say what processing with UP42 would cost."""

from typing import Any

from prefect import flow

from eoflows.tasks.progress import show
from eoflows.tasks.up42 import Up42Order, costs, offers_task

__all__ = ["estimate_up42_job"]


@flow(name="estimate-up42-job", flow_run_name="price of {process}")
async def estimate_up42_job(
    process: str,
    asset_ids: list[str] | None = None,
    item_hrefs: list[str] | None = None,
    search: dict[str, Any] | None = None,
    inputs: dict[str, Any] | None = None,
    title: str = "estimate",
    server: str = "up42-credentials/default",
) -> int:
    """Validate and price jobs; nothing is sent or reserved.

    Args:
        process: What would run.
        asset_ids: Assets in storage whose items would be processed.
        item_hrefs: Self hrefs of items in storage.
        search: A search in storage, with `filter` (CQL2), `collections`, `datetime`, `limit`.
        inputs: Further inputs, by the names that the process gives them.
        title: Title of the results.
        server: Block of the account, as `up42-credentials/name`.

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
