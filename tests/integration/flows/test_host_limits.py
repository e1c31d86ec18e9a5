"""A limit for a host, defined in Prefect, bounds the connections of all runs together."""

import asyncio
import os
import subprocess
import sys

import pytest
from flow_runs import run
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.settings import PREFECT_API_URL

from eoflows.flows.stage_aux import aux_staging
from eoflows.sandbox import Fault
from eoflows.tasks.limits import PATIENCE, PREFIX

NAME = f"{PREFIX}127.0.0.1"
RATE = 1_000_000
ORBITS = {"filter": {"op": "=", "args": [{"property": "product:type"}, "AUX_POEORB"]}}


@pytest.fixture
async def limit_of_two():
    async with get_client() as client:
        await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=NAME, limit=2))
        yield
        await client.delete_global_concurrency_limit_by_name(NAME)


@pytest.mark.anyio
async def test_two_runs_share_the_limit(place, limit_of_two) -> None:
    slow = Fault("slow", path="/auxip/Products*", parameters={"rate": RATE})
    with place.box.faults.active(slow):
        both = [aux_staging(place.env, ORBITS, f"aux-{number}") for number in range(2)]
        results = await asyncio.gather(*both)
    assert [ok for ok, _ in results] == [True, True]
    assert len(place.files("aux-0")) == len(place.files("aux-1")) == 12
    served = place.box.log.entries("/auxip/Products*", since=place.since)
    # The server may note an end late; sooner than its rate allows there is none.
    shortest = [(one.began + 0.8 * one.bytes_sent / RATE, -1) for one in served]
    moments = sorted([(one.began, 1) for one in served] + shortest)
    open_now = peak = 0
    for _, step in moments:
        open_now += step
        peak = max(peak, open_now)
    assert peak <= 2


@pytest.mark.anyio
async def test_slots_whose_holders_are_gone_are_not_waited_for_without_end(
    place, limit_of_two, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So they stand after a restart of a server that keeps its leases in memory: taken, and nobody has them.
    await prefect("gcl", "update", NAME, "--active-slots", "2")
    monkeypatch.setenv(PATIENCE, "1")
    done = await run(aux_staging, place.env, ORBITS, "aux-0")
    assert (done.state.name, done.state.message) == ("NothingStaged", "12 found in auxip: 12 failed.")
    assert f"no slot of the limit {NAME} in 1 s" in done.everything
    assert place.files("aux-0") == {}

    await prefect("gcl", "update", NAME, "--active-slots", "0")
    monkeypatch.delenv(PATIENCE)
    assert (await aux_staging(place.env, ORBITS, "aux-0"))[0]
    assert len(place.files("aux-0")) == 12


async def prefect(*arguments: str) -> None:
    """Give a command that the error names."""
    command = [sys.executable, "-m", "prefect", *arguments]
    environment = {**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value()}
    await asyncio.to_thread(subprocess.run, command, check=True, env=environment)
