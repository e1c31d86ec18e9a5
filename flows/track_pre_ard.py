"""Follow the exports of one Earth Engine project, one round per run."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.services.earth_engine.templates import TRACKING_PREFIX
from eoflows.tasks.earth_engine import PreArdBlocks, track_pre_ard_task
from eoflows.tasks.earth_engine_shown import publish_tracked, tracked
from eoflows.tasks.parameters import (
    EarthEngineProject,
    LedgerName,
    PreArdStoreName,
    TrackingPrefix,
    described,
)

__all__ = ["track_pre_ard"]


@flow(name="track-pre-ard", flow_run_name="track pre-ARD of {project}")
@described
async def track_pre_ard(
    project: EarthEngineProject = "default",
    store: PreArdStoreName = "default",
    ledger: LedgerName = "default",
    tracking_names: list[str] | None = None,
    tracking_prefix: TrackingPrefix = TRACKING_PREFIX,
    attempts: Annotated[int, Field(ge=1, le=10)] = 3,
) -> State[dict[str, Any]]:
    """Look once at all open exports, send what waits, and write states and files into the tracking documents.

    Run it by a schedule: nothing waits inside.

    Args:
        tracking_names: Only these tracking documents; empty: all with open orders.
        attempts: How often an order is sent at the most, when it fails by no fault of its own.

    Returns:
        Names of the tracking documents, and orders by state.

    Raises:
        AbsentError: There is no such tracking document.
        InvalidInputError: A block is missing.
        LedgerError: The ledger cannot be used.
    """
    blocks = PreArdBlocks(project, store, ledger, tracking_prefix)
    found = await track_pre_ard_task(blocks, tracking_names or None, attempts)
    await publish_tracked(found.documents)
    return tracked(found).state()
