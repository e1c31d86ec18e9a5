"""WMS: colours and PNG."""

import json
import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from eoflows.sandbox.geo_engine.errors import EngineError
from eoflows.sandbox.geo_engine.queries import Query, numbers, required
from eoflows.sandbox.geo_engine.samples import first_step, over_box
from eoflows.sandbox.geo_engine.sources import RasterSource

__all__ = ["get_map", "png", "service_exception"]

_Array = npt.NDArray[Any]
_MAX_SIDE = 8192


def get_map(source: RasterSource, query: Mapping[str, str]) -> bytes:
    """Answer GetMap with a PNG.

    Raises:
        EngineError: A parameter is missing or wrong.
    """
    crs = required(query, "crs")
    if crs != source.spatial_reference:
        raise EngineError("Projection", f"no projection from {source.spatial_reference} to {crs}")
    where = Query.read(query, box="bbox", time="time", latitude_first=crs == "EPSG:4326")
    height, width = (int(numbers(required(query, name), 1, name)[0]) for name in ("height", "width"))
    if not (0 < height <= _MAX_SIDE and 0 < width <= _MAX_SIDE):
        raise EngineError("InvalidImageSize", f"width and height are 1 to {_MAX_SIDE}, not {width}x{height}")
    step, _ = first_step(source, where.time)
    colorizer = _colorizer(query.get("styles", ""))

    def band(number: int) -> tuple[_Array, _Array]:
        if not 0 <= number < len(source.bands):
            raise EngineError("BandDoesNotExist", f"Band {number} of {len(source.bands)} does not exist")
        return over_box(source, step, number, where.box, (height, width))

    if colorizer["type"] == "multiBand":
        return png(_composite(colorizer, band))
    return png(_colours(colorizer["bandColorizer"], *band(int(colorizer["band"]))))


def service_exception(error: EngineError) -> str:
    """Return an error as WMS answers it, with status 200."""
    return (
        '\n<?xml version="1.0" encoding="UTF-8"?>\n'
        '    <ServiceExceptionReport version="1.3.0" xmlns="http://www.opengis.net/ogc"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xsi:schemaLocation="http://www.opengis.net/ogc'
        ' http://schemas.opengis.net/wms/1.3.0/exceptions_1_3_0.xsd">\n'
        f"    <ServiceException>\n        {escape(error.detail)}\n    </ServiceException>\n"
        "</ServiceExceptionReport>"
    )


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode RGBA pixels of shape (rows, columns, 4)."""
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + 4 * width), np.uint8)
    lines[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack("!IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(name, data) for name, data in parts)


def _part(name: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))


def _colorizer(styles: str) -> dict[str, Any]:
    if not styles.startswith("custom:"):
        raise EngineError("UnsupportedStyle", f"styles is `custom:` and a colorizer, not {styles!r}")
    try:
        colorizer: dict[str, Any] = json.loads(styles.removeprefix("custom:"))
    except ValueError as error:
        raise EngineError("UnsupportedStyle", f"the colorizer is no JSON: {error}") from error
    if colorizer.get("type") not in ("singleBand", "multiBand"):
        raise EngineError("UnsupportedStyle", f"no raster colorizer: {styles[:200]}")
    return colorizer


def _colours(colorizer: Mapping[str, Any], values: _Array, valid: _Array) -> npt.NDArray[np.uint8]:
    if colorizer["type"] == "palette":
        pixels = np.empty((*values.shape, 4), np.uint8)
        pixels[:] = colorizer["defaultColor"]
        for value, colour in colorizer["colors"].items():
            pixels[values == float(value)] = colour
    else:
        pixels = _gradient(colorizer, values)
    pixels[~valid | (np.isnan(values))] = colorizer["noDataColor"]
    return pixels


def _gradient(colorizer: Mapping[str, Any], values: _Array) -> npt.NDArray[np.uint8]:
    logarithmic = colorizer["type"] == "logarithmicGradient"
    points = [point["value"] for point in colorizer["breakpoints"]]
    scaled = values.astype(np.float64)
    places = np.array([math.log(one) for one in points] if logarithmic else points, np.float64)
    below, above = scaled < points[0], scaled > points[-1]
    if logarithmic:
        scaled = np.log(np.maximum(scaled, points[0]))
    colours = np.array([point["color"] for point in colorizer["breakpoints"]], np.float64)
    channels = [np.interp(scaled, places, colours[:, channel]) for channel in range(4)]
    pixels = np.round(np.nan_to_num(np.stack(channels, axis=-1))).astype(np.uint8)
    pixels[below], pixels[above] = colorizer["underColor"], colorizer["overColor"]
    return pixels


def _composite(colorizer: Mapping[str, Any], band: Any) -> npt.NDArray[np.uint8]:
    pixels: npt.NDArray[np.uint8] | None = None
    missing: _Array | bool = False
    for channel, name in enumerate(("red", "green", "blue")):
        values, valid = band(int(colorizer[f"{name}Band"]))
        low, high = colorizer[f"{name}Min"], colorizer[f"{name}Max"]
        share = np.clip((values.astype(np.float64) - low) / ((high - low) or 1), 0, 1)
        scale = colorizer.get(f"{name}Scale")
        if pixels is None:
            pixels = np.full((*values.shape, 4), 255, np.uint8)
        pixels[..., channel] = np.round(np.nan_to_num(share) * 255 * (1 if scale is None else scale))
        missing = missing | ~valid
    assert pixels is not None  # noqa: S101
    pixels[missing] = colorizer.get("noDataColor", (0, 0, 0, 0))
    return pixels
