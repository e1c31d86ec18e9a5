"""The value of every pixel, from its place alone.

With 32-bit unsigned arithmetic that wraps around:

    k = (step * 0xC2B2AE3D) + (band * 0x27D4EB2F) + (seed * 0x165667B1)
    h = (row * 0x9E3779B1) + ((column * 0x85EBCA77) ^ k)
    h = (h ^ (h >> 15)) * 0x2C1B3C6D;  h = h ^ (h >> 12)

A pixel is null where it has no data, or where `h >> 16` is below `null_share` of 65536; NaN where `h & 65535`
is below `nan_share` of 65536. Its value is `h` cut to the type's width (64 bits: `h` twice), for F32
`(h >> 8) / 2**24`, for F64 `h / 2**32`. The pattern `gradient` has `row + 2 * column + 17 * step + 31 * band`
in the place of the value. With `repeat` it is row and column modulo that.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from eoflows.sandbox.geo_engine.sources import DATA_TYPES, RasterSource

__all__ = ["hashed", "pixel_values"]

_Array = npt.NDArray[Any]


def pixel_values(
    source: RasterSource, step: int, band: int, rows: _Array, columns: _Array
) -> tuple[_Array, _Array]:
    """Return values and validity of the pixels at rows x columns, both of shape (rows, columns).

    Args:
        source: The raster.
        step: Number of the time step; 0 is the first with data.
        band: Index of the band.
        rows: Row indices, not necessarily adjacent, also such without data (negative, too large).
        columns: Column indices, likewise.

    Returns:
        Values in the raster's type (those under nulls are not zero), and True where a pixel is not null.
    """
    inside = ((rows >= 0) & (rows < source.height))[:, None] & ((columns >= 0) & (columns < source.width))
    noise = _noise(source, step, band, rows, columns)
    values = _values(source, step, band, rows, columns, noise)
    if not source.time.has_data(step):
        return values, np.zeros_like(inside)
    if source.null_share:
        inside &= (noise >> np.uint32(16)) >= round(source.null_share * 65536)
    if source.nan_share and source.data_type in ("F32", "F64"):
        values[(noise & np.uint32(0xFFFF)) < round(source.nan_share * 65536)] = np.nan
    return values, inside


def hashed(first: _Array, second: _Array, key: int) -> _Array:
    """Return `h` for each pair of a first and a second number, which broadcast."""
    mixed = np.uint32(key & 0xFFFFFFFF)
    left = first.astype(np.uint32) * np.uint32(0x9E3779B1)
    right = (second.astype(np.uint32) * np.uint32(0x85EBCA77)) ^ mixed
    noise = left + right
    noise ^= noise >> np.uint32(15)
    noise *= np.uint32(0x2C1B3C6D)
    noise ^= noise >> np.uint32(12)
    return noise


def _noise(source: RasterSource, step: int, band: int, rows: _Array, columns: _Array) -> _Array:
    key = step * 0xC2B2AE3D + band * 0x27D4EB2F + source.seed * 0x165667B1
    return hashed(rows[:, None], columns[None, :], key)


def _values(
    source: RasterSource, step: int, band: int, rows: _Array, columns: _Array, noise: _Array
) -> _Array:
    kind = np.dtype(DATA_TYPES[source.data_type])
    if source.pattern == "gradient":
        slope = rows[:, None] + 2 * columns[None, :] + 17 * step + 31 * band
        return np.ascontiguousarray(slope.astype(kind))
    if kind.kind == "f":
        return _fractions(noise, kind)
    if kind.itemsize == 8:
        twice = noise.astype(np.uint64)
        return ((twice << np.uint64(32)) | twice).view(kind)
    return noise.astype(f"u{kind.itemsize}").view(kind)


def _fractions(noise: _Array, kind: np.dtype[Any]) -> _Array:
    fractions: _Array = (noise >> np.uint32(8)).astype(kind) if kind.itemsize == 4 else noise.astype(kind)
    fractions *= 2.0**-24 if kind.itemsize == 4 else 2.0**-32
    return fractions
