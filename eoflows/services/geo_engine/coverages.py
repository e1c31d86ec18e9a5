"""Rasters as one file, by WCS where the server allows it, else by a stream: the same pixels."""

import math
from pathlib import Path
from typing import Any

import anyio.to_thread

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.base.files import write_whole
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.descriptors import RasterResultDescriptor
from eoflows.services.geo_engine.errors import words_of
from eoflows.services.geo_engine.nulls import EXACT, fill_of
from eoflows.services.geo_engine.plan import RasterPlan, plan_raster
from eoflows.services.geo_engine.profiles import Profile
from eoflows.services.geo_engine.progress import ProgressCallback
from eoflows.services.geo_engine.queries import QueryRectangle, RasterQueryRectangle, SpatialResolution
from eoflows.services.geo_engine.stream import RasterStream, StreamSettings

__all__ = ["Coverage", "fetch_coverage", "save_coverage"]

_MOST_TILES = 4
"""What the server's WCS computes at most, in tiles of 512 by 512 pixels."""
_TILE = 512
Coverage = bytes | RasterStream
"""A GeoTIFF, or the stream that brings what WCS does not."""


async def fetch_coverage(
    client: GeoEngineClient,
    workflow: str,
    descriptor: RasterResultDescriptor,
    query: QueryRectangle,
    *,
    resolution: SpatialResolution | None,
    no_data: float | None,
    file_format: str,
    timeout: float,
    progress: ProgressCallback | None = None,
) -> Coverage:
    """Ask for the first time step of a raster.

    WCS gives one band of at most four tiles. More, or several bands, is streamed, at the native
    resolution.

    Args:
        client: The server.
        workflow: Id of the workflow.
        descriptor: What the server says of it.
        query: Box, time and bands; a plain `QueryRectangle` asks for all bands.
        resolution: Size of the pixels; None is the native one.
        no_data: Value for missing pixels; None masks them.
        file_format: Format of the file.
        timeout: Seconds to wait.
        progress: Told of every message, where it is streamed.

    Raises:
        InvalidInputError: It is too large for WCS, and cannot be streamed in this resolution or format.
    """
    plan = plan_raster(descriptor, query)
    tiles = _tiles(plan, resolution)
    # WCS takes the value as a float.
    exact = fill_of(plan.dtype, no_data) is not None and abs(no_data or 0) <= EXACT
    if exact and tiles <= _MOST_TILES and plan.query.raster_bands == (0,):
        return await _get_coverage(client, workflow, plan.query, resolution, no_data, file_format, timeout)
    native = resolution is None or _close(resolution, plan)
    if not native and await client.profile() is not Profile.V0_8:
        raise InvalidInputError(
            f"{tiles} tiles and {len(plan.bands)} bands are more than the server's WCS gives ({_MOST_TILES} "
            f"tiles, one band), and a stream has pixels of {plan.grid.dx} by {-plan.grid.dy}, not "
            f"{resolution}; put an Interpolation or Downsampling operator into the workflow"
        )
    if file_format != "image/tiff":
        raise InvalidInputError(f"{file_format!r} is more than WCS gives here; streams write image/tiff")
    if not native:
        plan = plan_raster(descriptor, _with_resolution(plan.query, resolution))
    return RasterStream(client, workflow, plan, StreamSettings(stall=timeout, progress=progress))


def _close(resolution: SpatialResolution, plan: RasterPlan) -> bool:
    """Whether these are the native pixels."""
    return math.isclose(resolution.x_resolution, plan.grid.dx, rel_tol=1e-9) and math.isclose(
        resolution.y_resolution, -plan.grid.dy, rel_tol=1e-9
    )


def _with_resolution(
    query: RasterQueryRectangle, resolution: SpatialResolution | None
) -> RasterQueryRectangle:
    bounds, time, bands = query.spatial_bounds, query.time_interval, query.raster_bands
    return RasterQueryRectangle(bounds, time, bands, query.srs, resolution=resolution)


def _tiles(plan: RasterPlan, resolution: SpatialResolution | None) -> int:
    """Tiles that the server would have to compute."""
    if resolution is None:
        return plan.tiles.rows * plan.tiles.columns
    box = plan.query.spatial_bounds
    columns = (box.xmax - box.xmin) / resolution.x_resolution
    rows = (box.ymax - box.ymin) / resolution.y_resolution
    # Wherever the tiles begin, a box touches at most one more in each direction.
    return (math.ceil(columns / _TILE) + 1) * (math.ceil(rows / _TILE) + 1)


async def _get_coverage(
    client: GeoEngineClient,
    workflow: str,
    query: RasterQueryRectangle,
    resolution: SpatialResolution | None,
    no_data: float | None,
    file_format: str,
    timeout: float,
) -> bytes:
    params: dict[str, Any] = {
        "service": "WCS",
        "version": "1.1.1",
        "request": "GetCoverage",
        "identifier": workflow,
        "boundingbox": query.bbox_ogc_str,
        "timesequence": query.time_str,
        "format": file_format,
        "store": "False",
        "crs": f"urn:ogc:def:crs:{query.srs.replace(':', '::')}",
    }
    if resolution is not None:
        first, second = resolution.ogc_pair(query.srs)
        params |= {"resx": str(first), "resy": str(second)}
    if no_data is not None:
        params["nodatavalue"] = str(float(no_data))
    answer = await client.call("GET", f"wcs/{workflow}", params=params, timeout=timeout)
    if said := words_of(answer):
        raise ContractError(f"the coverage is no file: {said}", url=client.url)
    return answer.content


async def save_coverage(coverage: Coverage, path: Path, *, no_data: float | None) -> None:
    """Write a coverage into a file, which is whole or not there."""
    if isinstance(coverage, bytes):
        await anyio.to_thread.run_sync(write_whole, path, coverage)
        return
    from eoflows.services.geo_engine.geotiff import TiffKind, stream_into_tiff  # noqa: PLC0415

    await stream_into_tiff(coverage, path, fill_value=no_data, kind=TiffKind.TILED, first_step=True)
