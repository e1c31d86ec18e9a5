"""Plot a workflow of a Geo Engine."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.tasks.geo_engine import Bounds, GeoQuestion, PixelSize
from eoflows.tasks.parameters import GeoEngineBlock, Overwrite, StorageName, TimeEnd, TimeStart, described
from eoflows.tasks.plot import plot_task
from eoflows.tasks.produce import ResultOrder, produced

__all__ = ["plot_workflow"]


@flow(name="plot-workflow", flow_run_name="plot {start} of {server}")
@described
async def plot_workflow(
    workflow: str | dict[str, Any],
    bbox: Bounds,
    start: TimeStart,
    end: TimeEnd = None,
    crs: str = "EPSG:4326",
    resolution: PixelSize | None = None,
    server: GeoEngineBlock = "default",
    storage: StorageName = "default",
    name: str = "",
    overwrite: Overwrite = False,
) -> State[dict[str, Any]]:
    """Ask for a plot (a histogram, a scatter plot, statistics), show it, and store it.

    Args:
        workflow: Id of a plot workflow, or the workflow as JSON: {"type": "Plot", "operator": {...}}.
        crs: Reference system of the box, in which the server computes.
        resolution: Size of the pixels that are counted; none leaves it to the server, or is 0.1 where the
            server insists (before 0.10).
        name: Name of the result in the storage, like histogram.svg; empty: one made of the question, and the
            plot replaces an earlier one.

    Returns:
        Where the result is, and what is known of it.

    Raises:
        InvalidInputError: The workflow gives no plot.
        RefusedError: The server cannot make it.
    """
    question = GeoQuestion(workflow, bbox, start, end, crs, resolution)
    return produced(await plot_task(ResultOrder(question, server, storage, name, overwrite))).state()
