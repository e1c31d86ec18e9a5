"""Stream a raster of a Geo Engine into the storage."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.tasks.geo_engine import Bounds, GeoQuestion, PixelSize
from eoflows.tasks.geo_engine_stream import RasterFormat, stream_raster_task
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

__all__ = ["stream_raster"]


@flow(name="stream-raster", flow_run_name="stream {start} from {server} as {format}")
@described
async def stream_raster(
    workflow: RasterWorkflow,
    bbox: Bounds,
    start: TimeStart,
    end: TimeEnd = None,
    bands: RasterBands = None,
    crs: str = "",
    resolution: PixelSize | None = None,
    format: RasterFormat = "zarr",
    clip: bool = True,
    fill_value: int | float | None = None,
    server: GeoEngineBlock = "default",
    storage: StorageName = "default",
    name: str = "",
    overwrite: Overwrite = False,
    max_gigabytes: MaxGigabytes = 10.0,
) -> State[dict[str, Any]]:
    """Stream a raster of any size, complete or not at all, into Zarr or, one time step, into a GeoTIFF.

    Killed and run again with the same parameters, a Zarr goes on where it ended; a GeoTIFF begins again. What
    is there already is not asked for again. Cancelling stops the stream, and what a Zarr has is kept.

    Args:
        crs: Reference system of the box, like EPSG:4326; empty: the workflow's. The result is always in the
            workflow's: a box of another one is enclosed.
        resolution: Size of a pixel, for servers of profile 0.8 only; others give native pixels.
        format: `zarr` for any number of time steps; `cog` (cloud-optimised) or `geotiff` (tiled) for one.
        clip: Only the pixels that the box touches. Off: whole tiles, which is faster and takes less memory
            for very wide rasters.
        fill_value: Value of missing pixels; none: NaN, or the highest (unsigned) or lowest integer.
        name: Name of the result in the storage, like ndvi/2014.zarr; empty: one made of the question.

    Returns:
        Where the result is, and what is known of it.

    Raises:
        InvalidInputError: The question does not fit the workflow, or the raster would be too large.
        StorageError: The storage holds something else of that name.
        IncompleteStreamError: The server did not deliver all tiles; it names those that are missing.
    """
    question = GeoQuestion(workflow, bbox, start, end, crs, resolution, bands)
    order = ResultOrder(question, server, storage, name, overwrite, max_gigabytes)
    return produced(await stream_raster_task(order, format, clip, fill_value)).state()
