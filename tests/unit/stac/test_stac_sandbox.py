"""What only a real socket shows."""

import time

import pytest

from eoflows.base.errors import DeadlineError
from eoflows.base.http import HttpClient, Origin
from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.stores.stac import SearchRequest, StacClient

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def box():
    with Sandbox(SandboxSettings(days=3)) as box:
        yield box


@pytest.mark.parametrize("path", ["/cdse/", "/cdse/search"])
async def test_a_hanging_request_is_interrupted(box, path):
    async with HttpClient(trusted=[Origin.of(box.url)]) as http:
        client = StacClient(f"{box.url}/cdse", http)
        with box.faults.active(Fault("hang", f"re:^{path}$")):
            began = time.monotonic()
            with pytest.raises(DeadlineError, match=r"limit of 0\.5 s"):
                await anext(client.pages(SearchRequest(), timeout=0.5))
            assert time.monotonic() - began < 1.5
        assert box.log.wait_for(lambda log: all(entry.ended or entry.aborted for entry in log.entries(path)))


async def test_the_second_page_may_hang_as_well(box):
    async with HttpClient(trusted=[Origin.of(box.url)]) as http:
        pages = StacClient(f"{box.url}/cdse", http, page_size=10).pages(SearchRequest(), timeout=1.0)
        with box.faults.active(Fault("hang", "/cdse/search", after=1)):
            assert len(await anext(pages)) == 10
            with pytest.raises(DeadlineError):
                await anext(pages)


async def test_all_items_of_all_pages(box):
    async with HttpClient(trusted=[Origin.of(box.url)]) as http:
        client = StacClient(f"{box.url}/cdse", http, page_size=7)
        found = [item["id"] async for page in client.pages(SearchRequest()) for item in page]
    names = [product.name for name in ("auxip", "prip") for product in box.stations[name].products]
    assert sorted(found) == sorted(name.partition(".")[0] for name in names)
