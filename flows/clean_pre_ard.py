"""Remove the files of pre-ARD orders from the store."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.services.earth_engine.templates import TRACKING_PREFIX
from eoflows.tasks.earth_engine_files import PreArdFiles, clean_pre_ard_task, files_ended
from eoflows.tasks.parameters import PreArdStoreName, TrackingName, TrackingPrefix, described

__all__ = ["clean_pre_ard"]


@flow(name="clean-pre-ard", flow_run_name="clean {tracking_name}")
@described
async def clean_pre_ard(
    tracking_name: TrackingName,
    plan_only: bool = True,
    unverified: bool = False,
    remove_tracking: bool = False,
    store: PreArdStoreName = "default",
    tracking_prefix: TrackingPrefix = TRACKING_PREFIX,
) -> State[dict[str, Any]]:
    """Remove the images and metadata of a submission from the store, after showing which.

    Only objects that the tracking document names are removed, and only in the generation that was downloaded.

    Args:
        plan_only: Whether only to show what would be removed.
        unverified: Whether to remove also what nobody has downloaded and verified.
        remove_tracking: Whether to remove the tracking document in the end, too.

    Returns:
        Names of what was, or would be, removed, by order.

    Raises:
        AbsentError: There is no such tracking document.
        ConflictError: An object has changed since its download; it stays.
        InvalidInputError: Of some orders there is no verified download, or they have not ended; nothing is
            removed.
    """
    files = PreArdFiles(store, tracking_prefix, tracking_name)
    outcome = await clean_pre_ard_task(
        files, plan_only=plan_only, unverified=unverified, remove_tracking=remove_tracking
    )
    return files_ended(outcome).state()
