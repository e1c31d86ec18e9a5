"""Raster results in memory, with coordinates."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import anyio
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eoflows.base.errors import TruncatedError
from eoflows.services.geo_engine.frames import DIMS, NAME, Frame
from eoflows.services.geo_engine.grid import Window
from eoflows.services.geo_engine.limits import check_size
from eoflows.services.geo_engine.nulls import warn_of_fill
from eoflows.services.geo_engine.plan import RasterPlan
from eoflows.services.geo_engine.stream import PlacedTile, RasterStream
from eoflows.services.geo_engine.tally import Tally
from eoflows.services.geo_engine.tiles import RasterTile2D

__all__ = ["Assembly", "Nulls", "NullsSeen", "assembled", "frame_of", "merged", "tile_windows"]

_INLINE = 8 * 2**20
"""Bytes of a tile below which it is written in the event loop: it takes at most some milliseconds, and
handing it to a thread doubles the time of a usual tile (1 MiB) where processors are busy."""


Part = tuple[slice, slice]
"""Rows and columns of a tile."""


class Nulls(StrEnum):
    """How pixels without a value are told. The type of the values never changes."""

    FILL = "fill"
    """By a value: NaN for floats, else `attrs["nodata"]`."""
    MASK = "mask"
    """By a value, and by a coordinate `mask`, true where there is no value."""


@dataclass
class NullsSeen:
    """What was noticed of missing pixels.

    Attributes:
        any: Some pixels have no value.
        clash: The value that stands for them is also a value.
    """

    any: bool = False
    clash: bool = False

    def look(self, tile: RasterTile2D, target: NDArray[Any], fill: Any, part: Part | None = None) -> None:
        """Look at what was written of a tile.

        Args:
            tile: The tile.
            target: What was written.
            fill: Value for missing pixels.
            part: Which part of the tile that is; None: all of it. What lies beyond is nobody's.
        """
        nulls = tile.data.null_count
        if nulls and part is not None:
            mask = tile.to_numpy_mask_array()
            nulls = 0 if mask is None else int(np.count_nonzero(mask[part]))
        self.any = self.any or nulls > 0
        if not self.clash and fill == fill:  # noqa: PLR0124 - NaN never clashes
            self.clash = int(np.count_nonzero(target == fill)) > nulls

    @property
    def ambiguous(self) -> bool:
        """Whether missing pixels cannot be told from others."""
        return self.any and self.clash


class Assembly:
    """One array of shape (time, band, y, x) that tiles are written into as they come.

    Where the number of time steps is known the array has its final size from the start; else it grows by
    one step at a time, in place.

    Args:
        plan: What is expected, with the tile size that the server really has.
        clip: Only the pixels of the query, not all of the tiles that it touches.
        fill: Value for missing pixels, of the array's type.
        nulls: Whether a mask is kept, too.
        limit_bytes: Most that the array may take.
    """

    def __init__(self, plan: RasterPlan, *, clip: bool, fill: Any, nulls: Nulls, limit_bytes: int) -> None:
        self.plan, self.extent, self._fill, self._limit = plan, plan.extent(clip=clip), fill, limit_bytes
        self.seen = NullsSeen()
        shape = (0 if plan.steps is None else len(plan.touched), *self._step_shape)
        self.values: NDArray[Any] = np.empty(shape, plan.dtype)
        self.mask = np.empty(shape, np.bool_) if nulls is Nulls.MASK else None

    @property
    def _step_shape(self) -> tuple[int, int, int]:
        return len(self.plan.bands), self.extent.rows, self.extent.columns

    def put(self, placed: PlacedTile) -> None:
        """Write a tile where it belongs."""
        tile, place = placed.tile, placed.place
        self._grow(place.step + 1)
        windows = tile_windows(self.plan, place.row, place.column, self.extent)
        if windows is None:
            return
        target, part = windows
        index = (place.step, place.band, *target)
        tile.write_into(self.values[index], self._fill, part)
        self.seen.look(tile, self.values[index], self._fill, part)
        if self.mask is not None:
            mask = tile.to_numpy_mask_array()
            self.mask[index] = False if mask is None else mask if part is None else mask[part]

    def finished(self, tally: Tally, attrs: Mapping[str, Any]) -> xr.DataArray:
        """Give the result, its time steps in order."""
        times = [step.time for step in tally.steps]
        order = sorted(range(len(times)), key=lambda number: times[number])
        if self.seen.ambiguous and self.mask is None:
            warn_of_fill(self._fill)
        nodata = {"nodata": self._fill.item()} if self.seen.any and self.plan.dtype.kind != "f" else {}
        frame = frame_of(self.plan, self.extent, {**attrs, **nodata})
        coords = {**frame.time([times[number] for number in order]), **frame.space()}
        found = {name: (one.dims, one.values, dict(one.attrs)) for name, one in coords.items()}
        if self.mask is not None:
            found["mask"] = (DIMS, _ordered(self.mask, order), {})
        values = _ordered(self.values, order)
        return xr.DataArray(values, found, DIMS, name=NAME, attrs=frame.value_attrs())

    def _grow(self, steps: int) -> None:
        """Make room; the system moves large blocks without copying them."""
        if steps > len(self.values):
            step = int(np.prod(self._step_shape)) * self.plan.dtype.itemsize
            check_size(steps * step, self._limit, f"the first {steps} time steps")
            self.values.resize((steps, *self._step_shape), refcheck=False)
            if self.mask is not None:
                self.mask.resize((steps, *self._step_shape), refcheck=False)


async def assembled(
    stream: RasterStream,
    *,
    clip: bool,
    fill: Any,
    nulls: Nulls,
    limit_bytes: int,
    attrs: Mapping[str, Any],
) -> xr.DataArray:
    """Put a stream into one array."""
    assembly: Assembly | None = None
    async with aclosing(stream.tiles()) as tiles:
        async for placed in tiles:
            if assembly is None:
                plan = stream.plan
                check_size(plan.estimated_bytes(clip=clip), limit_bytes, "the result")
                assembly = Assembly(plan, clip=clip, fill=fill, nulls=nulls, limit_bytes=limit_bytes)
            if placed.tile.data.nbytes < _INLINE:
                assembly.put(placed)
            else:
                await anyio.to_thread.run_sync(assembly.put, placed)
    if assembly is None:
        assembly = Assembly(stream.plan, clip=clip, fill=fill, nulls=nulls, limit_bytes=limit_bytes)
    return assembly.finished(stream.tally, attrs)


def _ordered(values: NDArray[Any], order: Sequence[int]) -> NDArray[Any]:
    return values[: len(order)] if list(order) == list(range(len(order))) else values[list(order)]


def tile_windows(
    plan: RasterPlan, row: int, column: int, extent: Window
) -> tuple[tuple[slice, slice], tuple[slice, slice] | None] | None:
    """Where a tile's pixels belong in an array of the extent.

    Returns:
        Index in the array, and which part of the tile (None: all of it); None if no pixel belongs there.
    """
    (height, width), covered = plan.tile_shape, plan.covered
    top, left = covered.top + row * height, covered.left + column * width
    tile = Window(top, left, top + height, left + width)
    common = tile.common(extent)
    if common is None:
        return None
    return common.within(extent), None if common == tile else common.within(tile)


def frame_of(plan: RasterPlan, extent: Window, attrs: Mapping[str, Any]) -> Frame:
    """What surrounds the result of a plan."""
    return Frame(plan.grid, extent, plan.bands, plan.query.raster_bands, plan.crs, attrs)


def merged(tiles: Sequence[xr.DataArray]) -> xr.DataArray | None:
    """Put tiles as `RasterTile2D.to_xarray` gives them into one array of shape (time, band, y, x).

    Raises:
        TruncatedError: Tiles are missing between them; the message names the first.
    """
    if not tiles:
        return None
    xs, ys, times, bands = (
        np.unique(np.concatenate([np.atleast_1d(tile[name].values) for tile in tiles]))
        for name in ("x", "y", "time", "band")
    )
    ys = ys[::-1]
    first = tiles[0]
    values = np.empty((len(times), len(bands), len(ys), len(xs)), first.dtype)
    held = np.zeros(values.shape, dtype=bool)
    for tile in tiles:
        top, left = _index(-ys, -tile.y.values[0]), _index(xs, tile.x.values[0])
        index = (
            _index(times, tile.time.values),
            _index(bands, tile.band.values),
            slice(top, top + tile.sizes["y"]),
            slice(left, left + tile.sizes["x"]),
        )
        values[index], held[index] = tile.values, True
    if not held.all():
        time, band, row, column = (int(one) for one in np.argwhere(~held)[0])
        raise TruncatedError(
            f"no tile has time {times[time]}, band {bands[band]}, pixel row {row}, column {column}"
        )
    coords = {"time": times, "band": bands, "y": ("y", ys, first.y.attrs), "x": ("x", xs, first.x.attrs)}
    if "spatial_ref" in first.coords:
        coords["spatial_ref"] = first.coords["spatial_ref"]
    attrs = {key: value for tile in tiles for key, value in tile.attrs.items()}
    return xr.DataArray(values, coords, DIMS, name=NAME, attrs=attrs)


def _index(sorted_values: NDArray[Any], value: Any) -> int:
    return int(np.searchsorted(sorted_values, value))
