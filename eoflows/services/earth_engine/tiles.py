"""A tile of a grid: where it is, exactly, and what it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from eoflows.base.errors import InvalidInputError

__all__ = ["Bounds", "Index", "Tile", "exact", "plain", "tile_name", "wkt_of"]

Index = tuple[int, int]
"""Row and column: rows grow southwards, columns eastwards."""
Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top in units of the CRS."""


def tile_name(index: Index) -> str:
    """Name a tile by row and column: (4, 3) is `h003v004`."""
    row, column = index
    return f"h{column:03d}v{row:03d}"


@dataclass(frozen=True)
class Tile:
    """A rectangle of pixels of a grid, north up.

    Attributes:
        index: Row and column in its grid.
        crs: Coordinate reference system: `EPSG:...` or WKT.
        bounds: Left, bottom, right, top in units of the CRS.
        res: Edges of a pixel along x and y in units of the CRS, both positive.
        size: Number of columns and of rows of pixels.
    """

    index: Index
    crs: str
    bounds: Bounds
    res: tuple[float, float]
    size: tuple[int, int]

    @property
    def vertical(self) -> int:
        """Row of the tile, the `v` of its name."""
        return self.index[0]

    @property
    def horizontal(self) -> int:
        """Column of the tile, the `h` of its name."""
        return self.index[1]

    @property
    def name(self) -> str:
        """Its name, as `h003v004`."""
        return tile_name(self.index)

    @property
    def width(self) -> int:
        """Number of columns of pixels."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Number of rows of pixels."""
        return self.size[1]

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """(a, b, c, d, e, f) of `x = a*column + b*row + c, y = d*column + e*row + f`."""
        return (float(self.res[0]), 0.0, self.bounds[0], 0.0, -float(self.res[1]), self.bounds[3])

    @property
    def wkt(self) -> str:
        """Its CRS as WKT (version 1, as GDAL writes it), unless it is WKT already."""
        return wkt_of(self.crs)

    def coords(self) -> tuple[list[float], list[float]]:
        """Give the centres of its pixels: x from west to east, and y from north to south."""
        left, top = exact(self.bounds[0]), exact(self.bounds[3])
        xres, yres = exact(self.res[0]), exact(self.res[1])
        half = Fraction(1, 2)
        return (
            [float(left + (number + half) * xres) for number in range(self.width)],
            [float(top - (number + half) * yres) for number in range(self.height)],
        )

    def geojson(self, *, rfc7946: bool = True) -> dict[str, Any]:
        """Describe it as a GeoJSON feature.

        Args:
            rfc7946: In longitude and latitude, edges with intermediate points, cut at the antimeridian;
                else in its own CRS.
        """
        from eoflows.services.earth_engine.outlines import outline  # noqa: PLC0415

        left, bottom, right, top = self.bounds
        geometry: dict[str, Any]
        if rfc7946:
            geometry = outline(self.bounds, self.crs)
        else:
            ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
            geometry = {"type": "Polygon", "coordinates": [ring]}
        properties = {"name": self.name, "vertical": self.vertical, "horizontal": self.horizontal}
        return {"type": "Feature", "id": self.name, "properties": properties, "geometry": geometry}

    def to_dict(self) -> dict[str, Any]:
        """Write it as JSON values, as CEDAR does."""
        return {
            "index": list(self.index),
            "crs": self.crs,
            "bounds": [float(edge) for edge in self.bounds],
            "res": plain(self.res),
            "size": list(self.size),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Tile":
        """Read what `to_dict` has written.

        Raises:
            InvalidInputError: It is no tile.
        """
        try:
            row, column = document["index"]
            left, bottom, right, top = map(float, document["bounds"])
            xres, yres = document["res"]
            width, height = document["size"]
            index = (int(row), int(column))
            return cls(
                index,
                str(document["crs"]),
                (left, bottom, right, top),
                (xres, yres),
                (int(width), int(height)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(f"this is no tile: {type(error).__name__} {error}") from error


def plain(values: tuple[float, ...]) -> list[float]:
    """Write numbers in one way, whether they came as 30 or 30.0."""
    return [int(value) if float(value).is_integer() else float(value) for value in values]


def exact(value: float) -> Fraction:
    """Give the number that its shortest decimal writing means: 0.00025 is exactly a 4000th."""
    return Fraction(str(value))


@lru_cache(maxsize=64)
def wkt_of(crs: str) -> str:
    """Write a CRS as WKT, version 1.

    Raises:
        InvalidInputError: It is no CRS.
    """
    if "[" in crs:
        return crs
    from pyproj import CRS  # noqa: PLC0415
    from pyproj.exceptions import CRSError  # noqa: PLC0415

    try:
        return str(CRS.from_user_input(crs).to_wkt("WKT1_GDAL"))
    except CRSError as error:
        raise InvalidInputError(f"{crs[:80]!r} is no coordinate reference system: {error}") from error
