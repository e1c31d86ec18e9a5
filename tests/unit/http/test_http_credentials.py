import base64

import anyio
import httpx
import pytest
from pydantic import SecretStr

from eoflows.base.errors import (
    ContractError,
    CredentialsError,
    InvalidInputError,
    ThrottledError,
    UnsentError,
)
from eoflows.base.http import ApiKey, BasicLogin, BearerToken, Keyring, Origin, PasswordGrant

pytestmark = pytest.mark.anyio

PASSWORD = "geheimes-wort"
HOME = "https://station.example/auxip/"


class TokenEndpoint:
    """Gives token-1, token-2 ... and counts."""

    def __init__(self, lifetime: float = 100.0) -> None:
        self.forms: list[dict[str, str]] = []
        self.lifetime, self.answer = lifetime, None
        self.now = 0.0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.forms.append(dict(httpx.QueryParams(request.content.decode())))
        number = len(self.forms)
        await anyio.lowlevel.checkpoint()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or httpx.Response(
            200, json={"access_token": f"token-{number}", "expires_in": self.lifetime}
        )

    def grant(self) -> PasswordGrant:
        return PasswordGrant(
            "https://login.example/token?realm=geheim",
            "demo",
            SecretStr(PASSWORD),
            client_id="eoflows",
            scope="openid",
            leeway=30.0,
            clock=lambda: self.now,
            transport=httpx.MockTransport(self),
        )


@pytest.fixture
def endpoint() -> TokenEndpoint:
    return TokenEndpoint()


async def test_a_token_is_kept_until_its_leeway_begins(endpoint):
    grant = endpoint.grant()
    for endpoint.now, expected in ((0.0, 1), (69.9, 1), (70.0, 2), (139.0, 2), (1e6, 3)):
        assert await grant.headers() == {"authorization": f"Bearer token-{expected}"}
    assert endpoint.forms[0] == {
        "grant_type": "password",
        "username": "demo",
        "password": PASSWORD,
        "client_id": "eoflows",
        "scope": "openid",
    }


async def test_a_rejected_token_is_renewed_once_for_all_who_held_it(endpoint):
    grant = endpoint.grant()
    old = await grant.headers()
    renewed = []

    async def again() -> None:
        renewed.append(await grant.headers(rejected=old))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(again)
    assert renewed == [{"authorization": "Bearer token-2"}] * 20
    assert len(endpoint.forms) == 2


async def test_concurrent_requests_share_one_login(endpoint):
    grant = endpoint.grant()
    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(grant.headers)
    assert len(endpoint.forms) == 1


async def test_a_wrong_password_is_not_tried_again_and_again(endpoint):
    """Accounts are locked after a few wrong passwords."""
    endpoint.answer = httpx.Response(401, json={"error": "invalid_grant", "echo": PASSWORD})
    grant, refused = endpoint.grant(), []

    async def attempt() -> None:
        try:
            await grant.headers()
        except CredentialsError as error:
            refused.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(attempt)
    assert len(refused) == 10
    assert len(endpoint.forms) == 1
    endpoint.now, endpoint.answer = 61.0, None
    assert await grant.headers() == {"authorization": "Bearer token-2"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"error": PASSWORD}), CredentialsError),
        (httpx.Response(401), CredentialsError),
        (httpx.Response(403), CredentialsError),
        (httpx.Response(429, headers={"retry-after": "7"}), ThrottledError),
        (httpx.Response(503), ThrottledError),
        (httpx.Response(500, text=PASSWORD), UnsentError),
        (httpx.Response(302, headers={"location": "https://evil.example/"}), ContractError),
        (httpx.Response(200, text="<html>login</html>"), ContractError),
        (httpx.Response(200, json=["token"]), ContractError),
        (httpx.Response(200, json={"token": "x"}), ContractError),
        (httpx.Response(200, json={"access_token": "x", "expires_in": None}), ContractError),
        (httpx.ConnectError(f"no route for {PASSWORD}"), UnsentError),
    ],
)
async def test_what_a_token_endpoint_can_do_wrong(endpoint, answer, error):
    endpoint.answer = answer
    with pytest.raises(error) as caught:
        await endpoint.grant().headers()
    assert type(caught.value) is error
    assert "https://login.example/token" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert getattr(caught.value, "retry_after", None) == (
        7.0 if "retry-after" in getattr(answer, "headers", {}) else None
    )


async def test_keys_in_headers():
    assert await ApiKey(SecretStr("k1")).headers() == {"x-api-key": "k1"}
    assert await ApiKey(SecretStr("k1"), header="X-Other").headers(rejected={"x-other": "k1"}) == {
        "x-other": "k1"
    }
    assert await BearerToken(SecretStr("t1")).headers() == {"authorization": "Bearer t1"}
    assert await BasicLogin("demo", SecretStr("wört")).headers() == {
        "authorization": "Basic " + base64.b64encode("demo:wört".encode()).decode()
    }
    assert await ApiKey(SecretStr(" pasted \n")).headers() == {"x-api-key": "pasted"}


@pytest.mark.parametrize("key", ["", "  ", "abc\ndef", "geheim\x00", "schlüssel"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(key):
    with pytest.raises(InvalidInputError, match="x-api-key") as caught:
        ApiKey(SecretStr(key))
    if key.strip():
        assert key.strip() not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://station.example:8443/auxip/",
        "http://station.example/auxip/",
        "https://station.example.evil.example/",
        "https://evil.example/?x=https://station.example/",
        "https://station.example@evil.example/",
    ],
)
async def test_a_keyring_gives_nothing_to_another_origin(url):
    keyring = Keyring([(Origin.of(HOME), ApiKey(SecretStr("k1")))])
    assert await keyring.headers(url) == {}
    assert await keyring.headers(url, rejected={"x-api-key": "k1"}) == {}
    assert await keyring.headers("https://STATION.example:443/other/path") == {"x-api-key": "k1"}


async def test_keyrings_are_joined():
    first = Keyring(
        [
            (Origin.of("https://a"), ApiKey(SecretStr("ka"))),
            (Origin.of("https://b"), ApiKey(SecretStr("old"))),
        ]
    )
    second = Keyring([(Origin.of("https://b"), ApiKey(SecretStr("kb")))])
    joined = first | second
    assert joined.origins == {Origin.of("https://a"), Origin.of("https://b")}
    assert await joined.headers("https://b/x") == {"x-api-key": "kb"}
    assert await first.headers("https://b/x") == {"x-api-key": "old"}


def test_no_secret_in_repr():
    for each in (ApiKey(SecretStr("k1-geheim")), TokenEndpoint().grant()):
        assert "geheim" not in repr(each)
