"""The verb `download`: one time step of a raster of a Geo Engine, as one file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from eoflows.tasks.geo_engine import find_workflow, open_geo_engine
from eoflows.tasks.produce import (
    Produced,
    ResultOrder,
    allowed,
    cite,
    preview,
    publish_produced,
    question_of,
    stored_file,
    watched,
)
from eoflows.tasks.publish import human_bytes

__all__ = ["download_raster_task"]


@task(name="download-raster", cache_policy=NO_CACHE, persist_result=False)
async def download_raster_task(order: ResultOrder, no_data: float | None = None) -> Produced:
    """Save the first time step of a raster as GeoTIFF: by WCS, or streamed where WCS does not give it.

    Args:
        order: What is wanted, and where it goes.
        no_data: Value of missing pixels.

    Raises:
        InvalidInputError: It does not fit the workflow, or would be larger than allowed.
        StorageError: Something else is there.
    """
    from eoflows.services.geo_engine import RasterQueryRectangle  # noqa: PLC0415

    async with open_geo_engine(order.server) as (block, client):
        workflow = await find_workflow(client, order.question.workflow)
        asked = order.question.raster_query(workflow)
        # WCS takes a resolution of any version; only streams of old ones do.
        native = RasterQueryRectangle(
            asked.spatial_bounds, asked.time_interval, asked.raster_bands, asked.srs
        )
        size = allowed(order, block, workflow, native, clip=True, first_step=True)
        request = {**question_of(workflow, asked), "format": "geotiff", "fill": no_data}
        place = await order.place(request, "tif")
        attrs = await cite(workflow, "download-raster")

        async with watched("download-raster", order.limit(block)) as watch:

            async def make(path: Path) -> Mapping[str, Any]:
                await workflow.save_raster(
                    native, path, no_data=no_data, resolution=asked.resolution, progress=watch.note
                )
                await preview("download-raster", path)
                return attrs

            facts, found = await stored_file(place, request, make)
    facts = {"format": "geotiff", **facts, "estimated": human_bytes(size), **watch.facts()}
    return await publish_produced("download-raster", Produced(place.href, str(workflow), found, facts=facts))
