"""What is sent and what is read, against the real exchanges."""

import io
import json
import zipfile

import httpx
import numpy as np
import pytest
from geo_records import FOLDER, needs_records, raster_document, record
from geo_server import Server, refusal
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import AbsentError, ContractError, InvalidInputError, RefusedError, UnreachableError
from eoflows.services.geo_engine import (
    ColorBreakpoint,
    IdResponse,
    LinearGradientColorizer,
    MultiBandRasterColorizer,
    PaletteColorizer,
    Profile,
    QueryRectangle,
    SingleBandRasterColorizer,
    SpatialResolution,
    Task,
    TaskPhase,
    UsageSummaryGranularity,
    WorkflowId,
    WrappedPlotOutput,
    citations,
    data_usage,
    data_usage_summary,
    get_task_list,
    read_task,
    register_workflow,
    save_request,
    update_quota,
    workflow_by_id,
)
from eoflows.services.geo_engine.colorizers import style_of

WORKFLOW = "5b9508a8-bd34-5a1c-acd6-75bb832d2d38"
VECTOR = "956d3656-2d14-5951-96a0-f962b92371cd"
NDVI = {"type": "Raster", "operator": {"type": "GdalSource", "params": {"data": "ndvi"}}}
QUERY = QueryRectangle((-180, -90, 180, 90), ("2014-01-01", "2014-01-03"))
CLEAR = (0, 0, 0, 0)


def with_workflow(document, **answers):
    path = f"GET /workflow/{WORKFLOW}"
    return Server(**{f"{path}/metadata": document, "POST /workflow": {"id": WORKFLOW}}, **answers)


def test_a_workflow_is_registered_and_described():
    server = with_workflow(raster_document(), **{f"GET /workflow/{WORKFLOW}": NDVI})
    with server.client():
        found = register_workflow(NDVI)
        assert str(found) == WORKFLOW
        assert found.get_result_descriptor().kind == "raster"
        assert found.workflow_definition() == NDVI
        assert str(workflow_by_id(WORKFLOW)) == WORKFLOW
    assert json.loads(server.requests[1].content) == NDVI


def test_an_operator_may_know_its_workflow():
    class Operator:
        def to_workflow_dict(self):
            return NDVI

    server = with_workflow(raster_document())
    with server.client():
        assert str(register_workflow(Operator())) == WORKFLOW


@pytest.mark.parametrize("wrong", [{"type": "GdalSource"}, {"type": "Raster"}, {}])
def test_what_is_no_workflow(wrong):
    with Server().client(), pytest.raises(InvalidInputError, match="a workflow is"):
        register_workflow(wrong)


def test_ids():
    one = WorkflowId(WORKFLOW)
    assert one == WorkflowId.from_response(IdResponse(id=WORKFLOW)) == WorkflowId(one.uuid)
    assert len({one, WorkflowId(VECTOR)}) == 2
    with pytest.raises(InvalidInputError, match="UUID"):
        WorkflowId("foo")
    with pytest.raises(ContractError):
        WorkflowId.from_document({})


@needs_records
def test_provenance_as_recorded():
    answer = record("07_provenance.json")["exchanges"][-1]["json"]
    server = with_workflow(raster_document(), **{f"GET /workflow/{WORKFLOW}/provenance": answer})
    with server.client():
        found = workflow_by_id(WORKFLOW).get_provenance()
    assert found[0].provenance.citation.startswith("Nasa Earth Observations")
    assert found[0].data[0]["datasetId"] == "36574dc3-560a-4b09-9d22-d5945f2b8093"
    assert citations(found)["references"] == found[0].provenance.citation


@needs_records
def test_the_recorded_error_of_a_plot():
    answer = record("08_plot_and_errors.json")["exchanges"][-1]["json"]
    failed = refusal(answer["error"], answer["message"])
    server = with_workflow(
        {"type": "plot", "spatialReference": "EPSG:4326"}, **{f"GET /plot/{WORKFLOW}": failed}
    )
    with server.client(), pytest.raises(RefusedError, match="Could not open gdal dataset") as found:
        workflow_by_id(WORKFLOW).plot_json(
            QueryRectangle((-180, -90, 180, 90), "2004-04-01T12:00:00Z"), SpatialResolution(0.1, 0.1)
        )
    assert found.value.document == answer
    query = dict(server.requests[-1].url.params)
    assert query == {
        "bbox": "-180.0,-90.0,180.0,90.0",
        "crs": "EPSG:4326",
        "time": "2004-04-01T12:00:00.000+00:00",
        "spatialResolution": "0.1,0.1",
    }


