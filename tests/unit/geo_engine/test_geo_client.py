import asyncio

import httpx
import pytest
from geo_records import raster_document
from geo_server import SESSION, URL, Server, refusal
from pydantic import SecretStr

from eoflows.base.errors import (
    AbsentError,
    ContractError,
    CredentialsError,
    InvalidInputError,
    UnreachableError,
)
from eoflows.services.geo_engine import (
    EmailLogin,
    GeoEngineClient,
    Profile,
    SessionToken,
    get_quota,
    load_workflow,
)
from eoflows.services.geo_engine.profiles import Profile as AllProfiles
from eoflows.services.geo_engine.session import SessionKeeper

pytestmark = pytest.mark.anyio
WORKFLOW = "5b9508a8-bd34-5a1c-acd6-75bb832d2d38"


def session(name: str, seconds: int | None = 3600):
    if seconds is None:
        return {"id": name}
    until = f"2021-06-08T{15 + seconds // 3600:02}:22:{22 + seconds % 60:02}.605892183Z"
    return {"id": name, "created": "2021-06-08T15:22:22.605891994Z", "validUntil": until}


async def test_a_session_is_opened_once_and_sent_with_each_call():
    server = Server(**{"GET /quota": {"available": 1, "used": 2}})
    async with server.client() as client:
        await asyncio.gather(*(client.document("GET", "quota") for _ in range(5)))
    assert server.count("/anonymous") == 1
    assert {request.headers["authorization"] for request in server.requests[1:]} == {f"Bearer {SESSION}"}


async def test_a_login_sends_what_the_record_has():
    server = Server(**{"POST /login": session("abc"), "GET /quota": {}})
    async with server.client(EmailLogin("foo@bar.de", SecretStr("secret123"))) as client:
        await client.document("GET", "quota")
    assert server.requests[0].content == b'{"email":"foo@bar.de","password":"secret123"}'
    assert server.requests[1].headers["authorization"] == "Bearer abc"


async def test_an_expired_session_is_renewed_by_its_own_length():
    """The server's clock may show any date: only the difference of its two times counts."""
    names, now = iter("abc"), 1000.0
    server = Server(**{"POST /anonymous": lambda _: httpx.Response(200, json=session(next(names)))})
    keeper = SessionKeeper(URL, login=EmailLogin("", SecretStr("")), clock=lambda: now,
                           transport=httpx.MockTransport(server))  # fmt: skip
    server.answers["POST /login"] = server.answers["POST /anonymous"]
    assert (await keeper.headers())["authorization"] == "Bearer a"
    now += 3000
    assert (await keeper.headers())["authorization"] == "Bearer a"
    now += 580
    assert (await keeper.headers())["authorization"] == "Bearer b"


async def test_a_session_that_is_refused_is_renewed_once():
    names = iter("abc")

    def quota(request):
        good = request.headers["authorization"] == "Bearer b"
        return (
            httpx.Response(200, json={})
            if good
            else refusal("Unauthorized", "The session id is invalid.", 401)
        )

    server = Server(**{"POST /anonymous": lambda _: httpx.Response(200, json=session(next(names), None)),
                       "GET /quota": quota})  # fmt: skip
    async with server.client() as client:
        assert await client.document("GET", "quota") == {}
    assert server.count("/anonymous") == 2


async def test_a_token_cannot_be_renewed():
    server = Server(**{"GET /quota": refusal("Unauthorized", "The session id is invalid.", 401)})
    async with server.client(SessionToken(SecretStr("geheim-token"))) as client:
        with pytest.raises(CredentialsError, match="session id is invalid") as found:
            await client.document("GET", "quota")
    assert "geheim" not in str(found.value)
    assert server.count("/quota") == 1


async def test_a_refused_login_is_remembered():
    server = Server(**{"POST /anonymous": refusal("Unauthorized", "no anonymous users", 401)})
    async with server.client() as client:
        for _ in range(3):
            with pytest.raises(CredentialsError):
                await client.document("GET", "quota")
    assert server.count("/anonymous") == 1


