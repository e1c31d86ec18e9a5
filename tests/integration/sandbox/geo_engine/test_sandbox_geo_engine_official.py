"""The official client, from an environment of its own, runs against the sandbox."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from peers import peer_python

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.geo_engine import RasterSource, RegularTime, VectorSource
from eoflows.sandbox.geo_engine.features import select
from eoflows.sandbox.geo_engine.pixels import pixel_values
from eoflows.sandbox.geo_engine.stream_faults import stream_fault

SCRIPT = Path(__file__).with_name("official_client.py")
RASTER = RasterSource(
    width=40,
    height=20,
    data_type="U8",
    null_share=0.1,
    origin=(-20.0, 10.0),
    pixel_size=(1.0, 1.0),
    time=RegularTime(count=3),
)


@pytest.fixture(scope="module")
def python():
    return peer_python("geoengine-0.9.4", "geoengine==0.9.4")


def run(python, box, folder, *steps):
    command = [python, SCRIPT, f"{box.url}/geoengine/0.9", folder, *steps]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GEOENGINE_")}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="module")
def told(python, tmp_path_factory):
    """What the client reports of a whole session, and the folder with its arrays."""
    folder = tmp_path_factory.mktemp("official")
    with Sandbox(SandboxSettings(days=0)) as box:
        failing = {"settings": {"task_error": "TileLimitExceeded"}}
        box.faults.add(Fault("behave", "*/datasetFromWorkflow/*", after=2, parameters=failing))
        return run(python, box, folder), folder


def truth(step, band, rows, columns):
    values, valid = pixel_values(RASTER, step, band, rows, columns)
    return np.where(valid, values.astype("float32"), np.nan)


def test_sessions_of_all_kinds(told):
    found = told[0]["sessions"]
    assert found["login"] == found["token"] != found["anonymous"]
    assert found["wrong"].startswith("LoginFailed")


def test_workflows_and_what_is_told_of_them(told):
    found = told[0]["workflows"]
    assert found["same"]
    assert "Origin: (-20.0, 10.0)" in found["descriptor"]
    assert found["definition"]["operator"]["params"] == {"data": "ndvi", "overviewLevel": None}
    assert found["provenance"] == ["Sandbox, data set ndvi"]
    assert found["zip"] == ["citation.json", "metadata.json", "workflow.json"]
    assert json.loads(found["unknown"])["error"] == "NoWorkflowForGivenId"


def test_a_raster_stream_into_an_array(told):
    report, folder = told
    found, stream = report["rasters"], np.load(folder / "stream.npy")
    assert found["dims"] == ["time", "band", "y", "x"]
    assert stream.shape == (3, 2, 32, 64)  # whole tiles, not the query's 20 x 40
    assert found["dtype"] == "float32"  # its way with nulls: the raster is U8
    assert (found["x"][0], found["y"][0]) == (-31.5, 15.5)
    for step in range(3):
        for band in range(2):
            wanted = truth(step, band, np.arange(-6, 26), np.arange(-12, 52))
            np.testing.assert_array_equal(stream[step, band], wanted)


def test_a_clipped_raster_stream(told):
    found, clipped = told[0]["rasters"]["clipped"], np.load(told[1] / "clipped.npy")
    assert found[0] == [3, 1, 10, 10]
    for step in range(3):
        wanted = truth(step, 1, np.arange(5, 15), np.arange(15, 25))
        np.testing.assert_array_equal(clipped[step, 0], wanted)


def test_coverages(told):
    report, folder = told
    found = report["rasters"]
    values, valid = pixel_values(RASTER, 0, 0, np.arange(20), np.arange(40))
    np.testing.assert_array_equal(np.load(folder / "array.npy"), values)
    np.testing.assert_array_equal(np.load(folder / "filled.npy"), np.where(valid, values, 7))
    assert found["half"] == [10, 20]
    assert found["coverage"] == [[1, 20, 40], "EPSG:4326", [-20, -10, 20, 10]]
    assert "TileLimitExceeded" in found["tile_limit"]


def test_pictures(told):
    found = told[0]["rasters"]
    assert found["image"] == ["PNG", "RGBA", [80, 40]]
    assert found["colours"] > 100
    assert "Band 9 of 2 does not exist" in found["refused"]


def test_features(told):
    report, folder = told
    found = report["features"]
    source = VectorSource(count=50_000)
    (every,) = select(source, (-180, -90, 180, 90), source.time)
    np.testing.assert_allclose(np.load(folder / "places.npy"), [every.x, every.y], rtol=0, atol=1e-9)
    assert found["rows"] == sum(found["chunks"]) == 50_000
    assert len(found["chunks"]) > 3
    assert found["columns"] == ["a", "b", "c", "geometry", "time_start", "time_end"]
    assert (found["crs"], found["start"]) == ("EPSG:4326", "2014-01-01T00:00:00+00:00")
    assert 4500 < found["nulls"] < 5500
    (part,) = select(source, (-30, -30, 30, 30), source.time)
    assert found["wfs"] == [len(part), ["a", "b", "c", "end", "geometry", "start"]]
    assert found["credits"] == 1


def test_a_plot(told):
    found = told[0]["plots"]
    _, valid = pixel_values(RASTER, 0, 0, np.arange(20), np.arange(40))
    assert (found["type"], found["format"]) == ("Histogram", "JsonVega")
    assert sum(row["Frequency"] for row in found["spec"]["data"]["values"]) == valid.sum()


def test_tasks(told):
    found = told[0]["tasks"]
    assert found["first"][0] == "running"
    assert found["first"][1].endswith("%")
    assert found["info"]["dataset"] == "saved"
    assert found["saved"]
    assert found["aborted"]["status"] in ("running", "completed")
    assert found["failed"] == "TileLimitExceeded"
    assert found["list"] == ["failed", "aborted", "completed"]


def test_quota_and_usage(told):
    found = told[0]["accounts"]
    assert found["other"] == [77, found["used"]]
    assert found["usage"] == [["timestamp", "userId", "computationId", "data", "count"], 3]
    assert found["summary"] >= found["used"]


def test_a_stream_without_tiles_is_more_than_it_can_take(told):
    assert "must supply at least one object" in told[0]["empty"]


def test_it_takes_a_stream_that_was_cut_for_a_whole_one(python, tmp_path):
    """Why our client counts: closed with 1011 after tile 3 of 48, the official client reports no error."""
    with Sandbox(SandboxSettings(days=0)) as box:
        box.faults.add(stream_fault("close", message=3, at_once=True))
        counts = run(python, box, tmp_path, "truncated")["truncated"]
    assert counts["whole"] == 0
    assert counts["short"] > 0
