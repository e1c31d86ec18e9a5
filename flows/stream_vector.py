"""Stream features of a Geo Engine into the storage."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.tasks.geo_engine import Bounds, GeoQuestion
from eoflows.tasks.geo_engine_stream import stream_vector_task
from eoflows.tasks.parameters import GeoEngineBlock, Overwrite, StorageName, TimeEnd, TimeStart, described
from eoflows.tasks.produce import ResultOrder, produced

__all__ = ["stream_vector"]


@flow(name="stream-vector", flow_run_name="stream {start} from {server} as geoparquet")
@described
async def stream_vector(
    workflow: str | dict[str, Any],
    bbox: Bounds,
    start: TimeStart,
    end: TimeEnd = None,
    crs: str = "",
    server: GeoEngineBlock = "default",
    storage: StorageName = "default",
    name: str = "",
    overwrite: Overwrite = False,
    max_gigabytes: Annotated[float, Field(gt=0)] = 10.0,
) -> State[dict[str, Any]]:
    """Stream features of any number into a GeoParquet file, whole or not there.

    What is there already is not asked for again. A stream that breaks begins again: features have no numbers,
    so nobody could say which are missing.

    Args:
        workflow: Id of a vector workflow, or the workflow as JSON: {"type": "Vector", "operator": {...}}.
        crs: Reference system of the box; empty: the workflow's, in which the features are.
        name: Name of the result in the storage, like ports.parquet; empty: one made of the question.
        max_gigabytes: A stream that brings more is stopped; in 10^9 bytes.

    Returns:
        Where the result is, and what is known of it.

    Raises:
        InvalidInputError: The workflow gives no features, or more than is allowed.
        StorageError: The storage holds something else of that name.
        TruncatedError: Every attempt broke before its end.
    """
    question = GeoQuestion(workflow, bbox, start, end, crs)
    order = ResultOrder(question, server, storage, name, overwrite, max_gigabytes)
    return produced(await stream_vector_task(order)).state()
