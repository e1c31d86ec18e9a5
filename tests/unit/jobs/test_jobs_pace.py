"""Endpoints are asked often while things happen, and seldom while nothing does."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_world import World, endpoint, intent, sqlite_url

from eoflows.jobs.tracker import Pace, track_round

SECONDS = st.floats(0, 1e9)


@given(SECONDS, SECONDS)
def test_the_longer_nothing_happens_the_longer_is_waited(quiet: float, longer: float) -> None:
    pace = Pace()
    assert timedelta(seconds=5) <= pace.after(quiet) <= timedelta(seconds=600)
    assert pace.after(quiet) <= pace.after(quiet + longer)


@given(st.integers(0, 10_000), st.none() | SECONDS)
def test_patience_that_is_asked_for_is_had(failures: int, asked: float | None) -> None:
    pause = Pace().after_failure(failures, asked)
    assert pause >= timedelta(seconds=max(5.0, asked or 0.0))
    assert pause <= timedelta(seconds=max(600.0, asked or 0.0))


@pytest.mark.anyio
async def test_a_round_comes_when_it_is_due(tmp_path) -> None:
    world = World(sqlite_url(tmp_path))
    async with world.ledger() as ledger:
        await world.submit(ledger, "inputs-a", inputs={"seconds": 1e6})

        async def is_asked() -> bool:
            return bool(await track_round(ledger, world.open_server))

        assert await is_asked()
        assert not await is_asked()
        world.clock.advance(6)
        assert await is_asked()
        world.line.dead.add("inputs-a")
        gaps = []
        for _ in range(5):
            waited = 0
            while not await is_asked():
                world.clock.advance(1)
                waited += 1
            gaps.append(waited)
        assert gaps[1:] == sorted(gaps[1:])
        assert gaps[-1] > 20
        world.line.dead.clear()
        assert not await track_round(ledger, world.open_server, older_than=0.0)


@pytest.mark.anyio
async def test_many_jobs_cost_few_requests(tmp_path) -> None:
    world = World(sqlite_url(tmp_path), page=50)
    async with world.ledger() as ledger:
        await ledger.plan([intent("inputs-a", n=n, inputs={"seconds": 60}) for n in range(200)])
        for _ in range(2):
            await world.track(ledger)
        world.line.asked.clear()
        world.clock.advance(10)
        (found,) = await world.track(ledger)
        assert found.looked_at == found.changed == 200
        assert world.line.asked.total() == 4
        assert (await ledger.claim_endpoint("dummy", endpoint("inputs-a"))) is not None
