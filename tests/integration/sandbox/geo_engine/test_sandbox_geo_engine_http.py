import io
import json
import signal
import subprocess
import sys
import zipfile
from datetime import timedelta

import httpx
import numpy as np
import pytest
import rasterio
from geo_engine_caller import Caller
from PIL import Image

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.geo_engine import GeoEngineSettings, RasterSource
from eoflows.sandbox.geo_engine.pixels import pixel_values
from eoflows.sandbox.settings import utc_now

RASTER = {
    "width": 30,
    "height": 20,
    "dataType": "U8",
    "nullShare": 0.2,
    "origin": [10, 0],
    "pixelSize": [1, 1],
}
SOURCE = RasterSource.from_params(RASTER)
PIXELS = pixel_values(SOURCE, 0, 0, np.arange(20), np.arange(30))
DAY = "2014-01-01T00:00:00.000+00:00"
GRAY = [
    {"value": 0, "color": [0, 0, 0, 255]},
    {"value": 255, "color": [255, 255, 255, 255]},
]
HIDDEN = [0, 0, 0, 0]


def failed(answer, status, error):
    assert answer.status_code == status
    assert answer.json()["error"] == error
    assert set(answer.json()) == {"error", "message"}
    return answer.json()["message"]


@pytest.mark.parametrize(
    ("name", "version", "paths", "save"),
    [
        ("0.8", "0.8.0", "workflow", "datasetFromWorkflow"),
        ("0.9", "0.9.4", "workflow", "datasetFromWorkflow"),
        ("0.10", "0.10.0", "processingGraphs", "datasetFromProcessingGraph"),
    ],
)
def test_each_version_has_its_paths(box, name, version, paths, save):
    caller = Caller(f"{box.url}/geoengine/{name}", paths)
    http = caller.http
    assert http.get("/info").json()["version"] == version
    workflow = caller.register(**RASTER)
    described = http.get(f"/{paths}/{workflow}/metadata").json()
    assert ("spatialGrid" in described) == (name != "0.8")
    assert ("resolution" in described) == (name == "0.8")
    saved = {"name": None, "displayName": "x", "query": {}}
    assert http.post(f"/{save}/{workflow}", json=saved).json().keys() == {"taskId"}
    other = "workflow" if paths != "workflow" else "processingGraphs"
    failed(http.get(f"/{other}/{workflow}"), 404, "NotFound")
    chart = caller.register(
        "Plot",
        {
            "type": "Histogram",
            "params": {},
            "sources": {"source": {"type": "SandboxRaster", "params": RASTER}},
        },
    )
    asked = {"bbox": "10,-20,40,0", "crs": "EPSG:4326", "time": DAY, "spatialResolution": "1,1"}
    data = http.get(f"/plot/{chart}", params=asked).json()["data"]
    spec = data["vegaSpec"] if name == "0.10" else json.loads(data["vegaString"])
    assert sum(row["Frequency"] for row in spec["data"]["values"]) == PIXELS[1].sum()
    del asked["spatialResolution"]
    assert http.get(f"/plot/{chart}", params=asked).status_code == (200 if name == "0.10" else 400)
    http.close()


def test_a_session_is_needed_and_its_faults_are_told(box, caller):
    texts = {
        None: "Header with authorization token not provided.",
        "Basic x": "Authentication scheme must be Bearer.",
        "Bearer x": "Identifier does not have the right format.",
        "Bearer 208fa24e-0000-0000-0000-000000000000": "The session id is invalid.",
    }
    for header, text in texts.items():
        headers = {} if header is None else {"authorization": header}
        answer = httpx.get(f"{caller.url}/quota", headers=headers)
        assert failed(answer, 401, "Unauthorized") == f"Authorization error: {text}"
    assert caller.http.post("/logout").content == b""
    failed(caller.http.get("/session"), 401, "Unauthorized")


