"""Results of a workflow that come as one answer."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from eoflows.services.geo_engine.colorizers import RasterColorizer
from eoflows.services.geo_engine.descriptors import (
    PlotResultDescriptor,
    RasterResultDescriptor,
    VectorResultDescriptor,
)
from eoflows.services.geo_engine.plots import VegaLite, WrappedPlotOutput, fetch_plot
from eoflows.services.geo_engine.progress import ProgressCallback
from eoflows.services.geo_engine.queries import QueryRectangle, SpatialResolution
from eoflows.services.geo_engine.registered import Registered

if TYPE_CHECKING:
    import geopandas as gpd  # type: ignore[import-untyped]
    import numpy as np
    import xarray as xr
    from PIL import Image

__all__ = ["Results"]


class Results(Registered):
    """Frames, pictures, plots, and rasters of one time step."""

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
        from eoflows.services.geo_engine.vectors import fetch_frame  # noqa: PLC0415

        descriptor = self.must_be(VectorResultDescriptor)
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
        from eoflows.services.geo_engine.pictures import fetch_picture  # noqa: PLC0415

        self.must_be(RasterResultDescriptor)
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
        self.must_be(PlotResultDescriptor)
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
        from eoflows.services.geo_engine.rasters import read_values  # noqa: PLC0415

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
        from eoflows.services.geo_engine.rasters import read_xarray  # noqa: PLC0415

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
        progress: ProgressCallback | None = None,
    ) -> None:
        """Save the first time step as a file; `download_raster` for async code.

        Args are those of `download_raster`, and `progress`, which is told of the messages of a stream.
        """
        from eoflows.services.geo_engine.coverages import fetch_coverage, save_coverage  # noqa: PLC0415

        coverage = await fetch_coverage(
            self.client,
            str(self),
            self.must_be(RasterResultDescriptor),
            query,
            resolution=resolution,
            no_data=no_data,
            file_format=file_format,
            timeout=timeout,
            progress=progress,
        )
        await save_coverage(coverage, path, no_data=no_data)

    async def _first_step(
        self,
        query: QueryRectangle,
        resolution: SpatialResolution | None,
        timeout: float,
        no_data: float | None,
    ) -> bytes:
        with tempfile.TemporaryDirectory(prefix="eoflows-") as folder:
            path = anyio.Path(folder) / "raster.tif"
            await self.save_raster(query, Path(path), timeout=timeout, no_data=no_data, resolution=resolution)
            return await path.read_bytes()
