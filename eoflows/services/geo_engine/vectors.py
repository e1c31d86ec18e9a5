"""Features: from streams, from WFS, into GeoDataFrames and GeoParquet."""

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np
import orjson
import pyarrow as pa  # type: ignore[import-untyped]
import shapely  # type: ignore[import-untyped]
from numpy.typing import NDArray

from eoflows.base.errors import ContractError, TruncatedError, UnreachableError
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.descriptors import VectorColumnInfo, VectorResultDescriptor
from eoflows.services.geo_engine.errors import StreamBrokenError
from eoflows.services.geo_engine.progress import Progress
from eoflows.services.geo_engine.queries import QueryRectangle
from eoflows.services.geo_engine.socket import pulled
from eoflows.services.geo_engine.stream import StreamSettings
from eoflows.services.geo_engine.tiles import read_batch
from eoflows.services.geo_engine.times import parse_ms

if TYPE_CHECKING:
    import geopandas as gpd  # type: ignore[import-untyped]

__all__ = [
    "TimeColumns",
    "VectorChunk",
    "consume_whole",
    "fetch_frame",
    "names_beside",
    "no_features",
    "stream_chunks",
    "stream_into_frame",
]

_GEOMETRY, _TIME, _OURS = "__geometry", "__time", "geometry"
_UTC = pa.timestamp("ms", tz="UTC")
_WFS_TIMES = ("start", "end")


@dataclass(frozen=True)
class TimeColumns:
    """Names of the columns for the interval of a feature.

    Attributes:
        start: Of its start.
        end: Of its end.
    """

    start: str = "time_start"
    end: str = "time_end"


@dataclass(frozen=True)
class VectorChunk:
    """Some features, as columns.

    Attributes:
        columns: Attributes by name.
        geometry: One shapely geometry per feature; None where a feature has none.
        starts: Starts in milliseconds since 1970.
        ends: Ends in milliseconds since 1970, excluded.
        crs: Reference system; empty if there is none.
        times: Names of the time columns.
    """

    columns: Mapping[str, Any]
    geometry: NDArray[np.object_]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    crs: str
    times: TimeColumns = field(default_factory=TimeColumns)

    @classmethod
    def read(cls, batch: "pa.RecordBatch", times: TimeColumns) -> "VectorChunk":
        """Read a record batch of a vector stream.

        Raises:
            ContractError: It has no geometry or no time.
        """
        names = batch.schema.names
        if _GEOMETRY not in names or _TIME not in names:
            raise ContractError(f"a chunk of features has columns {names}, without {_GEOMETRY} or {_TIME}")
        texts = batch.column(_GEOMETRY).to_numpy(zero_copy_only=False)
        pairs = batch.column(_TIME).flatten().to_numpy(zero_copy_only=False).reshape(-1, 2).astype(np.int64)
        metadata = batch.schema.metadata or {}
        try:
            geometry = shapely.from_wkt(np.where(texts == "", None, texts))
        except shapely.errors.GEOSException as error:
            raise ContractError(f"a geometry cannot be read: {error}") from error
        columns = {name: _moments(batch.column(name)) for name in names if name not in (_GEOMETRY, _TIME)}
        crs = metadata.get(b"spatialReference", b"").decode()
        return cls(columns, geometry, pairs[:, 0], pairs[:, 1], crs, times)

    def frame(self) -> "gpd.GeoDataFrame":
        """The features as a GeoDataFrame; times are datetime64[ms, UTC], which holds unbounded ones.

        Whole numbers of which some are missing are Int64, not rounded to floats.
        """
        import geopandas as gpd  # noqa: PLC0415
        import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415

        exact = {pa.int64(): pd.Int64Dtype()}
        found: dict[str, Any] = {
            name: values.to_pandas(types_mapper=exact.get if values.null_count else None)
            for name, values in self._attributes().items()
        }
        frame = gpd.GeoDataFrame(pd.DataFrame(found), geometry=self.geometry, crs=self.crs or None)
        for name, moments in ((self.times.start, self.starts), (self.times.end, self.ends)):
            frame[name] = pd.Series(moments.astype("datetime64[ms]")).dt.tz_localize("UTC")
        return frame

    def table(self) -> "pa.Table":
        """The features as an Arrow table with WKB geometry, as GeoParquet stores them."""
        stamps = {
            self.times.start: pa.array(self.starts).cast(_UTC),
            self.times.end: pa.array(self.ends).cast(_UTC),
        }
        binary = pa.array(shapely.to_wkb(self.geometry), pa.binary())
        return pa.table({**self._attributes(), _OURS: binary, **stamps})

    def _attributes(self) -> dict[str, Any]:
        names = names_beside(self.columns, (_OURS, self.times.start, self.times.end))
        return {names[name]: values for name, values in self.columns.items()}


