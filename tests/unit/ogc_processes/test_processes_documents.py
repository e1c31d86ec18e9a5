"""Landing page, processes, jobs, results, dismissal, and what goes wrong with them."""

import pickle
from datetime import UTC, datetime

import httpx
import pytest
from fake_server import HOME, FakeServer, job

from eoflows.base.errors import AbsentError, EoError, InvalidInputError, UnreachableError
from eoflows.services.ogc_processes import (
    ApiError,
    ClientAbsentError,
    ClientContractError,
    ClientError,
    ClientException,
    ClientRefusedError,
    ClientUnreachableError,
    JobDismissedError,
    JobFailedError,
    JobGoneError,
    ResultsNotReadyError,
)

pytestmark = pytest.mark.anyio

OGC = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"


async def ask(answers, call, *arguments, **options):
    server = FakeServer(answers)
    async with server.client() as client:
        return await getattr(client, call)(*arguments, **options), server


async def test_the_landing_page_and_conformance():
    page = {"title": "T", "links": [{"href": "a", "rel": "x"}, {"rel": "y"}, None], "x-own": 1}
    found, server = await ask({"GET /": page}, "get_capabilities")
    assert (found.title, [link.href for link in found.links], found.model_extra) == ("T", ["a"], {"x-own": 1})
    assert server.requests[0].headers["accept"] == "application/json"
    found, _ = await ask({"GET /conformance": {"conformsTo": ["a", 1, "b"]}}, "get_conformance")
    assert found.conformsTo == ["a", "b"]


async def test_a_process_with_odd_occurrences():
    document = {
        "id": "p",
        "version": 1.2,
        "inputs": {"a": {"minOccurs": None, "maxOccurs": "Unbounded"}, "b": {"maxOccurs": "3"}},
        "outputs": None,
        "links": None,
    }
    found, _ = await ask({"GET /processes/p%2F1": document}, "get_process", "p/1")
    assert (found.inputs["a"].minOccurs, found.inputs["a"].maxOccurs) == (1, "unbounded")
    assert (found.inputs["b"].maxOccurs, found.version, found.outputs) == (3, "1.2", {})


@pytest.mark.parametrize("name", ["", ".", "..", " "])
async def test_ids_that_would_ask_for_something_else(name):
    with pytest.raises(InvalidInputError, match="no id"):
        await ask({}, "get_job", name)


def paged(total: int, size: int, href, kind: str = "jobs"):
    """Pages by offset, whose next link is written by a function of the next offset."""

    def answer(request: httpx.Request) -> httpx.Response:
        first = int(request.url.params.get("offset", 0))
        rows = [job(f"j{n}") if kind == "jobs" else {"id": f"p{n}"} for n in range(total)][
            first : first + size
        ]
        links = [{"rel": "self", "href": "x"}]
        links += [{"rel": "next", "href": href(first + size)}] if first + size < total else []
        return httpx.Response(200, json={kind: rows, "links": links})

    return answer


@pytest.mark.parametrize(
    "href",
    [
        lambda offset: f"{HOME}/jobs?offset={offset}",
        lambda offset: f"?offset={offset}",
        lambda offset: f"/api/jobs?offset={offset}",
        lambda offset: f"http://processes.example/api/jobs?offset={offset}",
        lambda offset: f"http://inner:5000/jobs?offset={offset}",
        lambda offset: f"https://evil.example/api/jobs?offset={offset}",
    ],
)
async def test_all_pages_of_jobs_from_the_configured_server_alone(href):
    found, server = await ask({"GET /jobs": paged(25, 10, href)}, "get_jobs")
    assert [one.jobID for one in found.jobs] == [f"j{n}" for n in range(25)]
    assert [link.rel for link in found.links] == ["self"]
    assert {(one.url.scheme, one.url.host) for one in server.requests} == {("https", "processes.example")}
    found, _ = await ask(
        {"GET /processes": paged(12, 5, lambda n: f"?offset={n}", "processes")}, "get_processes"
    )
    assert len(found.processes) == 12


async def test_enough_jobs_stop_the_asking_and_the_rest_stays_reachable():
    found, server = await ask({"GET /jobs": paged(50, 10, lambda n: f"?offset={n}")}, "get_jobs", enough=15)
    assert len(found.jobs) == 20
    assert len(server.requests) == 2
    assert [link.href for link in found.links if link.rel == "next"] == ["?offset=20"]


