import pytest

from eoflows.sandbox.geo_engine import Band, Column, IrregularTime, RasterSource, VectorSource
from eoflows.sandbox.geo_engine.messages import MessageCache
from eoflows.sandbox.geo_engine.stream_faults import STREAM_KINDS, completed, stream_fault


def test_a_workflow_describes_its_raster():
    params = {
        "width": 3,
        "dataType": "I16",
        "origin": [1, 2],
        "pixelSize": [0.5, 0.25],
        "bands": ["red", {"name": "nir", "measurement": {"type": "unitless"}}],
        "time": {"intervals": [[0, 1]]},
        "nullShare": 0.5,
    }
    assert RasterSource.from_params(params) == RasterSource(
        width=3,
        data_type="I16",
        origin=(1.0, 2.0),
        pixel_size=(0.5, 0.25),
        bands=(Band(name="red"), Band(name="nir")),
        time=IrregularTime(intervals=((0, 1),)),
        null_share=0.5,
    )
    assert [band.name for band in RasterSource.from_params({"bands": 2}).bands] == ["band 0", "band 1"]
    assert RasterSource.from_params({}).key == RasterSource().key


def test_a_workflow_describes_its_features():
    found = VectorSource.from_params(
        {"count": 2, "bounds": [0, 0, 1, 1], "columns": {"a": "text", "b": {"dataType": "bool"}}}
    )
    assert found.columns == {"a": Column(data_type="text"), "b": Column(data_type="bool")}
    assert found.bounds == (0, 0, 1, 1)


@pytest.mark.parametrize("params", [{"null_share": 1}, {"dataType": "U1"}, {"size": 1}])
def test_unknown_parameters_are_refused(params):
    with pytest.raises(ValueError, match=r"nullShare|U8|width"):
        RasterSource.from_params(params)


def test_the_cache_keeps_what_was_used_last():
    cache = MessageCache(10)
    for key in "abc":
        cache.made(key, lambda: b"1234")
        cache.get("a")
    assert [key for key in "abc" if cache.get(key) is not None] == ["a", "c"]
    assert MessageCache(0).made("x", lambda: b"1") == b"1"


@pytest.mark.parametrize("kind", STREAM_KINDS)
def test_orders_for_streams_are_orders_of_the_fault_book(kind):
    fault = stream_fault(kind, path="*/rasterStream", times=2, message=4)
    assert (fault.kind, fault.times) == ("behave", 2)
    assert fault.matches(path="/geoengine/0.9/workflow/x/rasterStream", method="GET", origin="main")
    assert completed(fault["settings"]["stream"]) == {**STREAM_KINDS[kind], "kind": kind, "message": 4}


def test_orders_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="no stream fault"):
        stream_fault("explode")
    with pytest.raises(ValueError, match="drop takes"):
        stream_fault("drop", code=1011)