def names_beside(attributes: Iterable[str], ours: Collection[str]) -> dict[str, str]:
    """Give attributes that are called as a column of ours a number, like `geometry_1`; others keep theirs.

    Args:
        attributes: The server's names.
        ours: The names of our own columns.
    """
    taken = {*ours, *attributes}
    names = {}
    for name in attributes:
        free = (f"{name}_{number}" for number in count(1))
        names[name] = next(one for one in free if one not in taken) if name in ours else name
        taken.add(names[name])
    return names


def _moments(values: "pa.Array") -> "pa.Array":
    """Attributes of type dateTime come as days that have milliseconds: who takes them for days drops them."""
    return values.view(pa.timestamp("ms")).cast(_UTC) if pa.types.is_date64(values.type) else values


async def stream_chunks(
    client: GeoEngineClient,
    workflow: str,
    query: QueryRectangle,
    times: TimeColumns,
    settings: StreamSettings,
) -> AsyncGenerator[VectorChunk]:
    """Give the chunks of one connection.

    Chunks have no numbers: after a broken connection nobody can say which of them were lost.

    Raises:
        TruncatedError: The connection did not end by the server's clean close; what came is not all.
    """
    path = f"{(await client.profile()).workflows}/{workflow}/vectorStream"
    params = {"resultType": "arrow", "spatialBounds": query.bbox_str, "timeInterval": query.time_str}
    began, chunks, received = settings.clock(), 0, 0
    patience = {"open_timeout": settings.open_timeout, "stall": settings.stall}
    try:
        async with aclosing(pulled(client, path, params, **patience)) as messages:
            async for message in messages:
                chunk = await anyio.to_thread.run_sync(VectorChunk.read, read_batch(message), times)
                chunks, received = chunks + 1, received + len(message)
                if settings.progress is not None:
                    settings.progress(Progress(chunks, None, received, settings.clock() - began))
                yield chunk
    except (StreamBrokenError, ContractError) as error:
        raise TruncatedError(
            f"the stream of features broke after {chunks} chunks: {error}; ask for all of it again",
            url=client.url,
        ) from error


async def consume_whole(
    client: GeoEngineClient,
    settings: StreamSettings,
    begin: Callable[[], Callable[[VectorChunk], None]],
    chunks: Callable[[], AsyncGenerator[VectorChunk]],
) -> None:
    """Consume a stream from its beginning, again after each break, as often as the client tries."""
    attempt = 0
    while True:
        attempt += 1
        take = begin()
        try:
            async with aclosing(chunks()) as stream:
                async for chunk in stream:
                    await anyio.to_thread.run_sync(take, chunk)
            return
        except (TruncatedError, UnreachableError):
            pause = client.retry.delay(attempt)
            if pause is None:
                raise
        await settings.sleep(pause)


async def stream_into_frame(
    client: GeoEngineClient,
    workflow: str,
    query: QueryRectangle,
    descriptor: VectorResultDescriptor,
    times: TimeColumns,
    settings: StreamSettings,
) -> "gpd.GeoDataFrame":
    """Give all features as one GeoDataFrame, with all columns also if there are none.

    Raises:
        TruncatedError: Every attempt broke before its end.
    """
    import pandas as pd  # noqa: PLC0415

    found: list[VectorChunk] = []

    def begin() -> Callable[[VectorChunk], None]:
        found.clear()
        return found.append

    chunks = partial(stream_chunks, client, workflow, query, times, settings)
    await consume_whole(client, settings, begin, chunks)
    frames = [chunk.frame() for chunk in found or [no_features(descriptor, times)]]
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


