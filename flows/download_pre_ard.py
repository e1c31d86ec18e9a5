"""Bring the files of pre-ARD orders home."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.services.earth_engine.templates import TRACKING_PREFIX
from eoflows.tasks.earth_engine_files import PreArdFiles, download_pre_ard_task, files_ended
from eoflows.tasks.parameters import PreArdStoreName, TrackingName, TrackingPrefix, described

__all__ = ["download_pre_ard"]


@flow(name="download-pre-ard", flow_run_name="download {tracking_name}")
@described
async def download_pre_ard(
    tracking_name: TrackingName,
    dest: str = "",
    store: PreArdStoreName = "default",
    tracking_prefix: TrackingPrefix = TRACKING_PREFIX,
    overwrite: bool = True,
) -> State[dict[str, Any]]:
    """Download all images and metadata that there are, each verified before it gets its name.

    Run again, it fetches only what is missing. What was downloaded is written into the tracking document.

    Args:
        dest: Absolute folder; empty: one of the submission's own in the store's folder for downloads.
        overwrite: Whether a file of other content may be replaced; else that is an error.

    Returns:
        Files by order.

    Raises:
        AbsentError: There is no such tracking document.
        InvalidInputError: A block is missing, or there is no folder for downloads.
        PartialError: Some orders could not be downloaded.
    """
    files = PreArdFiles(store, tracking_prefix, tracking_name)
    return files_ended(await download_pre_ard_task(files, dest, overwrite=overwrite)).state()
