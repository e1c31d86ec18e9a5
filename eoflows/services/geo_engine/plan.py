"""What a raster stream will bring, computed before the first byte comes."""

import math
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from eoflows.base.errors import InvalidInputError
from eoflows.services.geo_engine.descriptors import RasterBandDescriptor, RasterResultDescriptor
from eoflows.services.geo_engine.grid import PixelGrid, Window
from eoflows.services.geo_engine.queries import QueryRectangle, RasterQueryRectangle
from eoflows.services.geo_engine.steps import RegularSteps
from eoflows.services.geo_engine.times import TimeInterval

__all__ = ["BeyondGridWarning", "RasterPlan", "plan_raster"]

_TILE = (512, 512)


class BeyondGridWarning(UserWarning):
    """A part of the box lies where the raster has no pixels."""


@dataclass(frozen=True)
class RasterPlan:
    """The tiles of a query.

    Tiles are always whole: they begin outside of the query's box where it does not end at a tile's edge.

    Attributes:
        query: What is asked.
        grid: The pixels, in which all windows are counted.
        window: The pixels that the query's box touches.
        tile_shape: Rows and columns of a tile in pixels. Servers do not tell; the first tile does.
        anchor: Pixel row and column at which a tile begins.
        bands: The bands asked for, in their order.
        dtype: Type of the values.
        crs: Reference system; empty if there is none.
        steps: Steps of a regular time dimension; None where only the data know.
        certain: Numbers of the regular steps that must come; steps outside of the data's bounds may come.
        touched: Numbers of the regular steps that may come.
    """

    query: RasterQueryRectangle
    grid: PixelGrid
    window: Window
    tile_shape: tuple[int, int]
    anchor: tuple[int, int]
    bands: tuple[RasterBandDescriptor, ...]
    dtype: np.dtype[Any]
    crs: str
    steps: RegularSteps | None
    certain: range
    touched: range

    @cached_property
    def tiles(self) -> Window:
        """Tile rows and columns that touch the window, counted from the anchor."""
        (rows, columns), (top, left) = self.tile_shape, self.anchor
        return Window(
            (self.window.top - top) // rows,
            (self.window.left - left) // columns,
            -((top - self.window.bottom) // rows),
            -((left - self.window.right) // columns),
        )

    @cached_property
    def covered(self) -> Window:
        """The pixels of all whole tiles."""
        (rows, columns), (top, left), tiles = self.tile_shape, self.anchor, self.tiles
        return Window(
            top + tiles.top * rows,
            left + tiles.left * columns,
            top + tiles.bottom * rows,
            left + tiles.right * columns,
        )

    @cached_property
    def tiles_per_step(self) -> int:
        """Messages that one time step has: tiles times bands."""
        return self.tiles.rows * self.tiles.columns * len(self.bands)

    @property
    def least_tiles(self) -> int | None:
        """Messages that must come; None where the number of time steps is known by the data only."""
        return None if self.steps is None else len(self.certain) * self.tiles_per_step

    @property
    def step_shape(self) -> tuple[int, int, int]:
        """Bands, rows and columns of the whole tiles of one time step."""
        return len(self.bands), self.covered.rows, self.covered.columns

    def extent(self, *, clip: bool) -> Window:
        """The pixels of the result: those of the query, or of all tiles that it touches."""
        return self.window if clip else self.covered

    def step_bytes(self, *, clip: bool) -> int:
        """Bytes of the values of one time step."""
        extent = self.extent(clip=clip)
        return len(self.bands) * extent.rows * extent.columns * self.dtype.itemsize

    def estimated_bytes(self, *, clip: bool) -> int:
        """Bytes of the result's values; for irregular time, of one step: the least there can be."""
        return self.step_bytes(clip=clip) * (1 if self.steps is None else len(self.touched))

    def fits(self, tile: Window) -> bool:
        """Whether a tile lies as the plan expects."""
        (rows, columns), (top, left) = self.tile_shape, self.anchor
        same = (tile.rows, tile.columns) == (rows, columns)
        return same and (tile.top - top) % rows == 0 and (tile.left - left) % columns == 0

    def fitted(self, tile: Window) -> "RasterPlan":
        """The same plan for tiles that lie as this one does."""
        shape = tile.rows, tile.columns
        return replace(self, tile_shape=shape, anchor=(tile.top % shape[0], tile.left % shape[1]))


def plan_raster(
    descriptor: RasterResultDescriptor,
    query: QueryRectangle,
    *,
    tile_shape: tuple[int, int] = _TILE,
) -> RasterPlan:
    """Compute which tiles a query will bring.

    Args:
        descriptor: What the server says of the workflow.
        query: Box, time and bands; a plain `QueryRectangle` asks for all bands.
        tile_shape: Rows and columns of a tile; 512 each unless the server is configured otherwise. The
            first tile corrects it.

    Raises:
        InvalidInputError: The query does not fit the workflow.
    """
    chosen = query if isinstance(query, RasterQueryRectangle) else _all_bands(descriptor, query)
    if unknown := [band for band in chosen.raster_bands if band >= len(descriptor.bands)]:
        raise InvalidInputError(
            f"there are no bands {unknown}; the workflow has {len(descriptor.bands)}, from 0"
        )
    if descriptor.spatial_reference and chosen.srs != descriptor.spatial_reference:
        raise InvalidInputError(
            f"the box is in {chosen.srs} and the workflow in {descriptor.spatial_reference}; streams do not "
            "reproject: give the box in the latter, or put a Reprojection into the workflow"
        )
    grid = _grid(descriptor, chosen)
    window = grid.window(chosen.spatial_bounds)
    _check_region(descriptor, window)
    steps = None if descriptor.time.step is None else RegularSteps(descriptor.time)
    touched = range(0) if steps is None else steps.touched(chosen.time_interval)
    return RasterPlan(
        query=chosen,
        grid=grid,
        window=window,
        tile_shape=tile_shape,
        anchor=_tile_origin(grid, tile_shape),
        bands=tuple(descriptor.bands[band] for band in chosen.raster_bands),
        dtype=descriptor.data_type.dtype,
        crs=descriptor.spatial_reference,
        steps=steps,
        certain=_certain(steps, touched, descriptor.time.bounds),
        touched=touched,
    )


def _all_bands(descriptor: RasterResultDescriptor, query: QueryRectangle) -> RasterQueryRectangle:
    return query.with_raster_bands(range(len(descriptor.bands)))


def _grid(descriptor: RasterResultDescriptor, query: RasterQueryRectangle) -> PixelGrid:
    if descriptor.spatial_grid is not None:
        if query.resolution is not None:
            raise InvalidInputError(
                f"resolution {query.resolution} cannot be streamed: this server gives native pixels; put "
                "an Interpolation or Downsampling operator into the workflow"
            )
        return descriptor.spatial_grid.grid
    size = query.resolution.pair if query.resolution is not None else descriptor.resolution
    if size is None:
        raise InvalidInputError("the workflow has no resolution of its own; give the query one")
    return PixelGrid(0.0, 0.0, size[0], -size[1])


def _check_region(descriptor: RasterResultDescriptor, window: Window) -> None:
    """Say where the box has no data; a server of profile 0.8 does not tell where it has."""
    if descriptor.spatial_grid is None:
        return
    grid, there = descriptor.spatial_grid.grid, descriptor.spatial_grid.bounds
    common = window.common(there)
    boxes = f"the box {_edges(grid, window)} in whole pixels, the raster {_edges(grid, there)}"
    if common is None:
        raise InvalidInputError(f"the box lies beyond the raster: {boxes}; give a box inside of it")
    if common != window:
        share = 1 - common.rows * common.columns / (window.rows * window.columns)
        warnings.warn(
            f"{share:.0%} of the box lie beyond the raster and have no data: {boxes}",
            BeyondGridWarning,
            stacklevel=3,
        )


def _edges(grid: PixelGrid, window: Window) -> str:
    return "has " + ", ".join(f"{edge:.10g}" for edge in grid.bounds(window).edges)


def _tile_origin(grid: PixelGrid, tile_shape: tuple[int, int]) -> tuple[int, int]:
    """Tiles are counted from the pixel edge nearest to coordinate (0, 0)."""
    row, column = math.floor(0.5 - grid.y / grid.dy), math.floor(0.5 - grid.x / grid.dx)
    return row % tile_shape[0], column % tile_shape[1]


def _certain(steps: RegularSteps | None, touched: range, bounds: TimeInterval | None) -> range:
    """Steps beyond the data are filled by some servers and left out by others."""
    if steps is None or bounds is None:
        return touched
    data = steps.touched(bounds)
    first, last = max(touched.start, data.start), min(touched.stop, data.stop)
    return range(first, max(first, last))
