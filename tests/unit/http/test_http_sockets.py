"""The guard sits below httpx: these tests use real sockets."""

import pytest

from eoflows.base.errors import ForbiddenAddressError, UnreachableError
from eoflows.base.http import HttpClient, Origin, RetryPolicy
from eoflows.sandbox import Fault, Sandbox, SandboxSettings

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def box():
    with Sandbox(SandboxSettings(days=0)) as box:
        yield box


def client(*trusted: str) -> HttpClient:
    return HttpClient(trusted=map(Origin.of, trusted), retry=RetryPolicy(attempts=1), timeout=10)


async def test_loopback_is_refused_before_anything_is_sent(box):
    before = box.log.last
    async with client() as http:
        with pytest.raises(ForbiddenAddressError, match=r"127\.0\.0\.1"):
            await http.request("GET", box.url + "/cdse/")
        name = box.url.replace("127.0.0.1", "localhost")
        with pytest.raises(ForbiddenAddressError, match="localhost"):
            await http.request("GET", name + "/cdse/")
    assert box.log.last == before


async def test_a_configured_origin_may_be_at_loopback(box):
    async with client(box.url) as http:
        assert (await http.json("GET", box.url + "/cdse/"))["type"] == "Catalog"


async def test_a_redirect_does_not_lead_past_the_guard(box):
    before = box.log.last
    with box.faults.active(Fault("redirect", "/cdse/", parameters={"target": "other_origin"})):
        async with client(box.url) as http:
            with pytest.raises(ForbiddenAddressError, match="not a public address"):
                await http.request("GET", box.url + "/cdse/")
        async with client(box.url, box.other_url) as http:
            await http.request("GET", box.url + "/cdse/")
    assert [entry.origin for entry in box.log.entries("/cdse/", since=before)] == ["main", "main", "other"]


async def test_nobody_listens():
    async with client("http://127.0.0.1:9") as http:
        with pytest.raises(UnreachableError, match="ConnectError"):
            await http.request("GET", "http://127.0.0.1:9/")
