"""Which tiles a region needs."""

from collections.abc import Iterable
from typing import Any

from eoflows.base.errors import InvalidInputError
from eoflows.services.earth_engine.tiles import Tile

__all__ = ["read_region", "tiles_within"]


def read_region(roi: Any, crs: str | None, target: str) -> Any:
    """Read a region as a shapely geometry.

    Args:
        roi: A GeoJSON geometry, or anything with `__geo_interface__`.
        crs: The region's coordinate reference system; None: the target's.
        target: The coordinate reference system of the geometry.

    Raises:
        InvalidInputError: It is no area.
    """
    import shapely  # type: ignore[import-untyped]  # noqa: PLC0415
    from shapely.geometry import shape  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        region = shape(roi)
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
        raise InvalidInputError(f"the region is no GeoJSON geometry: {error}") from error
    if crs is not None:
        region = _moved(region, crs, target)
    if region.is_empty or not region.area:
        raise InvalidInputError("the region has no area; use point_to_tile for a point")
    return region


def tiles_within(region: Any, tiles: Iterable[Tile]) -> list[Tile]:
    """Give those of some tiles that share an area with a region.

    Args:
        region: As `read_region` gives it, in the tiles' coordinate reference system.
        tiles: The tiles.
    """
    import shapely  # noqa: PLC0415

    shapely.prepare(region)
    return [
        tile
        for tile in tiles
        if region.intersects(box := shapely.box(*tile.bounds)) and not region.touches(box)
    ]


def _moved(region: Any, source: str, target: str) -> Any:
    import numpy as np  # noqa: PLC0415
    import shapely  # noqa: PLC0415
    from pyproj import Transformer  # noqa: PLC0415
    from pyproj.exceptions import CRSError  # noqa: PLC0415

    try:
        move = Transformer.from_crs(source, target, always_xy=True).transform
    except CRSError as error:
        raise InvalidInputError(f"the region's CRS {source[:80]!r} cannot be used: {error}") from error
    left, bottom, right, top = region.bounds
    # Edges that are straight in one system are curves in the other.
    dense = shapely.segmentize(region, max(right - left, top - bottom) / 200)
    return shapely.transform(dense, lambda points: np.column_stack(move(points[:, 0], points[:, 1])))
