"""Requests and answers of the job service: pure functions, and one server at the transport."""

import codecs
import contextlib
from typing import Any

import httpx
import orjson
import pytest
from fake_server import HOME, FakeServer, job
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import AbsentError, ContractError, InvalidInputError, UnreachableError
from eoflows.jobs.models import OPEN, JobState, Phase, Recognition
from eoflows.jobs.service import JobServer
from eoflows.services.ogc_processes import InvalidInputsError, Output, Subscriber
from eoflows.services.ogc_processes.kept import MOST_KEPT, answer_in, kept_answer
from eoflows.services.ogc_processes.outputs import outputs_of
from eoflows.services.ogc_processes.request import OgcRequest
from eoflows.services.ogc_processes.results import read_results
from eoflows.services.ogc_processes.service import OgcService

HELLO = OgcRequest(process_id="echo", inputs={"message": "hello"})
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def service(**options: Any) -> OgcService:
    return OgcService(HOME, **options)


def server(fake: FakeServer, **options: Any) -> JobServer[OgcRequest]:
    return JobServer(service(**options), HOME, fake.http())


def answer_to(asked: OgcRequest, status: int = 200, **content: Any) -> httpx.Response:
    call = service().submission(asked, "token")
    return httpx.Response(status, request=httpx.Request(call.method, call.url, json=call.json), **content)


def succeeded(**more: Any) -> JobState:
    return JobState(id="j1", phase=Phase.SUCCEEDED, **more)


def test_a_request_as_it_is_sent_and_kept():
    asked = OgcRequest(
        process_id="a/b",
        inputs={"x": {"value": {"y": 1}}},
        outputs={"z": {"transmissionMode": "reference", "format": {"mediaType": "image/tiff", "schema": {}}}},
        subscriber={"successUri": "https://me.example/done"},
        response="document",
    )
    call = service().submission(asked, "token")
    assert call.url == f"{HOME}/processes/a%2Fb/execution"
    assert call.headers == {"accept": "application/json", "prefer": "respond-async"}
    assert call.json == {
        "inputs": {"x": {"value": {"y": 1}}},
        "outputs": {
            "z": {"transmissionMode": "reference", "format": {"mediaType": "image/tiff", "schema": {}}}
        },
        "subscriber": {"successUri": "https://me.example/done"},
        "response": "document",
    }
    kept = OgcRequest.model_validate(orjson.loads(orjson.dumps(asked.model_dump(mode="json"))))
    assert (kept.document(), kept.canonical()) == (asked.document(), asked.canonical())


def test_what_makes_two_requests_the_same():
    def canonical(**more: Any) -> Any:
        return HELLO.model_copy(update=more).canonical()

    assert canonical() == {"inputs": {"message": "hello"}}
    assert canonical(mode="sync") == canonical()
    assert canonical(subscriber=Subscriber(successUri="https://me.example")) == canonical()
    assert canonical(response="raw") != canonical()
    assert canonical(outputs={"echo": Output(transmissionMode="reference")}) != canonical()


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("created", Phase.SUBMITTED),
        ("accepted", Phase.QUEUED),
        ("running", Phase.RUNNING),
        ("successful", Phase.SUCCEEDED),
        ("succeeded", Phase.SUCCEEDED),
        ("failed", Phase.FAILED),
        ("dismissed", Phase.CANCELLED),
        ("made up", Phase.RUNNING),
    ],
)
def test_every_status_has_a_phase(status, phase):
    document = job("j1", status, progress=40, created="2026-01-01T00:00:00Z", request={"inputs": {"a": 1}})
    found = service().read_status(
        httpx.Response(200, json=document, request=httpx.Request("GET", f"{HOME}/jobs/j1"))
    )
    assert (found.phase, found.raw_status, found.progress, found.process) == (phase, status, 0.4, "echo")
    assert (found.inputs, found.created.isoformat()) == ({"a": 1}, "2026-01-01T00:00:00+00:00")
    assert "request" not in found.document


@given(JSON_VALUES)
def test_no_document_breaks_the_reader(document):
    content = orjson.dumps(document)
    for read in (
        lambda: service().read_submission(answer_to(HELLO, 201, content=content)),
        lambda: service().read_submission(answer_to(HELLO, 200, content=content)),
        lambda: service().read_listing(
            httpx.Response(200, content=content, request=httpx.Request("GET", f"{HOME}/jobs"))
        ),
        lambda: service().read_status(
            httpx.Response(200, content=content, request=httpx.Request("GET", f"{HOME}/jobs/j1"))
        ),
    ):
        with contextlib.suppress(ContractError):
            assert read() is not None


