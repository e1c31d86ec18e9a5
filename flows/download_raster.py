"""Download one time step of a raster of a Geo Engine."""

from datetime import datetime
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.tasks.download import download_raster_task
from eoflows.tasks.geo_engine import Box, GeoQuestion, PixelSize
from eoflows.tasks.produce import ResultOrder, produced

__all__ = ["download_raster"]


@flow(name="download-raster", flow_run_name="download {start} from {server}")
async def download_raster(
    workflow: str | dict[str, Any],
    bbox: Box,
    start: datetime | str,
    end: datetime | str | None = None,
    bands: list[int | str] | None = None,
    crs: str = "",
    resolution: PixelSize | None = None,
    no_data: float | None = None,
    server: str = "default",
    storage: str = "default",
    name: str = "",
    overwrite: bool = False,
    max_gigabytes: Annotated[float, Field(gt=0)] = 10.0,
) -> State[dict[str, Any]]:
    """Save the first time step of a raster as GeoTIFF.

    The server's WCS gives one band of at most four tiles, in any resolution; more, or several bands, is
    streamed, in native pixels.

    Args:
        workflow: Id of a raster workflow, or the workflow as JSON: {"type": "Raster", "operator": {...}}.
        bbox: West, south, east and north edge of the box, in `crs`.
        start: Start of the time, or the only instant; UTC where no zone is given.
        end: End of the time, excluded; none: `start` is an instant.
        bands: Names or numbers (from 0) of bands, in the order wanted; none: all.
        crs: Reference system of the box, like EPSG:4326; empty: the workflow's, in which the result is.
        resolution: Size of a pixel; none is the native one.
        no_data: Value of missing pixels.
        server: Name of the Geo Engine Server block.
        storage: Name of the Object Storage block.
        name: Name of the result in the storage, like ndvi.tif; empty: one made of the question.
        overwrite: Whether another result of that name may be replaced.
        max_gigabytes: Larger rasters are refused before they are asked for; in 10^9 bytes of values.

    Returns:
        Where the result is, and what is known of it.

    Raises:
        InvalidInputError: The question does not fit the workflow, or the raster would be too large.
        StorageError: The storage holds something else of that name.
    """
    question = GeoQuestion(workflow, bbox, start, end, crs, resolution, bands)
    order = ResultOrder(question, server, storage, name, overwrite, max_gigabytes)
    return produced(await download_raster_task(order, no_data)).state()
