"""Stream a raster of a Geo Engine into the storage."""

from datetime import datetime
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.tasks.geo_engine import Box, GeoQuestion, PixelSize
from eoflows.tasks.produce import ResultOrder, produced
from eoflows.tasks.stream import RasterFormat, stream_raster_task

__all__ = ["stream_raster"]


@flow(name="stream-raster", flow_run_name="stream {start} from {server} as {format}")
async def stream_raster(
    workflow: str | dict[str, Any],
    bbox: Box,
    start: datetime | str,
    end: datetime | str | None = None,
    bands: list[int | str] | None = None,
    crs: str = "",
    resolution: PixelSize | None = None,
    format: RasterFormat = "zarr",
    clip: bool = True,
    fill_value: float | None = None,
    server: str = "default",
    storage: str = "default",
    name: str = "",
    overwrite: bool = False,
    max_gigabytes: Annotated[float, Field(gt=0)] = 10.0,
) -> State[dict[str, Any]]:
    """Stream a raster of any size, complete or not at all, into Zarr or, one time step, into a GeoTIFF.

    Killed and run again with the same parameters, a Zarr goes on where it ended; a GeoTIFF begins again. What
    is there already is not asked for again. Cancelling stops the stream, and what a Zarr has is kept.

    Args:
        workflow: Id of a raster workflow, or the workflow as JSON: {"type": "Raster", "operator": {...}}.
        bbox: West, south, east and north edge of the box, in `crs`.
        start: Start of the time, or the only instant; UTC where no zone is given.
        end: End of the time, excluded; none: `start` is an instant.
        bands: Names or numbers (from 0) of bands, in the order wanted; none: all.
        crs: Reference system of the box, like EPSG:4326; empty: the workflow's. The result is always in the
            workflow's: a box of another one is enclosed.
        resolution: Size of a pixel, for servers of profile 0.8 only; others give native pixels.
        format: `zarr` for any number of time steps; `cog` (cloud-optimised) or `geotiff` (tiled) for one.
        clip: Only the pixels that the box touches. Off: whole tiles, which is faster and takes less memory
            for very wide rasters.
        fill_value: Value of missing pixels; none: NaN, or the highest (unsigned) or lowest integer.
        server: Name of the Geo Engine Server block.
        storage: Name of the Object Storage block.
        name: Name of the result in the storage, like ndvi/2014.zarr; empty: one made of the question.
        overwrite: Whether another result of that name may be replaced.
        max_gigabytes: Larger rasters are refused before they are asked for; in 10^9 bytes of values.

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
