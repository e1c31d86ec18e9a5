"""Download one time step of a raster of a Geo Engine."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.tasks.geo_engine import Bounds, GeoQuestion, PixelSize
from eoflows.tasks.geo_engine_download import download_raster_task
from eoflows.tasks.parameters import (
    GeoEngineBlock,
    MaxGigabytes,
    Overwrite,
    RasterBands,
    RasterWorkflow,
    StorageName,
    TimeEnd,
    TimeStart,
    described,
)
from eoflows.tasks.produce import ResultOrder, produced

__all__ = ["download_raster"]


@flow(name="download-raster", flow_run_name="download {start} from {server}")
@described
async def download_raster(
    workflow: RasterWorkflow,
    bbox: Bounds,
    start: TimeStart,
    end: TimeEnd = None,
    bands: RasterBands = None,
    crs: str = "",
    resolution: PixelSize | None = None,
    no_data: int | float | None = None,
    server: GeoEngineBlock = "default",
    storage: StorageName = "default",
    name: str = "",
    overwrite: Overwrite = False,
    max_gigabytes: MaxGigabytes = 10.0,
) -> State[dict[str, Any]]:
    """Save the first time step of a raster as GeoTIFF.

    The server's WCS gives one band of at most four tiles, in any resolution; more, or several bands, is
    streamed, in native pixels.

    Args:
        crs: Reference system of the box, like EPSG:4326; empty: the workflow's, in which the result is.
        resolution: Size of a pixel; none is the native one.
        no_data: Value of missing pixels.
        name: Name of the result in the storage, like ndvi.tif; empty: one made of the question.

    Returns:
        Where the result is, and what is known of it.

    Raises:
        InvalidInputError: The question does not fit the workflow, or the raster would be too large.
        StorageError: The storage holds something else of that name.
    """
    question = GeoQuestion(workflow, bbox, start, end, crs, resolution, bands)
    order = ResultOrder(question, server, storage, name, overwrite, max_gigabytes)
    return produced(await download_raster_task(order, no_data)).state()
