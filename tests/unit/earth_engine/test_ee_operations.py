import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.jobs.models import Phase, Recognition
from eoflows.jobs.service import Call
from eoflows.services.earth_engine import EarthEngineRequest, EarthEngineService, FailureKind, judge
from eoflows.services.earth_engine.operations import OperationState, eecu_seconds, failure_of, read_operation
from eoflows.services.earth_engine.request import destination_of
from eoflows.services.earth_engine.shards import ShardGrid

RECORDS = Path(__file__).parents[3].parent / "shared" / "data" / "earth_engine"
needs_records = pytest.mark.skipif(not RECORDS.exists(), reason="the shared records are not here")
SERVICE = EarthEngineService("demo-project")


def operation(**metadata):
    return {"name": "projects/p/operations/X1", "metadata": metadata}


def request(**changes):
    values = {
        "order": {"collection": "c", "start": "2022"},
        "bucket": "eo-bucket",
        "name": "PREARD/x",
        "size": (50, 40),
        "shard": (32, 32),
        "layers": [],
        "body": '{"b":1,"a":{"z":2,"y":3}}',
    }
    return EarthEngineRequest(**(values | changes))


@needs_records
def test_the_recorded_operations():
    done = read_operation(json.loads((RECORDS / "rest_operation_succeeded.json").read_text()))
    assert (done.id, done.phase, done.progress) == ("4EF4BA4216AE848C0C94B75E", Phase.SUCCEEDED, 1.0)
    assert done.created == datetime(2026, 11, 21, 1, 22, 51, 926856, tzinfo=UTC)
    assert eecu_seconds(done.document) == 12.5
    failed = read_operation(json.loads((RECORDS / "rest_operation_failed.json").read_text()))
    assert failed.phase is Phase.FAILED
    assert "did not match any bands" in failed.message
    assert "correct the order" in failed.message
    assert failure_of(failed.document).kind is FailureKind.USER


@pytest.mark.parametrize("state", list(OperationState))
def test_every_state_has_a_phase(state):
    assert read_operation(operation(state=state)).phase.value in {
        *("queued", "running", "cancelling", "succeeded", "cancelled", "failed"),
    }


def test_an_unknown_state_is_running_and_logged(caplog):
    assert read_operation(operation(state="SUSPENDED")).phase is Phase.RUNNING
    assert "SUSPENDED" in caplog.text


@pytest.mark.parametrize(
    ("document", "phase"),
    [
        ({"name": "a/b"}, Phase.RUNNING),
        ({"name": "a/b", "done": True}, Phase.SUCCEEDED),
        ({"name": "a/b", "done": True, "error": {"code": 13, "message": "x"}}, Phase.FAILED),
    ],
)
def test_an_operation_without_metadata(document, phase):
    assert read_operation(document).phase is phase


@pytest.mark.parametrize(
    "text", ["2026-11-21T01:22:51Z", "2026-11-21T01:22:51.123456789Z", "2026-11-21T02:22:51+01:00"]
)
def test_times_of_all_kinds(text):
    assert read_operation(operation(state="RUNNING", createTime=text)).created.replace(
        microsecond=0
    ) == datetime(2026, 11, 21, 1, 22, 51, tzinfo=UTC)


def test_a_time_that_is_none_costs_itself_alone():
    found = read_operation(operation(createTime="yesterday", state="RUNNING"))
    assert (found.created, found.phase) == (None, Phase.RUNNING)


@pytest.mark.parametrize("document", [None, [], {}, {"name": 3}])
def test_what_is_no_operation(document):
    with pytest.raises(ContractError):
        read_operation(document)


@pytest.mark.parametrize(
    ("message", "code", "kind"),
    [
        ("Image.select: Pattern 'B99' did not match any bands.", 3, FailureKind.USER),
        ("User memory limit exceeded.", 8, FailureKind.MEMORY),
        ("Execution failed; out of memory.", None, FailureKind.MEMORY),
        ("Computation timed out.", 4, FailureKind.TIME),
        ("An internal error has occurred. Request ID: 7f2b9c10.", 13, FailureKind.TRANSIENT),
        ("Service unavailable", 14, FailureKind.TRANSIENT),
        ("Too many tasks already in the queue (3000). Please wait for some of them to complete.", 8,
         FailureKind.TRANSIENT),
        ("Something odd", 3, FailureKind.USER),
        ("Something odd", None, FailureKind.UNKNOWN),
    ],
)  # fmt: skip
def test_what_failures_mean(message, code, kind):
    assert judge(message, code).kind is kind
    if kind in (FailureKind.MEMORY, FailureKind.TIME):
        assert "shorter periods, or smaller tiles" in str(judge(message, code))