async def test_errors_keep_what_the_server_says():
    server = Server(**{f"GET /workflow/{WORKFLOW}/metadata": refusal("NoWorkflowForGivenId", "Not found.")})
    async with server.client() as client:
        with pytest.raises(AbsentError, match="NoWorkflowForGivenId: Not found") as found:
            await load_workflow(client, WORKFLOW)
    assert found.value.document == {"error": "NoWorkflowForGivenId", "message": "Not found."}
    assert found.value.status == 400


async def test_a_page_of_a_proxy_is_told_as_such():
    page = httpx.Response(502, content=b"<html>bad gateway</html>", headers={"content-type": "text/html"})
    server = Server(**{"GET /quota": page})
    async with server.client() as client:
        with pytest.raises(UnreachableError, match="a page of 24 bytes"):
            await client.document("GET", "quota")
    assert server.count("/quota") == 2


async def test_what_is_not_json():
    server = Server(**{"GET /quota": httpx.Response(200, content=b"<html>")})
    async with server.client() as client:
        with pytest.raises(ContractError, match="not JSON"):
            await client.document("GET", "quota")


@pytest.mark.parametrize(
    ("version", "profile"),
    [("0.7.0", "0.8"), ("0.8.0", "0.8"), ("0.9.4", "0.9"), ("v0.10.0", "0.10"), ("1.2.3", "0.10")],
)
async def test_the_profile_is_that_of_the_version(version, profile):
    async with Server(**{"GET /info": {"version": version}}).client(profile=None) as client:
        assert await client.profile() == AllProfiles(profile)
    assert AllProfiles.of_version("unknown") is None


@pytest.mark.parametrize("path", ["workflow", "processingGraphs"])
async def test_a_server_that_does_not_tell_its_version_is_tried(path):
    nobody = "00000000-0000-0000-0000-000000000000"
    answer = refusal("NoWorkflowForGivenId", "no")
    async with Server(**{f"GET /{path}/{nobody}": answer}).client(profile=None) as client:
        assert (await client.profile()).workflows == path


async def test_what_is_no_geo_engine():
    async with Server().client(profile=None) as client:
        with pytest.raises(ContractError, match="no Geo Engine"):
            await client.profile()


def test_plain_calls_use_the_nearest_client():
    one, other = (
        Server(**{"GET /quota": {"available": 1, "used": 1}}),
        Server(**{"GET /quota": {"available": 2, "used": 2}}),
    )
    with pytest.raises(InvalidInputError, match="GeoEngineClient"):
        get_quota()
    with one.client() as first:
        assert get_quota().available == 1
        with other.client():
            assert get_quota().available == 2
            assert get_quota(client=first).available == 1
        assert get_quota().available == 1


async def test_plain_and_async_calls_of_one_client_share_a_session():
    server = Server(**{"GET /quota": {"available": 1, "used": 1}})
    async with server.client() as client:
        assert get_quota().used == 1
        await client.document("GET", "quota")
    assert server.count("/anonymous") == 1


def test_a_client_opened_by_plain_code_works_in_other_loops():
    path = f"GET /workflow/{WORKFLOW}/metadata"
    server = Server(**{path: raster_document()})
    with server.client() as client:
        found = asyncio.run(load_workflow(client, WORKFLOW))
        assert str(found) == WORKFLOW
        with pytest.raises(InvalidInputError, match="not a vector"):
            found.get_dataframe(None)


def test_the_address_of_a_stream():
    client = GeoEngineClient("https://geo.example/api", profile=Profile.V0_9)
    url = client.socket_url("workflow/x/rasterStream", {"timeInterval": "2014-01-01T00:00:00.000+00:00"})
    assert url == (
        "wss://geo.example/api/workflow/x/rasterStream?timeInterval=2014-01-01T00%3A00%3A00.000%2B00%3A00"
    )