@given(st.binary(max_size=200), st.sampled_from(["", "image/tiff", "application/json", "text/plain"]))
def test_a_synchronous_answer_comes_back_as_it_was(body, media_type):
    headers = [("link", "<a>; rel=b"), ("link", "<c>; rel=d"), ("set-cookie", "secret")]
    answer = httpx.Response(200, content=body, headers=[*headers, ("content-type", media_type)])
    again = answer_in(orjson.loads(orjson.dumps(kept_answer(answer))))
    assert (again.status_code, again.content) == (200, body)
    assert again.headers.get_list("link") == ["<a>; rel=b", "<c>; rel=d"]
    assert again.headers["content-type"] == media_type
    assert "set-cookie" not in again.headers


def test_one_that_is_too_large_leaves_its_size():
    kept = kept_answer(httpx.Response(200, content=bytes(MOST_KEPT + 1)))
    assert len(orjson.dumps(kept)) < 200
    with pytest.raises(InvalidInputError, match=f"{MOST_KEPT + 1} bytes"):
        answer_in(kept)


@pytest.mark.anyio
async def test_results_of_a_synchronous_answer_need_no_request():
    fake = FakeServer()
    state = service().read_submission(
        answer_to(HELLO, content=b"II*", headers={"content-type": "image/tiff"})
    )
    assert state.phase is Phase.SUCCEEDED
    assert state.id.startswith("local-")
    (output,) = await server(fake).outputs(state)
    assert (output.name, output.content, output.media_type) == ("echo.tif", b"II*", "image/tiff")
    assert {request.url.path for request in fake.requests} == {"/api/processes/echo"}


def test_a_synchronous_answer_may_name_its_job():
    headers = {"location": f"{HOME}/jobs/j7"}
    assert service().read_submission(answer_to(HELLO, json={"echo": 1}, headers=headers)).id == "j7"


RESULTS = [
    ({"echo": {"a": 1}}, {"echo.json": b'{"a":1}'}),
    ({"text": {"value": "a,b", "mediaType": "text/csv"}}, {"text.csv": b"a,b"}),
    ({"x.tif": {"value": "SUkq", "encoding": "base64", "mediaType": "image/tiff"}}, {"x.tif": b"II*"}),
    ({"x": {"value": "SUkq", "encoding": "base64"}}, {"x": b"II*"}),
    ({"x": {"value": {"y": 1}}}, {"x.json": b'{"y":1}'}),
    ({"x": [1, 2]}, {"x.json": b"[1,2]"}),
    ({"x": [{"value": "a", "mediaType": "text/plain"}, 7]}, {"x-1.txt": b"a", "x-2.json": b"7"}),
    ({"x": {"value": {}, "mediaType": "application/geo+json"}}, {"x.geojson": b"{}"}),
    ("successful", {}),
    ({}, {}),
    ({"x": {"value": "SUkq\nAA==\n", "encoding": "base64"}}, {"x": b"II*\0"}),
    (
        {"x": {"value": "SUkqAA", "contentEncoding": "base64", "contentMediaType": "image/tiff"}},
        {"x.tif": b"II*\0"},
    ),
    ({"x": {"value": "a", "format": {"mediaType": "text/plain"}}}, {"x.txt": b"a"}),
    ({"x": {"value": {"inlineValue": {"a": 1}}}}, {"x.json": b'{"a":1}'}),
    ({"outputs": [{"id": "x", "value": "a"}, {"id": "y", "value": {"b": 1}}]},
     {"x.json": b'"a"', "y.json": b'{"b":1}'}),
    ({"a": {"value": "1", "mediaType": "text/plain"}, "a.txt": {"value": "2", "mediaType": "text/plain"}},
     {"a.txt": b"1", "a-2.txt": b"2"}),
    ({"x": {"href": ""}}, {"x.json": b'{"href":""}'}),
    ({"x": {"href": "https://a/{z}", "templated": True}},
     {"x.json": b'{"href":"https://a/{z}","templated":true}'}),
    ({"x": {"href": "https://a/b.tif", "roles": ["data"]}},
     {"x.json": b'{"href":"https://a/b.tif","roles":["data"]}'}),
]  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize(("document", "files"), RESULTS)
async def test_results_become_files(document, files):
    fake = FakeServer({"GET /jobs/j1/results": httpx.Response(200, json=document)})
    outputs = await server(fake).outputs(succeeded())
    assert {one.name: one.content for one in outputs} == files
    assert len(fake.requests) == 1


