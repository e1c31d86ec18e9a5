"""Exports: what an order says, and the files that it makes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.geometry import Projection
from eoflows.sandbox.earth_engine.images import Grid, Image
from eoflows.sandbox.earth_engine.pixels import Window
from eoflows.sandbox.earth_engine.rasters import geotiff

__all__ = ["ExportFile", "files", "shard_name"]

_TYPE_NAMES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}
_DEFAULT_PIXELS = 10**8


@dataclass(frozen=True)
class ExportFile:
    """A file that an export leaves."""

    name: str
    data: bytes


def shard_name(prefix: str, row: int, column: int, *, alone: bool) -> str:
    """Return the name of a file: alone, or with the offsets of its first row and column in the image."""
    return f"{prefix}.tif" if alone else f"{prefix}-{row:010d}-{column:010d}.tif"


def files(image: Any, order: Mapping[str, Any], default_edge: int) -> Iterator[ExportFile]:
    """Compute an image and give its files, row by row.

    Args:
        image: Result of the order's graph.
        order: Body of the request.
        default_edge: Edge of a file when the order names none, pixels.

    Raises:
        GraphError: The image cannot be exported so.
    """
    if not isinstance(image, Image) or not image.bands:
        raise GraphError("Exported images must have at least one band.")
    types = list(dict.fromkeys(_TYPE_NAMES[band.dtype] for band in image.bands))
    if len(types) > 1:
        raise GraphError(
            "Exported bands must have compatible data types; found inconsistent types: "
            f"{' and '.join(types[:2])}."
        )
    grid = _grid(image, order.get("grid"))
    most = int(order.get("maxPixels", {}).get("value", _DEFAULT_PIXELS))
    if grid.width * grid.height > most:
        raise GraphError(
            f"Export too large: specified {grid.width * grid.height} pixels (max: {most}). Specify higher "
            "maxPixels value if you intend to export a large area."
        )
    options = order["fileExportOptions"]
    how = options.get("geoTiffOptions", {})
    prefix = options["cloudStorageDestination"]["filenamePrefix"]
    edges = how.get("tileDimensions", {})
    width, height = int(edges.get("width", default_edge)), int(edges.get("height", default_edge))
    alone = grid.width <= width and grid.height <= height
    window = Window.of(grid.projection.transform, grid.width, grid.height)
    for row in range(0, grid.height, height):
        for column in range(0, grid.width, width):
            part = window.part(column, row, width, height)
            data = _file(image, grid.projection, part, (row, column), how)
            if data is not None:
                yield ExportFile(shard_name(prefix, row, column, alone=alone), data)


def _grid(image: Image, asked: Mapping[str, Any] | None) -> Grid:
    """Return the rectangle to export: the request's own, or the one that the graph cut out."""
    if asked:
        affine = asked["affineTransform"]
        names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
        transform = tuple(float(affine.get(name, 0.0)) for name in names)
        size = asked["dimensions"]
        crs = asked.get("crsCode") or asked["crsWkt"]
        return Grid(Projection(crs, transform), int(size["width"]), int(size["height"]))
    if image.grid is None:
        raise GraphError("Unable to export unbounded image.")
    return image.grid


def _file(
    image: Image, projection: Projection, window: Window, offset: tuple[int, int], how: Mapping[str, Any]
) -> bytes | None:
    nodata = how.get("noData", {}).get("floatValue")
    empty, bands = True, []
    for band in image.bands:
        values, valid = band.pixels(window)
        fill = nodata if nodata is not None else np.nan if band.dtype.startswith("float") else 0
        empty = empty and not valid.any()
        bands.append(np.where(valid, values, np.asarray(fill).astype(band.dtype)).astype(band.dtype))
    if empty and how.get("skipEmptyFiles"):
        return None
    xres, _, left, _, yres, top = projection.transform
    row, column = offset
    return geotiff(
        bands,
        [band.name for band in image.bands],
        crs=projection.crs,
        transform=(xres, 0.0, left + column * xres, 0.0, yres, top + row * yres),
        nodata=nodata,
        block=_block(how),
        cloud_optimized=bool(how.get("cloudOptimized")),
    )


def _block(how: Mapping[str, Any]) -> int:
    asked = int(how.get("tileSize", {}).get("value", 256))
    return max(128, asked - asked % 16)