@pytest.mark.parametrize("data", [{"vegaString": '{"mark": "bar"}'}, {"vegaSpec": {"mark": "bar"}}])
def test_a_chart_wherever_the_version_puts_it(data):
    plot = WrappedPlotOutput.model_validate(
        {"outputFormat": "JsonVega", "plotType": "Histogram", "data": data}
    )
    assert plot.vega_spec == {"mark": "bar"}


def test_a_plot_that_is_no_chart():
    plot = WrappedPlotOutput(output_format="ImagePng", plot_type="Picture", data="data:image/png;base64,AA==")
    with pytest.raises(InvalidInputError, match="plot_json"):
        _ = plot.vega_spec


@pytest.mark.parametrize(("profile", "sent"), [(Profile.V0_9, "0.1,0.1"), (Profile.V0_10, None)])
def test_older_servers_insist_on_a_resolution(profile, sent):
    plot = {"outputFormat": "JsonPlain", "plotType": "Statistics", "data": {}}
    metadata = f"GET /{profile.workflows}/{WORKFLOW}/metadata"
    server = Server(**{metadata: {"type": "plot", "spatialReference": ""}, f"GET /plot/{WORKFLOW}": plot})
    with server.client(profile=profile):
        assert workflow_by_id(WORKFLOW).plot_json(QUERY).data == {}
    assert server.requests[-1].url.params.get("spatialResolution") == sent


@needs_records
def test_features_as_recorded():
    exchanges = record("11_wfs_dataframe.json")["exchanges"]
    query = QueryRectangle((-60, 5, 61, 6), "2014-04-01T12:00:00Z")
    server = Server(**{
        f"GET /workflow/{VECTOR}/metadata": exchanges[2]["json"],
        f"GET /wfs/{VECTOR}": httpx.Response(
            200, json=exchanges[3]["json"], headers={"x-computation-id": "computed"}
        ),
    })  # fmt: skip
    with server.client():
        frame = workflow_by_id(VECTOR).get_dataframe(query)
    recorded = httpx.URL(exchanges[3]["url"]).params
    assert dict(server.requests[-1].url.params) == dict(recorded)
    assert list(frame.columns) == [*exchanges[2]["json"]["columns"], "geometry", "start", "end"]
    assert len(frame) == len(exchanges[3]["json"]["features"])
    assert frame.name[0] == "Tema"
    assert frame.NDVI.isna()[0]
    assert frame.geometry[0].x == 0.007420495
    assert str(frame.start[0]) == "2014-04-01 00:00:00+00:00"
    assert str(frame.crs) == "EPSG:4326"
    assert frame.attrs["computation_id"] == "computed"


ALWAYS = {"start": "-262143-01-01T00:00:00+00:00", "end": "+262142-12-31T23:59:59.999+00:00"}
FEATURE = {"type": "Feature", "geometry": None, "properties": {"class": 1}, "when": ALWAYS}


@pytest.mark.parametrize("features", [[], [FEATURE]])
def test_classes_unbounded_times_and_no_features(features):
    classes = {"type": "classification", "measurement": "m", "classes": {"1": "water"}}
    document = {
        "type": "vector",
        "dataType": "Data",
        "spatialReference": "EPSG:4326",
        "columns": {"class": {"dataType": "category", "measurement": classes}},
    }
    answer = {"type": "FeatureCollection", "features": features}
    server = with_workflow(document, **{f"GET /wfs/{WORKFLOW}": answer})
    with server.client():
        frame = workflow_by_id(WORKFLOW).get_dataframe(QUERY, resolve_classifications=True)
    assert list(frame.columns) == ["class", "geometry", "start", "end"]
    assert list(frame["class"]) == ["water"] * len(features)
    ends = frame.end.dt.tz_convert(None).to_numpy().astype(np.int64)
    assert ends.tolist() == [8210266876799999] * len(features)