@pytest.mark.anyio
async def test_a_raw_result_is_named_by_the_process_description():
    fake = FakeServer({"GET /jobs/j1/results": {"any": "object"}})
    (output,) = await server(fake).outputs(succeeded(process="echo"))
    assert (output.name, output.content) == ("echo.json", b'{"any":"object"}')


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("href", "urls"),
    [
        ("/files/a.nc", ("https://processes.example/files/a.nc",)),
        (f"{HOME}/jobs/j1/results/x", (f"{HOME}/jobs/j1/results/x",)),
        (
            "http://inner:5000/jobs/j1/results/x?sign=1",
            ("http://inner:5000/jobs/j1/results/x?sign=1", f"{HOME}/jobs/j1/results/x?sign=1"),
        ),
        ("https://store.example/jobs/j2/results/x", ("https://store.example/jobs/j2/results/x",)),
    ],
)
async def test_references_and_where_they_may_be_had(href, urls):
    fake = FakeServer({"GET /jobs/j1/results": {"x": {"href": href}}})
    (output,) = await server(fake).outputs(succeeded())
    assert output.urls == urls
    assert output.name == ("x.nc" if href.endswith(".nc") else "x")


TIFF = "https://store.example/a.tif"


@pytest.mark.anyio
async def test_values_that_json_cannot_have_harm_none_beside_them():
    values = b'"a": NaN, "b": {"value": [1, -Infinity]}, "c": 123456789012345678901234567890'
    body = b'{%s, "d": {"href": "%s"}}'
    headers = {"content-type": "application/json"}
    answer = httpx.Response(200, headers=headers, content=body % (values, TIFF.encode()))
    outputs = await server(FakeServer({"GET /jobs/j1/results": answer})).outputs(succeeded())
    assert {one.name: one.content for one in outputs} == {
        "a.json": b"NaN",
        "b.json": b"[1,-Infinity]",
        "c.json": b"123456789012345678901234567890",
        "d.tif": None,
    }


LINKED = [
    {"x": {"href": TIFF, "format": {"mediaType": "image/tiff"}}},
    {"x": {"href": TIFF, "type": "image/tiff", "rel": "item", "templated": False, "length": 1004}},
    {"x": {"href": TIFF, "mediaType": "image/tiff", "encoding": "binary"}},
    {"x": {"value": {"href": TIFF, "type": "image/tiff"}}},
    {"x": {"value": {"inlineValue": {"href": TIFF, "type": "image/tiff"}}}},
    {"outputs": {"x": {"href": TIFF, "type": "image/tiff"}}, "jobID": "j1", "links": []},
    {"outputs": [{"id": "x", "href": TIFF, "format": {"mimeType": "image/tiff"}}]},
    {"outputs": [{"id": "x", "value": {"href": TIFF, "type": "image/tiff"}}], "links": []},
    [{"id": "x", "href": TIFF, "type": "image/tiff"}],
]


@pytest.mark.anyio
@pytest.mark.parametrize("document", LINKED)
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
async def test_a_reference_in_any_form(document, mark):
    body = mark + orjson.dumps(document)
    headers = {"content-type": "application/json"}
    fake = FakeServer({"GET /jobs/j1/results": httpx.Response(200, headers=headers, content=body)})
    (output,) = await server(fake).outputs(succeeded())
    assert (output.name, output.urls, output.media_type) == ("x.tif", (TIFF,), "image/tiff")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("document", "names"),
    [
        ([{"href": TIFF}, {"href": TIFF}], ["echo-1.tif", "echo-2.tif"]),
        ({"x": [{"href": TIFF}, [{"href": TIFF, "format": {}}]]}, ["x-1.tif", "x-2-1.tif"]),
        ({"x": {"value": [{"href": TIFF}]}}, ["x-1.tif"]),
        ({"outputs": [{"id": "x", "href": TIFF}, {"id": "x", "href": TIFF}]}, ["x-1.tif", "x-2.tif"]),
        ({"href": TIFF, "type": "image/tiff"}, ["echo.tif"]),
        ({"other": {"href": TIFF}}, ["other.tif"]),
        ({"id": "echo", "value": {"href": TIFF}}, ["echo.tif"]),
    ],
)
async def test_references_alone_and_together(document, names):
    fake = FakeServer({"GET /jobs/j1/results": httpx.Response(200, json=document)})
    outputs = await server(fake).outputs(succeeded(process="echo"))
    assert [(one.name, one.urls) for one in outputs] == [(name, (TIFF,)) for name in names]


@pytest.mark.anyio
async def test_results_that_are_not_ready_are_no_final_refusal():
    problem = {"type": "http://www.opengis.net/def/exceptions/x/1.0/result-not-ready", "title": "wait"}
    fake = FakeServer({"GET /jobs/j1/results": httpx.Response(404, json=problem)})
    with pytest.raises(UnreachableError, match="not ready yet"):
        await server(fake).outputs(succeeded())
    with pytest.raises(AbsentError):
        await server(FakeServer()).outputs(succeeded())


