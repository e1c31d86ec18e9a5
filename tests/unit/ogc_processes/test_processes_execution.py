"""Any answer to an execution becomes a job, results, or an error that says what is known."""

import httpx
import pytest
from fake_server import HOME, FakeServer, job

from eoflows.base.errors import EoError, InvalidInputError, OutcomeUnknownError, RefusedError, UnsentError
from eoflows.base.http import Keyring, Origin
from eoflows.services.ogc_processes import (
    AsyncClient,
    ClientConfig,
    ClientContractError,
    ClientException,
    ClientOutcomeUnknownError,
    ClientRefusedError,
    ClientThrottledError,
    ClientUnsentError,
    InvalidInputsError,
    Output,
    ProcessRequest,
    Subscriber,
)

pytestmark = pytest.mark.anyio

EXECUTE = "POST /processes/echo/execution"
REQUEST = {"inputs": {"message": "hello"}}


def answer(status: int, headers: dict[str, str] | None = None, **body) -> httpx.Response:
    return httpx.Response(status, headers=headers, **body)


async def run(found, request=REQUEST, validate=False, **options):
    server = FakeServer({EXECUTE: found})
    async with server.client() as client:
        made = await client.execute_process("echo", request, validate=validate, **options)
        before = len(server.requests)
        results = await client.get_job_results(made.jobID) if made.status == "successful" else None
        assert len(server.requests) == before
    return made, results


HERE = {"location": f"{HOME}/jobs/j-1"}


@pytest.mark.parametrize(
    "found",
    [
        answer(201, json=job("j-1", "accepted")),
        answer(201, HERE, json=job("j-1", "accepted")),
        answer(201, json={"id": "j-1", "status": "accepted", "type": "process"}),
        answer(201, HERE, text="null"),
        answer(201, HERE, json={}),
        answer(201, HERE),
        answer(202, HERE),
        answer(201, {"location": "/api/jobs/j-1"}),
        answer(201, {"location": "jobs/j-1?f=json"}),
        answer(201, {"location": "http://inner:5000/jobs/j-1/"}, text="null"),
        answer(201, {"link": '<http://inner/jobs/j-1>; rel="monitor"'}),
        answer(201, json={"links": [{"rel": "monitor", "href": "/jobs/j-1"}]}),
        answer(
            201, json={"links": [{"rel": "self", "href": "/x/y"}, {"rel": "status", "href": "/jobs/j-1"}]}
        ),
        answer(201, json={"location": "/jobs/j-1"}),
        answer(201, json={"jobID": "j-1", "status": None, "created": 7, "progress": "x", "links": 3}),
        answer(200, json=job("j-1", "accepted")),
        answer(200, {"location": "/jobs/other"}, json=job("j-1", "accepted")),
    ],
)
async def test_a_job_has_its_id_wherever_the_server_says_it(found):
    made, _ = await run(found)
    assert (made.jobID, made.status, made.processID) == ("j-1", "accepted", "echo")


async def test_a_job_that_failed_at_once_is_a_job():
    made, _ = await run(answer(201, json=job("j-1", "failed", message="boom")))
    assert (made.status, made.message) == ("failed", "boom")


@pytest.mark.parametrize(
    "found", [answer(201), answer(201, text="null"), answer(201, json={}), answer(202, {"location": "/"})]
)
async def test_a_job_without_an_id_is_an_unknown_outcome(found):
    with pytest.raises(ClientOutcomeUnknownError, match="among the server's jobs") as caught:
        await run(found)
    assert isinstance(caught.value, OutcomeUnknownError)


