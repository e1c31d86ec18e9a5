import json
import re
from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from eoflows.base.errors import (
    AbsentError,
    ConflictError,
    ContractError,
    CredentialsError,
    EoError,
    ForbiddenAddressError,
    InvalidInputError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnreachableError,
)
from eoflows.base.http import ApiKey, BearerToken, HttpClient, Keyring, Origin, RetryPolicy

pytestmark = pytest.mark.anyio

URL = "https://station.example/auxip/search?token=geheim-token"
KEY = "geheim-schluessel"


Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers in turn; the last answer for ever."""

    def __init__(
        self, *answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]
    ) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def client(self, **options) -> HttpClient:
        key = (Origin.of(URL), ApiKey(SecretStr(KEY)))
        options = {
            "keyring": Keyring([key]),
            "retry": RetryPolicy(attempts=3, base=1.0, longest=10.0, chance=lambda: 0.0),
        } | options
        return HttpClient(transport=httpx.MockTransport(self), sleep=self.sleep, **options)


def to(location: str, status: int = 302) -> httpx.Response:
    return httpx.Response(status, headers={"location": location})


OK = httpx.Response(200, json={"ok": True})


async def test_a_request_as_it_is_sent():
    script = Script(OK)
    async with script.client() as client:
        assert await client.json("POST", URL, json={"limit": 1}, headers={"x-trace": "7"}) == {"ok": True}
    request = script.requests[0]
    assert request.headers["x-api-key"] == KEY
    assert request.headers["x-trace"] == "7"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.content) == {"limit": 1}
    assert "cookie" not in request.headers


async def test_query_parameters_are_joined_to_the_url():
    script = Script(OK)
    async with script.client() as client:
        await client.request("GET", "https://station.example/x", params={"a": "1 2"})
    assert script.requests[0].url.query == b"a=1+2"


TABLE = [
    (400, RefusedError),
    (401, CredentialsError),
    (402, RefusedError),
    (403, CredentialsError),
    (404, AbsentError),
    (405, RefusedError),
    (409, ConflictError),
    (410, AbsentError),
    (412, ConflictError),
    (422, RefusedError),
    (408, UnreachableError),
    (425, UnreachableError),
    (429, ThrottledError),
    (500, UnreachableError),
    (501, UnreachableError),
    (502, UnreachableError),
    (503, ThrottledError),
    (504, UnreachableError),
    (599, UnreachableError),
]


@pytest.mark.parametrize(("status", "error"), TABLE)
async def test_each_status_has_its_error(status, error):
    script = Script(httpx.Response(status, json={"detail": "no such thing"}))
    async with script.client() as client:
        with pytest.raises(error) as caught:
            await client.request("GET", URL)
    assert type(caught.value) is error
    assert f"answered {status}: no such thing" in str(caught.value)
    again = issubclass(error, UnreachableError)
    assert len(script.requests) == (3 if again else 1)
    assert script.slept == ([0.5, 1.0] if again else [])
    if not again:
        assert (caught.value.status, caught.value.detail) == (status, "no such thing")


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("silent"),
        httpx.RemoteProtocolError("cut"),
        httpx.ReadError("reset"),
        httpx.DecodingError("gzip"),
    ],
)
async def test_no_answer_is_tried_again_and_is_never_absent(failure):
    script = Script(failure)
    async with script.client() as client:
        with pytest.raises(UnreachableError, match=type(failure).__name__) as caught:
            await client.request("GET", URL)
    assert caught.value.__cause__ is failure
    assert len(script.requests) == 3


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(429), httpx.ReadError("reset")])
async def test_what_cannot_be_repeated_is_sent_once(answer):
    script = Script(answer)
    async with script.client() as client:
        with pytest.raises(UnreachableError):
            await client.request("POST", URL, json={}, repeatable=False)
    assert len(script.requests) == 1
    assert script.slept == []


async def test_a_later_answer_counts_and_the_service_says_how_long_to_wait():
    script = Script(
        httpx.Response(429, headers={"retry-after": "7"}),
        httpx.Response(503, headers={"retry-after": "0"}),
        OK,
    )
    async with script.client() as client:
        assert await client.json("GET", URL) == {"ok": True}
    assert script.slept == [7.0, 0.0]


async def test_a_long_wait_is_handed_on_instead_of_waited_for():
    script = Script(httpx.Response(429, headers={"retry-after": "3600"}))
    async with script.client() as client:
        with pytest.raises(ThrottledError) as caught:
            await client.request("GET", URL)
    assert caught.value.retry_after == 3600.0
    assert len(script.requests) == 1
    assert script.slept == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_get_follows_redirects(status):
    script = Script(to("/auxip/other?page=2", status), OK)
    async with script.client() as client:
        await client.request("GET", URL, headers={"x-trace": "7"})
    assert str(script.requests[1].url) == "https://station.example/auxip/other?page=2"
    assert script.requests[1].headers["x-api-key"] == KEY
    assert script.requests[1].headers["x-trace"] == "7"


async def test_five_redirects_and_no_more():
    hops = [to(f"/hop{number}") for number in range(5)]
    script = Script(*hops, OK)
    async with script.client() as client:
        assert await client.json("GET", URL) == {"ok": True}
    script = Script(to("/again"))
    async with script.client() as client:
        with pytest.raises(ContractError, match="more than 5"):
            await client.request("GET", URL)
    assert len(script.requests) == 6


@pytest.mark.parametrize(
    "other",
    [
        "https://other.example/x",
        "https://station.example:8443/x",
        "//other.example/x",
        "https://station.example.evil.example/x",
        "https://x@other.example/",
    ],
)
@pytest.mark.parametrize("key", [ApiKey(SecretStr(KEY)), BearerToken(SecretStr(KEY))])
async def test_another_origin_gets_no_credentials_and_no_custom_headers(other, key):
    script = Script(to(other, 307), OK)
    async with script.client(keyring=Keyring([(Origin.of(URL), key)])) as client:
        await client.request("POST", URL, json={"limit": 1}, headers={"x-secret-custom": "7"})
    sent = script.requests[1].headers
    assert not {"x-api-key", "authorization", "x-secret-custom", "cookie"} & set(sent)
    assert KEY not in str(sent.raw)


async def test_another_origin_gets_its_own_credentials():
    other = "https://other.example/x"
    keyring = Keyring(
        [(Origin.of(URL), ApiKey(SecretStr(KEY))), (Origin.of(other), ApiKey(SecretStr("andere")))]
    )
    script = Script(to(other), to(URL), OK)
    async with script.client(keyring=keyring) as client:
        await client.request("GET", URL)
    assert [request.headers["x-api-key"] for request in script.requests] == [KEY, "andere", KEY]


async def test_a_body_keeps_its_type_on_the_way_to_another_origin():
    script = Script(to("https://other.example/search", 308), OK)
    async with script.client() as client:
        await client.request("POST", URL, json={"limit": 1})
    assert script.requests[1].method == "POST"
    assert script.requests[1].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://station.example/x", "leaves encryption"),
        ("HTTP://other.example/x", "leaves encryption"),
        ("file:///etc/passwd", "not http"),
        ("ftp://station.example/x", "not http"),
        ("gopher://station.example/?geheim", "not http"),
    ],
)
async def test_redirects_that_are_refused(location, message):
    script = Script(to(location), OK)
    async with script.client() as client:
        with pytest.raises(ForbiddenAddressError, match=message) as caught:
            await client.request("GET", URL)
    assert "geheim" not in str(caught.value)
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_post_is_not_turned_into_a_get(status):
    script = Script(to("/x", status), OK)
    async with script.client() as client:
        with pytest.raises(ContractError, match=f"redirect {status}"):
            await client.request("POST", URL, json={})
    assert len(script.requests) == 1


async def test_a_redirect_to_nowhere():
    for answer in (httpx.Response(302), to("http://[::1")):
        script = Script(answer)
        async with script.client() as client:
            with pytest.raises(EoError):
                await client.request("GET", URL)


class Renewable:
    """Credentials whose first value is out of date."""

    def __init__(self, *values: str) -> None:
        self.values = list(values)

    async def headers(self, rejected=None):
        if rejected is not None and rejected["authorization"] == self.values[0] and len(self.values) > 1:
            self.values.pop(0)
        return {"authorization": self.values[0]}


@pytest.mark.parametrize("repeatable", [True, False])
async def test_a_401_renews_the_credentials_once(repeatable):
    def judge(request: httpx.Request) -> httpx.Response:
        return OK if request.headers["authorization"] == "new" else httpx.Response(401)

    script = Script(judge)
    async with script.client(keyring=Keyring([(Origin.of(URL), Renewable("old", "new"))])) as client:
        await client.request("POST", URL, json={}, repeatable=repeatable)
    assert [request.headers["authorization"] for request in script.requests] == ["old", "new"]
    script = Script(httpx.Response(401))
    async with script.client() as client:
        with pytest.raises(CredentialsError, match="check the credentials"):
            await client.request("GET", URL)
    assert len(script.requests) == 1


NESTED = {
    "code": "NotFound",
    "description": '{"type":"https://mozilla.example/404","status":404,"detail":"Job with ID x not found"}',
}


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (
            json.dumps({"type": "about:blank", "title": "Bad", "detail": "limit is 0"}),
            "problem+json",
            "limit is 0",
        ),
        (json.dumps({"title": "Bad request"}), "problem+json", "Bad request"),
        (json.dumps({"message": "denied"}), "json", "denied"),
        (json.dumps(NESTED), "json", "Job with ID x not found"),
        (json.dumps({"detail": "{not json"}), "json", "{not json"),
        (json.dumps({"detail": '{"a": 1}'}), "json", '{"a": 1}'),
        (json.dumps({"detail": [{"loc": ["limit"], "msg": "too small"}]}), "json", "too small"),
        (json.dumps(["a", "b"]), "json", "['a', 'b']"),
        ("<html><body>Bad gateway</body></html>", "html", "a page of 37 bytes instead of JSON"),
        ("plain\n  words", "plain", "plain words"),
        ("", "plain", ""),
    ],
)
async def test_what_the_service_said(body, kind, expected):
    media = {"html": "text/html", "plain": "text/plain"}.get(kind, f"application/{kind}")
    script = Script(httpx.Response(400, content=body.encode(), headers={"content-type": media}))
    async with script.client() as client:
        with pytest.raises(RefusedError) as caught:
            await client.request("GET", URL)
    assert expected in caught.value.detail
    assert (caught.value.detail == "") == (expected == "")


async def test_a_long_answer_is_cut():
    script = Script(httpx.Response(400, text="x" * 10_000))
    async with script.client() as client:
        with pytest.raises(RefusedError) as caught:
            await client.request("GET", URL)
    assert caught.value.detail == "x" * 300 + "..."


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403, json={"detail": f"key {KEY} may not do that"}),
        httpx.Response(400, text=f"{URL}&x=1 is wrong"),
        httpx.Response(
            500, text=f"upstream https://u:geheim@store.example/f?X-Amz-Signature=geheim said no ({KEY})"
        ),
        httpx.Response(200, text="geheim"),
        to("file:///x?geheim"),
        to("https://other.example/?geheim"),
        httpx.ConnectError("refused"),
        httpx.LocalProtocolError(f"Illegal header value b'{KEY}'"),
        httpx.UnsupportedProtocol("unsupported"),
    ],
)
async def test_no_message_shows_a_secret(answer):
    script = Script(answer)
    async with script.client() as client:
        with pytest.raises(EoError) as caught:
            await client.json("GET", URL)
    error: BaseException | None = caught.value
    while error is not None:
        assert not re.search("geheim", str(error)), error
        error = error.__cause__


async def test_a_bearer_token_that_is_repeated_without_its_scheme_is_hidden():
    script = Script(httpx.Response(401, json={"detail": f"token {KEY} has expired"}))
    async with script.client(keyring=Keyring([(Origin.of(URL), BearerToken(SecretStr(KEY)))])) as client:
        with pytest.raises(CredentialsError, match=re.escape("token *** has expired")):
            await client.request("GET", URL)


@pytest.mark.parametrize("body", ["", "{", "<html/>", '{"a": 1'])
async def test_an_answer_that_is_no_json(body):
    script = Script(httpx.Response(200, text=body))
    async with script.client() as client:
        with pytest.raises(ContractError, match="not JSON"):
            await client.json("GET", URL)


@pytest.mark.parametrize("url", ["", "/x", "file:///etc/passwd", "https://h/\x00", "https://\u200b/"])
async def test_urls_that_cannot_be_asked(url):
    script = Script(OK)
    async with script.client() as client:
        with pytest.raises(InvalidInputError):
            await client.request("GET", url)
    assert script.requests == []


async def test_cookies_are_not_kept():
    script = Script(httpx.Response(200, headers={"set-cookie": "session=geheim; Path=/"}, json={}), OK)
    async with script.client() as client:
        await client.request("GET", URL)
        await client.request("GET", "https://station.example:8443/x")
        await client.request("GET", URL)
    assert all("cookie" not in request.headers for request in script.requests)


async def test_the_errors_carry_what_the_service_said_without_its_secrets():
    said = {"type": "x", "hint": f"{URL}", "key": KEY}
    clean = {"type": "x", "hint": "https://station.example/auxip/search", "key": "***"}
    for status in (404, 500, 503):
        script = Script(httpx.Response(status, json=said))
        async with script.client(retry=RetryPolicy(attempts=1)) as client:
            with pytest.raises(ServiceError) as caught:
                await client.request("GET", URL)
        assert caught.value.document == clean
        assert status == 404 or caught.value.answered == status


@pytest.mark.parametrize("body", ["", "<html/>", "[" * 400 + "]" * 400])
async def test_a_body_that_is_no_usable_json_is_not_carried(body):
    script = Script(httpx.Response(400, text=body))
    async with script.client() as client:
        with pytest.raises(RefusedError) as caught:
            await client.request("GET", URL)
    assert caught.value.document is None


async def test_a_request_may_have_a_patience_of_its_own():
    script = Script(OK)
    async with script.client(timeout=7) as client:
        await client.request("GET", URL)
        await client.request("POST", URL, json={}, timeout=3600)
    default, patient = (request.extensions["timeout"] for request in script.requests)
    assert default == {"connect": 7, "read": 7, "write": 7, "pool": 7}
    assert patient == {"connect": 7, "read": 3600, "write": 3600, "pool": 3600}


async def test_a_body_may_ask_for_a_preference_and_the_answer_is_given_whole():
    script = Script(httpx.Response(201, headers={"location": "/jobs/7"}, text="null"))
    async with script.client() as client:
        answer = await client.request("POST", URL, json={}, headers={"prefer": "respond-async"})
    assert (answer.status_code, answer.headers["location"], answer.json()) == (201, "/jobs/7", None)
    assert script.requests[0].headers["prefer"] == "respond-async"
