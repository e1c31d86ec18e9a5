"""Outlines in longitude and latitude, as RFC 7946 wants them."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from eoflows.base.errors import InvalidInputError

__all__ = ["outline"]

_POINTS = 20
"""Points along an edge: of a 150 km tile the outline is then right to some metres."""

Point = tuple[float, float]


@lru_cache(maxsize=16)
def _to_degrees(crs: str) -> Callable[..., Any]:
    from pyproj import Transformer  # noqa: PLC0415
    from pyproj.exceptions import CRSError  # noqa: PLC0415

    try:
        return Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform
    except CRSError as error:
        raise InvalidInputError(f"{crs[:80]!r} is no coordinate reference system: {error}") from error


def outline(bounds: tuple[float, float, float, float], crs: str) -> dict[str, Any]:
    """Give the outline of a rectangle as a GeoJSON geometry, counter-clockwise.

    Args:
        bounds: Left, bottom, right, top in units of the CRS.
        crs: Their coordinate reference system.

    Returns:
        A Polygon, or a MultiPolygon if it lies on both sides of the antimeridian.
    """
    xs, ys = zip(*_edges(bounds), strict=True)
    longitudes, latitudes = _to_degrees(crs)(xs, ys)
    ring = list(zip(_unwrapped(longitudes), latitudes, strict=True))
    parts = [
        [[x + shift, y] for x, y in part]
        for shift in (0.0, 360.0, -360.0)
        if (part := _cut(_cut(ring, 180.0 - shift, keep_below=True), -180.0 - shift, keep_below=False))
    ]
    rings = [[[*part, part[0]]] for part in parts]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def _edges(bounds: tuple[float, float, float, float]) -> list[Point]:
    left, bottom, right, top = bounds
    corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
    return [
        (x0 + (x1 - x0) * step / _POINTS, y0 + (y1 - y0) * step / _POINTS)
        for (x0, y0), (x1, y1) in pairwise(corners)
        for step in range(_POINTS)
    ]


def _unwrapped(longitudes: Sequence[float]) -> list[float]:
    """Let neighbours differ by less than half a turn."""
    found = [longitudes[0]]
    for one in longitudes[1:]:
        found.append(one + 360.0 * round((found[-1] - one) / 360.0))
    return found


def _cut(ring: Sequence[Point], meridian: float, *, keep_below: bool) -> list[Point]:
    """Keep the part of a convex-enough ring on one side of a meridian; nothing if it only touches it."""
    sign = 1.0 if keep_below else -1.0
    inside = [sign * (meridian - x) > 0 for x, _ in ring]
    if all(inside):
        return list(ring)
    found: list[Point] = []
    if not any(inside):
        return found
    for number, here in enumerate(ring):
        before = ring[number - 1]
        if inside[number] != inside[number - 1]:
            part = (meridian - before[0]) / (here[0] - before[0])
            found.append((meridian, before[1] + part * (here[1] - before[1])))
        if inside[number]:
            found.append(here)
    return found
