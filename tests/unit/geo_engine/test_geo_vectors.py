"""Attributes of features, of every type that the server sends, by any name: none is lost or rounded."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from geo_server import Server
from hypothesis import given
from hypothesis import strategies as st

from eoflows.services.geo_engine import QueryRectangle, workflow_by_id
from eoflows.services.geo_engine.times import MAX_MS, MIN_MS, format_ms
from eoflows.services.geo_engine.vectors import TimeColumns, VectorChunk, names_beside

WORKFLOW = "956d3656-2d14-5951-96a0-f962b92371cd"
INT64 = st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.integers(MIN_MS, MAX_MS) | st.sampled_from([MIN_MS, -1, 0, 43_200_001, 2**43, MAX_MS])
KINDS = {
    "int": (pa.int64(), INT64),
    "float": (pa.float64(), st.floats(allow_nan=False)),
    "text": (pa.string(), st.text(max_size=5)),
    "category": (pa.uint8(), st.integers(0, 255)),
    "bool": (pa.bool_(), st.booleans()),
    "dateTime": (pa.date64(), MOMENTS),
}
NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(
    ["geometry", "geometry_1", "time_start", "time_end", "start", "end", "time_start_1"]
)


@st.composite
def attributes(draw):
    """Columns by name: their type, and values of which some may be missing."""
    rows = draw(st.integers(0, 4))
    names = draw(st.lists(NAMES, max_size=5, unique=True))
    kinds = {name: draw(st.sampled_from([*KINDS])) for name in names}
    values = {
        name: draw(st.lists(st.none() | KINDS[kind][1], min_size=rows, max_size=rows))
        for name, kind in kinds.items()
    }
    return rows, kinds, values


def batch_of(rows, kinds, values):
    columns = {
        name: pa.array(values[name], pa.int64()).view(pa.date64())
        if kinds[name] == "dateTime"
        else pa.array(values[name], KINDS[kinds[name]][0])
        for name in values
    }
    times = pa.FixedSizeListArray.from_arrays(pa.array([MIN_MS, MAX_MS] * rows, pa.int64()), 2)
    fixed = {"__geometry": pa.array(["POINT(1 2)"] * rows, pa.string()), "__time": times}
    return pa.RecordBatch.from_pydict({**fixed, **columns})


def as_sent(value):
    """A value as the server sent it: moments in milliseconds since 1970."""
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        return int(value.tz_convert(None).to_datetime64().astype("datetime64[ms]").astype(np.int64))
    return value.item() if isinstance(value, np.generic) else value


@given(attributes())
def test_every_attribute_is_kept_exactly(given):
    rows, kinds, values = given
    chunk = VectorChunk.read(batch_of(rows, kinds, values), TimeColumns())
    names = names_beside(values, ("geometry", "time_start", "time_end"))
    frame, table = chunk.frame(), chunk.table()
    assert sorted(table.column_names) == sorted(frame.columns)
    assert set(table.column_names) == {*names.values(), "geometry", "time_start", "time_end"}
    assert table["time_start"].cast(pa.int64()).to_pylist() == [MIN_MS] * rows
    for name, sent in values.items():
        column = table[names[name]]
        found = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        assert found.to_pylist() == sent
        assert [as_sent(one) for one in frame[names[name]]] == sent


@given(st.lists(NAMES, unique=True), st.lists(NAMES, unique=True))
def test_names_are_given_once_and_change_only_where_ours_are(attributes, ours):
    names = names_beside(attributes, ours)
    assert list(names) == attributes
    assert len({*names.values(), *ours}) == len(attributes) + len(ours)
    assert all(names[name] == name for name in attributes if name not in ours)


def test_moments_keep_their_time_in_geoparquet(tmp_path):
    sent = [0, 43_200_001, None, -1, MAX_MS]
    chunk = VectorChunk.read(batch_of(5, {"seen": "dateTime"}, {"seen": sent}), TimeColumns())
    pq.write_table(chunk.table(), tmp_path / "a.parquet")
    found = pq.read_table(tmp_path / "a.parquet")["seen"]
    assert found.type == pa.timestamp("ms", tz="UTC")
    assert found.cast(pa.int64()).to_pylist() == sent


@pytest.mark.parametrize("name", ["seen", "start", "geometry"])
def test_moments_and_whole_numbers_by_wfs(name):
    moments, numbers = [43_200_001, None, MAX_MS], [2**53 + 1, None, 3]
    columns = {name: {"dataType": "dateTime"}, "number": {"dataType": "int"}}
    features = [
        {
            "type": "Feature",
            "geometry": None,
            "properties": {name: None if moment is None else format_ms(moment), "number": number},
            "when": {"start": format_ms(0), "end": format_ms(1)},
        }
        for moment, number in zip(moments, numbers, strict=True)
    ]
    described = {"type": "vector", "dataType": "Data", "spatialReference": "EPSG:4326", "columns": columns}
    server = Server(**{
        f"GET /workflow/{WORKFLOW}/metadata": described,
        f"GET /wfs/{WORKFLOW}": {"type": "FeatureCollection", "features": features},
    })  # fmt: skip
    with server.client():
        frame = workflow_by_id(WORKFLOW).get_dataframe(QueryRectangle((-1, -1, 1, 1), "2014-01-01"))
    kept = name if name == "seen" else f"{name}_1"
    assert [as_sent(one) for one in frame[kept]] == moments
    assert [as_sent(one) for one in frame["number"]] == numbers
    assert [as_sent(one) for one in frame["start"]] == [0, 0, 0]