def test_metadata_as_a_zip(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("workflow.json", "{}")
    answer = httpx.Response(200, content=content.getvalue())
    server = with_workflow(raster_document(), **{f"GET /workflow/{WORKFLOW}/allMetadata/zip": answer})
    memory = io.BytesIO()
    with server.client():
        workflow_by_id(WORKFLOW).metadata_zip(tmp_path / "all.zip")
        workflow_by_id(WORKFLOW).metadata_zip(memory)
    assert zipfile.ZipFile(tmp_path / "all.zip").namelist() == ["workflow.json"]
    assert memory.getvalue() == content.getvalue()
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]


@pytest.mark.parametrize(
    "answer",
    [
        b'\n<?xml version="1.0"?><Report><ServiceException>no colour</ServiceException></Report>',
        b'<Report><ServiceException code="x">no colour</ServiceException></Report>',
        b"\xef\xbb\xbf<html><body>no &#99;olour</body></html>",
        b'{"error": "Operator", "message": "no colour"}',
        b' {"detail": "no colour"}',
        b'["no colour"]',
    ],
)
def test_a_picture_that_was_not_drawn(answer):
    server = with_workflow(raster_document(), **{f"GET /wms/{WORKFLOW}": httpx.Response(200, content=answer)})
    colours = SingleBandRasterColorizer(0, PaletteColorizer(CLEAR, {1: (255, 0, 0, 255)}))
    with server.client(), pytest.raises(RefusedError, match="no colour"):
        workflow_by_id(WORKFLOW).wms_get_map_as_image(QUERY, colours, SpatialResolution(1, 2))
    sent = server.requests[-1].url.params
    assert (sent["width"], sent["height"], sent["bbox"]) == ("360", "90", "-90.0,-180.0,90.0,180.0")


def test_colours_as_the_server_takes_them():
    gradient = LinearGradientColorizer(CLEAR, [ColorBreakpoint(0, (0, 0, 0, 255))])
    assert style_of(SingleBandRasterColorizer(1, gradient)) == (
        'custom:{"type":"singleBand","band":1,"bandColorizer":{"type":"linearGradient","breakpoints":'
        '[{"value":0,"color":[0,0,0,255]}],"noDataColor":[0,0,0,0],"overColor":[0,0,0,0],"underColor":[0,0,0,0]}}'
    )
    several = MultiBandRasterColorizer(2, 9, 0, None, 1, 8, 0, 1.5, 0, 7, 0, None).document()
    assert (several["blueBand"], several["greenScale"], several["redMax"]) == (2, 1.5, 7)
    assert "blueScale" not in several


def test_a_dataset_as_it_is_asked_for():
    query = QueryRectangle((-180, -90, 180, 90), ("2014-01-01", "2014-01-03"))
    request = save_request(Profile.V0_9, WORKFLOW, query, name=None, display_name="Foo")
    assert (request.method, request.path) == ("POST", f"datasetFromWorkflow/{WORKFLOW}")
    assert request.json == {
        "name": None,
        "displayName": "Foo",
        "description": "",
        "query": {
            "spatialBounds": {
                "upperLeftCoordinate": {"x": -180.0, "y": 90.0},
                "lowerRightCoordinate": {"x": 180.0, "y": -90.0},
            },
            "timeInterval": {"start": 1388534400000, "end": 1388707200000},
        },
        "asCog": True,
    }
    newer = save_request(Profile.V0_10, WORKFLOW, query, name="ns:foo", display_name="Foo")
    assert newer.path == f"datasetFromProcessingGraph/{WORKFLOW}"
    with pytest.raises(InvalidInputError, match="resolution"):
        save_request(Profile.V0_8, WORKFLOW, query, name=None, display_name="Foo")


def test_a_dataset_is_asked_for_once():
    server = with_workflow(
        raster_document(), **{f"POST /datasetFromWorkflow/{WORKFLOW}": httpx.Response(502, content=b"<html>")}
    )
    with server.client(), pytest.raises(UnreachableError):
        workflow_by_id(WORKFLOW).save_as_dataset(QUERY, None, "Foo")
    assert server.count(f"/datasetFromWorkflow/{WORKFLOW}") == 1