async def test_jobs_one_by_one_ask_for_a_page_when_it_is_needed():
    server = FakeServer({"GET /jobs": paged(50, 10, lambda n: f"?offset={n}")})
    async with server.client() as client:
        stream = client.jobs()
        assert [(await anext(stream)).jobID for _ in range(11)][-1] == "j10"
        await stream.aclose()
    assert len(server.requests) == 2


async def test_filters_hold_on_servers_that_ignore_them():
    jobs = [job("a", "failed"), job("b", "running"), {**job("c", "failed"), "processID": "other"}]
    found, server = await ask(
        {"GET /jobs": {"jobs": jobs, "links": []}}, "get_jobs", process_id="echo", statuses=["failed"]
    )
    assert [one.jobID for one in found.jobs] == ["a"]
    assert dict(server.requests[0].url.params) == {"processID": "echo", "status": "failed"}


@pytest.mark.parametrize(
    "href", [lambda n: "?offset=0", lambda n: f"{HOME}/jobs", lambda n: f"?offset=0&other={n}"]
)
async def test_pages_in_a_circle_are_refused(href):
    server = FakeServer({"GET /jobs": paged(25, 10, href)})
    async with server.client() as client:
        with pytest.raises(ClientContractError, match="circle"):
            await client.get_jobs()
    assert len(server.requests) < 6


async def test_pages_that_never_bring_anything_new_are_refused():
    def endless(request):
        offset = int(request.url.params.get("offset", 0))
        links = [{"rel": "next", "href": f"?offset={offset + 1}"}]
        return httpx.Response(200, json={"jobs": [job("a")], "links": links})

    with pytest.raises(ClientContractError, match="circle"):
        await ask({"GET /jobs": endless}, "get_jobs")


async def test_two_next_links_and_one_that_is_no_url():
    for hrefs in (["?a", "?b"], ["http://[::1"]):
        links = [{"rel": "next", "href": href} for href in hrefs]
        with pytest.raises(ClientContractError, match="next"):
            await ask({"GET /jobs": {"jobs": [job("a")], "links": links}}, "get_jobs")


async def test_status_documents_of_both_versions():
    new = {"id": "a", "status": "succeeded", "created": "2025-08-07T11:51:12.123456789Z", "progress": 101.5}
    found, _ = await ask({"GET /jobs/a": new}, "get_job", "a")
    assert (found.jobID, found.status, found.progress) == ("a", "succeeded", 100)
    assert found.created == datetime(2025, 8, 7, 11, 51, 12, 123456, UTC)
    odd = {"status": "running", "created": "yesterday", "progress": "half", "parameters": None, "message": 7}
    found, _ = await ask({"GET /jobs/a": odd}, "get_job", "a")
    assert (found.jobID, found.created, found.progress, found.message) == ("a", None, None, "7")


async def test_the_status_of_another_job_is_refused():
    with pytest.raises(ClientContractError, match="job 'a' was asked for, and job 'b' came"):
        await ask({"GET /jobs/a": job("b")}, "get_job", "a")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json=job("a", "dismissed")),
        httpx.Response(
            200, headers={"content-type": "text/html"}, text='{"jobID": "a", "status": "dismissed"}'
        ),
        httpx.Response(204),
        httpx.Response(200, text="null"),
        httpx.Response(200, text="ok"),
        httpx.Response(200, json={"status": ["x"]}),
    ],
)
async def test_a_dismissal_is_one_whatever_the_answer_says(answer):
    found, _ = await ask({"DELETE /jobs/a": answer}, "dismiss_job", "a")
    assert (found.jobID, found.status) == ("a", "dismissed")


def refused(status: int, **body) -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.mark.parametrize(
    ("answer", "status", "expected"),
    [
        (refused(404, type=OGC + "result-not-ready"), None, ResultsNotReadyError),
        (refused(404, type="ResultNotReady", code="x"), None, ResultsNotReadyError),
        (refused(404, type="NoSuchJob"), job("a", "running"), ResultsNotReadyError),
        (refused(400, description="not yet"), job("a", "accepted"), ResultsNotReadyError),
        (refused(404, type=OGC + "no-such-job"), None, ClientAbsentError),
        (refused(410, title="Gone"), None, JobGoneError),
        (refused(404, type="job-dismissed"), None, JobDismissedError),
        (refused(404), job("a", "dismissed"), JobDismissedError),
        (refused(400, description="job failed"), job("a", "failed", message="no red band"), JobFailedError),
        (refused(500, detail="no red band"), job("a", "failed"), JobFailedError),
        (refused(500, detail="disk"), job("a", "successful"), ClientUnreachableError),
        (refused(406), job("a", "successful"), ClientRefusedError),
        (httpx.ReadError("reset"), job("a", "running"), ClientUnreachableError),
    ],
)
async def test_why_there_are_no_results(answer, status, expected):
    answers = {"GET /jobs/a/results": answer} | ({"GET /jobs/a": status} if status else {})
    with pytest.raises(ClientException) as caught:
        await ask(answers, "get_job_results", "a")
    assert type(caught.value) is expected
    assert isinstance(caught.value, AbsentError) == issubclass(expected, ClientAbsentError)
    if expected is JobFailedError:
        assert caught.value.api_error.detail == "no red band"


