"""The client over a replaced network: what it sends, where to, and what it makes of the answers."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest
from pydantic import SecretStr

from eoflows.base.errors import (
    ContractError,
    CredentialsError,
    ForbiddenAddressError,
    InvalidInputError,
    OutcomeUnknownError,
    RefusedError,
    ThrottledError,
    UnsentError,
)
from eoflows.base.http import RetryPolicy
from eoflows.services.up42 import Cost, Hosts, JobSorting, JobStatus, Up42Client, ValidationError
from eoflows.services.up42.calls import Calls
from eoflows.services.up42.templates import row_of

pytestmark = pytest.mark.anyio

RECORDS = Path(__file__).parents[4] / "shared" / "data" / "up42"
API = "https://api.up42.com"
TOKEN_PATH = "/realms/public/protocol/openid-connect/token"
PASSWORD = "geheim"
INPUTS = {"title": "A title", "item": f"{API}/v2/assets/stac/collections/c/items/i"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def metadata(**changes):
    return {
        "processID": "pansharpening",
        "jobID": "a-job",
        "definition": {"inputs": INPUTS},
        "status": "created",
        "created": "2025-01-02T03:04:05Z",
        **changes,
    }


class Service:
    """Answers by method and path; logs in whoever asks."""

    def __init__(self, answers: dict[str, httpx.Response | Exception | Callable]) -> None:
        self.answers, self.requests, self.tokens = answers, [], 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == TOKEN_PATH:
            self.tokens += 1
            self.login = dict(parse_qsl(request.content.decode()))
            return httpx.Response(200, json={"access_token": f"token-{self.tokens}", "expires_in": 300})
        self.requests.append(request)
        answer = self.answers[f"{request.method} {request.url.path}"]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def client(self, **options) -> Up42Client:
        transport = httpx.MockTransport(self)
        retry = RetryPolicy(attempts=2, base=0.0)
        options = {"workspace_id": "w", "retry": retry, "transport": transport} | options
        return Up42Client("demo", SecretStr(PASSWORD), **options)


def page(*ids, following=None):
    links = [{"rel": "next", "href": following}] if following else []
    return httpx.Response(200, json={"jobs": [metadata(jobID=one) for one in ids], "links": links})


async def ids(client, **filters):
    return [job.id async for job in client.jobs(**filters)]


@pytest.mark.parametrize(
    ("region", "api", "auth"),
    [
        ("eu", "https://api.up42.com", "https://auth.up42.com"),
        ("sa", "https://api.sa.up42.com", "https://auth.sa.up42.com"),
    ],
)
def test_the_hosts_of_a_region(region, api, auth):
    client = Up42Client("demo", PASSWORD, region=region)
    assert (client.hosts.api, client.hosts.auth) == (api, auth)
    assert client.hosts.token_url == f"{auth}{TOKEN_PATH}"
    assert {str(origin) for origin in client.keyring.origins} == {api, auth}
    assert client.trusted == []
    with pytest.raises(InvalidInputError, match="no region 'us'; choose eu or sa"):
        Up42Client("demo", PASSWORD, region="us")  # type: ignore[arg-type]


async def test_the_default_workspace_is_the_users_own_and_is_asked_for_once():
    service = Service(
        {"GET /realms/public/protocol/openid-connect/userinfo": httpx.Response(200, json={"sub": "me"})}
    )
    client = service.client(workspace_id=None)
    assert [await client.workspace(), await client.workspace()] == ["me", "me"]
    (request,) = service.requests
    assert request.url.host == "auth.up42.com"
    assert request.headers["authorization"] == "Bearer token-1"


@pytest.mark.skipif(not RECORDS.exists(), reason="the shared data are not here")
async def test_the_recorded_login_description_and_execution():
    login, described, executed = (
        json.loads((RECORDS / f"{name}.json").read_text())
        for name in ("01_token", "04_process_description_coregistration", "09_execution")
    )
    process, request = described["response"]["json"]["id"], executed["request"]
    service = Service(
        {
            f"GET /v2/processing/processes/{process}": httpx.Response(
                200, json=described["response"]["json"]
            ),
            "POST /v2/processing/processes/process-id/execution": httpx.Response(
                200, json=executed["response"]["json"]
            ),
        }
    )
    client = service.client(workspace_id="workspace_id_123")
    row = row_of(await client.process(process))
    assert [(one.attribute, one.kind) for one in row.inputs] == [("title", "value"), ("source_item", "item")]
    assert await client.eula(described["response"]["json"])
    job = await client.execute("process-id", request["json"]["inputs"])
    assert job.id == executed["response"]["json"]["jobID"]
    sent = service.requests[-1]
    assert str(sent.url) == request["url"].replace("{id}", "process-id")
    assert json.loads(sent.content) == request["json"]
    recorded = dict(parse_qsl(login["request"]["body"], keep_blank_values=True))
    assert service.login == recorded | {"username": "demo", "password": PASSWORD}
    assert client.hosts.token_url == login["request"]["url"]


async def test_an_execution_is_sent_once_and_as_recorded():
    path = "POST /v2/processing/processes/pansharpening/execution"
    service = Service({path: httpx.Response(200, json=metadata())})
    client = service.client()
    job = await client.execute("pansharpening", INPUTS, budget_id="b")
    assert (job.id, job.status) == ("a-job", JobStatus.CREATED)
    (request,) = service.requests
    assert dict(request.url.params) == {"workspaceId": "w", "budgetId": "b"}
    assert json.loads(request.content) == {"inputs": INPUTS}
    await client.execute("pansharpening", INPUTS, workspace_id="other")
    assert dict(service.requests[1].url.params) == {"workspaceId": "other"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(500), OutcomeUnknownError),
        (httpx.Response(503), OutcomeUnknownError),
        (httpx.ReadTimeout(""), OutcomeUnknownError),
        (httpx.RemoteProtocolError(""), OutcomeUnknownError),
        (httpx.Response(200, content=b'{"processID": "pan'), OutcomeUnknownError),
        (httpx.Response(200, json={"jobID": 1}), OutcomeUnknownError),
        (httpx.ConnectError(""), UnsentError),
        (httpx.Response(429), ThrottledError),
        (httpx.Response(402), RefusedError),
        (httpx.Response(403), CredentialsError),
        (httpx.Response(422, json={"errors": []}), RefusedError),
    ],
)
async def test_an_execution_that_fails_is_never_repeated(answer, error):
    service = Service({"POST /v2/processing/processes/pansharpening/execution": answer})
    with pytest.raises(error):
        await service.client().execute("pansharpening", INPUTS)
    assert len(service.requests) == 1


async def test_an_execution_after_a_401_has_a_new_token():
    def answer(request):
        fresh = request.headers["authorization"] == "Bearer token-2"
        return httpx.Response(200, json=metadata()) if fresh else httpx.Response(401)

    service = Service({"POST /v2/processing/processes/pansharpening/execution": answer})
    assert (await service.client().execute("pansharpening", INPUTS)).id == "a-job"
    assert (len(service.requests), service.tokens) == (2, 2)


async def test_estimates_and_validations_may_be_repeated():
    answers = iter(
        [httpx.Response(503), httpx.Response(200, json={"pricingStrategy": "area", "totalCredits": 63})]
    )
    at = "/v2/processing/processes/pansharpening"
    service = Service(
        {f"POST {at}/cost": lambda _: next(answers), f"POST {at}/validation": httpx.Response(200)}
    )
    client = service.client()
    assert await client.estimate("pansharpening", INPUTS) == Cost("area", 63)
    assert await client.validate("pansharpening", INPUTS) == frozenset()
    assert [json.loads(request.content) for request in service.requests] == [{"inputs": INPUTS}] * 3


@pytest.mark.parametrize(
    ("status", "document", "found"),
    [
        (400, {"schema-error": "no item"}, ValidationError("no item", "InvalidSchema")),
        (422, {"errors": [{"name": "n", "message": "m"}]}, ValidationError("m", "n")),
    ],
)
async def test_what_validation_finds(status, document, found):
    at = "POST /v2/processing/processes/p/validation"
    service = Service({at: httpx.Response(status, json=document)})
    assert await service.client().validate("p", INPUTS) == {found}


async def test_a_validation_that_says_nothing_is_no_validation():
    service = Service({"POST /v2/processing/processes/p/validation": httpx.Response(400, text="Bad Request")})
    with pytest.raises(ContractError):
        await service.client().validate("p", INPUTS)


async def test_filters_of_zero_are_filters_and_empty_lists_find_nothing():
    service = Service({"GET /v2/processing/jobs": page("1")})
    client = service.client()
    found = await ids(
        client,
        process_id=["a", "b"],
        workspace_id="w",
        status=[JobStatus.CAPTURED, "new"],
        min_duration=0,
        max_duration=0,
        sort_by=JobSorting.credits.asc,
    )
    assert found == ["1"]
    assert dict(service.requests[0].url.params) == {
        "processId": "a,b",
        "workspaceId": "w",
        "status": "captured,new",
        "minDuration": "0",
        "maxDuration": "0",
        "sort": "creditConsumption.credits,asc",
        "limit": "100",
    }
    assert await ids(client, process_id=[]) == await ids(client, status=[]) == []
    assert len(service.requests) == 1


async def test_pages_come_as_they_are_needed_and_no_job_twice():
    second = "/v2/processing/jobs?offset=2"
    pages = {"": page("1", "2", following=second), "2": page("2", "3")}
    service = Service(
        {"GET /v2/processing/jobs": lambda request: pages[request.url.params.get("offset", "")]}
    )
    client = service.client()
    jobs = client.jobs()
    assert [(await anext(jobs)).id, (await anext(jobs)).id] == ["1", "2"]
    assert len(service.requests) == 1
    assert [job.id async for job in jobs] == ["3"]
    assert len(service.requests) == 2


async def test_pages_in_a_circle_end():
    service = Service({"GET /v2/processing/jobs": page("1", following="/v2/processing/jobs?offset=2")})
    with pytest.raises(ContractError, match="round in circles"):
        await ids(service.client())


async def test_a_next_page_elsewhere_is_not_asked_for():
    service = Service({"GET /v2/processing/jobs": page("1", following="https://evil.example/v2/jobs")})
    with pytest.raises(ForbiddenAddressError):
        await ids(service.client())
    assert {request.url.host for request in service.requests} == {"api.up42.com"}


async def test_a_redirect_elsewhere_gets_no_token():
    def elsewhere(request):
        assert request.url.host == "evil.example"
        assert "authorization" not in request.headers
        return httpx.Response(404)

    moved = httpx.Response(302, headers={"location": "https://evil.example/job"})
    service = Service({"GET /v2/processing/jobs/x": moved, "GET /job": elsewhere})
    with pytest.raises(RefusedError):
        await service.client().job("x")


async def test_only_hrefs_at_the_api_host_are_signed():
    signed = {"url": "https://storage.example/file?X-Signature=1"}
    service = Service({"POST /v2/assets/1/download-url": httpx.Response(200, json=signed)})
    client = service.client()
    assert await client.download_url(f"{API}/v2/assets/1") == signed["url"]
    for href in ("https://public.example/a.tif", "https://api.up42.com.evil.example/v2/assets/1"):
        assert await client.download_url(href) == href
    assert len(service.requests) == 1


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_an_id_leads_nowhere_else(name):
    with pytest.raises(InvalidInputError, match="is no id"):
        await Service({}).client().job(name)
    assert Calls(API).job("a/../b?c").url == f"{API}/v2/processing/jobs/a%2F..%2Fb%3Fc"


async def test_time_outs_are_everywhere(monkeypatch):
    seen = []

    def answer(request):
        seen.append(request.extensions["timeout"])
        return httpx.Response(200, json=metadata())

    client = Service({"GET /v2/processing/jobs/x": answer}).client(timeout=7.0)
    await client.job("x")
    assert seen == [{"connect": 7.0, "read": 7.0, "write": 7.0, "pool": 7.0}]


async def test_an_awaited_client_serves_no_plain_calls():
    async with Service({}).client() as client:
        with pytest.raises(InvalidInputError, match="opened with `async with`"):
            client.plain()


async def test_no_secret_is_shown():
    service = Service({"GET /v2/processing/jobs/x": httpx.Response(403, text=f"token-1 {PASSWORD}")})
    client = service.client(hosts=Hosts(API, "https://auth.up42.com"), settle=5)
    assert client.patience == timedelta(seconds=5)
    with pytest.raises(CredentialsError) as caught:
        await client.job("x")
    assert "token-1" not in str(caught.value)
    assert PASSWORD not in repr(client.__dict__)