def test_sessions_expire_by_the_clock():
    now = [utc_now()]
    settings = SandboxSettings(
        days=0,
        clock=lambda: now[0],
        geo_engine=GeoEngineSettings(session_lifetime=60, task_seconds=10, clean_up_seconds=5),
    )
    with Sandbox(settings) as box:
        caller = Caller(f"{box.url}/geoengine/0.9")
        workflow = caller.register(**RASTER)
        saved = {"name": "mine", "displayName": "Mine", "query": {}}
        first = caller.http.post(f"/datasetFromWorkflow/{workflow}", json=saved).json()["taskId"]
        failed(
            caller.http.post(f"/datasetFromWorkflow/{workflow}", json=saved), 409, "DatasetNameAlreadyExists"
        )
        saved["name"] = None
        second = caller.http.post(f"/datasetFromWorkflow/{workflow}", json=saved).json()["taskId"]
        now[0] += timedelta(seconds=4)
        status = caller.http.get(f"/tasks/{first}/status").json()
        assert (status["status"], status["pctComplete"]) == ("running", "40.00%")
        assert caller.http.delete(f"/tasks/{second}").status_code == 202
        assert caller.http.get(f"/tasks/{second}/status").json()["cleanUp"]["status"] == "running"
        failed(caller.http.delete(f"/tasks/{second}"), 400, "TaskError")
        now[0] += timedelta(seconds=6)
        assert caller.http.get(f"/tasks/{first}/status").json()["info"]["dataset"] == "mine"
        assert caller.http.get(f"/tasks/{second}/status").json() == {
            "status": "aborted",
            "cleanUp": {"status": "completed", "info": None},
        }
        running = caller.http.get("/tasks/list", params={"filter": "completed"}).json()
        assert [one["taskId"] for one in running] == [first]
        failed(caller.http.get("/tasks/list", params={"limit": 21}), 400, "UnableToParseQueryString")
        box.geo_engine.tasks.forget()
        assert "not found" in failed(caller.http.get(f"/tasks/{first}/status"), 400, "TaskError")
        now[0] += timedelta(seconds=60)
        failed(caller.http.get("/quota"), 401, "Unauthorized")
        caller.http.close()


def test_a_task_fails_as_ordered(box, caller):
    workflow = caller.register(**RASTER)
    order = {"task_error": "TileLimitExceeded", "task_seconds": 0, "clean_up_seconds": 60}
    with box.faults.active(Fault("behave", "*/datasetFromWorkflow/*", parameters={"settings": order})):
        answer = caller.http.post(
            f"/datasetFromWorkflow/{workflow}", json={"name": "never", "displayName": "x", "query": {}}
        )
    assert caller.http.get(f"/tasks/{answer.json()['taskId']}/status").json() == {
        "status": "failed",
        "error": "TileLimitExceeded",
        "cleanUp": {"status": "running", "pctComplete": "0.00%", "info": None},
    }
    missing = {"type": "Raster", "operator": {"type": "GdalSource", "params": {"data": "never"}}}
    failed(caller.http.post("/workflow", json=missing), 400, "UnknownDatasetName")


def test_anonymous_sessions_can_be_forbidden():
    settings = GeoEngineSettings(anonymous=False)
    with Sandbox(SandboxSettings(days=0, geo_engine=settings)) as box:
        url = f"{box.url}/geoengine/0.9"
        failed(httpx.post(f"{url}/anonymous"), 401, "Unauthorized")
        given = {"email": "demo@example.org", "password": "demo-password"}
        session = httpx.post(f"{url}/login", json=given).json()
        assert session["user"]["realName"] == "Demo"


def test_workflows_have_the_identifier_of_their_content(caller):
    one = caller.register(operator={"params": {"data": "ndvi"}, "type": "GdalSource"})
    same = caller.register(operator={"type": "GdalSource", "params": {"data": "ndvi", "overviewLevel": None}})
    assert one == same
    assert one[14] == "5"
    outer = caller.register(
        operator={
            "type": "Expression",
            "params": {},
            "sources": {"raster": {"type": "GdalSource", "params": {"data": "ndvi"}}},
        }
    )
    assert outer != one
    described = [caller.http.get(f"/workflow/{key}/metadata").json() for key in (one, outer)]
    assert described[0] == described[1]
    archive = zipfile.ZipFile(io.BytesIO(caller.http.get(f"/workflow/{one}/allMetadata/zip").content))
    assert json.loads(archive.read("metadata.json")) == described[0]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("no JSON", "BodyDeserializeError"),
        ({"type": "Cake", "operator": {}}, "BodyDeserializeError"),
        ({"type": "Raster"}, "BodyDeserializeError"),
        (
            {"type": "Raster", "operator": {"type": "SandboxRaster", "params": {"size": 3}}},
            "BodyDeserializeError",
        ),
        (
            {"type": "Raster", "operator": {"type": "SandboxRaster", "params": {"dataType": "U9"}}},
            "BodyDeserializeError",
        ),
        (
            {
                "type": "Raster",
                "operator": {"type": "SandboxRaster", "params": {"time": {"start": "2014-01-01T00:00:00Z"}}},
            },
            "BodyDeserializeError",
        ),
        (
            {"type": "Raster", "operator": {"type": "GdalSource", "params": {"data": "nothing"}}},
            "UnknownDatasetName",
        ),
        (
            {"type": "Vector", "operator": {"type": "GdalSource", "params": {"data": "ndvi"}}},
            "InvalidOperatorType",
        ),
    ],
)
def test_bad_workflows(caller, body, error):
    content = body if isinstance(body, str) else json.dumps(body)
    failed(caller.http.post("/workflow", content=content), 400, error)


