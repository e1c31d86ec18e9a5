"""Results of a workflow that come as streams."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from eoflows.services.geo_engine.descriptors import RasterResultDescriptor, VectorResultDescriptor
from eoflows.services.geo_engine.limits import available_memory, check_size
from eoflows.services.geo_engine.nulls import fill_of
from eoflows.services.geo_engine.plan import RasterPlan, plan_raster
from eoflows.services.geo_engine.progress import ProgressCallback
from eoflows.services.geo_engine.queries import QueryRectangle, RasterQueryRectangle
from eoflows.services.geo_engine.registered import Registered
from eoflows.services.geo_engine.stream import RasterStream, StreamSettings
from eoflows.services.geo_engine.tiles import RasterTile2D

if TYPE_CHECKING:
    import geopandas as gpd  # type: ignore[import-untyped]
    import xarray as xr
    from zarr.abc.store import Store

    from eoflows.services.geo_engine.arrays import Nulls
    from eoflows.services.geo_engine.geotiff import TiffKind
    from eoflows.services.geo_engine.zarr_writer import StoredRaster, ZarrSettings

__all__ = ["RasterStreams", "VectorStreams"]

_STALL = 300.0
"""Seconds to wait for one message: a server may compute long for a tile."""


class RasterStreams(Registered):
    """Rasters of any size: into memory, Zarr and GeoTIFF."""

    def plan(self, query_rectangle: QueryRectangle) -> RasterPlan:
        """Compute, without asking the server, which tiles a stream will bring and how large its result is."""
        return plan_raster(self.must_be(RasterResultDescriptor), query_rectangle)

    async def raster_stream(
        self,
        query_rectangle: QueryRectangle | RasterQueryRectangle,
        open_timeout: int = 60,
        *,
        stall_timeout: float = _STALL,
        progress: ProgressCallback | None = None,
    ) -> AsyncIterator[RasterTile2D]:
        """Stream tiles: all of them, each once, or an error that names what is missing.

        Args:
            query_rectangle: Box, time and bands; a plain `QueryRectangle` asks for all bands.
            open_timeout: Seconds for opening a connection.
            stall_timeout: Seconds to wait for one tile.
            progress: Told of every message.

        Raises:
            IncompleteStreamError: Tiles are missing, and asking for them again did not bring them.
        """
        settings = StreamSettings(open_timeout, stall_timeout, progress)
        async with aclosing(self.stream(query_rectangle, settings).tiles()) as tiles:
            async for placed in tiles:
                yield placed.tile

    async def raster_stream_into_xarray(
        self,
        query_rectangle: QueryRectangle | RasterQueryRectangle,
        clip_to_query_rectangle: bool = False,
        open_timeout: int = 60,
        *,
        nulls: "Nulls | str" = "fill",
        fill_value: float | None = None,
        limit_bytes: int | None = None,
        stall_timeout: float = _STALL,
        progress: ProgressCallback | None = None,
        attrs: Mapping[str, Any] | None = None,
    ) -> "xr.DataArray":
        """Stream into memory, into one array of shape (time, band, y, x) in the raster's own type.

        No tiles at all give an array with no time steps. Missing pixels are NaN in floats; in integers
        they have the value that `attrs["nodata"]` says.

        Args:
            query_rectangle: Box, time and bands; a plain `QueryRectangle` asks for all bands.
            clip_to_query_rectangle: Only the pixels that the box touches; else whole tiles.
            open_timeout: Seconds for opening a connection.
            nulls: `fill`, or `mask` for a further coordinate `mask`, true where there is no value.
            fill_value: Value for missing pixels; None: NaN, or the highest (unsigned) or lowest integer.
            limit_bytes: Most bytes of the result; None: four fifths of the memory that is free.
            stall_timeout: Seconds to wait for one tile.
            progress: Told of every message.
            attrs: Further attributes of the result.

        Raises:
            InvalidInputError: The result would be larger than the limit.
            IncompleteStreamError: Tiles are missing, and asking for them again did not bring them.
        """
        from eoflows.services.geo_engine.arrays import Nulls, assembled  # noqa: PLC0415

        stream = self.stream(query_rectangle, StreamSettings(open_timeout, stall_timeout, progress))
        limit, policy = available_memory() if limit_bytes is None else limit_bytes, Nulls(nulls)
        masked = 1 + (1 / stream.plan.dtype.itemsize if policy is Nulls.MASK else 0)
        # At least so much: how far whole tiles go beyond the query is known with the first of them.
        check_size(int(stream.plan.estimated_bytes(clip=True) * masked), limit, "the result")
        return await assembled(
            stream,
            clip=clip_to_query_rectangle,
            fill=fill_of(stream.plan.dtype, fill_value),
            nulls=policy,
            limit_bytes=limit,
            attrs=attrs or {},
        )

    async def raster_stream_into_zarr(
        self,
        query_rectangle: QueryRectangle | RasterQueryRectangle,
        store: "Store | PathLike[str] | str",
        clip_to_query_rectangle: bool = False,
        open_timeout: int = 60,
        *,
        settings: "ZarrSettings | None" = None,
        limit_bytes: int | None = None,
        stall_timeout: float = _STALL,
        progress: ProgressCallback | None = None,
    ) -> "StoredRaster":
        """Stream into a Zarr store (version 3), in memory that does not grow with the raster.

        `xarray.open_zarr(store)["data"]` is what `raster_stream_into_xarray` gives. A run that was killed
        goes on where it ended; one that was complete asks for nothing.

        Args:
            query_rectangle: Box, time and bands; a plain `QueryRectangle` asks for all bands.
            store: Local folder, or a Zarr store, like one of `object_store`.
            clip_to_query_rectangle: Only the pixels that the box touches; then memory for one row of
                tiles is needed.
            open_timeout: Seconds for opening a connection.
            settings: Fill value, chunks, attributes, and whether another raster may be overwritten.
            limit_bytes: Most bytes of the values, before compression; None sets no limit.
            stall_timeout: Seconds to wait for one tile.
            progress: Told of every message.

        Raises:
            StorageError: The store holds something else.
            InvalidInputError: The result would be larger than the limit.
            IncompleteStreamError: Tiles are missing; what came is kept, and a later run goes on.
        """
        from eoflows.services.geo_engine.zarr_writer import Store, ZarrSettings, stream_into_zarr  # noqa: PLC0415

        plan = self.plan(query_rectangle)
        how = replace(settings or ZarrSettings(), clip=clip_to_query_rectangle)
        if limit_bytes is not None:
            check_size(plan.estimated_bytes(clip=True), limit_bytes, "the raster")
        place = store if isinstance(store, Store) else Path(store)
        patience = StreamSettings(open_timeout, stall_timeout, progress)
        return await stream_into_zarr(self.client, str(self), plan, place, how, patience)

    async def raster_stream_into_geotiff(
        self,
        query_rectangle: QueryRectangle | RasterQueryRectangle,
        file_path: "PathLike[str] | str",
        clip_to_query_rectangle: bool = True,
        open_timeout: int = 60,
        *,
        kind: "TiffKind | str" = "cog",
        fill_value: float | None = None,
        limit_bytes: int | None = None,
        stall_timeout: float = _STALL,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Stream one time step into a GeoTIFF, all bands, in memory that does not grow with the raster.

        Args:
            query_rectangle: Box, instant and bands; a plain `QueryRectangle` asks for all bands.
            file_path: Where the file is to be; it is whole or not there.
            clip_to_query_rectangle: Only the pixels that the box touches.
            open_timeout: Seconds for opening a connection.
            kind: `cog` (cloud-optimised) or `tiled`.
            fill_value: Value for missing pixels.
            limit_bytes: Most bytes of the values, before compression; None sets no limit.
            stall_timeout: Seconds to wait for one tile.
            progress: Told of every message.

        Raises:
            InvalidInputError: The query has several time steps, or is larger than the limit.
            AbsentError: There are no data at this time.
            IncompleteStreamError: Tiles are missing, and asking for them again did not bring them.
        """
        from eoflows.services.geo_engine.geotiff import TiffKind, stream_into_tiff  # noqa: PLC0415

        stream = self.stream(query_rectangle, StreamSettings(open_timeout, stall_timeout, progress))
        if limit_bytes is not None:
            check_size(stream.plan.step_bytes(clip=True), limit_bytes, "the raster")
        await stream_into_tiff(
            stream, Path(file_path), clip=clip_to_query_rectangle, fill_value=fill_value, kind=TiffKind(kind)
        )

    def stream(self, query: QueryRectangle, settings: StreamSettings) -> RasterStream:
        """Prepare a stream, without opening it."""
        return RasterStream(self.client, str(self), self.plan(query), settings)