@needs_records
def test_every_recorded_status_has_a_phase():
    exchanges = record("10_tasks.json")["exchanges"]
    states = [e["json"] for e in exchanges if isinstance(e.get("json"), dict) and "status" in e["json"]]
    found = [read_task(state) for state in states]
    assert [one.phase for one in found] == [
        TaskPhase.SUCCEEDED,
        TaskPhase.RUNNING,
        TaskPhase.CANCELLED,
        TaskPhase.FAILED,
        TaskPhase.RUNNING,
        TaskPhase.RUNNING,
    ]
    assert [one.known for one in found] == [True, True, True, True, False, True]
    assert [one.progress for one in found] == [1.0, 0.0, None, None, 0.0, None]
    assert found[3].message == "TileLimitExceeded"


@given(st.sampled_from(["running", "completed", "aborted", "failed"]) | st.text(),
       st.none() | st.sampled_from(["noCleanUp", "running", "completed", "aborted", "failed"]))  # fmt: skip
def test_a_task_is_over_only_when_it_has_cleaned_up(status, clean_up):
    state = read_task({"status": status, "cleanUp": clean_up and {"status": clean_up}})
    assert state.phase in TaskPhase
    if clean_up == "running":
        assert not state.finished or status == "completed"


@pytest.mark.parametrize("broken", [None, [], {}, {"status": 1}])
def test_what_is_no_status(broken):
    with pytest.raises(ContractError):
        read_task(broken)


@needs_records
def test_tasks_of_a_server():
    exchanges = record("10_tasks.json")["exchanges"]
    name = "a04d2e1b-db24-42cb-a620-1d7803df3abe"
    gone = refusal("TaskNotFound", f"Task not found with id: {name}")
    server = Server(**{"GET /tasks/list": exchanges[1]["json"], f"DELETE /tasks/{name}": httpx.Response(202),
                       f"GET /tasks/{name}/status": gone})  # fmt: skip
    with server.client():
        listed = get_task_list()
        assert len(listed) == len(exchanges[1]["json"])
        task = Task(name)
        assert task == listed[1][0]
        task.abort(force=True)
        assert server.requests[-1].url.query == b"force=true"
        with pytest.raises(AbsentError):
            task.get_status()


def test_usage():
    uses = [
        {
            "timestamp": "2025-01-09T16:40:22.933Z",
            "userId": WORKFLOW,
            "computationId": VECTOR,
            "data": "land_cover",
            "count": 4,
        }
    ]
    summary = [{"timestamp": "2025-01-09T16:40:00Z", "data": "land_cover", "count": 4}]
    server = Server(**{"GET /quota/dataUsage": uses, "GET /quota/dataUsage/summary": summary,
                       f"POST /quotas/{WORKFLOW}": httpx.Response(200)})  # fmt: skip
    with server.client():
        assert [(use.data, use.count) for use in data_usage()] == [("land_cover", 4)]
        assert server.requests[-1].url.query == b"offset=0&limit=10"
        frame = data_usage_summary(UsageSummaryGranularity.MINUTES, "land_cover")
        assert list(frame.columns) == ["timestamp", "data", "count"]
        assert str(frame.timestamp.dt.tz) == "UTC"
        assert server.requests[-1].url.params["dataset"] == "land_cover"
        update_quota(WORKFLOW, 123)
        assert server.sent() == {"available": 123}
        server.answers["GET /quota/dataUsage/summary"] = []
        assert len(data_usage_summary(UsageSummaryGranularity.YEARS)) == 0
        with pytest.raises(InvalidInputError):
            data_usage(limit=0)


@needs_records
def test_recorded_chunks_of_features():
    from eoflows.services.geo_engine.tiles import read_batch
    from eoflows.services.geo_engine.vectors import TimeColumns, VectorChunk

    expected = record("06_vector_stream_chunks/expected.json")
    files = sorted((FOLDER / "06_vector_stream_chunks").glob("*.arrow"))
    chunks = [VectorChunk.read(read_batch(file.read_bytes()), TimeColumns()) for file in files]
    frames = [chunk.frame() for chunk in chunks]
    assert sum(map(len, frames)) == expected["rows"]
    assert [value for frame in frames for value in frame["data"]] == expected["data"]
    assert set(frames[0].columns) == set(expected["columns"])
    assert str(frames[0].time_start.dtype) == "datetime64[ms, UTC]"
    assert not any(frame.time_start.isna().any() for frame in frames)
    import shapely

    texts = [shapely.from_wkt(text) for text in expected["wkt"]]
    assert [one for frame in frames for one in frame.geometry] == texts
    assert chunks[0].table().column_names == ["data", "geometry", "time_start", "time_end"]
