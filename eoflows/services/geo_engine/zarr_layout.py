"""How a raster lies in a Zarr store: one group, CF-like, read by `xarray.open_zarr` as it is in memory.

The values are chunks of one time step and one band each, compressed by Zstandard. A chunk is written
once, whole; a chunk that exists is done. So the store itself says what a killed run had finished.
"""

import warnings
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
import zarr
from numcodecs.zstd import Zstd  # type: ignore[import-untyped]
from numpy.typing import NDArray
from zarr.abc.store import Store
from zarr.codecs import BytesCodec, ZstdCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.errors import ZarrUserWarning

from eoflows.base.errors import StorageError
from eoflows.services.geo_engine.frames import DIMS, NAME, Frame, Variable, cf_attrs
from eoflows.services.geo_engine.times import TimeInterval

__all__ = ["ChunkKey", "ZarrLayout"]

ChunkKey = tuple[int, int, int, int]
"""Time step, band position, chunk row and chunk column."""

_LEVEL = 0
"""Zarr's own default for Zstandard."""
_UNSET = np.iinfo(np.int64).min
_TIMES = ("time", "time_end")
_TIME_CHUNK = 1024
_STATE = "eoflows"
_EMPTY = {"begun": False}
"""What is noted in a group that is only half made, or half removed."""
_CF_UNITS = {"units": "milliseconds since 1970-01-01", "calendar": "proleptic_gregorian"}
_NANOSECONDS = 9_223_372_036_854
"""Milliseconds to either side of 1970 that datetime64[ns] holds, which is what CF times are read as."""


