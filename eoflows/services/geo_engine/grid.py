"""Pixels without rotation: where they lie, and which of them a box touches."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.services.geo_engine.queries import BoundingBox2D

__all__ = ["PixelGrid", "Window"]

_EDGE = 1e-6
"""Part of a pixel by which a box may go beyond an edge and still not touch the next pixel."""
_FIT = 0.01
"""Part of a pixel by which a tile may lie beside the grid it belongs to."""


@dataclass(frozen=True)
class Window:
    """Pixels from row `top` and column `left` up to, not including, `bottom` and `right`."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def rows(self) -> int:
        """Height in pixels."""
        return self.bottom - self.top

    @property
    def columns(self) -> int:
        """Width in pixels."""
        return self.right - self.left

    def common(self, other: "Window") -> "Window | None":
        """The pixels that both have, or None."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Window(top, left, bottom, right) if top < bottom and left < right else None

    def within(self, outer: "Window") -> tuple[slice, slice]:
        """Index of these pixels (rows, columns) in an array of the outer window's pixels."""
        rows = slice(self.top - outer.top, self.bottom - outer.top)
        return rows, slice(self.left - outer.left, self.right - outer.left)


@dataclass(frozen=True)
class PixelGrid:
    """A geo transform without rotation.

    Attributes:
        x: Left edge of column 0, in the units of the reference system.
        y: Upper edge of row 0.
        dx: Width of a pixel, positive.
        dy: Height of a pixel, negative: rows go south.
    """

    x: float
    y: float
    dx: float
    dy: float

    def __post_init__(self) -> None:
        if not (self.dx > 0 and self.dy < 0):
            raise InvalidInputError(f"pixels of {self.dx} by {self.dy} are not north-up")

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "PixelGrid":
        """Read the server's `geoTransform`."""
        origin = document["originCoordinate"]
        return cls(origin["x"], origin["y"], document["xPixelSize"], document["yPixelSize"])

    def window(self, box: BoundingBox2D) -> Window:
        """The pixels that a box touches, at least one; touching an edge is not enough.

        The server counts in the same way, and treats the right and lower edges as excluded.
        """
        left, right = _span((box.xmin - self.x) / self.dx, (box.xmax - self.x) / self.dx)
        top, bottom = _span((box.ymax - self.y) / self.dy, (box.ymin - self.y) / self.dy)
        return Window(top, left, bottom, right)

    def place(self, tile: "PixelGrid", rows: int, columns: int) -> Window:
        """The pixels of this grid that a tile covers.

        Args:
            tile: The tile's own transform.
            rows: Its height.
            columns: Its width.

        Raises:
            ContractError: Its pixels are not pixels of this grid.
        """
        left, top = (tile.x - self.x) / self.dx, (tile.y - self.y) / self.dy
        stretched = max(columns * abs(tile.dx / self.dx - 1), rows * abs(tile.dy / self.dy - 1))
        off = max(abs(left - round(left)), abs(top - round(top)), stretched)
        if off > _FIT:
            raise ContractError(
                f"a tile at {tile.x}, {tile.y} with pixels of {tile.dx}, {tile.dy} is not on the grid at "
                f"{self.x}, {self.y} with pixels of {self.dx}, {self.dy}"
            )
        return Window(round(top), round(left), round(top) + rows, round(left) + columns)

    def moved(self, row: int, column: int) -> "PixelGrid":
        """The same pixels, counted from another one."""
        return PixelGrid(self.x + column * self.dx, self.y + row * self.dy, self.dx, self.dy)

    def rows_of(self, box: BoundingBox2D, top: int, bottom: int) -> BoundingBox2D:
        """A box as wide as this one that touches rows `top` up to, not including, `bottom`."""
        return BoundingBox2D(
            box.xmin, self.y + (bottom - 0.25) * self.dy, box.xmax, self.y + (top + 0.25) * self.dy
        )

    def centres_x(self, window: Window) -> NDArray[np.floating[Any]]:
        """Centres of the columns, each computed from its index: no drift."""
        return self.columns(np.arange(window.left, window.right) + 0.5)

    def centres_y(self, window: Window) -> NDArray[np.floating[Any]]:
        """Centres of the rows, from north to south."""
        return self.lines(np.arange(window.top, window.bottom) + 0.5)

    def columns(self, indices: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Places on the x axis by column index; whole numbers are left edges."""
        return np.float64(self.x) + indices * np.float64(self.dx)

    def lines(self, indices: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Places on the y axis by row index; whole numbers are upper edges."""
        return np.float64(self.y) + indices * np.float64(self.dy)

    def bounds(self, window: Window) -> BoundingBox2D:
        """The outer edges of a window."""
        return BoundingBox2D(
            self.x + window.left * self.dx,
            self.y + window.bottom * self.dy,
            self.x + window.right * self.dx,
            self.y + window.top * self.dy,
        )


def _span(first: float, last: float) -> tuple[int, int]:
    start = math.floor(first + _EDGE)
    return start, max(start + 1, math.ceil(last - _EDGE))
