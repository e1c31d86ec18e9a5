"""Functions of geometries and projections, and of the place of an image."""

import math
from dataclasses import replace
from typing import Any

from eoflows.sandbox.earth_engine.conversions import to_geometry
from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.geometry import WGS84, Geometry, Projection, box, geometry_of
from eoflows.sandbox.earth_engine.images import Grid, Image
from eoflows.sandbox.earth_engine.values import Function

__all__ = ["PLACE_FUNCTIONS"]


def _placed(projection: Projection, transform: list[float] | None, scale: float | None) -> Projection:
    if transform is not None:
        return replace(projection, transform=tuple(float(one) for one in transform))
    if scale is None:
        return projection
    unit = scale / 111_319.49079327358 if projection.crs == "EPSG:4326" else scale
    return replace(projection, transform=(unit, 0.0, 0.0, 0.0, -unit, 0.0))


def _reproject(image: Image, crs: Projection, transform: Any, scale: Any) -> Image:
    return replace(image, projection=_placed(crs, transform, scale))


def _projection(image: Image) -> Projection:
    return image.projection or WGS84


def _clip_to(
    image: Image,
    geometry: Geometry | None,
    width: float | None,
    height: float | None,
    largest: float | None,
    scale: float | None,
) -> Image:
    """Cut an exact rectangle of pixels out of the image's projection.

    Without a size, the pixels are those of the projection that the region touches; with a scale or a size
    they are fitted to the region.
    """
    projection = _projection(image)
    region = geometry or image.footprint
    if region is None:
        raise GraphError("a region is required.")
    left, bottom, right, top = region.bounds_in(projection.crs)
    xres, yres = abs(projection.transform[0]), abs(projection.transform[4])
    if scale is not None:
        xres = yres = _placed(projection, None, scale).transform[0]
        projection = replace(projection, transform=(xres, 0.0, 0.0, 0.0, -yres, 0.0))
    if largest is not None:
        xres = yres = max(right - left, top - bottom) / largest
    if width and height:
        xres, yres = (right - left) / width, (top - bottom) / height
    if (width and height) or largest is not None:
        projection = replace(projection, transform=(xres, 0.0, left, 0.0, -yres, top))
    x0, y0 = projection.transform[2], projection.transform[5]
    first, last = _span((left - x0) / xres, (right - x0) / xres)
    upper, lower = _span((y0 - top) / yres, (y0 - bottom) / yres)
    moved = (xres, 0.0, x0 + first * xres, 0.0, -yres, y0 - upper * yres)
    grid = Grid(replace(projection, transform=moved), last - first, lower - upper)
    return replace(image, grid=grid, projection=grid.projection)


def _span(start: float, stop: float) -> tuple[int, int]:
    first, last = math.floor(start + 1e-6), math.ceil(stop - 1e-6)
    return first, max(last, first + 1)


def _clip(image: Image, geometry: Any) -> Image:
    region = to_geometry(geometry)
    if image.projection is None:
        return replace(image, footprint=region)
    return replace(_clip_to(image, region, None, None, None, None), footprint=region)


def _drawn(kind: str, coordinates: Any, crs: Projection | None) -> Geometry:
    return geometry_of(kind, coordinates, crs or WGS84)


PLACE_FUNCTIONS: dict[str, Function] = {
    "Image.projection": _projection,
    "Image.geometry": lambda image, *rest: to_geometry(image),
    "Image.reproject": _reproject,
    "Image.setDefaultProjection": _reproject,
    "Image.resample": lambda image, mode: image,
    "Image.clip": _clip,
    "Image.clipToBoundsAndScale": _clip_to,
    "Projection": lambda crs, transform, wkt: _placed(Projection(str(crs)), transform, None),
    "Projection.crs": lambda projection: projection.crs,
    "Projection.nominalScale": lambda projection: abs(projection.transform[0]),
    "GeometryConstructors.Rectangle": lambda coordinates, crs, *rest: _drawn("Rectangle", coordinates, crs),
    "GeometryConstructors.Polygon": lambda coordinates, crs, *rest: _drawn("Polygon", coordinates, crs),
    "GeometryConstructors.LinearRing": lambda coordinates, crs, *rest: _drawn("LinearRing", coordinates, crs),
    "GeometryConstructors.MultiPolygon": lambda coordinates, crs, *rest: _drawn(
        "MultiPolygon", coordinates, crs
    ),
    "GeometryConstructors.LineString": lambda coordinates, crs, *rest: _drawn("LineString", coordinates, crs),
    "GeometryConstructors.Point": lambda coordinates, crs: _drawn("Point", coordinates, crs),
    "GeometryConstructors.BBox": lambda *edges: _drawn("Rectangle", list(edges), None),
    "Geometry.bounds": lambda geometry, *rest: box(*geometry.bounds),
    "Geometry.coordinates": lambda geometry: geometry.document["coordinates"],
    "Geometry.transform": lambda geometry, *rest: geometry,
    "Geometry.intersects": lambda left, right, *rest: bool(left.shape.intersects(right.shape)),
}
"""By name; arguments in the order of the signatures."""
