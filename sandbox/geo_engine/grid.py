"""Pixel grids and the tiles that lie on them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

__all__ = ["BoundingBox", "Grid", "TileOrigin", "Tiling", "Window"]

_EDGE = 1e-6
"""Part of a pixel by which a query may go beyond an edge and still not touch the next pixel."""
BoundingBox = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax."""
TileOrigin = Literal["nearest_zero", "source"]


@dataclass(frozen=True)
class Window:
    """Pixels of a grid: rows and columns from, included, up to, excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left


@dataclass(frozen=True)
class Grid:
    """A geo transform without rotation."""

    x: float
    """Left edge of column 0."""
    y: float
    """Upper edge of row 0."""
    dx: float
    """Width of a pixel, positive."""
    dy: float
    """Height of a pixel, negative."""

    def moved(self, rows: int, columns: int) -> "Grid":
        """Return the same pixels, counted from another one."""
        return replace(self, x=self.x + columns * self.dx, y=self.y + rows * self.dy)

    def nearest_edge(self, x: float, y: float) -> tuple[int, int]:
        """Return row and column whose upper left corner is nearest to a place."""
        return math.floor((y - self.y) / self.dy + 0.5), math.floor((x - self.x) / self.dx + 0.5)

    def window(self, box: BoundingBox) -> Window:
        """Return the pixels that a box touches: at least one; the lower and right edges are excluded."""
        xmin, ymin, xmax, ymax = box
        top, left = math.floor((ymax - self.y) / self.dy), math.floor((xmin - self.x) / self.dx)
        bottom = math.floor((min(ymin - self.dy * _EDGE, ymax) - self.y) / self.dy)
        right = math.floor((max(xmax - self.dx * _EDGE, xmin) - self.x) / self.dx)
        return Window(top, left, bottom + 1, right + 1)

    def to_json(self) -> dict[str, Any]:
        """Return the geo transform as Geo Engine writes it."""
        return {
            "originCoordinate": {"x": self.x, "y": self.y},
            "xPixelSize": self.dx,
            "yPixelSize": self.dy,
        }


@dataclass(frozen=True)
class Tiling:
    """The tiles of a grid: all of one size, never clipped."""

    grid: Grid
    """The grid counted from the tiles' origin: tile corners are at multiples of `size`."""
    size: int
    """Rows and columns of a tile."""

    @classmethod
    def of(cls, source: Grid, size: int, origin: TileOrigin) -> "Tiling":
        """Return the tiling of a source's grid, whose origin is a corner of a pixel."""
        offset = source.nearest_edge(0.0, 0.0) if origin == "nearest_zero" else (0, 0)
        return cls(source.moved(*offset), size)

    def tiles(self, box: BoundingBox) -> Iterator[Window]:
        """Yield the tiles that a box touches, row by row from the upper left, as windows of `grid`."""
        window, size = self.grid.window(box), self.size
        for top in range(window.top // size * size, window.bottom, size):
            for left in range(window.left // size * size, window.right, size):
                yield Window(top, left, top + size, left + size)
