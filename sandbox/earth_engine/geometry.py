"""Geometries and projections of a graph; inside, every geometry is in degrees."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray

from eoflows.sandbox.earth_engine.errors import GraphError

__all__ = ["WGS84", "Geometry", "Projection", "box", "geometry_of", "union"]

shapely: Any = import_module("shapely")  # it brings no types
_PIECES = 16
Point = tuple[float, float]


@dataclass(frozen=True)
class Projection:
    """A CRS with the transform of its pixels."""

    crs: str
    """EPSG code or WKT."""
    transform: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    """xres, shear, left, shear, yres, top, in units of the CRS."""

    def place(self, point: Sequence[float]) -> Point:
        """Return the coordinates in the CRS of a point in pixels."""
        a, b, c, d, e, f = self.transform
        return a * point[0] + b * point[1] + c, d * point[0] + e * point[1] + f

    @property
    def document(self) -> dict[str, Any]:
        """What a client is told."""
        name = {"crs": self.crs} if self.crs.startswith("EPSG:") else {"wkt": self.crs}
        return {"type": "Projection", **name, "transform": list(self.transform)}


WGS84 = Projection("EPSG:4326")


@dataclass(frozen=True)
class Geometry:
    """A geometry on the globe."""

    shape: Any
    """A geometry of shapely, in degrees: longitude, latitude."""
    crs: str = "EPSG:4326"
    """CRS in which it was drawn."""
    drawn: tuple[float, float, float, float] | None = None
    """Bounds in that CRS: left, bottom, right, top; None if it was drawn in degrees."""

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north, degrees."""
        west, south, east, north = (float(edge) for edge in self.shape.bounds)
        return west, south, east, north

    def bounds_in(self, crs: str) -> tuple[float, float, float, float]:
        """Return left, bottom, right, top in a CRS.

        Raises:
            GraphError: The CRS is unknown.
        """
        if self.drawn is not None and self.crs == crs:
            return self.drawn
        points = shapely.get_coordinates(shapely.segmentize(self.shape, _step(self.shape)))
        xs, ys = _transformer("EPSG:4326", crs).transform(points[:, 0], points[:, 1])
        return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())

    @property
    def document(self) -> dict[str, Any]:
        """What a client is told: GeoJSON."""
        return {"geodesic": False, **shapely.geometry.mapping(self.shape)}


def geometry_of(kind: str, coordinates: Any, projection: Projection = WGS84) -> Geometry:
    """Return a geometry from coordinates in the pixels of a projection.

    Args:
        kind: `Point`, `LineString`, `LinearRing`, `Polygon`, `Rectangle`, `MultiPolygon` or `MultiPoint`.
        coordinates: As in GeoJSON; of a rectangle also its two corners, or four numbers.
        projection: Of the coordinates.

    Raises:
        GraphError: It is no such geometry, or the CRS is unknown.
    """
    try:
        shape = _shape(kind, coordinates)
    except (TypeError, ValueError, IndexError, shapely.errors.ShapelyError) as error:
        raise GraphError(f"Invalid GeoJSON geometry: {error}") from error
    if projection == WGS84:
        return Geometry(shape)
    placed = shapely.transform(shape, lambda points: _placed(points, projection))
    left, bottom, right, top = (float(edge) for edge in placed.bounds)
    dense = shapely.segmentize(placed, _step(placed))
    change = _transformer(projection.crs, "EPSG:4326")
    degrees = shapely.transform(dense, lambda points: np.column_stack(change.transform(*points.T)))
    return Geometry(degrees, projection.crs, (left, bottom, right, top))


def box(west: float, south: float, east: float, north: float) -> Geometry:
    """Return a rectangle, degrees."""
    return Geometry(shapely.box(west, south, east, north))


def union(geometries: Iterable[Geometry]) -> Geometry:
    """Return what all geometries cover together."""
    return Geometry(shapely.union_all([one.shape for one in geometries]))


def _shape(kind: str, coordinates: Any) -> Any:
    if kind == "Rectangle":
        numbers = _flat(coordinates)
        xs, ys = numbers[0::2], numbers[1::2]
        return shapely.box(min(xs), min(ys), max(xs), max(ys))
    if kind in ("Polygon", "LinearRing"):
        rings = coordinates if kind == "Polygon" else [coordinates]
        if rings and isinstance(rings[0], int | float):
            numbers = _flat(rings)
            rings = [list(zip(numbers[0::2], numbers[1::2], strict=True))]
        elif rings and isinstance(rings[0][0], int | float):
            rings = [rings]
        return shapely.Polygon(rings[0], rings[1:])
    return shapely.geometry.shape({"type": kind, "coordinates": coordinates})


def _flat(value: Any) -> list[float]:
    if isinstance(value, int | float):
        return [float(value)]
    return [number for one in value for number in _flat(one)]


def _placed(points: Iterable[Sequence[float]], projection: Projection) -> NDArray[np.float64]:
    return np.array([projection.place(point) for point in points])


def _step(shape: Any) -> float:
    left, bottom, right, top = (float(edge) for edge in shape.bounds)
    return max(right - left, top - bottom, 1e-9) / _PIECES


@functools.lru_cache(maxsize=64)
def _transformer(source: str, target: str) -> pyproj.Transformer:
    try:
        return pyproj.Transformer.from_crs(source, target, always_xy=True)
    except pyproj.exceptions.CRSError as error:
        raise GraphError(f"The CRS of a map projection could not be parsed: {error}") from error
