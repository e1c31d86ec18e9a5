"""The messages of the streams: each a whole Arrow IPC file with one record batch, not compressed."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from eoflows.sandbox.geo_engine.features import Features
from eoflows.sandbox.geo_engine.grid import Grid
from eoflows.sandbox.geo_engine.sources import ColumnType, RasterSource
from eoflows.sandbox.geo_engine.time_steps import Interval

__all__ = ["MessageCache", "encode_features", "encode_tile"]

pa: Any = import_module("pyarrow")
_COLUMN_TYPES: dict[ColumnType, Any] = {
    "int": pa.int64(),
    "float": pa.float64(),
    "text": pa.utf8(),
    "category": pa.uint8(),
    "bool": pa.bool_(),
    "dateTime": pa.date64(),
}


def encode_tile(
    source: RasterSource,
    values: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_],
    *,
    upper_left: Grid,
    time: Interval,
    band: int,
) -> bytes:
    """Return a tile as Geo Engine sends it.

    Args:
        source: The raster, for its spatial reference.
        values: Pixels, row 0 on top.
        valid: True where a pixel is not null.
        upper_left: The grid counted from the tile's upper left pixel.
        time: The tile's interval.
        band: Index of the band.
    """
    rows, columns = values.shape
    nulls = valid.size - int(np.count_nonzero(valid))
    bitmap = pa.py_buffer(np.packbits(valid.reshape(-1), bitorder="little")) if nulls else None
    buffers = [bitmap, pa.py_buffer(np.ascontiguousarray(values))]
    data = pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), values.size, buffers, nulls)
    metadata = {
        "geoTransform": json.dumps(upper_left.to_json(), separators=(",", ":")),
        "xSize": str(columns),
        "ySize": str(rows),
        "time": json.dumps({"start": time[0], "end": time[1]}, separators=(",", ":")),
        "spatialReference": source.spatial_reference,
        "band": str(band),
    }
    return _file(pa.schema([pa.field("data", data.type)], metadata), [data])


def encode_features(features: Features) -> bytes:
    """Return a chunk of features as Geo Engine sends it."""
    source = features.source
    time = pa.array([list(source.time)] * len(features), pa.list_(pa.int64(), 2))
    columns = {"__geometry": pa.array(features.well_known_texts(), pa.utf8()), "__time": time}
    for name, column in source.columns.items():
        columns[name] = pa.array(features.column(name), _COLUMN_TYPES[column.data_type])
    fields = [pa.field(name, array.type) for name, array in columns.items()]
    return _file(pa.schema(fields, {"spatialReference": source.spatial_reference}), list(columns.values()))


def _file(schema: Any, arrays: list[Any]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    message: bytes = sink.getvalue().to_pybytes()  # Arrow's own buffer may be twice as large as its content
    return message


@dataclass
class MessageCache:
    """Messages that were made before, up to a number of bytes; the least used go first."""

    capacity: int
    _size: int = 0
    _kept: "OrderedDict[Any, bytes]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Any) -> bytes | None:
        """Return a message that is kept."""
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
            return found

    def made(self, key: Any, make: Callable[[], bytes]) -> bytes:
        """Make a message, and keep it."""
        message = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = message
                self._size += len(message)
            while self._size > self.capacity:
                self._size -= len(self._kept.popitem(last=False)[1])
        return message
