"""What only a real socket shows."""

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


HOUR = {"seconds": 3600.0}
"""Who waits for the end of such a hang waits too long, however slow the machine is."""


@pytest.mark.parametrize("path", ["/cdse/", "/cdse/search"])
async def test_a_hanging_request_is_interrupted(box, path):
    async with HttpClient(trusted=[Origin.of(box.url)], timeout=3600) as http:
        client, since = StacClient(f"{box.url}/cdse", http), box.log.last
        if path == "/cdse/search":
            # The landing page, which must come, is read once, and not within the limit.
            assert await anext(client.pages(SearchRequest()))
        hang = box.faults.active(Fault("hang", f"re:^{path}$", parameters=HOUR))
        with hang, pytest.raises(DeadlineError, match=r"limit of 0\.5 s"):
            await anext(client.pages(SearchRequest(), timeout=0.5))
        assert box.log.wait_for(lambda log: log.entries(path, fault="hang", since=since)[0].aborted)


async def test_the_second_page_may_hang_as_well(box):
    # By this clock the first page takes nearly all of the limit, however long it takes.
    moments = iter([0.0, 0.0, 0.0, 3599.5, 3599.5])
    async with HttpClient(trusted=[Origin.of(box.url)], timeout=3600) as http:
        client = StacClient(f"{box.url}/cdse", http, page_size=10, clock=moments.__next__)
        pages = client.pages(SearchRequest(), timeout=3600)
        with box.faults.active(Fault("hang", "/cdse/search", after=1, parameters=HOUR)):
            assert len(await anext(pages)) == 10
            with pytest.raises(DeadlineError):
                await anext(pages)


async def test_all_items_of_all_pages(box):
    async with HttpClient(trusted=[Origin.of(box.url)]) as http:
        client = StacClient(f"{box.url}/cdse", http, page_size=7)
        found = [item["id"] async for page in client.pages(SearchRequest()) for item in page]
    names = [product.name for name in ("auxip", "prip") for product in box.stations[name].products]
    assert sorted(found) == sorted(name.partition(".")[0] for name in names)