class VectorStreams(Registered):
    """Features of any number: into memory and GeoParquet."""

    async def vector_stream(
        self,
        query_rectangle: QueryRectangle,
        time_start_column: str = "time_start",
        time_end_column: str = "time_end",
        open_timeout: int = 60,
        *,
        stall_timeout: float = _STALL,
        progress: ProgressCallback | None = None,
    ) -> "AsyncIterator[gpd.GeoDataFrame]":
        """Stream features as GeoDataFrames; times are datetime64[ms, UTC].

        Args:
            query_rectangle: Box and time.
            time_start_column: Name of the column for starts.
            time_end_column: Name of the column for ends.
            open_timeout: Seconds for opening the connection.
            stall_timeout: Seconds to wait for one chunk.
            progress: Told of every message.

        Raises:
            TruncatedError: The connection broke: what came is not all, and chunks cannot be counted.
        """
        from eoflows.services.geo_engine.vectors import TimeColumns, stream_chunks  # noqa: PLC0415

        self.must_be(VectorResultDescriptor)
        times = TimeColumns(time_start_column, time_end_column)
        settings = StreamSettings(open_timeout, stall_timeout, progress)
        chunks = stream_chunks(self.client, str(self), query_rectangle, times, settings)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield await anyio.to_thread.run_sync(chunk.frame)

    async def vector_stream_into_geopandas(
        self,
        query_rectangle: QueryRectangle,
        time_start_column: str = "time_start",
        time_end_column: str = "time_end",
        open_timeout: int = 60,
        *,
        stall_timeout: float = _STALL,
        progress: ProgressCallback | None = None,
    ) -> "gpd.GeoDataFrame":
        """Stream features into memory; a broken stream is begun again. Arguments as for `vector_stream`.

        Raises:
            TruncatedError: Every attempt broke before its end.
        """
        from eoflows.services.geo_engine.vectors import TimeColumns, stream_into_frame  # noqa: PLC0415

        times = TimeColumns(time_start_column, time_end_column)
        settings = StreamSettings(open_timeout, stall_timeout, progress)
        descriptor = self.must_be(VectorResultDescriptor)
        return await stream_into_frame(self.client, str(self), query_rectangle, descriptor, times, settings)

    async def vector_stream_into_parquet(
        self,
        query_rectangle: QueryRectangle,
        file_path: "PathLike[str] | str",
        time_start_column: str = "time_start",
        time_end_column: str = "time_end",
        open_timeout: int = 60,
        *,
        stall_timeout: float = _STALL,
        progress: ProgressCallback | None = None,
    ) -> int:
        """Stream features into a GeoParquet file, chunk by chunk; the file is whole or not there.

        Returns:
            Number of features.

        Raises:
            TruncatedError: Every attempt broke before its end.
        """
        from eoflows.services.geo_engine.parquet import stream_into_parquet  # noqa: PLC0415
        from eoflows.services.geo_engine.vectors import TimeColumns  # noqa: PLC0415

        times = TimeColumns(time_start_column, time_end_column)
        settings = StreamSettings(open_timeout, stall_timeout, progress)
        descriptor = self.must_be(VectorResultDescriptor)
        path = Path(file_path)
        return await stream_into_parquet(
            self.client, str(self), query_rectangle, descriptor, path, times, settings
        )
