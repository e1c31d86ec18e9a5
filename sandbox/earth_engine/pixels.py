"""The truth: what each pixel of each scene holds, by arithmetic that anybody can repeat.

For a scene, a band of it and a pixel with absolute indices (column, row):

    key   = crc32("SEED|COLLECTION|DAY|ORBIT|BAND")       UTC day as 2022-01-31
    n     = (key + 7919 * column + 104729 * row) mod 2**31
    value = (low + n mod span) / divisor                  or choices[n mod len(choices)]

The absolute indices count pixels of the *exported grid* from the origin of its CRS, so that neighbouring
tiles continue each other: for the affine transform (xres, 0, left, 0, -yres, top), the pixel in column c and
row r of the image has column = c + floor(left / xres + 1/4) and row = r + floor(-top / yres + 1/4).

A pixel is valid in all bands of a scene or in none (but ST_* bands of Landsat scenes with the processing
level L2SR have no valid pixel at all). It is masked where the scene does not reach, or where a hole is:

    reaches = (column // 16 + row // 16 + ROW) is even         ROW: the scene's `row`; see below
    hole    = (crc32("SEED|COLLECTION|DAY|ORBIT") + 31 * column + 17 * row) mod 29 = 0

The chequered `reaches` stands for footprints: scenes of one pass that lie above each other (even and odd
`row`) complete each other, and only a mosaic of both covers a tile that touches both. `row` of a Landsat
scene is WRS_ROW - 1. No footprint is looked at when pixels are computed, only when scenes are searched for.
"""

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eoflows.sandbox.earth_engine.scenes import Scene

__all__ = ["Window", "mosaic_pixels", "scene_pixels"]

BLOCK = 16
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Window:
    """Pixels of an exported grid, by absolute indices."""

    columns: npt.NDArray[np.int64]
    """Of the image's columns, westernmost first."""
    rows: npt.NDArray[np.int64]
    """Of the image's rows, northernmost first."""

    @classmethod
    def of(cls, transform: Sequence[float], width: int, height: int) -> "Window":
        """Return the pixels of an image.

        Args:
            transform: xres, 0, left, 0, -yres, top, in units of the CRS.
            width: Columns.
            height: Rows.
        """
        xres, _, left, _, yres, top = transform
        return cls(
            np.arange(width, dtype=np.int64) + math.floor(left / xres + 0.25),
            np.arange(height, dtype=np.int64) + math.floor(top / yres + 0.25),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return len(self.rows), len(self.columns)

    def part(self, column: int, row: int, width: int, height: int) -> "Window":
        """Return a smaller window; the first two arguments count from this one's north-west corner."""
        return Window(self.columns[column : column + width], self.rows[row : row + height])


def scene_pixels(scene: Scene, band: str, window: Window) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return a scene's values, and which of them are valid, as (row, column)."""
    spec = scene.spec.band(band)
    key = zlib.crc32(f"{scene.seed}|{scene.acquisition}|{band}".encode())
    number = (key + 7919 * window.columns[None, :] + 104_729 * window.rows[:, None]) % 2**31
    if spec.choices:
        values = np.asarray(spec.choices)[number % len(spec.choices)]
    else:
        values = spec.low + number % spec.span
    if spec.divisor != 1:
        values = values / spec.divisor
    return values.astype(spec.dtype), _valid(scene, band, window)


def mosaic_pixels(scenes: Iterable[Scene], band: str, window: Window) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return the values of scenes laid over each other, the last one on top, and which are valid."""
    values: Array | None = None
    valid: npt.NDArray[np.bool_] = np.zeros(window.shape, dtype=bool)
    for scene in scenes:
        new, there = scene_pixels(scene, band, window)
        values = new if values is None else np.where(there, new, values)
        valid |= there
    if values is None:
        raise ValueError("a mosaic of no scenes")
    return values, valid


def _valid(scene: Scene, band: str, window: Window) -> npt.NDArray[np.bool_]:
    columns, rows = window.columns[None, :], window.rows[:, None]
    if band.startswith("ST_") and scene.properties.get("PROCESSING_LEVEL") == "L2SR":
        return np.zeros(window.shape, dtype=bool)
    reaches = (columns // BLOCK + rows // BLOCK + scene.row) % 2 == 0
    key = zlib.crc32(f"{scene.seed}|{scene.acquisition}".encode())
    valid: npt.NDArray[np.bool_] = reaches & ((key + 31 * columns + 17 * rows) % 29 != 0)
    return valid
