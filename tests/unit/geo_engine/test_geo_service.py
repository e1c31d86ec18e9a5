"""Geo Engine's tasks as jobs: what is sent, and how its answers are read."""

import uuid
from typing import Any

import httpx
import pytest
from geo_server import Server, refusal
from pydantic import SecretStr, TypeAdapter, ValidationError

from eoflows.base.errors import AbsentError, ConflictError, ContractError, InvalidInputError
from eoflows.blocks import GeoEngineServer
from eoflows.jobs.models import Phase, Recognition, intent_key
from eoflows.jobs.registry import AnyRequest
from eoflows.services.geo_engine.queries import BoundingBox2D
from eoflows.services.geo_engine.request import GeoEngineRequest
from eoflows.services.geo_engine.service import job_server

pytestmark = pytest.mark.anyio
WORKFLOW = uuid.UUID("5b9508a8-bd34-5a1c-acd6-75bb832d2d38")
TASK = "7f8a4cfe-76ab-4972-b347-b197e5ef0f3c"
URL = "http://mock-instance"


def request(**more: Any) -> GeoEngineRequest:
    given = {"workflow": WORKFLOW, "bbox": (0, 1, 2, 3), "time_start": "2014-01-01T00:00:00Z"}
    return GeoEngineRequest(**{**given, "display_name": "Foo", **more})


def test_a_request_is_told_apart_by_its_service():
    document = request().model_dump(mode="json")
    found = TypeAdapter(AnyRequest).validate_python(document)
    assert found == request()
    with pytest.raises(ValidationError, match="timezone"):
        request(time_start="2014-01-01T00:00:00")


def test_the_description_is_no_part_of_what_is_asked():
    one, other = request(description="a"), request(description="b")
    assert intent_key(URL, one) == intent_key(URL, other)
    assert intent_key(URL, one) != intent_key(URL, request(display_name="Bar"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_task_is_sent_and_followed():
    running = {"status": "running", "taskType": "create-dataset", "pctComplete": "12.00%", "info": None}
    running |= {"description": "Foo", "timeStarted": "2023-02-16T15:25:45.390Z"}
    info = {"dataset": "ns:foo", "upload": TASK}
    done = {"status": "completed", "info": info, "timeTotal": "00:00:30", "taskType": "create-dataset"}
    failed = {"status": "failed", "error": "no", "cleanUp": {"status": "running"}}
    answers = {
        f"POST /datasetFromWorkflow/{WORKFLOW}": {"taskId": TASK},
        f"GET /tasks/{TASK}/status": running,
        "GET /tasks/list": [{"taskId": TASK, **done}, {"taskId": str(WORKFLOW), **failed}],
        f"DELETE /tasks/{TASK}": httpx.Response(202),
    }
    server = Server(**answers)
    async with server.client() as client:
        jobs = await job_server(client, URL, exclusive=True)
        assert jobs.recognition is Recognition.LISTING
        sent = await jobs.send(request(), "token")
        assert (sent.id, sent.phase) == (TASK, Phase.SUBMITTED)
        assert server.sent()["query"]["timeInterval"] == {"start": 1388534400000, "end": 1388534400000}
        state = await jobs.state(TASK)
        assert (state.id, state.phase, state.progress) == (TASK, Phase.RUNNING, 0.12)
        assert state.created is not None
        listed = [one async for page in jobs.states() for one in page]
        assert [one.phase for one in listed] == [Phase.SUCCEEDED, Phase.RUNNING]
        assert [one.process for one in listed] == ["create-dataset", None]
        (output,) = await jobs.outputs(listed[0])
        assert b"ns:foo" in (output.content or b"")
        with pytest.raises(ContractError, match="does not name"):
            await jobs.outputs(state)
        assert await jobs.cancel(TASK) is None


async def test_refusals_are_those_of_geo_engine():
    gone = refusal("TaskError", f"TaskError: Task not found with id: {TASK}")
    taken = refusal("DatasetNameAlreadyExists", "Dataset name ns:foo already exists", 409)
    answers = {f"GET /tasks/{TASK}/status": gone, f"POST /datasetFromWorkflow/{WORKFLOW}": taken}
    async with Server(**answers).client() as client:
        jobs = await job_server(client, URL)
        assert jobs.recognition is Recognition.NONE
        with pytest.raises(AbsentError, match="not found"):
            await jobs.state(TASK)
        with pytest.raises(ConflictError, match="already exists"):
            await jobs.send(request(), "token")


async def test_all_pages_of_the_list_are_read():
    tasks = [{"taskId": str(uuid.UUID(int=n)), "status": "aborted", "cleanUp": {"status": "noCleanUp"}}
             for n in range(45)]  # fmt: skip

    def page(asked: httpx.Request) -> httpx.Response:
        offset, limit = int(asked.url.params["offset"]), int(asked.url.params["limit"])
        return httpx.Response(200, json=tasks[offset : offset + limit])

    async with Server(**{"GET /tasks/list": page}).client() as client:
        jobs = await job_server(client, URL)
        assert [len(states) async for states in jobs.states()] == [20, 20, 5]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"login": "password", "user": "ada"}, "needs `user` and `secret`"),
        ({"login": "token", "secret": "s3cret"}, "needs `user` and `secret`"),
        ({"secret": "s3cret"}, "say how"),
        ({"exclusive": True}, "needs a user"),
        ({"url": "ftp://x"}, "ftp"),
    ],
)
def test_a_block_that_cannot_work_is_refused(fields, said):
    with pytest.raises(ValidationError, match=said) as caught:
        GeoEngineServer(**{"url": "https://geo.example/api", **fields})
    assert "s3cret" not in str(caught.value)


def test_users_of_one_server_are_kept_apart():
    url = "https://geo.example/api/"
    ada = GeoEngineServer(url=url, login="token", user="ada", secret=SecretStr("t"), max_gigabytes=0.5)
    assert ada.endpoint == "https://geo.example/api#ada"
    assert ada.limit_bytes == 500_000_000
    assert GeoEngineServer(url=url).endpoint == "https://geo.example/api"


def test_a_box_is_enclosed_in_another_system():
    box = BoundingBox2D(7.6, 51.3, 7.65, 51.32)
    assert box.enclosed("EPSG:4326", "EPSG:4326") is box
    found = box.enclosed("EPSG:4326", "EPSG:32632")
    back = found.enclosed("EPSG:32632", "EPSG:4326")
    assert back.xmin <= box.xmin < box.xmax <= back.xmax
    assert back.ymin <= box.ymin < box.ymax <= back.ymax
    with pytest.raises(InvalidInputError, match="cannot be put"):
        box.enclosed("EPSG:4326", "EPSG:1")
