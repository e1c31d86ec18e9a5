"""Small pictures of rasters that were stored: what people see before they open the data."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from eoflows.services.geo_engine.frames import NAME

if TYPE_CHECKING:
    from zarr.abc.store import Store

__all__ = ["picture_of", "small_png", "tiff_sample", "zarr_sample"]

_SIDE = 256
"""Pixels along the longer side of a preview."""
_CHUNKS = 64
"""Chunks along a side that are read for a preview; of more, every n-th."""
_TOGETHER = 16
"""Chunks that are read together: it bounds the memory."""
_COLOURS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""From low to high, readable for colour-blind people and in grey."""

Sample = tuple[NDArray[Any], NDArray[np.bool_]]
"""Values of shape (band, row, column), and where there is one."""


def zarr_sample(store: "Store | Path | str") -> Sample | None:
    """Read some pixels of the first time step of a raster that `raster_stream_into_zarr` wrote.

    Returns:
        At most three bands of about 256 by 256 pixels; None if there is no time step. Of more than 64 by 64
        chunks only every n-th is read.
    """
    import zarr  # noqa: PLC0415

    array: Any = zarr.open_group(store, mode="r")[NAME]
    if array.shape[0] == 0:
        return None
    step = max(1, -(-max(array.shape[2:]) // _SIDE))
    sides = [*zip(array.shape[2:], array.chunks[2:], strict=True)]
    every = -(-max(-(-size // chunk) for size, chunk in sides) // _CHUNKS)
    rows, columns = (_picks(size, chunk, step, every) for size, chunk in sides)
    together = _TOGETHER if every == 1 else 1
    bands = min(3, array.shape[1]) if array.shape[1] != 2 else 1
    values = np.empty((bands, sum(map(len, rows)), sum(map(len, columns))), array.dtype)
    top = 0
    for down in rows:
        left = 0
        for first in range(0, len(columns), together):
            across = np.concatenate(columns[first : first + together])
            block = array[0, :bands, down[0] : down[-1] + 1, across[0] : across[-1] + 1]
            part = block[:, down - down[0]][:, :, across - across[0]]
            values[:, top : top + len(down), left : left + len(across)] = part
            left += len(across)
        top += len(down)
    nodata = array.attrs.get("nodata")
    return values, _valid(values, nodata)


def _picks(size: int, chunk: int, step: int, every: int) -> list[NDArray[np.intp]]:
    """Indices to read of each n-th chunk along a side."""
    return [
        np.arange(number * chunk, min(size, (number + 1) * chunk), min(step, chunk))
        for number in range(0, -(-size // chunk), every)
    ]


def tiff_sample(path: Path) -> Sample:
    """Read some pixels of a GeoTIFF; overviews make it quick."""
    import rasterio  # type: ignore[import-untyped]  # noqa: PLC0415

    with rasterio.open(path) as file:
        shrink = max(1.0, max(file.height, file.width) / _SIDE)
        shape = (max(1, round(file.height / shrink)), max(1, round(file.width / shrink)))
        bands = min(3, file.count) if file.count != 2 else 1
        values = file.read([*range(1, bands + 1)], out_shape=(bands, *shape))
        return values, _valid(values, file.nodata)


def _valid(values: NDArray[Any], nodata: Any) -> NDArray[np.bool_]:
    valid = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, np.bool_)
    if nodata is not None and nodata == nodata:  # noqa: PLR0124 - NaN is found above
        valid &= values != nodata
    return valid


def picture_of(sample: Sample) -> Image.Image:
    """Draw a sample: three bands as red, green and blue, one by colours; what has no value is transparent.

    Colours reach from the 2nd to the 98th percentile of the values.
    """
    values, valid = sample
    levels = [_level(one, good) for one, good in zip(values, valid, strict=True)]
    if len(levels) == 1:
        colours = np.array(_COLOURS, np.float64)
        places = np.linspace(0, 1, len(colours))
        channels = [np.interp(levels[0], places, colours[:, number]) for number in range(3)]
    else:
        channels = [level * 255 for level in levels]
    alpha = np.where(valid.all(axis=0), 255, 0)
    pixels = np.stack([*channels, alpha], axis=-1).round().astype(np.uint8)
    return Image.fromarray(pixels, "RGBA")


def _level(values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values from 0 to 1."""
    known = values[valid].astype(np.float64)
    if not known.size:
        return np.zeros(values.shape)
    low, high = np.percentile(known, (2, 98))
    span = (high - low) or 1.0
    scaled: NDArray[np.float64] = np.clip(
        (np.where(valid, values, low).astype(np.float64) - low) / span, 0, 1
    )
    return scaled


def small_png(picture: Image.Image, most_bytes: int) -> bytes:
    """Encode a picture as PNG, made smaller until it has at most so many bytes."""
    while True:
        target = io.BytesIO()
        picture.save(target, "PNG", optimize=True)
        if target.tell() <= most_bytes or max(picture.size) <= 8:
            return target.getvalue()
        width, height = picture.size
        picture = picture.resize((max(1, width * 3 // 4), max(1, height * 3 // 4)))