MULTIPART = (
    b"preamble\r\n--b\r\nContent-ID: <ndvi>\r\nContent-Type: image/tiff\r\n\r\nII*\x00\r\n\r\n\xff\r\n"
    b"--b\r\nContent-Type: application/json\r\nContent-ID: statistics\r\n\r\n" + b'{"mean": 0.5}'
    b"\r\n--b\r\nContent-ID: log\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"aGVsbG8=\r\n--b\r\nContent-ID: far\r\nContent-Type: image/png\r\nContent-Location: far.png\r\n\r\n"
    b"\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(200, json={"echo": 7, "other": {"value": 8}}), {"echo": 7, "other": 8}),
        (answer(200, json={"outputs": [{"id": "echo"}]}), {"outputs": [{"id": "echo"}]}),
        (answer(200, json={"id": "echo", "value": "hello"}), {"id": "echo", "value": "hello"}),
        (answer(200, json=[1, 2]), {"result": [1, 2]}),
        (answer(200, json="successful"), {"result": "successful"}),
        (answer(200, json={"type": "FeatureCollection", "features": []}), None),
        (answer(200, {"content-type": "application/geo+json"}, text='{"type": "Feature"}'), None),
        (answer(200, {"content-type": "image/tiff"}, content=b"II*\0\xff"), b"II*\0\xff"),
        (answer(200, {"content-type": "text/csv"}, content="a;ü".encode()), "a;ü"),
        (answer(200, {"content-type": "text/csv"}, content=b"\xff"), b"\xff"),
        (answer(200, content=b"\x00\x01"), b"\x00\x01"),
        (answer(200, text="null"), {"result": "null"}),
        (answer(200), {}),
        (answer(204), {}),
    ],
)
async def test_a_synchronous_answer_is_a_job_with_results(found, expected):
    made, results = await run(found)
    assert (made.status, made.progress, made.processID) == ("successful", 100, "echo")
    assert made.jobID.startswith("local-")
    plain = {name: getattr(results[name], "value", results[name]) for name in results.names()}
    if expected is None:
        assert list(plain) == ["result"]
        assert plain["result"]["type"].startswith("Feature")
    elif isinstance(expected, bytes):
        assert results["result"].data == expected
        assert results["result"].encoding == "base64"
    elif isinstance(expected, str):
        assert results["result"].value == expected
        assert results["result"].mediaType == "text/csv"
    else:
        assert plain == expected


async def test_several_parts_are_several_outputs():
    kind = {"content-type": 'multipart/related; boundary="b"'}
    _, results = await run(answer(200, kind, content=MULTIPART))
    assert list(results.names()) == ["ndvi", "statistics", "log", "far"]
    assert (results["ndvi"].data, results["ndvi"].mediaType) == (b"II*\0\r\n\r\n\xff", "image/tiff")
    assert results["statistics"] == {"mean": 0.5}
    assert results["log"].value == "hello"
    assert results["far"].href == f"{HOME}/processes/echo/far.png"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/related", MULTIPART),
        ("multipart/related; boundary=b", MULTIPART[:-6]),
        ("multipart/related; boundary=other", MULTIPART),
        ("multipart/related; boundary=b", b"--b--"),
    ],
)
async def test_parts_that_cannot_be_read(kind, body):
    with pytest.raises(ClientContractError):
        await run(answer(200, {"content-type": kind}, content=body))


async def test_results_by_reference_are_links():
    header = (
        '<https://store.example/a;b,c.tif>; rel="ndvi"; type="image/tiff", '
        '</api/s.json>; rel=item; title="sta\\"s",'
        f' <{HOME}/jobs/j-1>; rel="monitor"'
    )
    made, results = await run(answer(204, {"link": header}))
    assert made.jobID == "j-1"
    assert {name: results[name].href for name in results.names()} == {
        "ndvi": "https://store.example/a;b,c.tif",
        'sta\\"s': "https://processes.example/api/s.json",
    }


async def test_a_document_with_references_values_and_objects():
    asset = {"href": "x.tif", "type": "image/tiff", "roles": ["data"]}
    document = {
        "near": {"href": "../../files/a.tif", "type": "image/tiff"},
        "far": {"href": "https://store.example/a.tif"},
        "asset": asset,
        "bytes": {"value": "aGVsbG8=", "mediaType": "image/tiff", "encoding": "base64"},
        "list": [{"href": "a"}, 1],
    }
    _, results = await run(answer(200, json=document))
    assert results["near"].href == f"{HOME}/files/a.tif"
    assert results["far"].href == "https://store.example/a.tif"
    assert results["asset"] == asset
    assert results["bytes"].data == b"hello"
    assert [getattr(one, "href", one) for one in results["list"]] == [f"{HOME}/processes/echo/a", 1]


