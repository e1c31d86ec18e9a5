"""GeoTIFFs of one time step as arrays."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import rasterio  # type: ignore[import-untyped]
import xarray as xr
from numpy.typing import NDArray

from eoflows.base.errors import ContractError
from eoflows.services.geo_engine.descriptors import RasterBandDescriptor
from eoflows.services.geo_engine.frames import DIMS, NAME, Frame
from eoflows.services.geo_engine.grid import PixelGrid, Window

__all__ = ["read_values", "read_xarray"]


def read_values(content: bytes, *, masked: bool) -> NDArray[Any]:
    """Read the values, of shape (y, x), or (band, y, x) for several bands."""
    with _opened(content) as file:
        values: NDArray[Any] = file.read(masked=masked)
    return values[0] if len(values) == 1 else values


def read_xarray(content: bytes) -> xr.DataArray:
    """Read the values with coordinates, of shape (band, y, x)."""
    with _opened(content) as file:
        values, transform, crs = file.read(), file.transform, file.crs
        nodata, names = file.nodata, file.descriptions
    grid = PixelGrid(transform.c, transform.f, transform.a, transform.e)
    window = Window(0, 0, *values.shape[1:])
    bands = tuple(RasterBandDescriptor(name=name or str(n)) for n, name in enumerate(names))
    code = "" if crs is None else crs.to_string()
    missing = nodata is not None and values.dtype.kind != "f"
    attrs = {"nodata": values.dtype.type(nodata).item()} if missing else {}
    frame = Frame(grid, window, bands, tuple(range(len(bands))), code, attrs)
    if nodata is not None and values.dtype.kind == "f" and not np.isnan(nodata):
        frame = Frame(grid, window, bands, frame.band_indices, code, {"nodata": nodata})
    coords = {name: (one.dims, one.values, dict(one.attrs)) for name, one in frame.space().items()}
    return xr.DataArray(values, coords, DIMS[1:], name=NAME, attrs=frame.value_attrs())


@contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    try:
        with rasterio.MemoryFile(content) as memory, memory.open() as file:
            yield file
    except rasterio.errors.RasterioIOError as error:
        raise ContractError(f"the raster of {len(content)} bytes is no GeoTIFF: {error}") from error
