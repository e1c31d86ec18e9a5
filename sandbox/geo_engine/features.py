"""Generated features, each from its number alone.

With `h(number, salt)` as in `pixels.py` (number for row, salt for column, k = seed): the place is at the
parts `h(number, 1) / 2**32` of the width and `h(number, 2) / 2**32` of the height, rounded to six digits.
Column c (counted from 0) has `h(number, 10 + c)`: modulo 1000 as an int, divided by 1000 as a float,
`name <modulo 10000>` as a text, modulo 4 as a category, odd or even as a bool, that many seconds as a time.
It is null where `h(number, 1000 + c) >> 16` is below `null_share` of 65536.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eoflows.sandbox.geo_engine.grid import BoundingBox
from eoflows.sandbox.geo_engine.pixels import hashed
from eoflows.sandbox.geo_engine.sources import ColumnType, VectorSource
from eoflows.sandbox.geo_engine.time_steps import Interval, intersects

__all__ = ["Features", "chunks", "select"]

_BLOCK = 65_536
_SQUARE = 0.001


@dataclass(frozen=True)
class Features:
    """Some features of a source."""

    source: VectorSource
    numbers: npt.NDArray[np.int64]
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, start: int, stop: int) -> "Features":
        """Return some of them."""
        cut = slice(start, stop)
        return Features(self.source, self.numbers[cut], self.x[cut], self.y[cut])

    def column(self, name: str) -> list[Any]:
        """Return the values of a column, None for null; times in milliseconds."""
        position = list(self.source.columns).index(name)
        kind, seed = self.source.columns[name].data_type, self.source.seed
        noise = hashed(self.numbers, np.array(10 + position), seed).tolist()
        empty = (hashed(self.numbers, np.array(1000 + position), seed) >> np.uint32(16)) < round(
            self.source.null_share * 65536
        )
        return [None if null else _value(kind, h) for h, null in zip(noise, empty.tolist(), strict=True)]

    def coordinates(self) -> list[Any]:
        """Return the GeoJSON coordinates of each feature: of a point, or of the polygons of a square."""
        points = list(zip(self.x.tolist(), self.y.tolist(), strict=True))
        if self.source.geometry == "MultiPoint":
            return [list(point) for point in points]
        return [[[_square(x, y)]] for x, y in points]

    def well_known_texts(self) -> list[str]:
        """Return the geometry of each feature, always of a MULTI kind; empty for data without geometry."""
        points = zip(self.x.tolist(), self.y.tolist(), strict=True)
        if self.source.geometry == "Data":
            return [""] * len(self)
        if self.source.geometry == "MultiPoint":
            return [f"MULTIPOINT({x} {y})" for x, y in points]
        rings = (",".join(f"{a} {b}" for a, b in _square(x, y)) for x, y in points)
        return [f"MULTIPOLYGON((({ring})))" for ring in rings]


def _square(x: float, y: float) -> list[list[float]]:
    corners = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
    return [[round(x + a * _SQUARE, 6), round(y + b * _SQUARE, 6)] for a, b in corners]


def _value(kind: ColumnType, noise: int) -> Any:
    match kind:
        case "int":
            return noise % 1000
        case "float":
            return noise / 1000
        case "text":
            return f"name {noise % 10_000}"
        case "category":
            return noise % 4
        case "bool":
            return noise % 2 == 1
        case "dateTime":
            return noise * 1000


def select(source: VectorSource, box: BoundingBox, time: Interval) -> Iterator[Features]:
    """Yield the features whose place is in a box (edges included) and whose interval meets another."""
    if not intersects(source.time, time):
        return
    for start in range(0, source.count, _BLOCK):
        numbers = np.arange(start, min(start + _BLOCK, source.count), dtype=np.int64)
        x, y = _places(source, numbers)
        within = (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])
        if source.geometry == "Data":
            within[:] = True
        if within.any():
            yield Features(source, numbers[within], x[within], y[within])


def chunks(source: VectorSource, box: BoundingBox, time: Interval, size: int) -> Iterator[Features]:
    """Yield the same in chunks of at most so many bytes, roughly."""
    rows = max(1, size // (64 + 16 * len(source.columns)))
    for block in select(source, box, time):
        for start in range(0, len(block), rows):
            yield block.part(start, start + rows)


def _places(
    source: VectorSource, numbers: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    xmin, ymin, xmax, ymax = source.bounds
    across, along = (hashed(numbers, np.array(salt), source.seed) / 2.0**32 for salt in (1, 2))
    return np.round(xmin + across * (xmax - xmin), 6), np.round(ymin + along * (ymax - ymin), 6)
