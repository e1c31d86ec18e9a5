"""Make ARD of pre-ARD that was brought home."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.services.earth_engine.templates import TRACKING_PREFIX
from eoflows.tasks.earth_engine_files import ArdFormat, PreArdFiles, convert_pre_ard_task, files_ended
from eoflows.tasks.parameters import PreArdStoreName, TrackingName, TrackingPrefix, described

__all__ = ["convert_pre_ard"]


@flow(name="convert-pre-ard", flow_run_name="{kind} of {tracking_name}")
@described
async def convert_pre_ard(
    tracking_name: TrackingName,
    kind: ArdFormat = "zarr",
    source: str = "",
    target: str = "",
    store: PreArdStoreName = "default",
    tracking_prefix: TrackingPrefix = TRACKING_PREFIX,
    dask: str = "",
) -> State[dict[str, Any]]:
    """Make one Zarr (time, y, x), or Cloud-Optimized GeoTIFFs, of all periods of each collection and tile.

    What was made before is replaced when the new one is complete.

    Args:
        kind: What to make: a Zarr per collection and tile, or a file per date.
        source: Absolute folder of the downloads; empty: where download-pre-ard put them.
        target: Absolute folder for what is made; empty: one of the submission's own in the store's folder for
            downloads.
        dask: Where tiles are converted: empty for the run's own process, one after the other; `local:4` for
            so many processes; or the address of a Dask scheduler whose workers see the same folders.

    Returns:
        What was made, by collection and tile.

    Raises:
        AbsentError: There is no such tracking document.
        InvalidInputError: Nothing was downloaded, or a block is missing.
        PartialError: Some tiles could not be converted.
    """
    files = PreArdFiles(store, tracking_prefix, tracking_name)
    return files_ended(await convert_pre_ard_task(files, kind, source, target, dask)).state()
