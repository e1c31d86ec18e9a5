"""Save a raster as a dataset of its Geo Engine: submit, wait a while, note the dataset."""

from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.tasks.geo_engine import Bounds, GeoQuestion, PixelSize, dataset_request, geo_server
from eoflows.tasks.parameters import (
    DeadlineHours,
    LedgerName,
    RasterWorkflow,
    RunKey,
    StopWhenCancelled,
    StopWhenCrashed,
    TimeEnd,
    TimeStart,
    WaitSeconds,
    described,
)
from eoflows.tasks.run_jobs import jobs_ended, submit_and_follow, when_cancelled, when_crashed

__all__ = ["save_dataset"]


@flow(
    name="save-dataset",
    flow_run_name="save {display_name} on {server}",
    on_cancellation=[when_cancelled],
    on_crashed=[when_crashed],
)
@described
async def save_dataset(
    workflow: RasterWorkflow,
    bbox: Bounds,
    start: TimeStart,
    display_name: Annotated[str, Field(min_length=1, max_length=256)],
    end: TimeEnd = None,
    dataset_name: str | None = None,
    description: str = "",
    crs: str = "",
    resolution: PixelSize | None = None,
    server: str = "default",
    ledger: LedgerName = "default",
    run_key: RunKey = "",
    wait_seconds: WaitSeconds = 600.0,
    deadline_hours: DeadlineHours = None,
    on_cancel: StopWhenCancelled = "cancel",
    on_crash: StopWhenCrashed = "leave",
    fetch: Literal["now", "later"] = "now",
) -> State[dict[str, Any]]:
    """Have a Geo Engine keep a workflow's raster as a dataset: one task, written to the ledger first.

    Run again with the same arguments, it takes up the task that there is. What outlives the wait is followed
    by track-jobs. The result is a small file that names the dataset and the upload behind it.

    Args:
        display_name: Name of the dataset for people.
        dataset_name: Name like namespace:name, which must be new; none: the server chooses.
        description: Description of the dataset for people.
        crs: Reference system of the box, like EPSG:4326; empty: the workflow's, in which the dataset is.
        resolution: Size of a pixel, for servers of profile 0.8 only, which need it.
        server: Name of the Geo Engine Server block; its login should not be anonymous.
        fetch: Whether this run notes the dataset, or collect-jobs later.

    Returns:
        The task's key by phase, and where the file that names the dataset is.

    Raises:
        InvalidInputError: The workflow gives no raster, or a block is missing.
        OutcomeUnknownError: Nobody can say whether there is a task; nothing is sent again.
        PartialError: There is no task, or it did not succeed; the message says why.
    """
    question = GeoQuestion(workflow, bbox, start, end, crs, resolution)
    request = await dataset_request(
        server, question, name=dataset_name, display_name=display_name, description=description
    )
    outcome = await submit_and_follow(
        [request],
        geo_server(server),
        ledger,
        run_key=run_key,
        wait_seconds=wait_seconds,
        deadline_hours=deadline_hours,
        fetch=fetch,
    )
    return jobs_ended(outcome).state()
