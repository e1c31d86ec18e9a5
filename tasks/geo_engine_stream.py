"""The verb `stream`: what a Geo Engine computes, complete, into a storage."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import anyio
from prefect import task
from prefect.cache_policies import NO_CACHE

from eoflows.base.errors import InvalidInputError
from eoflows.blocks import GeoEngineServer
from eoflows.stores.results import ResultPlace
from eoflows.stores.storage import LocalStorage, ObjectStorage
from eoflows.stores.transfer import S3Bucket
from eoflows.tasks.geo_engine import find_workflow, open_geo_engine
from eoflows.tasks.produce import (
    Produced,
    ResultOrder,
    Watch,
    allowed,
    cite,
    preview,
    publish_produced,
    question_of,
    show,
    stored_file,
    watched,
)
from eoflows.tasks.publish import human_bytes

if TYPE_CHECKING:
    from eoflows.services.geo_engine import RasterQueryRectangle, Workflow
    from eoflows.services.geo_engine.zarr_writer import Store

__all__ = ["RasterFormat", "stream_raster_task", "stream_vector_task"]

RasterFormat = Literal["zarr", "cog", "geotiff"]
_SUFFIXES = {"zarr": "zarr", "cog": "tif", "geotiff": "tif"}


@task(name="stream-raster", cache_policy=NO_CACHE, persist_result=False)
async def stream_raster_task(
    order: ResultOrder, form: RasterFormat = "zarr", clip: bool = True, fill_value: float | None = None
) -> Produced:
    """Stream a raster into the storage; a Zarr that an earlier run left unfinished is continued.

    Args:
        order: What is wanted, and where it goes.
        form: Zarr; or one time step as GeoTIFF, cloud-optimised or plainly tiled.
        clip: Only the pixels that the box touches, not whole tiles.
        fill_value: Value of missing pixels; None: NaN, or the highest or lowest integer.

    Raises:
        InvalidInputError: It does not fit the workflow, or would be larger than allowed.
        StorageError: Something else is there.
        IncompleteStreamError: Tiles are missing. In a Zarr those that came are kept.
    """
    async with open_geo_engine(order.server) as (block, client):
        workflow = await find_workflow(client, order.question.workflow)
        query = order.question.raster_query(workflow)
        size = allowed(order, block, workflow, query, clip=clip)
        request = {**question_of(workflow, query), "format": form, "clip": clip, "fill": fill_value}
        place = await order.place(request, _SUFFIXES[form])
        attrs = await cite(workflow, "stream-raster")
        empty = False
        async with watched("stream-raster", order.limit(block)) as watch:
            if form == "zarr":
                async with place.claimed(request):
                    facts, found, empty = await _zarr(
                        workflow, query, place, watch, block, clip=clip, fill=fill_value, attrs=attrs
                    )
            else:

                async def make(path: Path) -> Mapping[str, Any]:
                    await workflow.raster_stream_into_geotiff(
                        query,
                        path,
                        clip,
                        kind="cog" if form == "cog" else "tiled",
                        fill_value=fill_value,
                        stall_timeout=block.stall,
                        progress=watch.note,
                    )
                    await preview("stream-raster", path)
                    return attrs

                facts, found = await stored_file(place, request, make)
    facts = {"format": form, **facts, "estimated": human_bytes(size), **watch.facts()}
    return await publish_produced("stream-raster", Produced(place.href, str(workflow), found, empty, facts))


async def _zarr(
    workflow: "Workflow",
    query: "RasterQueryRectangle",
    place: ResultPlace,
    watch: Watch,
    block: GeoEngineServer,
    *,
    clip: bool,
    fill: float | None,
    attrs: Mapping[str, Any],
) -> tuple[dict[str, Any], bool, bool]:
    from eoflows.services.geo_engine.previews import zarr_sample  # noqa: PLC0415
    from eoflows.services.geo_engine.zarr_writer import ZarrSettings  # noqa: PLC0415

    store = _store(place)
    settings = ZarrSettings(fill_value=fill, overwrite=place.overwrite, attrs=attrs)
    stored = await workflow.raster_stream_into_zarr(
        query, store, clip, settings=settings, stall_timeout=block.stall, progress=watch.note
    )
    sample = await anyio.to_thread.run_sync(zarr_sample, store)
    await show("stream-raster", sample)
    names = ("time steps", "bands", "rows", "columns")
    found = bool(stored.found) and not stored.received
    return dict(zip(names, stored.shape, strict=True)), found, not stored.shape[0]


def _store(place: ResultPlace) -> "Store | Path":
    """Give a place as a Zarr store."""
    from eoflows.services.geo_engine.zarr_writer import object_store  # noqa: PLC0415

    match place.storage:
        case LocalStorage():
            return place.storage.spool(place.key)
        case ObjectStorage(bucket=S3Bucket() as bucket):
            return object_store(bucket, urlsplit(place.href).path)
        case _:
            raise InvalidInputError(
                f"a Zarr cannot be streamed to {place.href}; stream it to a folder or to s3://"
            )


@task(name="stream-vector", cache_policy=NO_CACHE, persist_result=False)
async def stream_vector_task(order: ResultOrder) -> Produced:
    """Stream features into a GeoParquet file, whole or not there.

    Args:
        order: What is wanted, and where it goes.

    Raises:
        InvalidInputError: The workflow gives no features, or more than is allowed.
        StorageError: Something else is there.
        TruncatedError: Every attempt broke before its end.
    """
    from eoflows.services.geo_engine import VectorResultDescriptor  # noqa: PLC0415

    async with open_geo_engine(order.server) as (block, client):
        workflow = await find_workflow(client, order.question.workflow)
        descriptor = workflow.must_be(VectorResultDescriptor)
        query = order.question.query(descriptor.spatial_reference)
        request = {**question_of(workflow, query), "format": "geoparquet"}
        place = await order.place(request, "parquet")
        attrs, rows = await cite(workflow, "stream-vector"), 0
        async with watched("stream-vector", order.limit(block)) as watch:

            async def make(path: Path) -> Mapping[str, Any]:
                nonlocal rows
                rows = await workflow.vector_stream_into_parquet(
                    query, path, stall_timeout=block.stall, progress=watch.note
                )
                return {**attrs, "features": rows}

            facts, found = await stored_file(place, request, make)
    facts = {"format": "geoparquet", **facts, **({} if found else {"features": rows}), **watch.facts()}
    empty = not found and not rows
    return await publish_produced("stream-vector", Produced(place.href, str(workflow), found, empty, facts))
