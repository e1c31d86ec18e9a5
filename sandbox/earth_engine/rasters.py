"""Writes GeoTIFF files as Earth Engine does: tiled, compressed, with the names of the bands."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy.typing as npt

__all__ = ["geotiff"]


def geotiff(
    bands: Sequence[npt.NDArray[Any]],
    names: Sequence[str],
    *,
    crs: str,
    transform: Sequence[float],
    nodata: float | None,
    block: int,
    cloud_optimized: bool,
) -> bytes:
    """Return a GeoTIFF.

    Args:
        bands: Values as (row, column), all of one shape and type.
        names: Of the bands.
        crs: EPSG code or WKT.
        transform: xres, shear, left, shear, yres, top, in units of the CRS.
        nodata: Value of pixels without data; None: the file names none.
        block: Edge of the blocks inside the file, pixels.
        cloud_optimized: Overviews and the order of a cloud-optimised GeoTIFF.
    """
    rasterio: Any = import_module("rasterio")
    height, width = bands[0].shape
    layout = {"driver": "COG", "blocksize": block, "overview_resampling": "nearest", "level": 1}
    if not cloud_optimized:
        layout = {"driver": "GTiff", "tiled": True, "blockxsize": block, "blockysize": block, "zlevel": 1}
    profile = {
        "width": width,
        "height": height,
        "count": len(bands),
        "dtype": str(bands[0].dtype),
        "crs": crs,
        "transform": rasterio.Affine(*transform),
        "nodata": nodata,
        "compress": "deflate",
        **layout,
    }
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as target:
            for number, (values, name) in enumerate(zip(bands, names, strict=True), 1):
                target.write(values, number)
                target.set_band_description(number, name)
        data: bytes = memory.read()
    return data
