"""Which tiles a region needs."""

from collections.abc import Iterable
from typing import Any, Protocol

from eoflows.base.errors import InvalidInputError
from eoflows.services.earth_engine.tiles import Bounds, Tile

__all__ = ["Tiling", "tiles_of_region"]


class Tiling(Protocol):
    """What is asked of a grid."""

    @property
    def crs(self) -> str:
        """Its coordinate reference system."""
        ...

    def bounds_to_tiles(self, bounds: Bounds) -> Iterable[Tile]:
        """Give the tiles that share an area with a box, row by row."""
        ...


def tiles_of_region(grid: Tiling, roi: Any, crs: str | None) -> list[Tile]:
    """Give the tiles that share an area with a region, row by row.

    Args:
        grid: The grid.
        roi: A GeoJSON geometry, or anything with `__geo_interface__`.
        crs: The region's coordinate reference system; None: the grid's.

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
        region = _moved(region, crs, grid.crs)
    if region.is_empty or not region.area:
        raise InvalidInputError("the region has no area; use point_to_tile for a point")
    shapely.prepare(region)
    return [
        tile
        for tile in grid.bounds_to_tiles(region.bounds)
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