NESTED = {
    "code": "NotFound",
    "description": '{"type":"about:x","status":404,"detail":"Job with ID x not found"}',
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"type": "t", "title": "T", "detail": "D", "instance": "/i", "x-y": 1}, ("t", "T", "D", 404)),
        ({"type": "NoSuchJob", "code": "NoSuchJob", "description": "D"}, ("NoSuchJob", None, "D", 404)),
        ({"code": "InvalidParameterValue", "description": "D"}, ("InvalidParameterValue", None, "D", 404)),
        (NESTED, ("about:x", None, "Job with ID x not found", 404)),
        ({"exceptions": [{"exceptionCode": "E", "exceptionText": "D"}]}, ("E", None, "D", 404)),
        ({"detail": "D", "status": 418}, ("about:blank", None, "D", 404)),
        ({"detail": [{"loc": ["limit"], "msg": "D"}], "title": 3}, ("about:blank", "3", "D", 404)),
        ({"error": "invalid", "message": "D"}, ("invalid", None, "D", 404)),
        (["D"], ("about:blank", None, "D", 404)),
    ],
)
async def test_error_bodies_of_all_shapes(body, expected):
    with pytest.raises(ClientError) as caught:
        await ask({"GET /jobs/a": httpx.Response(404, json=body)}, "get_job", "a")
    error = caught.value
    said = error.api_error
    assert (said.type, said.title, said.detail, said.status) == expected
    assert (error.status, error.url) == (404, f"{HOME}/jobs/a")
    assert isinstance(error, AbsentError)


@pytest.mark.parametrize("text", ["", "<html>no</html>", "plain", "[]", "null", "7"])
async def test_error_bodies_that_are_no_documents(text):
    with pytest.raises(ClientAbsentError) as caught:
        await ask({"GET /jobs/a": httpx.Response(404, text=text)}, "get_job", "a")
    assert (caught.value.api_error.type, caught.value.api_error.status) == ("about:blank", 404)
    assert caught.value.api_error.detail


async def test_no_answer_at_all():
    with pytest.raises(ClientUnreachableError) as caught:
        await ask({"GET /jobs/a": httpx.ReadTimeout("silent")}, "get_job", "a")
    assert isinstance(caught.value, UnreachableError)
    assert caught.value.api_error.status is None
    assert "ReadTimeout" in caught.value.api_error.detail


@pytest.mark.parametrize("text", ["", "<html/>", "null", "7", "[]", "{}", '{"jobs": 3}', '{"jobs": [{}]}'])
async def test_answers_that_cannot_be_read(text):
    with pytest.raises(ClientContractError, match=r"not JSON|no JobList"):
        await ask({"GET /jobs": httpx.Response(200, text=text)}, "get_jobs")


async def test_an_error_survives_being_pickled():
    with pytest.raises(ClientException) as caught:
        await ask({"GET /jobs/a": refused(404, detail="D")}, "get_job", "a")
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert (str(again), again.api_error, again.status) == (str(caught.value), caught.value.api_error, 404)
    plain = pickle.loads(pickle.dumps(ClientException("m", ApiError(type="t"))))
    assert (str(plain), plain.api_error.type, isinstance(plain, EoError)) == ("m", "t", True)


async def test_what_goes_to_the_transport():
    server = FakeServer({"GET /jobs/a": job("a")})
    async with server.client() as client:
        await client.get_job(
            "a", timeout=3, headers={"Accept": "text/x", "X-Trace": "7"}, params={"f": "json"}
        )
        with pytest.raises(TypeError, match="not verify"):
            await client.get_job("a", verify=False)
    request = server.requests[0]
    assert request.headers.get_list("accept") == ["text/x"]
    assert (request.headers["x-trace"], request.url.query) == ("7", b"f=json")
    assert request.extensions["timeout"]["read"] == 3