def test_the_export_is_sent_as_it_was_written_down():
    call = SERVICE.submission(request(), "token-1")
    assert call.url == "https://earthengine.googleapis.com/v1/projects/demo-project/image:export"
    assert json.dumps(call.json) == '{"b": 1, "a": {"z": 2, "y": 3}, "requestId": "token-1"}'
    assert call.headers == {"x-goog-user-project": "demo-project"}
    assert SERVICE.can.recognition is Recognition.TOKEN
    assert SERVICE.can.pending == 3000


def test_another_body_is_no_other_order():
    assert request().canonical() == request(body="{}").canonical()
    assert request().canonical() != request(name="PREARD/y").canonical()
    assert request().canonical() != request(order={"collection": "d"}).canonical()


def test_where_the_files_are_is_told_by_the_process():
    assert destination_of(request().process_name) == ("eo-bucket", "PREARD/x", ShardGrid(50, 40, 32, 32))
    longest = request(bucket="b" * 63, name="n" * 180, size=(10**5, 10**5), shard=(10**5, 10**5))
    assert len(longest.process_name) <= 300
    for wrong in (
        None,
        "",
        "pansharpening",
        "image:export to gs://x#1x2x3x4",
        "image:export to gs://b/x#1x2",
    ):
        with pytest.raises(InvalidInputError):
            destination_of(wrong)


def test_a_list_has_pages_and_other_operations():
    document = {
        "operations": [operation(state="RUNNING", type="EXPORT_IMAGE"), operation(type="INGEST_IMAGE")],
        "nextPageToken": "t",
    }
    page = SERVICE.read_listing(httpx.Response(200, json=document, request=httpx.Request("GET", "http://x/")))
    assert [state.id for state in page.states] == ["X1"]
    assert page.following is not None
    assert page.following.params == {"pageSize": "500", "pageToken": "t"}
    empty = SERVICE.read_listing(httpx.Response(200, json={}, request=httpx.Request("GET", "http://x/")))
    assert (list(empty.states), empty.following) == ([], None)


@pytest.mark.parametrize("wrong", ["../x", "a b", "", "a/b"])
def test_ids_and_projects_cannot_leave_their_place(wrong):
    with pytest.raises(InvalidInputError):
        SERVICE.status(wrong)
    with pytest.raises(InvalidInputError):
        EarthEngineService(wrong)


@pytest.mark.anyio
async def test_the_files_of_an_operation_come_from_the_list():
    def listed(name, **changes):
        return {"name": name, "size": "3", "crc32c": "yZRlqg==", "generation": "7"} | changes

    names = [f"PREARD/x-{row:010d}-{column:010d}.tif" for row in (0, 32) for column in (0, 32)]
    objects = [*map(listed, names), listed("PREARD/x_2022.tif"), listed("PREARD/x.json")]
    asked: list[Call] = []

    async def ask(call):
        asked.append(call)
        page = {"items": objects[:3], "nextPageToken": "p"} if len(asked) == 1 else {"items": objects[3:]}
        return httpx.Response(200, json=page, request=httpx.Request("GET", call.url))

    state = read_operation(operation(state="SUCCEEDED"))
    state = type(state)(**{**state.__dict__, "process": request().process_name})
    outputs = await SERVICE.outputs(state, ask)
    assert [output.name for output in outputs] == [name.rpartition("/")[2] for name in names]
    assert outputs[0].size == 3
    assert str(outputs[0].checksums[0]) == "crc32c:c99465aa"
    assert outputs[0].urls[0].endswith("?alt=media&generation=7")
    assert outputs[0].stays == f"gs://eo-bucket/{names[0]}"
    asked.clear()
    objects.pop(1)
    with pytest.raises(ContractError, match=r"1 of 4 files are not there.*0000000032\.tif"):
        await SERVICE.outputs(state, ask)