async def test_a_raw_answer_bears_the_name_that_was_asked_for():
    request = {**REQUEST, "outputs": {"ndvi": {}}}
    for found in ({"mean": 1}, {"ndvi": {"mean": 1}}):
        _, results = await run(answer(200, json=found), request)
        assert results.root == {"ndvi": {"mean": 1}}
    _, results = await run(answer(200, {"content-type": "image/tiff"}, content=b"x"), request)
    assert results["ndvi"].data == b"x"


async def test_a_raw_answer_bears_the_name_of_the_only_output_there_is():
    made, results = await run(answer(200, json={"message": "hello"}), validate=True)
    assert results.root == {"echo": {"message": "hello"}}
    document = {**REQUEST, "response": "document"}
    _, results = await run(answer(200, json={"a": 1, "b": 2}), document, validate=True)
    assert results.root == {"a": 1, "b": 2}
    server = FakeServer({EXECUTE: answer(201, HERE), "GET /jobs/j-1/results": {"message": "hello"}})
    async with server.client() as client:
        made = await client.execute_process("echo", REQUEST)
        assert (await client.get_job_results(made.jobID)).root == {"echo": {"message": "hello"}}


async def test_a_synchronous_answer_may_name_a_job():
    made, results = await run(answer(200, HERE, json={"echo": 7}))
    assert (made.jobID, results.root) == ("j-1", {"echo": 7})


async def test_what_is_sent():
    server = FakeServer({EXECUTE: answer(201, HERE)})
    request = ProcessRequest(
        inputs={"message": {"value": None, "mediaType": "text/plain"}},
        outputs={"echo": Output(format={"mediaType": "image/tiff"}, transmissionMode="reference")},
        subscriber=Subscriber(successUri="https://me.example/done/token"),
        response="document",
    )
    async with server.client() as client:
        await client.execute_process("echo", request, validate=False)
        await client.execute_process("echo", request.body(), validate=False, mode="sync", timeout=11)
    first, second = server.requests
    assert first.content == second.content
    assert first.headers["prefer"] == "respond-async"
    assert "prefer" not in second.headers
    assert {one.headers["accept"] for one in server.requests} == {"application/json"}
    assert [one.extensions["timeout"]["read"] for one in server.requests] == [3600.0, 11]
    assert request.body() == {
        "inputs": {"message": {"value": None, "mediaType": "text/plain"}},
        "outputs": {"echo": {"format": {"mediaType": "image/tiff"}, "transmissionMode": "reference"}},
        "subscriber": {"successUri": "https://me.example/done/token"},
        "response": "document",
    }


@pytest.mark.parametrize(
    "request_",
    [
        [],
        {"inputs": 3},
        {"inputs": {}, "response": "x"},
        {"inputs": {"message": object()}},
        {"outputs": {"a": 1}},
    ],
)
async def test_what_is_no_request_is_not_sent(request_):
    server = FakeServer()
    async with server.client() as client:
        with pytest.raises(InvalidInputError):
            await client.execute_process("echo", request_)
    assert server.requests == []


async def test_inputs_are_checked_before_anything_is_sent():
    server = FakeServer({EXECUTE: answer(201, HERE)})
    async with server.client() as client:
        with pytest.raises(InvalidInputsError, match="nothing was sent") as caught:
            await client.execute_process("echo", {"inputs": {"message": 7, "colour": "red"}})
        assert [(fault.name, fault.value) for fault in caught.value.faults] == [
            ("message", 7),
            ("colour", "red"),
        ]
        assert server.sent("POST") == []
        await client.execute_process("echo", REQUEST)
        before = len(server.sent("GET"))
        await client.execute_process("echo", REQUEST)
        assert len(server.sent("GET")) == before


