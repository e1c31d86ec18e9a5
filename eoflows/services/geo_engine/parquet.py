"""A stream of features into GeoParquet, chunk by chunk."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import numpy as np
import orjson
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pyproj
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray

from eoflows.base.files import whole_file
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.descriptors import VectorResultDescriptor
from eoflows.services.geo_engine.queries import QueryRectangle
from eoflows.services.geo_engine.stream import StreamSettings
from eoflows.services.geo_engine.vectors import (
    TimeColumns,
    VectorChunk,
    consume_whole,
    no_features,
    stream_chunks,
)

__all__ = ["stream_into_parquet"]


async def stream_into_parquet(
    client: GeoEngineClient,
    workflow: str,
    query: QueryRectangle,
    descriptor: VectorResultDescriptor,
    path: Path,
    times: TimeColumns,
    settings: StreamSettings,
) -> int:
    """Write all features into a GeoParquet file, chunk by chunk; the file is whole or not there.

    Returns:
        Number of features.

    Raises:
        TruncatedError: Every attempt broke before its end.
    """
    writer: _ParquetWriter | None = None

    def begin() -> Callable[[VectorChunk], None]:
        nonlocal writer
        if writer is not None:
            writer.close()
        writer = _ParquetWriter(part, descriptor, times)
        return writer.write

    chunks = partial(stream_chunks, client, workflow, query, times, settings)
    with whole_file(path) as part:
        try:
            await consume_whole(client, settings, begin, chunks)
            assert writer is not None  # noqa: S101
            await anyio.to_thread.run_sync(writer.close)
        finally:
            if writer is not None:
                writer.close()
    return writer.rows


class _ParquetWriter:
    """GeoParquet 1.1, one row group per chunk."""

    def __init__(self, path: Path, descriptor: VectorResultDescriptor, times: TimeColumns) -> None:
        self.rows = 0
        self._path, self._descriptor, self._times = path, descriptor, times
        self._writer: Any = None
        self._kinds: set[str] = set()
        self._bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
        self._crs = descriptor.spatial_reference
        self._open = True

    def write(self, chunk: VectorChunk) -> None:
        table = chunk.table()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table)
        self.rows += table.num_rows
        there = chunk.geometry[~shapely.is_missing(chunk.geometry)]
        if len(there):
            box = shapely.total_bounds(there)
            self._bounds = np.concatenate(
                [np.fmin(self._bounds[:2], box[:2]), np.fmax(self._bounds[2:], box[2:])]
            )
            self._kinds |= {str(shapely.from_wkb(shapely.to_wkb(one)).geom_type) for one in _kinds(there)}

    def close(self) -> None:
        """End the file with what is known of all features; a second time does nothing."""
        if not self._open:
            return
        self._open = False
        if self._writer is None:
            self.write(no_features(self._descriptor, self._times))
        self._writer.add_key_value_metadata({"geo": orjson.dumps(self._geo()).decode()})
        self._writer.close()

    def _geo(self) -> dict[str, Any]:
        column: dict[str, Any] = {"encoding": "WKB", "geometry_types": sorted(self._kinds)}
        column["crs"] = pyproj.CRS.from_user_input(self._crs).to_json_dict() if self._crs else None
        if np.isfinite(self._bounds).all():
            column["bbox"] = self._bounds.tolist()
        return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


def _kinds(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """One geometry of each type."""
    _, first = np.unique(shapely.get_type_id(geometry), return_index=True)
    return geometry[first]
