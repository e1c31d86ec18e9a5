"""Policies and alternatives against stations: what they accept, and how they fail."""

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from eoflows.base.errors import ServiceError
from eoflows.base.http import ApiKey, HttpClient, Keyring, Origin
from eoflows.base.http.retry import RetryPolicy
from eoflows.base.times import Interval
from eoflows.products.selection import POLICIES, PolicyName, Selection, Wanted, wire_filter
from eoflows.products.selection.alternatives import Finding, Trail, first_found
from eoflows.sandbox import Fault, Sandbox
from eoflows.stores.stac import SearchRequest, StacClient

pytestmark = pytest.mark.anyio
START = datetime(2025, 8, 5, 10, tzinfo=UTC)
ASKED = Interval(START, START + timedelta(minutes=5))


@pytest.fixture
async def auxip(box: Sandbox) -> AsyncIterator[StacClient]:
    origin = Origin.of(box.url)
    keyring = Keyring([(origin, ApiKey(SecretStr("sandbox-demo-key")))])
    async with HttpClient(keyring=keyring, trusted=[origin], retry=RetryPolicy(attempts=1)) as http:
        yield StacClient(f"{box.url}/auxip/", http, page_size=7)


async def chosen(client: StacClient, wanted: Wanted) -> set[str]:
    selection = Selection(wanted)
    taken = set()
    async for page in client.pages(SearchRequest(filter=wire_filter(wanted))):
        verdicts = [(item["id"], selection.judge(item)) for item in page]
        taken |= {item_id for item_id, verdict in verdicts if verdict and verdict[0]}
    return taken | {item["id"] for item, _ in selection.settle()[0]}


@pytest.fixture(scope="module")
def everything(policy_box: Sandbox) -> list[dict[str, Any]]:
    """All that the station has, read in one page."""
    request = {"limit": 10_000, "collections": ["adgs"]}
    answer = httpx.post(
        f"{policy_box.url}/auxip/search", json=request, headers={"x-api-key": "sandbox-demo-key"}, timeout=60
    )
    found: list[dict[str, Any]] = answer.raise_for_status().json()["features"]
    assert len(found) == len(policy_box.stations["auxip"].products)
    return found


@pytest.mark.parametrize("policy", sorted(PolicyName))
@pytest.mark.parametrize("kind", ["AUX_POEORB", "OPER_AUX_RESORB_OPOD", "OPER_MPL_ORBSCT", "AUX_PP2"])
async def test_asking_the_station_is_the_same_as_asking_for_everything(
    auxip: StacClient, everything: list[dict[str, Any]], policy: PolicyName, kind: str
):
    wanted = Wanted(kind, ASKED, policy=policy, margin_before=3600, margin_after=60, platform="sentinel-1a")
    selection = Selection(wanted)
    verdicts = [(item["id"], selection.judge(item)) for item in everything]
    whole = {item_id for item_id, verdict in verdicts if verdict and verdict[0]}
    whole |= {item["id"] for item, _ in selection.settle()[0]}
    assert await chosen(auxip, wanted) == whole
    assert POLICIES[policy].group is None or len(whole) <= 1 or "Duplicates" in policy


async def test_the_latest_is_the_latest_made_though_created_shows_something_else(
    box: Sandbox, auxip: StacClient
):
    """The station fills `created` from the start of the validity."""
    wanted = Wanted("AUX_POEORB", ASKED, policy=PolicyName.LATEST_VAL_COVER, platform="sentinel-1a")
    offered = [
        product
        for product in box.stations["auxip"].products
        if product.product_type == "AUX_POEORB"
        and product.platform == "sentinel-1a"
        and product.start <= ASKED.start
        and product.end >= ASKED.end
    ]
    latest = max(offered, key=lambda product: product.created)
    assert await chosen(auxip, wanted) == {latest.name.removesuffix(".EOF")}


async def tried(
    auxip: StacClient, kinds: list[str], next_when: Collection[Finding] = (Finding.ABSENT,)
) -> Trail[str, set[str]]:
    async def search(kind: str) -> set[str]:
        return await chosen(auxip, Wanted(kind, ASKED, policy=PolicyName.LATEST_VAL_COVER))

    return await first_found(kinds, search, is_found=bool, next_when=next_when)


async def test_an_absent_type_makes_room_for_the_next(auxip: StacClient):
    trail = await tried(auxip, ["AUX_MOEORB", "AUX_POEORB", "OPER_AUX_RESORB_OPOD"])
    assert [attempt.finding for attempt in trail.attempts] == [Finding.ABSENT, Finding.FOUND]
    assert trail.result
    assert "POEORB" in next(iter(trail.result))


@pytest.mark.parametrize(
    ("kind", "finding"), [("unavailable", Finding.UNREACHABLE), ("forbidden", Finding.REFUSED)]
)
async def test_a_station_that_fails_once_does_not_yield_to_the_second_best(
    box: Sandbox, auxip: StacClient, kind: str, finding: Finding
):
    kinds = ["AUX_POEORB", "OPER_AUX_RESORB_OPOD"]
    await auxip.landing_page()
    with box.faults.active(Fault(kind, path="/auxip/search", times=1)):
        trail = await tried(auxip, kinds)
    assert (trail.finding, trail.result, len(trail.attempts)) == (finding, None, 1)
    with box.faults.active(Fault(kind, path="/auxip/search", times=1)):
        trail = await tried(auxip, kinds, {Finding.ABSENT, finding})
    assert [attempt.finding for attempt in trail.attempts] == [finding, Finding.FOUND]
    assert trail.result
    assert "RESORB" in next(iter(trail.result))


async def test_a_page_that_is_cut_is_no_answer(box: Sandbox, auxip: StacClient):
    """The first page is whole and has a candidate; the second may have a better."""
    wanted = Wanted("AUX_POEORB", ASKED, policy=PolicyName.LATEST_VALIDITY)
    with (
        box.faults.active(Fault("bad_json", path="/auxip/search", after=1)),
        pytest.raises(ServiceError),
    ):
        await chosen(auxip, wanted)
