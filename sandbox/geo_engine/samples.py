"""A raster seen through another grid: the nearest pixel to each centre."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from eoflows.sandbox.geo_engine.errors import EngineError
from eoflows.sandbox.geo_engine.grid import BoundingBox, Grid
from eoflows.sandbox.geo_engine.pixels import pixel_values
from eoflows.sandbox.geo_engine.sources import RasterSource
from eoflows.sandbox.geo_engine.time_steps import Interval

__all__ = ["first_step", "nearest", "over_box", "shape_of"]

_Array = npt.NDArray[Any]


def nearest(source: RasterSource, grid: Grid, rows: _Array, columns: _Array) -> tuple[_Array, _Array]:
    """Return the source's row and column indices at the centres of a grid's pixels."""
    own = source.grid
    if (grid.dx, grid.dy) == (own.dx, own.dy):
        down, right = own.nearest_edge(grid.x, grid.y)
        return rows + down, columns + right
    y, x = grid.y + (rows + 0.5) * grid.dy, grid.x + (columns + 0.5) * grid.dx
    return (
        np.floor((y - own.y) / own.dy).astype(np.int64),
        np.floor((x - own.x) / own.dx).astype(np.int64),
    )


def over_box(
    source: RasterSource, step: int, band: int, box: BoundingBox, shape: tuple[int, int]
) -> tuple[_Array, _Array]:
    """Return values and validity of a box, divided into so many rows and columns."""
    xmin, ymin, xmax, ymax = box
    height, width = shape
    grid = Grid(xmin, ymax, (xmax - xmin) / width, -(ymax - ymin) / height)
    rows, columns = nearest(source, grid, np.arange(height), np.arange(width))
    return pixel_values(source, step, band, rows, columns)


def first_step(source: RasterSource, time: Interval) -> tuple[int, Interval]:
    """Return number and interval of the first time step that a query touches.

    Raises:
        EngineError: There is none.
    """
    found = next(iter(source.time.steps(time, beyond=True)), None)
    if found is None:
        raise EngineError("NoDataInTimeInterval", f"no time step of the workflow is in {time[0]}..{time[1]}")
    return found


def shape_of(box: BoundingBox, resolution: tuple[float, float]) -> tuple[int, int]:
    """Return rows and columns of a box at a resolution (x, y); at least one of each."""
    xmin, ymin, xmax, ymax = box
    return (
        max(1, math.ceil((ymax - ymin) / abs(resolution[1]) - 1e-6)),
        max(1, math.ceil((xmax - xmin) / abs(resolution[0]) - 1e-6)),
    )
