"""Save a raster as a dataset of its Geo Engine: submit, wait a while, note the dataset."""

from datetime import datetime
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.tasks.geo_engine import Box, GeoQuestion, PixelSize, dataset_request, geo_server
from eoflows.tasks.run_jobs import StopPolicy, jobs_ended, submit_and_follow, when_cancelled, when_crashed

__all__ = ["save_dataset"]


@flow(
    name="save-dataset",
    flow_run_name="save {display_name} on {server}",
    on_cancellation=[when_cancelled],
    on_crashed=[when_crashed],
)
async def save_dataset(
    workflow: str | dict[str, Any],
    bbox: Box,
    start: datetime | str,
    display_name: Annotated[str, Field(min_length=1, max_length=256)],
    end: datetime | str | None = None,
    dataset_name: str | None = None,
    description: str = "",
    crs: str = "",
    resolution: PixelSize | None = None,
    server: str = "default",
    ledger: str = "default",
    run_key: str = "",
    wait_seconds: float = 600.0,
    deadline_hours: float | None = None,
    on_cancel: StopPolicy = "cancel",
    on_crash: StopPolicy = "leave",
    fetch: Literal["now", "later"] = "now",
) -> State[dict[str, Any]]:
    """Have a Geo Engine keep a workflow's raster as a dataset: one task, written to the ledger first.

    Run again with the same arguments, it takes up the task that there is. What outlives the wait is followed
    by track-jobs. The result is a small file that names the dataset and the upload behind it.

    Args:
        workflow: Id of a raster workflow, or the workflow as JSON: {"type": "Raster", "operator": {...}}.
        bbox: West, south, east and north edge of the box, in `crs`.
        start: Start of the time, or the only instant; UTC where no zone is given.
        display_name: Name of the dataset for people.
        end: End of the time, excluded; none: `start` is an instant.
        dataset_name: Name like namespace:name, which must be new; none: the server chooses.
        description: Description of the dataset for people.
        crs: Reference system of the box, like EPSG:4326; empty: the workflow's, in which the dataset is.
        resolution: Size of a pixel, for servers of profile 0.8 only, which need it.
        server: Name of the Geo Engine Server block; its login should not be anonymous.
        ledger: Name of the Job Ledger block.
        run_key: Any text; with another one the same is made once more, on purpose.
        wait_seconds: How long this run waits; 0 only submits.
        deadline_hours: How long anybody waits for the task; none sets no limit.
        on_cancel: Whether the task is aborted when this run is cancelled.
        on_crash: Whether the task is aborted when this run crashes.
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
