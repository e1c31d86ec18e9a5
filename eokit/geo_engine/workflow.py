"""Workflows of a server, and everything that can be asked of one."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import anyio

from eokit.current_client import current
from eokit.errors import InvalidInputError
from eokit.geo_engine.client import GeoEngineClient
from eokit.geo_engine.colorizers import RasterColorizer
from eokit.geo_engine.datasets import save_request, start_saving
from eokit.geo_engine.descriptors import (
    PlotResultDescriptor,
    RasterResultDescriptor,
    ResultDescriptor,
    VectorResultDescriptor,
    read_descriptor,
)
from eokit.geo_engine.limits import available_memory, check_size
from eokit.geo_engine.nulls import fill_of
from eokit.geo_engine.operators import WorkflowBuilderOperator, WorkflowId, workflow_document
from eokit.geo_engine.plan import RasterPlan, plan_raster
from eokit.geo_engine.plots import VegaLite, WrappedPlotOutput, fetch_plot
from eokit.geo_engine.progress import ProgressCallback
from eokit.geo_engine.provenance import ProvenanceEntry, read_provenance
from eokit.geo_engine.queries import QueryRectangle, RasterQueryRectangle, SpatialResolution
from eokit.geo_engine.stream import RasterStream, StreamSettings
from eokit.geo_engine.tasks import Task
from eokit.geo_engine.tiles import RasterTile2D

if TYPE_CHECKING:
    import geopandas as gpd  # type: ignore[import-untyped]
    import numpy as np
    import xarray as xr
    from PIL import Image
    from zarr.abc.store import Store

    from eokit.geo_engine.arrays import Nulls
    from eokit.geo_engine.geotiff import TiffKind
    from eokit.geo_engine.zarr_writer import StoredRaster, ZarrSettings

__all__ = ["Workflow", "load_workflow", "register_workflow", "submit_workflow", "workflow_by_id"]

D = TypeVar("D", bound=ResultDescriptor)
_STALL = 300.0


class Workflow:
    """A registered workflow of one server.

    `register_workflow` and `workflow_by_id` make it. Calls that are not `async` run in a background
    event loop: they also work in Jupyter.

    Args:
        client: The server.
        workflow_id: Its id.
        descriptor: What its result is.
    """

    def __init__(
        self, client: GeoEngineClient, workflow_id: WorkflowId, descriptor: ResultDescriptor
    ) -> None:
        self.client, self.workflow_id, self._descriptor = client, workflow_id, descriptor

    def __str__(self) -> str:
        return str(self.workflow_id)

    def __repr__(self) -> str:
        return f"Workflow({str(self)!r}, {self._descriptor.kind})"

    def get_result_descriptor(self) -> ResultDescriptor:
        """Return what the result is: raster, vector or plot, with its bands or columns."""
        return self._descriptor

    def workflow_definition(self, timeout: int = 60) -> dict[str, Any]:
        """Return the definition, as the server has it: parameters that were left out may be there."""
        return self.client.wait(self.fetch_definition(timeout=timeout))

    async def fetch_definition(self, *, timeout: float = 60) -> dict[str, Any]:
        """Return the definition; for async code."""
        found = await self.client.document("GET", await self._path(), timeout=timeout)
        return dict(found)

    def get_dataframe(
        self, bbox: QueryRectangle, timeout: int = 3600, resolve_classifications: bool = False
    ) -> "gpd.GeoDataFrame":
        """Return features by WFS.

        Args:
            bbox: Box and time.
            timeout: Seconds to wait.
            resolve_classifications: Put names of classes for their values.

        Returns:
            Columns of the workflow, `geometry`, `start` and `end` (datetime64[ms, UTC]); the id of the
            computation is in `attrs["computation_id"]`.
        """
        from eokit.geo_engine.vectors import fetch_frame  # noqa: PLC0415

        descriptor = self._must_be(VectorResultDescriptor)
        work = fetch_frame(
            self.client,
            str(self),
            bbox,
            descriptor,
            timeout=timeout,
            resolve_classifications=resolve_classifications,
        )
        return self.client.wait(work)

    def wms_get_map_as_image(
        self,
        bbox: QueryRectangle,
        raster_colorizer: RasterColorizer,
        spatial_resolution: SpatialResolution,
    ) -> "Image.Image":
        """Return a map as a picture.

        Args:
            bbox: Box and time.
            raster_colorizer: Colours.
            spatial_resolution: Size of a pixel.

        Raises:
            RefusedError: The server could not draw it.
        """
        from eokit.geo_engine.pictures import fetch_picture  # noqa: PLC0415

        self._must_be(RasterResultDescriptor)
        work = fetch_picture(self.client, str(self), bbox, raster_colorizer, spatial_resolution)
        return self.client.wait(work)

    def plot_json(
        self, bbox: QueryRectangle, spatial_resolution: SpatialResolution | None = None, timeout: int = 3600
    ) -> WrappedPlotOutput:
        """Return a plot as the server gives it."""
        return self.client.wait(self.fetch_plot(bbox, spatial_resolution, timeout=timeout))

    def plot_chart(
        self, bbox: QueryRectangle, spatial_resolution: SpatialResolution | None = None, timeout: int = 3600
    ) -> VegaLite:
        """Return a plot as a Vega-Lite chart.

        Raises:
            InvalidInputError: It is another kind of plot.
        """
        return VegaLite(self.plot_json(bbox, spatial_resolution, timeout).vega_spec)

    async def fetch_plot(
        self,
        query: QueryRectangle,
        spatial_resolution: SpatialResolution | None = None,
        *,
        timeout: float = 3600,
    ) -> WrappedPlotOutput:
        """Return a plot; for async code."""
        self._must_be(PlotResultDescriptor)
        return await fetch_plot(self.client, str(self), query, spatial_resolution, timeout)

    def get_array(
        self,
        bbox: QueryRectangle,
        spatial_resolution: SpatialResolution | None = None,
        timeout: int = 3600,
        force_no_data_value: float | None = None,
    ) -> "np.ndarray[Any, Any]":
        """Return the first time step as an array of shape (y, x), or (band, y, x) for several bands.

        What the server's WCS does not give (more than four tiles, several bands) is streamed.

        Args:
            bbox: Box, time and bands; a plain `QueryRectangle` asks for all bands.
            spatial_resolution: Size of a pixel; None is the native one.
            timeout: Seconds to wait.
            force_no_data_value: Value of missing pixels; None gives a masked array.
        """
        from eokit.geo_engine.rasters import read_values  # noqa: PLC0415

        return read_values(
            self.client.wait(self._first_step(bbox, spatial_resolution, timeout, force_no_data_value)),
            masked=force_no_data_value is None,
        )

    def get_xarray(
        self,
        bbox: QueryRectangle,
        spatial_resolution: SpatialResolution | None = None,
        timeout: int = 3600,
        force_no_data_value: float | None = None,
    ) -> "xr.DataArray":
        """Return the first time step with coordinates, of shape (band, y, x).

        Args:
            bbox: As for `get_array`.
            spatial_resolution: As for `get_array`.
            timeout: Seconds to wait.
            force_no_data_value: Value of missing pixels; None: NaN, or what `attrs["nodata"]` says.
        """
        from eokit.geo_engine.rasters import read_xarray  # noqa: PLC0415

        found = self.client.wait(self._first_step(bbox, spatial_resolution, timeout, force_no_data_value))
        return read_xarray(found)

    def download_raster(
        self,
        bbox: QueryRectangle,
        file_path: str,
        timeout: int = 3600,
        file_format: str = "image/tiff",
        force_no_data_value: float | None = None,
        spatial_resolution: SpatialResolution | None = None,
    ) -> None:
        """Save the first time step as a file, which is whole or not there.

        Args:
            bbox: As for `get_array`.
            file_path: Where.
            timeout: Seconds to wait.
            file_format: Format; what is streamed is `image/tiff`.
            force_no_data_value: Value of missing pixels.
            spatial_resolution: As for `get_array`.
        """
        work = self.save_raster(
            bbox,
            Path(file_path),
            timeout=timeout,
            file_format=file_format,
            no_data=force_no_data_value,
            resolution=spatial_resolution,
        )
        self.client.wait(work)

    async def save_raster(
        self,
        query: QueryRectangle,
        path: Path,
        *,
        timeout: float = 3600,
        file_format: str = "image/tiff",
        no_data: float | None = None,
        resolution: SpatialResolution | None = None,
    ) -> None:
        """Save the first time step as a file; `download_raster` for async code."""
        from eokit.geo_engine.coverages import fetch_coverage, save_coverage  # noqa: PLC0415

        coverage = await fetch_coverage(
            self.client,
            str(self),
            self._must_be(RasterResultDescriptor),
            query,
            resolution=resolution,
            no_data=no_data,
            file_format=file_format,
            timeout=timeout,
        )
        await save_coverage(coverage, path, no_data=no_data)

    def get_provenance(self, timeout: int = 60) -> list[ProvenanceEntry]:
        """Return where the data come from, and how to cite them."""
        return self.client.wait(self.fetch_provenance(timeout=timeout))

    async def fetch_provenance(self, *, timeout: float = 60) -> list[ProvenanceEntry]:
        """Return where the data come from; for async code."""
        document = await self.client.document("GET", f"{await self._path()}/provenance", timeout=timeout)
        return read_provenance(document, url=self.client.url)

    def metadata_zip(self, path: "PathLike[str] | str | BytesIO", timeout: int = 60) -> None:
        """Save workflow, metadata and citations as a zip archive, whole or not at all.

        Args:
            path: File, or an open buffer.
            timeout: Seconds to wait.
        """
        self.client.wait(self.save_metadata(path, timeout=timeout))

    async def save_metadata(self, path: "PathLike[str] | str | BytesIO", *, timeout: float = 60) -> None:
        """Save workflow, metadata and citations; for async code."""
        answer = await self.client.call("GET", f"{await self._path()}/allMetadata/zip", timeout=timeout)
        if isinstance(path, BytesIO):
            path.write(answer.content)
            return
        final = anyio.Path(path)
        part = final.with_name(f".{final.name}.part")
        await part.write_bytes(answer.content)
        await part.replace(final)

    def save_as_dataset(
        self,
        query_rectangle: QueryRectangle,
        name: str | None,
        display_name: str,
        description: str = "",
        timeout: int = 3600,
    ) -> Task:
        """Begin to save the result as a dataset on the server. It is sent once.

        Args:
            query_rectangle: Box and time.
            name: Name like `namespace:name`, which must be new; None lets the server choose.
            display_name: Name for people.
            description: Text for people.
            timeout: Seconds to wait for the answer, not for the dataset.

        Raises:
            UnreachableError: It may have been begun nevertheless; look at `get_task_list` first.
        """
        return self.client.wait(
            self.start_dataset(query_rectangle, name, display_name, description, timeout=timeout)
        )

    async def start_dataset(
        self,
        query: QueryRectangle,
        name: str | None,
        display_name: str,
        description: str = "",
        *,
        timeout: float = 3600,
    ) -> Task:
        """Begin to save the result as a dataset; for async code."""
        self._must_be(RasterResultDescriptor)
        request = save_request(
            await self.client.profile(),
            str(self),
            query,
            name=name,
            display_name=display_name,
            description=description,
        )
        return Task(await start_saving(self.client, request, timeout=timeout), client=self.client)

    def plan(self, query_rectangle: QueryRectangle) -> RasterPlan:
        """Compute, without asking the server, which tiles a stream will bring and how large its result is."""
        return plan_raster(self._must_be(RasterResultDescriptor), query_rectangle)

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
        async with aclosing(self._stream(query_rectangle, settings).tiles()) as tiles:
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
        from eokit.geo_engine.arrays import Nulls, assembled  # noqa: PLC0415

        stream = self._stream(query_rectangle, StreamSettings(open_timeout, stall_timeout, progress))
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
        from eokit.geo_engine.zarr_writer import Store, ZarrSettings, stream_into_zarr  # noqa: PLC0415

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
        from eokit.geo_engine.geotiff import TiffKind, stream_into_tiff  # noqa: PLC0415

        stream = self._stream(query_rectangle, StreamSettings(open_timeout, stall_timeout, progress))
        if limit_bytes is not None:
            check_size(stream.plan.step_bytes(clip=True), limit_bytes, "the raster")
        await stream_into_tiff(
            stream, Path(file_path), clip=clip_to_query_rectangle, fill_value=fill_value, kind=TiffKind(kind)
        )

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
        from eokit.geo_engine.vectors import TimeColumns, stream_chunks  # noqa: PLC0415

        self._must_be(VectorResultDescriptor)
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
        from eokit.geo_engine.vectors import TimeColumns, stream_into_frame  # noqa: PLC0415

        times = TimeColumns(time_start_column, time_end_column)
        settings = StreamSettings(open_timeout, stall_timeout, progress)
        descriptor = self._must_be(VectorResultDescriptor)
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
        from eokit.geo_engine.vectors import TimeColumns, stream_into_parquet  # noqa: PLC0415

        times = TimeColumns(time_start_column, time_end_column)
        settings = StreamSettings(open_timeout, stall_timeout, progress)
        descriptor = self._must_be(VectorResultDescriptor)
        path = Path(file_path)
        return await stream_into_parquet(
            self.client, str(self), query_rectangle, descriptor, path, times, settings
        )

    def _stream(self, query: QueryRectangle, settings: StreamSettings) -> RasterStream:
        return RasterStream(self.client, str(self), self.plan(query), settings)

    def _must_be(self, kind: type[D]) -> D:
        if not isinstance(self._descriptor, kind):
            wanted = kind.__name__.removesuffix("ResultDescriptor").lower()
            raise InvalidInputError(f"workflow {self} gives a {self._descriptor.kind}, not a {wanted}")
        return self._descriptor

    async def _path(self) -> str:
        return f"{(await self.client.profile()).workflows}/{self}"

    async def _first_step(
        self,
        query: QueryRectangle,
        resolution: SpatialResolution | None,
        timeout: float,
        no_data: float | None,
    ) -> bytes:
        from eokit.geo_engine.rasters import first_step  # noqa: PLC0415

        return await first_step(self, query, resolution, timeout, no_data)


async def submit_workflow(
    client: GeoEngineClient,
    workflow: Mapping[str, Any] | WorkflowBuilderOperator,
    *,
    timeout: float = 60,
) -> Workflow:
    """Register a workflow; for async code. The same definition gives the same id, however often."""
    path = (await client.profile()).workflows
    document = await client.document("POST", path, json=workflow_document(workflow), timeout=timeout)
    return await load_workflow(client, WorkflowId.from_document(document, client.url), timeout=timeout)


async def load_workflow(
    client: GeoEngineClient, workflow_id: WorkflowId | UUID | str, *, timeout: float = 60
) -> Workflow:
    """Find a workflow by its id; for async code.

    Raises:
        AbsentError: The server does not know it.
    """
    known = workflow_id if isinstance(workflow_id, WorkflowId) else WorkflowId(workflow_id)
    path = f"{(await client.profile()).workflows}/{known}/metadata"
    document = await client.document("GET", path, timeout=timeout)
    return Workflow(client, known, read_descriptor(document, url=f"{client.url}/{path}"))


def register_workflow(
    workflow: Mapping[str, Any] | WorkflowBuilderOperator,
    timeout: int = 60,
    *,
    client: GeoEngineClient | None = None,
) -> Workflow:
    """Register a workflow. The same definition gives the same id, however often.

    Args:
        workflow: `{"type": "Raster" | "Vector" | "Plot", "operator": {...}}`, or an operator.
        timeout: Seconds to wait for each of two answers.
        client: The server; None is the one of the nearest `with client:`.

    Raises:
        RefusedError: The server does not accept it; the message says why.
    """
    server = current(GeoEngineClient, client)
    return server.wait(submit_workflow(server, workflow, timeout=timeout))


def workflow_by_id(workflow_id: UUID | str, *, client: GeoEngineClient | None = None) -> Workflow:
    """Find a workflow by its id.

    Args:
        workflow_id: A UUID, or one as text.
        client: The server; None is the one of the nearest `with client:`.

    Raises:
        AbsentError: The server does not know it.
    """
    server = current(GeoEngineClient, client)
    return server.wait(load_workflow(server, workflow_id))