def test_unknown_paths_and_methods(caller):
    failed(caller.http.get("/nothing"), 404, "NotFound")
    failed(caller.http.get("/workflow/no-uuid/metadata"), 404, "NotFound")
    failed(caller.http.get("/workflow"), 405, "MethodNotAllowed")
    failed(caller.http.get(f"/workflow/{caller.session['id']}"), 400, "NoWorkflowForGivenId")


def test_a_picture_has_the_colours_asked(caller):
    workflow = caller.register(**RASTER)
    colours = {
        "type": "linearGradient",
        "breakpoints": GRAY,
        "noDataColor": HIDDEN,
        "overColor": HIDDEN,
        "underColor": HIDDEN,
    }
    query = {
        "service": "WMS",
        "version": "1.3.0",
        "request": "GetMap",
        "layers": workflow,
        "format": "image/png",
        "width": 30,
        "height": 20,
        "bbox": "-20,10,0,40",
        "crs": "EPSG:4326",
        "time": DAY,
        "styles": "custom:" + json.dumps({"type": "singleBand", "band": 0, "bandColorizer": colours}),
    }
    answer = caller.http.get(f"/wms/{workflow}", params=query)
    assert answer.headers["content-type"] == "image/png"
    seen = np.asarray(Image.open(io.BytesIO(answer.content)))
    np.testing.assert_array_equal(seen[..., 0], np.where(PIXELS[1], PIXELS[0], 0))
    np.testing.assert_array_equal(seen[..., 3], np.where(PIXELS[1], 255, 0))
    palette = {
        "type": "palette",
        "colors": {"7": [1, 2, 3, 4]},
        "noDataColor": HIDDEN,
        "defaultColor": [9, 9, 9, 9],
    }
    query["styles"] = "custom:" + json.dumps({"type": "singleBand", "band": 0, "bandColorizer": palette})
    seen = np.asarray(Image.open(io.BytesIO(caller.http.get(f"/wms/{workflow}", params=query).content)))
    assert seen[PIXELS[1] & (PIXELS[0] == 7)].tolist() == [[1, 2, 3, 4]] * int(
        (PIXELS[1] & (PIXELS[0] == 7)).sum()
    )
    channels = {
        f"{name}{part}": value
        for name in ("red", "green", "blue")
        for part, value in (("Band", 0), ("Min", 0), ("Max", 255), ("Scale", 1))
    }
    query["styles"] = "custom:" + json.dumps({"type": "multiBand", **channels, "noDataColor": HIDDEN})
    seen = np.asarray(Image.open(io.BytesIO(caller.http.get(f"/wms/{workflow}", params=query).content)))
    np.testing.assert_array_equal(seen[..., 2], np.where(PIXELS[1], PIXELS[0], 0))
    query["crs"] = "EPSG:3857"
    answer = caller.http.get(f"/wms/{workflow}", params=query)
    assert answer.status_code == 200
    assert answer.text.startswith("\n<?xml")
    assert "no projection" in answer.text


def test_a_coverage_is_a_geotiff_of_the_first_band(caller):
    workflow = caller.register(**RASTER)
    query = {
        "service": "WCS",
        "version": "1.1.1",
        "request": "GetCoverage",
        "identifier": workflow,
        "boundingbox": "-20,10,0,40",
        "timesequence": DAY,
        "format": "image/tiff",
        "store": "False",
        "crs": "urn:ogc:def:crs:EPSG::4326",
    }

    def coverage(**more):
        answer = caller.http.get(f"/wcs/{workflow}", params={**query, **more})
        assert answer.status_code == 200, answer.text
        with rasterio.MemoryFile(answer.content) as memory, memory.open() as found:
            return found.read(1), found.read_masks(1) > 0, found.nodata, found.bounds

    values, mask, nodata, bounds = coverage()
    np.testing.assert_array_equal(values, PIXELS[0])
    np.testing.assert_array_equal(mask, PIXELS[1])
    assert nodata is None
    assert tuple(bounds) == (10, -20, 40, 0)
    values, _, nodata, _ = coverage(nodatavalue="9.0")
    np.testing.assert_array_equal(values, np.where(PIXELS[1], PIXELS[0], 9))
    assert nodata == 9
    assert coverage(resx="-2", resy="5")[0].shape == (10, 6)
    failed(
        caller.http.get(f"/wcs/{workflow}", params={**query, "boundingbox": "-90,-180,90,180000"}),
        400,
        "TileLimitExceeded",
    )
    assert workflow in caller.http.get(f"/wcs/{workflow}", params={"request": "DescribeCoverage"}).text