async def test_a_description_that_changed_is_asked_for_again():
    wider = {"id": "echo", "inputs": {"message": {"schema": {"type": ["string", "integer"]}}}}
    server = FakeServer({EXECUTE: answer(201, HERE)})
    async with server.client() as client:
        await client.execute_process("echo", REQUEST)
        server.answers["GET /processes/echo"] = [wider]
        assert (await client.execute_process("echo", {"inputs": {"message": 7}})).jobID == "j-1"


async def test_a_description_that_cannot_be_read_does_not_stop_anybody(caplog):
    server = FakeServer({EXECUTE: answer(201, HERE), "GET /processes/echo": answer(200, text="<html/>")})
    async with server.client() as client:
        assert (await client.execute_process("echo", REQUEST)).jobID == "j-1"
    assert "inputs are sent unchecked" in caplog.text


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(400, json={"title": "Bad"}), ClientRefusedError),
        (answer(404), ClientRefusedError),
        (answer(429, {"retry-after": "7"}), ClientThrottledError),
        (httpx.ConnectError("refused"), ClientUnsentError),
        (httpx.ConnectTimeout("slow"), ClientUnsentError),
        (answer(500, json={"title": "Broken", "detail": "disk"}), ClientOutcomeUnknownError),
        (answer(503), ClientOutcomeUnknownError),
        (answer(408), ClientOutcomeUnknownError),
        (answer(302, {"location": "/jobs/j-1"}), ClientOutcomeUnknownError),
        (httpx.ReadTimeout("silent"), ClientOutcomeUnknownError),
        (httpx.ReadError("reset"), ClientOutcomeUnknownError),
        (httpx.RemoteProtocolError("cut"), ClientOutcomeUnknownError),
    ],
)
async def test_a_failed_execution_says_whether_anything_can_have_begun(found, expected):
    server = FakeServer({EXECUTE: found})
    async with server.client() as client:
        with pytest.raises(ClientException) as caught:
            await client.execute_process("echo", REQUEST)
    assert isinstance(caught.value, expected)
    assert isinstance(caught.value, OutcomeUnknownError) == (expected is ClientOutcomeUnknownError)
    assert isinstance(caught.value, EoError)
    assert isinstance(caught.value, UnsentError) == (expected is ClientUnsentError)
    assert isinstance(caught.value, RefusedError) == (expected is ClientRefusedError)
    assert len(server.sent("POST")) == 1
    if isinstance(found, httpx.Response) and found.content:
        assert caught.value.api_error.title in ("Bad", "Broken")


class Renewable:
    def __init__(self):
        self.value = "old"

    async def headers(self, rejected=None):
        self.value = "new" if rejected else self.value
        return {"authorization": self.value}


async def test_an_execution_is_sent_again_only_after_a_401():
    def judge(request):
        return answer(201, HERE) if request.headers["authorization"] == "new" else answer(401)

    server = FakeServer({EXECUTE: judge})
    http = server.http(Keyring([(Origin.of(HOME), Renewable())]))
    client = AsyncClient(ClientConfig(server_url=HOME), http=http)
    made = await client.execute_process("echo", REQUEST, validate=False)
    assert made.jobID == "j-1"
    assert [one.headers["authorization"] for one in server.requests] == ["old", "new"]


async def test_only_the_latest_synchronous_results_are_kept():
    server = FakeServer({EXECUTE: answer(200, json={"echo": 1})})
    async with server.client() as client:
        made = [await client.execute_process("echo", REQUEST) for _ in range(101)]
        assert (await client.get_job(made[-1].jobID)) == made[-1]
        assert (await client.get_job_results(made[1].jobID)).root == {"echo": 1}
        assert (await client.dismiss_job(made[1].jobID)).status == "dismissed"
        for gone in made[:2]:
            with pytest.raises(ClientException):
                await client.get_job_results(gone.jobID)
