"""Which messages a stream consists of, and in which order."""

import functools
from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np

from eoflows.sandbox.geo_engine.errors import EngineError, bad_query
from eoflows.sandbox.geo_engine.features import Features, chunks
from eoflows.sandbox.geo_engine.grid import Grid, Tiling, Window
from eoflows.sandbox.geo_engine.messages import encode_features, encode_tile
from eoflows.sandbox.geo_engine.pixels import pixel_values
from eoflows.sandbox.geo_engine.queries import Query, numbers, required
from eoflows.sandbox.geo_engine.samples import nearest
from eoflows.sandbox.geo_engine.sources import RasterSource, VectorSource
from eoflows.sandbox.geo_engine.state import State
from eoflows.sandbox.geo_engine.streams import Message
from eoflows.sandbox.geo_engine.time_steps import Interval

__all__ = ["raster_messages", "vector_messages"]


def raster_messages(
    state: State, source: RasterSource, query: Mapping[str, str], *, pixel_grid: bool
) -> Iterator[Message]:
    """Return the tiles of a query: by time, then tile (row by row), then band as asked.

    Args:
        state: The server.
        source: The raster.
        query: The parameters.
        pixel_grid: Tiles lie on the raster's own grid; else on that of `spatialResolution`, from (0, 0).

    Raises:
        EngineError: A parameter is missing or wrong.
    """
    where = _where(query)
    bands = _bands(required(query, "attributes"), len(source.bands))
    size = source.tile_size or state.settings.tile_size
    if pixel_grid:
        tiling = Tiling.of(source.grid, size, state.settings.tile_origin)
    else:
        dx, dy = numbers(required(query, "spatialResolution"), 2, "spatialResolution")
        tiling = Tiling(Grid(0.0, 0.0, dx, -dy), size)
    steps = _steps(state, source, where.time)
    return (
        _tile(state, source, tiling.grid, tile, number, interval, band)
        for number, interval in steps
        for tile in tiling.tiles(where.box)
        for band in bands
    )


def vector_messages(state: State, source: VectorSource, query: Mapping[str, str]) -> Iterator[Message]:
    """Return the features of a query in chunks.

    Raises:
        EngineError: A parameter is missing or wrong.
    """
    where = _where(query)
    found = chunks(source, where.box, where.time, state.settings.chunk_bytes)
    return (_chunk(features) for features in found)


def _where(query: Mapping[str, str]) -> Query:
    kind = required(query, "resultType")
    if kind != "arrow":
        raise bad_query(f"resultType: unknown variant `{kind}`, expected `arrow`")
    return Query.read(query, box="spatialBounds", time="timeInterval")


def _bands(text: str, count: int) -> list[int]:
    try:
        bands = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise bad_query(f"attributes: invalid digit found in {text!r}") from error
    if len(set(bands)) != len(bands):
        raise EngineError("BandSelection", f"Bands must be unique: {text}")
    if wrong := [band for band in bands if not 0 <= band < count]:
        raise EngineError("BandDoesNotExist", f"Bands {wrong} of {count} do not exist")
    return bands


def _steps(state: State, source: RasterSource, time: Interval) -> list[tuple[int, Interval]]:
    limit = state.settings.max_steps
    try:
        steps = list(islice(source.time.steps(time, beyond=state.settings.fill_beyond_bounds), limit + 1))
    except (OverflowError, ValueError) as error:
        raise EngineError("TimeStepIterator", f"cannot step through {time[0]}..{time[1]}: {error}") from error
    if len(steps) > limit:
        raise EngineError("TimeStepIterator", f"more than {limit} time steps in {time[0]}..{time[1]}")
    return steps


def _tile(
    state: State, source: RasterSource, grid: Grid, tile: Window, number: int, interval: Interval, band: int
) -> Message:
    def make() -> bytes:
        rows, columns = np.arange(tile.top, tile.bottom), np.arange(tile.left, tile.right)
        values, valid = pixel_values(source, number, band, *nearest(source, grid, rows, columns))
        corner = grid.moved(tile.top, tile.left)
        return encode_tile(source, values, valid, upper_left=corner, time=interval, band=band)

    key = (source.key, grid, tile, number, band)
    return Message(
        make=functools.partial(state.cache.made, key, make), ready=functools.partial(state.cache.get, key)
    )


def _chunk(features: Features) -> Message:
    return Message(make=functools.partial(encode_features, features))