@pytest.mark.anyio
async def test_inputs_are_checked_once_described():
    fake = FakeServer()
    opened = server(fake)
    await opened.check(HELLO)
    with pytest.raises(InvalidInputsError) as caught:
        await opened.check(OgcRequest(process_id="echo", inputs={"message": 7, "b": 1}))
    assert [fault.name for fault in caught.value.faults] == ["message", "b"]
    assert len(fake.requests) == 1
    await server(FakeServer({"GET /processes/echo": httpx.Response(200, text="<html>")})).check(HELLO)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "value", [{"collection": "https://x/collections/a"}, {"process": "https://x/a", "inputs": {}}]
)
async def test_collections_and_processes_as_inputs_are_left_to_the_server_by_an_option(value):
    request = OgcRequest(process_id="echo", inputs={"message": value})
    with pytest.raises(InvalidInputsError, match="check_inputs"):
        await server(FakeServer()).check(request)
    unchecked = FakeServer()
    await server(unchecked, checks=False).check(request)
    assert unchecked.requests == []


def test_jobs_are_told_apart_by_the_inputs_that_they_show():
    listed = service(recognition=Recognition.INPUTS)
    same = succeeded(inputs={"message": "hello"})
    assert listed.is_same(HELLO, same)
    assert not listed.is_same(HELLO, succeeded(inputs={"message": "other"}))
    assert not listed.is_same(HELLO, succeeded(inputs={"message": "hello"}, process="ndvi"))
    with pytest.raises(ContractError, match="does not show its inputs"):
        listed.is_same(HELLO, succeeded())


def test_a_page_of_jobs_and_the_next_one():
    call = service().listing("echo", None)
    assert (call.url, call.params) == (f"{HOME}/jobs", {"processID": "echo", "limit": "200"})
    document = {"jobs": [job("a"), job("b")], "links": [{"rel": "next", "href": "http://inner/jobs?page=2"}]}
    page = service().read_listing(
        httpx.Response(200, json=document, request=httpx.Request("GET", call.url, params=call.params))
    )
    assert [state.id for state in page.states] == ["a", "b"]
    assert page.following.url == f"{HOME}/jobs?page=2"
    empty = httpx.Response(200, json={**document, "jobs": []}, request=httpx.Request("GET", call.url))
    assert service().read_listing(empty).following is None


@pytest.mark.parametrize("body", [b"", b"null", b'{"status": "dismissed"}', b"<html>"])
def test_whatever_a_dismissal_answers_the_job_is_stopped(body):
    found = service().read_cancellation("j1", httpx.Response(200, content=body))
    assert (found.id, found.phase) == ("j1", Phase.CANCELLED)
    going = httpx.Response(200, json=job("j1", "running"))
    assert service().read_cancellation("j1", going).phase in OPEN


@given(st.dictionaries(st.text(min_size=1), JSON_VALUES, max_size=4))
def test_any_results_are_files_or_a_clear_error(document):
    answer = httpx.Response(200, json=document)
    with contextlib.suppress(ContractError):
        outputs = outputs_of(read_results(answer, HOME), lambda href: (href,))
        assert all((one.content is None) == bool(one.urls) for one in outputs)
        assert len({one.name for one in outputs}) == len(outputs)


HELD = st.sampled_from([
    {"href": TIFF}, {"value": "a", "mediaType": "text/plain"}, {"a": [1]}, "text", None, [{"href": TIFF}],
])  # fmt: skip
DRESSES = st.sampled_from([
    lambda held: held,
    lambda held: {"value": held},
    lambda held: {"value": {"inlineValue": held}},
    lambda held: [held, held],
])  # fmt: skip


@given(
    st.dictionaries(st.text(min_size=1), st.builds(lambda put, held: (put, held), DRESSES, HELD), max_size=4)
)
def test_what_a_document_refers_to_is_fetched_whatever_it_is_called(made):
    document = {name: put(held) for name, (put, held) in made.items()}
    outputs = outputs_of(
        read_results(httpx.Response(200, json=document), HOME, {"outputs": document}), lambda a: (a,)
    )
    wanted = sum(orjson.dumps(document[name]).count(TIFF.encode()) for name in made)
    assert sum(len(one.urls) for one in outputs) == wanted
    assert len({one.name for one in outputs}) == len(outputs) >= len(made)
    assert not any(TIFF.encode() in (one.content or b"") for one in outputs)