def test_features_as_geojson(caller):
    workflow = caller.register(
        "Vector", count=10, geometry="MultiPolygon", columns={"t": "dateTime", "b": "bool"}
    )
    query = {
        "service": "WFS",
        "version": "2.0.0",
        "request": "GetFeature",
        "typeNames": workflow,
        "bbox": "-180,-90,180,90",
        "time": DAY,
        "srsName": "EPSG:4326",
    }
    answer = caller.http.get(f"/wfs/{workflow}", params=query)
    found = answer.json()["features"]
    assert len(found) == 10
    assert found[0]["geometry"]["type"] == "MultiPolygon"
    assert found[0]["when"] == {
        "start": "2014-01-01T00:00:00+00:00",
        "end": "2015-01-01T00:00:00+00:00",
        "type": "Interval",
    }
    computation = answer.headers["x-computation-id"]
    assert caller.http.get(f"/quota/computations/{computation}").json()[0]["count"] == 1
    late = caller.http.get(f"/wfs/{workflow}", params={**query, "time": "2016-01-01T00:00:00+00:00"})
    assert late.json()["features"] == []
    failed(caller.http.get(f"/wfs/{caller.register(**RASTER)}", params=query), 400, "InvalidOperatorType")


def test_quota_is_spent_and_only_administrators_grant_it(box, caller):
    user = caller.session["user"]["id"]
    workflow = caller.register(operator={"type": "OgrSource", "params": {"data": "ports"}}, kind="Vector")
    for _ in range(2):
        caller.pull(workflow, stream="vectorStream", spatialBounds="-180,-90,180,90")
    assert box.log.wait_for(lambda log: caller.http.get("/quota").json()["used"] == 2)
    failed(caller.http.post(f"/quotas/{user}", json={"available": 1}), 401, "OperationNotPermitted")
    given = {"email": "admin@example.org", "password": "admin-password"}
    admin = httpx.post(f"{caller.url}/login", json=given).json()["id"]
    headers = {"authorization": f"Bearer {admin}"}
    assert (
        httpx.post(f"{caller.url}/quotas/{user}", json={"available": -3}, headers=headers).status_code == 200
    )
    assert caller.http.get(f"/quotas/{user}").json() == {"available": -3, "used": 2}
    pages = {
        "/quota/dataUsage": {"offset": 0, "limit": 100},
        "/quota/dataUsage/summary": {"granularity": "hours", "offset": 0, "limit": 10},
    }
    for path, query in pages.items():
        failed(caller.http.get(path, params=query), 400, "PermissionDenied")
    failed(httpx.get(f"{caller.url}/quota/dataUsage", headers=headers), 400, "UnableToParseQueryString")
    page, rows = (
        httpx.get(f"{caller.url}{path}", params=query, headers=headers).json()
        for path, query in pages.items()
    )
    mine = [(one["data"], one["count"]) for one in page if one["userId"] == user]
    assert mine == [("ports", 1), ("ports", 1)]
    assert sum(one["count"] for one in rows if one["data"] == "ports") >= 2
    assert caller.http.get(f"/quota/computations/{user}").json() == []


def test_a_proxy_in_between_answers_html(box, caller):
    with box.faults.active(Fault("error_page", "/geoengine/*", parameters={"format": "html", "status": 502})):
        answer = caller.http.get("/quota")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")


def test_a_process_of_its_own_takes_orders_by_http():
    command = [sys.executable, "-m", "eoflows.sandbox", "--days", "0", "--geo-engine-cache", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = json.loads(process.stdout.readline())["url"]
        caller = Caller(f"{url}/geoengine/0.9")
        workflow = caller.register(**RASTER)
        order = {"settings": {"stream": {"kind": "close", "message": 0, "code": 1013}}}
        fault = {"kind": "behave", "path": "*Stream", "times": 1, "parameters": order}
        assert httpx.post(f"{url}/_sandbox/faults", json=fault).status_code == 201
        assert [caller.pull(workflow)[1].rcvd.code for _ in range(2)] == [1013, 1000]
        entries = httpx.get(f"{url}/_sandbox/log", params={"path": "*Stream"}).json()["entries"]
        assert [one["body"]["sent"] for one in entries] == [0, 2]
        caller.http.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0
