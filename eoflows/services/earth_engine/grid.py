"""Tile grids: the same rectangles for everybody, named by row and column."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from operator import index as whole
from pathlib import Path
from typing import Any

import yaml

from eoflows.base.errors import InvalidInputError
from eoflows.services.earth_engine.regions import read_region, tiles_within
from eoflows.services.earth_engine.tiles import Bounds, Index, Tile, exact, plain

__all__ = ["Limits", "TileGrid", "TileIndexError", "known_grids", "load_grids"]

Limits = tuple[tuple[int, int], tuple[int, int]]
"""First and last row, first and last column, all part of the grid."""


class TileIndexError(InvalidInputError, IndexError):
    """An index that the grid does not have."""


@dataclass(frozen=True)
class TileGrid:
    """A plane cut into tiles of one size.

    Attributes:
        ul: x and y of the upper left corner of tile (0, 0) in units of the CRS.
        crs: Coordinate reference system: `EPSG:...` or WKT.
        res: Edges of a pixel along x and y in units of the CRS, both positive.
        size: Number of columns and of rows of pixels of a tile.
        limits: First and last row, first and last column; None: the grid has no end, and tiles north and
            west of its corner have negative indices.
        name: What it is called.

    Example:
        >>> grid = TileGrid((-180.0, 90.0), "EPSG:4326", (0.1, 0.1), (100, 50))
        >>> grid[17, 3].name, grid[17, 3].bounds
        ('h003v017', (-150.0, 0.0, -140.0, 5.0))
        >>> grid.point_to_tile((-145.0, 1.0)).index
        (17, 3)
    """

    ul: tuple[float, float]
    crs: str
    res: tuple[float, float]
    size: tuple[int, int]
    limits: Limits | None = None
    name: str = field(default="Grid")

    def __post_init__(self) -> None:
        if min(self.res) <= 0 or not all(map(math.isfinite, (*self.res, *self.ul))):
            raise InvalidInputError(f"pixels of {self.res} from {self.ul}; both edges must be more than 0")
        if min(self.size) < 1:
            raise InvalidInputError(f"tiles of {self.size} pixels; give at least one column and one row")
        if self.limits is not None and any(first > last for first, last in self.limits):
            raise InvalidInputError(f"limits {self.limits} end before they begin; give (first, last) twice")

    @property
    def rows(self) -> range:
        """Rows of the grid.

        Raises:
            InvalidInputError: The grid has no limits.
        """
        return self._range(0)

    @property
    def cols(self) -> range:
        """Columns of the grid, as `rows`."""
        return self._range(1)

    def _range(self, axis: int) -> range:
        if self.limits is None:
            raise InvalidInputError(f"grid {self.name!r} has no end; give it limits, or ask for single tiles")
        first, last = self.limits[axis]
        return range(first, last + 1)

    def __len__(self) -> int:
        return len(self.rows) * len(self.cols)

    def __iter__(self) -> Iterator[Tile]:
        return (self[row, column] for row in self.rows for column in self.cols)

    def __contains__(self, index: object) -> bool:
        try:
            self._checked(index)
        except TileIndexError:
            return False
        return True

    def __getitem__(self, index: Index) -> Tile:
        row, column = self._checked(index)
        left, right = self._edge(0, column), self._edge(0, column + 1)
        top, bottom = self._edge(1, row), self._edge(1, row + 1)
        return Tile((row, column), self.crs, (left, bottom, right, top), self.res, self.size)

    def _checked(self, index: object) -> Index:
        if not isinstance(index, tuple | list) or len(index) != 2:
            raise TileIndexError(f"{index!r} is no index of a tile; give (row, column)")
        try:
            row, column = whole(index[0]), whole(index[1])
        except TypeError as error:
            raise TileIndexError(
                f"{index!r} is no index of a tile; row and column are whole numbers"
            ) from error
        if self.limits is not None and (row not in self.rows or column not in self.cols):
            raise TileIndexError(
                f"grid {self.name!r} has no tile {(row, column)}; its rows are {self.limits[0]} and its "
                f"columns {self.limits[1]}, first and last"
            )
        return row, column

    def _edge(self, axis: int, number: int) -> float:
        """Give x of a tile's left edge, or y of its top; one number for both tiles that share it."""
        sign = 1 if axis == 0 else -1
        return float(exact(self.ul[axis]) + sign * number * self.size[axis] * exact(self.res[axis]))

    def _place(self, axis: int, value: float, *, last: bool = False) -> int:
        """Give the row or column that a coordinate is in; on an edge the next one, or the one before."""
        sign = 1 if axis == 0 else -1
        place = sign * (exact(value) - exact(self.ul[axis])) / (self.size[axis] * exact(self.res[axis]))
        return math.ceil(place) - 1 if last else math.floor(place)

    def point_to_tile(self, point: tuple[float, float]) -> Tile:
        """Give the tile that a point is in; its left and top edges belong to a tile.

        Args:
            point: x and y in units of the CRS.

        Raises:
            TileIndexError: It is outside the grid.
        """
        x, y = point
        return self[self._place(1, y), self._place(0, x)]

    def bounds_to_tiles(self, bounds: Bounds) -> list[Tile]:
        """Give the tiles that share more than an edge with a rectangle, row by row.

        Args:
            bounds: Left, bottom, right, top in units of the CRS.
        """
        left, bottom, right, top = bounds
        if left >= right or bottom >= top:
            raise InvalidInputError(f"{bounds} is no rectangle; give left, bottom, right, top")
        rows = (self._place(1, top), self._place(1, bottom, last=True))
        cols = (self._place(0, left), self._place(0, right, last=True))
        if self.limits is not None:
            rows = (max(rows[0], self.limits[0][0]), min(rows[1], self.limits[0][1]))
            cols = (max(cols[0], self.limits[1][0]), min(cols[1], self.limits[1][1]))
        return [
            self[row, column] for row in range(rows[0], rows[1] + 1) for column in range(cols[0], cols[1] + 1)
        ]

    def roi_to_tiles(self, roi: Any, *, crs: str | None = None) -> list[Tile]:
        """Give the tiles that share an area with a region, row by row.

        Args:
            roi: A GeoJSON geometry, or anything with `__geo_interface__`.
            crs: The region's coordinate reference system; None: the grid's.
        """
        region = read_region(roi, crs, self.crs)
        return tiles_within(region, self.bounds_to_tiles(region.bounds))

    def geojson(self, *, rfc7946: bool = True) -> dict[str, Any]:
        """Describe all tiles as a GeoJSON feature collection; see `Tile.geojson`."""
        return {
            "type": "FeatureCollection",
            "name": self.name,
            "features": [tile.geojson(rfc7946=rfc7946) for tile in self],
        }

    def to_dict(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {
            "ul": [float(one) for one in self.ul],
            "crs": self.crs,
            "res": plain(self.res),
            "size": list(self.size),
            "limits": None if self.limits is None else [list(pair) for pair in self.limits],
            "name": self.name,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "TileGrid":
        """Read what `to_dict`, CEDAR or a YAML file has.

        Raises:
            InvalidInputError: It is no grid.
        """
        try:
            x, y = map(float, document["ul"])
            xres, yres = document["res"]
            width, height = map(int, document["size"])
            limits = document.get("limits")
            if limits is not None:
                (row0, row1), (col0, col1) = limits
                limits = ((int(row0), int(row1)), (int(col0), int(col1)))
            return cls(
                (x, y),
                str(document["crs"]),
                (xres, yres),
                (width, height),
                limits,
                str(document.get("name") or "Grid"),
            )
        except InvalidInputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(f"this is no tile grid: {type(error).__name__} {error}") from error


def load_grids(path: str | Path) -> dict[str, TileGrid]:
    """Read a YAML file of grids, by the names under which it has them.

    Raises:
        InvalidInputError: It cannot be read.
    """
    try:
        return _grids(Path(path).read_text())
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error


@cache
def known_grids() -> Mapping[str, TileGrid]:
    """Give the grids that come along: Landsat ARD of the USA, in three parts, and a global one."""
    return _grids(files("eoflows.services.earth_engine").joinpath("grids.yaml").read_text())


def _grids(text: str) -> dict[str, TileGrid]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInputError(f"this is no YAML: {error}") from error
    if not isinstance(document, dict):
        raise InvalidInputError("a file of grids has their names at the top, and a definition under each")
    return {str(name): TileGrid.from_dict(grid) for name, grid in document.items()}
