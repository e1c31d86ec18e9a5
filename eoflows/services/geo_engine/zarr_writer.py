"""A raster stream into Zarr, chunk by chunk as tiles come, in memory that does not grow with the raster."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray
from zarr.abc.store import Store
from zarr.storage import LocalStore, ObjectStore

from eoflows.base.errors import InvalidInputError, StorageError
from eoflows.services.geo_engine.arrays import NullsSeen, frame_of, tile_windows
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.grid import Window
from eoflows.services.geo_engine.nulls import fill_of, warn_of_fill
from eoflows.services.geo_engine.plan import RasterPlan
from eoflows.services.geo_engine.stream import PlacedTile, RasterStream, StreamSettings
from eoflows.services.geo_engine.tally import Tally
from eoflows.services.geo_engine.times import TimeInterval
from eoflows.services.geo_engine.zarr_layout import ChunkKey, ZarrLayout
from eoflows.stores.transfer.s3 import S3Bucket

__all__ = ["Store", "StoredRaster", "ZarrSettings", "object_store", "stream_into_zarr"]

_FORMAT = 1
"""Goes up when a store of an earlier version can no longer be continued."""


@dataclass(frozen=True)
class ZarrSettings:
    """How a raster is stored.

    Attributes:
        clip: Only the pixels of the query. Then chunks are made of several tiles, and the memory needed
            grows with the width of the raster (one row of tiles), though not with its height or time.
        fill_value: For missing pixels; None: NaN, or the highest or lowest integer.
        chunk: Rows and columns of a chunk; None: those of a tile.
        overwrite: Whether another raster at the same place may be removed.
        attrs: Further attributes of the group: provenance, citations.
    """

    clip: bool = False
    fill_value: float | None = None
    chunk: tuple[int, int] | None = None
    overwrite: bool = False
    attrs: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class StoredRaster:
    """A raster that is complete in its store.

    Attributes:
        shape: Time steps, bands, rows and columns.
        received: Tiles that came in this run.
        found: Tiles that were there from an earlier one.
    """

    shape: tuple[int, int, int, int]
    received: int
    found: int


def object_store(bucket: S3Bucket, prefix: str) -> Store:
    """A Zarr store below a prefix of a bucket."""
    return ObjectStore(bucket.open(prefix=prefix.strip("/") or None))


async def stream_into_zarr(
    client: GeoEngineClient,
    workflow: str,
    plan: RasterPlan,
    store: Store | Path | str,
    settings: ZarrSettings | None = None,
    patience: StreamSettings | None = None,
) -> StoredRaster:
    """Stream a raster into a store; a store that an earlier run left unfinished is continued.

    Args:
        client: The server.
        workflow: Id of the workflow.
        plan: What is asked.
        store: Local folder, or a Zarr store.
        settings: How it is stored.
        patience: As for any stream.

    Raises:
        StorageError: The store holds something else.
        IncompleteStreamError: As `RasterStream.tiles`; what came is kept, and a later run goes on.
    """
    settings = settings or ZarrSettings()
    place = store if isinstance(store, Store) else LocalStore(Path(store))
    known = await anyio.to_thread.run_sync(ZarrLayout.state, place)
    request = _request(workflow, plan, settings)
    if known is not None and known.get("request") != request:
        if not settings.overwrite:
            raise StorageError(
                f"{place} holds another raster; choose another place, or allow to overwrite it: "
                f"{_difference(known.get('request'), request)}"
            )
        known = None
    writer = _Writer(place, plan, settings, request)
    if known is not None:
        await writer.reopen(known)
    stream = RasterStream(client, workflow, plan, patience, tally=writer.tally)
    before = 0 if writer.tally is None else writer.tally.received
    if known is None or not known["complete"]:
        async with aclosing(stream.tiles()) as tiles:
            await writer.consume(tiles, stream)
        await writer.finish(stream.tally)
    shape = (len(stream.tally.steps), *writer.step_shape(stream.plan))
    return StoredRaster(shape, stream.tally.received - before, before)


class _Writer:
    """Puts tiles into chunks, and writes each chunk once it is whole."""

    def __init__(self, store: Store, plan: RasterPlan, settings: ZarrSettings, request: Any) -> None:
        self.tally: Tally | None = None
        self._store, self._plan, self._settings, self._request = store, plan, settings, request
        self._layout: ZarrLayout | None = None
        self._fill = fill_of(plan.dtype, settings.fill_value)
        self._begun, self._room, self._seen, self._told = 0, 0, NullsSeen(), False
        self._partial: dict[ChunkKey, tuple[NDArray[Any], int]] = {}

    def step_shape(self, plan: RasterPlan) -> tuple[int, int, int]:
        extent = plan.extent(clip=self._settings.clip)
        return len(plan.bands), extent.rows, extent.columns

    async def reopen(self, known: Mapping[str, Any]) -> None:
        """Find out what an earlier run has finished."""
        rows, columns = known["tile_shape"]
        top, left = known["anchor"]
        plan = self._plan.fitted(Window(top, left, top + rows, left + columns))
        self._plan, self._layout = plan, self._described(plan)
        steps = await anyio.to_thread.run_sync(self._layout.steps)
        done = {key async for key in self._layout.chunks()}
        self.tally, self._begun, self._room = Tally(plan), len(steps), len(steps)
        for number, time in enumerate(steps):
            self._take(self.tally, number, time, done)

    def _take(self, tally: Tally, number: int, time: TimeInterval, done: set[ChunkKey]) -> None:
        plan, covered, (rows, columns) = tally.plan, tally.plan.covered, tally.plan.tile_shape
        tally.step_of(time)
        for row in range(plan.tiles.rows):
            for column in range(plan.tiles.columns):
                chunks = [place for place, _, _ in self._parts(plan, row, column)]
                for band, index in enumerate(plan.query.raster_bands):
                    if all((number, band, *place) in done for place in chunks):
                        tally.accept(time, covered.top + row * rows, covered.left + column * columns, index)

    async def consume(self, tiles: AsyncGenerator[PlacedTile], stream: RasterStream) -> None:
        async for placed in tiles:
            layout = self._layout or await self._create(stream.plan)
            if placed.place.step >= self._begun:
                await self._begin(layout, stream, placed.place.step)
            for key, encoded in await anyio.to_thread.run_sync(self._filled, layout, stream.plan, placed):
                await layout.write(key, encoded)
            if self._seen.any and not self._told:
                self._told = True
                await anyio.to_thread.run_sync(layout.note_nulls)

    async def finish(self, tally: Tally) -> None:
        layout = self._layout or await self._create(tally.plan)
        times = [step.time for step in tally.steps]
        await anyio.to_thread.run_sync(layout.finish, times, self._state(tally.plan, complete=True))
        if self._seen.ambiguous:
            warn_of_fill(self._fill)

    async def _create(self, plan: RasterPlan) -> ZarrLayout:
        self._layout = layout = self._described(plan)
        state = self._state(plan, complete=False)
        await anyio.to_thread.run_sync(layout.create, state, self._settings.attrs or {})
        return layout

    async def _begin(self, layout: ZarrLayout, stream: RasterStream, step: int) -> None:
        """Note new time steps, with room for the ones to come: all, or twice as many."""
        for number in range(self._begun, step + 1):
            if number >= self._room:
                self._room = max(2 * number, len(stream.plan.touched), 1)
            time = stream.tally.steps[number].time
            await anyio.to_thread.run_sync(layout.begin_step, number, time, self._room)
        self._begun = step + 1

    def _filled(
        self, layout: ZarrLayout, plan: RasterPlan, placed: PlacedTile
    ) -> list[tuple[ChunkKey, bytes]]:
        """Put a tile into its chunks, and give those that are whole now."""
        tile, place = placed.tile, placed.place
        values = tile.values() if tile.validity() is None else tile.to_numpy_data_array(self._fill)
        extent = plan.extent(clip=self._settings.clip)
        if (found := tile_windows(plan, place.row, place.column, extent)) is not None:
            self._seen.look(tile, values if found[1] is None else values[found[1]], self._fill, found[1])
        whole = []
        for chunk, target, part in self._parts(plan, place.row, place.column):
            key = (place.step, place.band, *chunk)
            block, missing = self._partial.pop(key, (None, -1))
            if block is None and part is None:
                whole.append((key, layout.encode(values)))
                continue
            if block is None:
                block, missing = np.full(layout.chunk, self._fill, plan.dtype), self._pixels(plan, chunk)
            block[target] = values if part is None else values[part]
            missing -= block[target].size
            if missing:
                self._partial[key] = block, missing
            else:
                whole.append((key, layout.encode(block)))
        return whole

    def _parts(
        self, plan: RasterPlan, row: int, column: int
    ) -> list[tuple[tuple[int, int], tuple[slice, slice], tuple[slice, slice] | None]]:
        """The chunks that a tile touches: row and column, where in the chunk, and which part of the tile.

        No part means that tile and chunk are the same pixels.
        """
        extent, (rows, columns) = plan.extent(clip=self._settings.clip), self._chunk(plan)
        found = tile_windows(plan, row, column, extent)
        if found is None:
            return []
        (across, along), part = found
        inner = Window(across.start, along.start, across.stop, along.stop)
        shift = (0, 0) if part is None else (part[0].start, part[1].start)
        parts = []
        for down in range(inner.top // rows, -(-inner.bottom // rows)):
            for right in range(inner.left // columns, -(-inner.right // columns)):
                chunk = Window(down * rows, right * columns, (down + 1) * rows, (right + 1) * columns)
                common = inner.common(chunk)
                if common is not None:
                    same = common == chunk and part is None and inner == chunk
                    whole = Window(inner.top - shift[0], inner.left - shift[1], inner.bottom, inner.right)
                    parts.append(
                        ((down, right), common.within(chunk), None if same else common.within(whole))
                    )
        return parts

    def _pixels(self, plan: RasterPlan, chunk: tuple[int, int]) -> int:
        """Pixels of a chunk that are in the raster."""
        extent, (rows, columns) = plan.extent(clip=self._settings.clip), self._chunk(plan)
        return min(rows, extent.rows - chunk[0] * rows) * min(columns, extent.columns - chunk[1] * columns)

    def _chunk(self, plan: RasterPlan) -> tuple[int, int]:
        return self._settings.chunk or plan.tile_shape

    def _described(self, plan: RasterPlan) -> ZarrLayout:
        frame = frame_of(plan, plan.extent(clip=self._settings.clip), {})
        return ZarrLayout(self._store, frame, plan.dtype, self._chunk(plan), self._fill)

    def _state(self, plan: RasterPlan, *, complete: bool) -> dict[str, Any]:
        shape, anchor = list(plan.tile_shape), list(plan.anchor)
        return {"request": self._request, "tile_shape": shape, "anchor": anchor, "complete": complete}


def _request(workflow: str, plan: RasterPlan, settings: ZarrSettings) -> dict[str, Any]:
    """All that makes the stored bytes what they are, as JSON values."""
    if settings.chunk is not None and min(settings.chunk) < 1:
        raise InvalidInputError(f"a chunk has at least one row and column, not {settings.chunk}")
    fill = fill_of(plan.dtype, settings.fill_value).item()
    return {
        "format": _FORMAT,
        "workflow": workflow,
        "bounds": list(plan.query.spatial_bounds.edges),
        "time": plan.query.time_interval.document(),
        "bands": list(plan.query.raster_bands),
        "crs": plan.crs,
        "pixels": [plan.grid.x, plan.grid.y, plan.grid.dx, plan.grid.dy],
        "type": str(plan.dtype),
        "clip": settings.clip,
        "fill": str(fill),
        "chunk": None if settings.chunk is None else list(settings.chunk),
    }


def _difference(there: Any, wanted: Mapping[str, Any]) -> str:
    known = there if isinstance(there, dict) else {}
    differing = [f"{name} {known.get(name)} there, {value} asked" for name, value in wanted.items()
                 if known.get(name) != value]  # fmt: skip
    return "; ".join(differing)