_TYPES = {
    "int": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
    "category": pa.uint8(),
    "bool": pa.bool_(),
    "dateTime": _UTC,
}


def no_features(descriptor: VectorResultDescriptor, times: TimeColumns) -> VectorChunk:
    """A chunk without features that has all columns."""
    columns = {
        name: pa.array([], _TYPES.get(column.data_type, pa.string()))
        for name, column in descriptor.columns.items()
    }
    none = np.array([], np.int64)
    return VectorChunk(columns, np.array([], np.object_), none, none, descriptor.spatial_reference, times)


async def fetch_frame(
    client: GeoEngineClient,
    workflow: str,
    query: QueryRectangle,
    descriptor: VectorResultDescriptor,
    *,
    timeout: float,
    resolve_classifications: bool,
) -> "gpd.GeoDataFrame":
    """Ask WFS for features.

    Returns:
        Columns of the workflow (`names_beside` ours), `geometry`, and `start` and `end` (datetime64[ms,
        UTC]). The id of the computation is in `attrs["computation_id"]`, where the server gives one.

    Raises:
        ContractError: The answer is no feature collection.
    """
    params = {
        "service": "WFS",
        "version": "2.0.0",
        "request": "GetFeature",
        "typeNames": workflow,
        "bbox": query.bbox_str,
        "time": query.time_str,
        "srsName": query.srs,
    }
    answer = await client.call("GET", f"wfs/{workflow}", params=params, timeout=timeout)
    try:
        features = orjson.loads(answer.content)["features"]
        frame = await anyio.to_thread.run_sync(_frame_of, features, descriptor, query.srs)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ContractError("the answer to GetFeature is no feature collection", url=client.url) from error
    frame.attrs["computation_id"] = answer.headers.get("x-computation-id")
    return _resolved(frame, descriptor) if resolve_classifications else frame


def _frame_of(features: Any, descriptor: VectorResultDescriptor, crs: str) -> "gpd.GeoDataFrame":
    import geopandas as gpd  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    columns = [*descriptor.columns] or sorted({name for one in features for name in one["properties"]})
    names = names_beside(columns, (_OURS, *_WFS_TIMES))
    values = {
        names[name]: _column([one["properties"].get(name) for one in features], descriptor.columns.get(name))
        for name in columns
    }
    texts = [None if one["geometry"] is None else orjson.dumps(one["geometry"]).decode() for one in features]
    geometry = shapely.from_geojson(np.array(texts, np.object_))
    frame = gpd.GeoDataFrame(
        pd.DataFrame(values, columns=[*names.values()]), geometry=geometry, crs=crs or None
    )
    for name in _WFS_TIMES:
        moments = np.array([parse_ms(one["when"][name]) for one in features], "datetime64[ms]")
        frame[name] = pd.Series(moments).dt.tz_localize("UTC")
    return frame


def _column(values: list[Any], described: VectorColumnInfo | None) -> Any:
    """Values of an attribute; moments as datetime64[ms, UTC], whole numbers exact where some are missing."""
    import pandas as pd  # noqa: PLC0415

    if described is not None and described.data_type == "dateTime":
        moments = ["NaT" if one is None else np.datetime64(parse_ms(str(one)), "ms") for one in values]
        return pd.Series(np.array(moments, "datetime64[ms]")).dt.tz_localize("UTC")
    if described is not None and described.data_type == "int" and None in values:
        return pd.array(values, pd.Int64Dtype())
    return values


def _resolved(frame: "gpd.GeoDataFrame", descriptor: VectorResultDescriptor) -> "gpd.GeoDataFrame":
    """Put the names of classes for their values; a value without a name stays missing."""
    names = names_beside(descriptor.columns, (_OURS, *_WFS_TIMES))
    for name, column in descriptor.columns.items():
        if column.measurement.classes is not None:
            frame[names[name]] = frame[names[name]].map(column.measurement.classes)
    return frame