@dataclass(frozen=True)
class ZarrLayout:
    """One raster in one store.

    Attributes:
        store: Where it is.
        frame: Coordinates and attributes.
        dtype: Type of the values.
        chunk: Rows and columns of a chunk.
        fill: Value for missing pixels.
    """

    store: Store
    frame: Frame
    dtype: np.dtype[Any]
    chunk: tuple[int, int]
    fill: Any

    @cached_property
    def _codec(self) -> Zstd:
        return Zstd(level=_LEVEL)

    @staticmethod
    def state(store: Store) -> Mapping[str, Any] | None:
        """What an earlier run noted in a store; None if there is nothing that could be continued.

        Raises:
            StorageError: It holds something else.
        """
        try:
            group = zarr.open_group(store, mode="r")
        except FileNotFoundError:
            return None
        found = _noted(group)
        if found is None:
            raise StorageError(f"{store} holds a Zarr group that is no raster of ours; choose another place")
        return None if found == _EMPTY else found

    def create(self, state: Mapping[str, Any], attrs: Mapping[str, Any]) -> None:
        """Begin a new group; what was there, a raster of ours or nothing, is removed."""
        # Before anything goes, so that a group that has lost some of its chunks is not taken for a whole one.
        with suppress(FileNotFoundError):
            zarr.open_group(self.store, mode="r+").attrs.put(_note(_EMPTY))
        group = zarr.create_group(self.store, overwrite=True, zarr_format=3, attributes=_note(_EMPTY))
        for name in _TIMES:
            self._create_time(group, name, np.dtype(np.int64), _CF_UNITS, _UNSET)
        for name, variable in self.frame.space().items():
            _write(group, name, variable)
        extent = self.frame.extent
        coordinates = [name for name in self.frame.space() if name not in DIMS]
        group.create_array(
            NAME,
            shape=(0, len(self.frame.bands), extent.rows, extent.columns),
            chunks=(1, 1, *self.chunk),
            dtype=self.dtype,
            fill_value=self.fill,
            dimension_names=DIMS,
            serializer=BytesCodec(),
            compressors=ZstdCodec(level=_LEVEL, checksum=False),
            attributes={**self.frame.value_attrs(), "coordinates": " ".join(["time_end", *coordinates])},
        )
        group.update_attributes({"Conventions": "CF-1.11", **cf_attrs(attrs), **_note(state)})

    def steps(self) -> list[TimeInterval]:
        """The time steps that were begun, in their order."""
        group = zarr.open_group(self.store, mode="r")
        noted = (_noted(group) or {}).get(_TIMES[0])
        if noted is not None:
            return [TimeInterval(start, end) for start, end in noted]
        starts, ends = (np.asarray(_array(group, name)[...]).astype(np.int64) for name in _TIMES)
        return [
            TimeInterval(int(start), int(end))
            # A run may have died when it had made room in one of them.
            for start, end in zip(starts, ends, strict=False)
            if _UNSET not in (start, end)
        ]

    def begin_step(self, number: int, time: TimeInterval, room: int) -> None:
        """Note a time step; there is room for at least `room` of them afterwards."""
        group = zarr.open_group(self.store, mode="r+")
        there = [_array(group, name).shape[0] for name in (NAME, *_TIMES)]
        if number >= min(there):
            self._resize(group, max(room, number + 1, *there))
        for name, value in zip(_TIMES, (time.start_ms, time.end_ms), strict=True):
            _array(group, name)[number] = value

    def note_nulls(self) -> None:
        """Note that some pixels have no value."""
        if self.dtype.kind != "f":
            group = zarr.open_group(self.store, mode="r+")
            _array(group, NAME).update_attributes({"nodata": self.fill.item()})

    def finish(self, steps: Sequence[TimeInterval], state: Mapping[str, Any]) -> None:
        """Cut off the room that was not needed, collect the metadata, and note that all is there."""
        group = zarr.open_group(self.store, mode="r+", use_consolidated=False)
        limits = [abs(moment) for step in steps for moment in (step.start_ms, step.end_ms)]
        if max(limits, default=0) > _NANOSECONDS:
            # The arrays of times are made anew: a run that dies meanwhile leaves the times in the state.
            times = [[step.start_ms, step.end_ms] for step in steps]
            group.update_attributes(_note({**state, "complete": False, _TIMES[0]: times}))
            for name, variable in self.frame.time(steps).items():
                array = self._create_time(group, name, variable.values.dtype, {}, None)
                array.resize((len(steps),))
                array[...] = variable.values
        self._resize(group, len(steps))
        with warnings.catch_warnings():
            # Consolidated metadata are not in the Zarr 3 specification yet; xarray looks for them first.
            warnings.simplefilter("ignore", ZarrUserWarning)
            group = zarr.consolidate_metadata(self.store)
        group.update_attributes(_note(state))

    async def chunks(self) -> AsyncIterator[ChunkKey]:
        """Give the chunks that are there."""
        async for key in self.store.list_prefix(f"{NAME}/c/"):
            parts = key.rpartition(f"{NAME}/c/")[2].split("/")
            if len(parts) == len(DIMS) and all(part.isdigit() for part in parts):
                step, band, row, column = map(int, parts)
                yield step, band, row, column

    def encode(self, values: NDArray[Any]) -> bytes:
        """Compress a whole chunk of shape `chunk`."""
        little = np.ascontiguousarray(values, dtype=self.dtype.newbyteorder("<"))
        encoded: bytes = self._codec.encode(little)
        return encoded

    async def write(self, key: ChunkKey, encoded: bytes) -> None:
        """Store a chunk, whole or not at all."""
        buffer = default_buffer_prototype().buffer.from_bytes(encoded)
        await self.store.set(f"{NAME}/c/{'/'.join(map(str, key))}", buffer)

    def _create_time(
        self, group: zarr.Group, name: str, dtype: np.dtype[Any], attrs: Mapping[str, Any], fill: Any
    ) -> Any:
        described = dict(self.frame.time([])[name].attrs)
        return group.create_array(
            name,
            shape=(0,),
            chunks=(_TIME_CHUNK,),
            dtype=dtype,
            fill_value=fill,
            dimension_names=("time",),
            attributes={**described, **attrs},
            overwrite=True,
        )

    def _resize(self, group: zarr.Group, steps: int) -> None:
        values = _array(group, NAME)
        values.resize((steps, *values.shape[1:]))
        for name in _TIMES:
            _array(group, name).resize((steps,))


def _note(state: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is noted as an attribute: JSON text, so that netCDF can have it too."""
    return cf_attrs({_STATE: state})


def _noted(group: zarr.Group) -> Mapping[str, Any] | None:
    """Read what was noted, also by earlier versions, which noted no text; None in a group of others."""
    found: Any = group.attrs.get(_STATE)
    with suppress(orjson.JSONDecodeError):
        found = orjson.loads(found) if isinstance(found, str) else found
    return found if isinstance(found, dict) else None


def _array(group: zarr.Group, name: str) -> Any:
    return group[name]


def _write(group: zarr.Group, name: str, variable: Variable) -> None:
    values = np.asarray(variable.values)
    text = values.dtype.kind == "U"
    array: Any = group.create_array(
        name,
        shape=values.shape,
        chunks=values.shape,
        dtype="string" if text else values.dtype,
        dimension_names=variable.dims,
        attributes=dict(variable.attrs),
    )
    array[...] = values.astype(object) if text else values
