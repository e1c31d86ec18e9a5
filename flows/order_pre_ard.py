"""Order pre-ARD from Earth Engine: plan, show, submit through the ledger."""

from datetime import datetime
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.services.earth_engine.templates import (
    NAME_TEMPLATE,
    PREFIX_TEMPLATE,
    TRACKING_PREFIX,
    TRACKING_TEMPLATE,
)
from eoflows.tasks.earth_engine import PreArdBlocks, PreArdOrder, plan_pre_ard_task, submit_pre_ard_task
from eoflows.tasks.earth_engine_shown import planned, publish_tracked, tracked
from eoflows.tasks.parameters import (
    EarthEngineProject,
    LedgerName,
    PreArdStoreName,
    RunKey,
    TrackingPrefix,
    described,
)
from eoflows.tasks.progress import show

__all__ = ["order_pre_ard"]


@flow(name="order-pre-ard", flow_run_name="pre-ARD of {grid} with {project}")
@described
async def order_pre_ard(
    collections: Annotated[list[str], Field(min_length=1)],
    period_start: datetime,
    period_end: datetime,
    tile_indices: list[tuple[int, int]] | None = None,
    region: dict[str, Any] | None = None,
    period_freq: str | None = None,
    project: EarthEngineProject = "default",
    grid: str = "default",
    store: PreArdStoreName = "default",
    ledger: LedgerName = "default",
    filters: dict[str, list[dict[str, Any]]] | None = None,
    export_image_kwds: dict[str, Any] | None = None,
    name_template: str = NAME_TEMPLATE,
    prefix_template: str = PREFIX_TEMPLATE,
    tracking_template: str = TRACKING_TEMPLATE,
    tracking_prefix: TrackingPrefix = TRACKING_PREFIX,
    save_empty_metadata: bool = True,
    error_if_empty: bool = False,
    run_key: RunKey = "",
    plan_only: bool = False,
) -> State[dict[str, Any]]:
    """Order an export per collection, tile and period, each once; the plan is shown before anything is sent.

    Run again with the same parameters it goes on where it ended, and finds the exports that there are. What
    the project has no room for waits in the ledger, and track-pre-ard sends it.

    Args:
        collections: Earth Engine's names of image collections, like LANDSAT/LC09/C02/T1_L2.
        period_start: Start of the first period; without a zone it is UTC.
        period_end: End of the last period, no part of it.
        tile_indices: Row and column of each tile.
        region: GeoJSON geometry in longitude and latitude; the tiles that share an area with it are meant as
            well.
        period_freq: Cuts the span into periods, as in pandas: MS (months), QS, YS, W, 16D; empty: one period.
        grid: Name of the Tile Grid block.
        filters: Filters by collection, like {"function": "lte", "name": "CLOUD_COVER", "value": 40}.
        export_image_kwds: Keywords of exports, like {"fileDimensions": 2560, "priority": 200}.
        name_template: Template of the name of images and metadata.
        prefix_template: Template of the folder of images and metadata.
        tracking_template: Template of the name of the tracking document.
        save_empty_metadata: Whether metadata of orders without images is written.
        error_if_empty: Whether an order without images is an error.
        plan_only: Whether only the plan is shown.

    Returns:
        Names of the tracking document, and orders by state.

    Raises:
        EmptyCollectionError: An order has no images, and that is an error.
        InvalidInputError: Something cannot be ordered, or a block is missing.
        ConflictError: Another order has the files of one of these.
        LedgerError: The ledger cannot be used; nothing is sent.
    """
    blocks = PreArdBlocks(project, store, ledger, tracking_prefix)
    order = PreArdOrder(
        grid=grid,
        collections=collections,
        tile_indices=tile_indices or (),
        region=region,
        period_start=period_start,
        period_end=period_end,
        period_freq=period_freq or None,
        filters=filters or {},
        export_image_kwds=export_image_kwds or {},
        name_template=name_template,
        prefix_template=prefix_template,
        tracking_template=tracking_template,
        save_empty_metadata=save_empty_metadata,
        error_if_empty=error_if_empty,
        run_key=run_key,
    )
    plan = await plan_pre_ard_task(blocks, order)
    outcome = planned(plan)
    await show("pre-ard-plan", outcome)
    if plan_only:
        return outcome.state()
    found = await submit_pre_ard_task(blocks, plan)
    await publish_tracked(found.documents)
    return tracked(found).state()
