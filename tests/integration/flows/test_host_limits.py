"""A limit for a host, defined in Prefect, bounds the connections of all runs together."""

import asyncio

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

from eoflows.flows.stage_aux import aux_staging
from eoflows.sandbox import Fault
from eoflows.tasks.limits import PREFIX

ORBITS = {"filter": {"op": "=", "args": [{"property": "product:type"}, "AUX_POEORB"]}}


@pytest.fixture
async def limit_of_two():
    async with get_client() as client:
        name = f"{PREFIX}127.0.0.1"
        await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=2))
        yield
        await client.delete_global_concurrency_limit_by_name(name)


@pytest.mark.anyio
async def test_two_runs_share_the_limit(place, limit_of_two) -> None:
    slow = Fault("slow", path="/auxip/Products*", parameters={"rate": 1_000_000})
    with place.box.faults.active(slow):
        both = [aux_staging(place.env, ORBITS, f"aux-{number}") for number in range(2)]
        results = await asyncio.gather(*both)
    assert [ok for ok, _ in results] == [True, True]
    assert len(place.files("aux-0")) == len(place.files("aux-1")) == 12
    served = place.box.log.entries("/auxip/Products*", since=place.since)
    # An answer takes 0.3 s; the server notes its end a moment after the client has read it.
    moments = sorted([(one.began, 1) for one in served] + [(one.ended - 0.05, -1) for one in served])
    open_now = peak = 0
    for _, step in moments:
        open_now += step
        peak = max(peak, open_now)
    assert peak <= 2
