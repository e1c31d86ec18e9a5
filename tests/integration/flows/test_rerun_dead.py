"""Which dead runs start again."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun, State
from prefect.flow_engine import run_flow
from prefect.states import Completed, Crashed, Pending, Running, Scheduled

from eoflows.flows.rerun_dead import rerun_dead
from eoflows.tasks.rerun import Fate

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("prefect_server")]
AT_ONCE = 1e-6


class Yard:
    """A work pool with one deployment, and runs of it in any state."""

    def __init__(self, client: PrefectClient) -> None:
        self.client = client
        self.pool = f"yard-{uuid.uuid4().hex[:8]}"
        self._deployment: UUID | None = None

    async def put(self, *states: State[Any], **parameters: Any) -> UUID:
        """Give the id of a run that went through some states."""
        if self._deployment is None:
            await self.client.create_work_pool(WorkPoolCreate(name=self.pool, type="process"))
            flow = await self.client.create_flow_from_name("any")
            self._deployment = await self.client.create_deployment(flow, self.pool, work_pool_name=self.pool)
        run = await self.client.create_flow_run_from_deployment(self._deployment, parameters=parameters)
        for state in states:
            await self.client.set_flow_run_state(run.id, state, force=True)
        return run.id

    async def name(self, run: UUID) -> str | None:
        state = (await self.client.read_flow_run(run)).state
        return state and state.name


@pytest.fixture
async def yard() -> AsyncIterator[Yard]:
    async with get_client() as client:
        yield Yard(client)


async def test_what_died_runs_again(yard: Yard) -> None:
    crashed = await yard.put(Pending(), Running(), Crashed(message="the worker is gone"))
    stuck = await yard.put(Pending())
    done = await yard.put(Pending(), Running(), Completed())
    busy = await yard.put(Pending(), Running())

    assert await rerun_dead(yard.pool, AT_ONCE) == {Fate.RERUN: 2}
    names = [await yard.name(run) for run in (crashed, stuck, done, busy)]
    assert names == ["AwaitingRetry", "AwaitingRetry", "Completed", "Running"]
    assert await rerun_dead(yard.pool, AT_ONCE) == {}


async def test_a_run_that_keeps_dying_is_given_up(yard: Yard) -> None:
    run = await yard.put(*[Running(), Crashed()] * 2)
    assert await rerun_dead(yard.pool, AT_ONCE, attempts=2) == {Fate.GIVEN_UP: 1}
    assert await yard.name(run) == "Crashed"
    assert await rerun_dead(yard.pool, AT_ONCE, attempts=3) == {Fate.RERUN: 1}


async def test_what_is_left_alone(yard: Yard) -> None:
    cancelled = await yard.put(Running(), Crashed(), on_crash="cancel")
    assert await rerun_dead(yard.pool, AT_ONCE) == {Fate.LEFT: 1}
    assert await yard.name(cancelled) == "Crashed"

    other = Yard(yard.client)
    fresh = await other.put(Running(), Crashed())
    assert await rerun_dead(other.pool) == {}
    assert await rerun_dead(other.pool, AT_ONCE, forgotten_after_hours=AT_ONCE) == {}
    assert await rerun_dead(yard.pool, AT_ONCE) == {Fate.LEFT: 1}
    assert await other.name(fresh) == "Crashed"


async def test_two_rounds_at_once_start_each_once(yard: Yard) -> None:
    dead = [await yard.put(Pending(), Running(), Crashed()) for _ in range(4)]
    dead += [await yard.put(Pending()) for _ in range(4)]
    rounds = await asyncio.gather(*[rerun_dead(yard.pool, AT_ONCE) for _ in range(3)])
    assert sum(one.get(Fate.RERUN, 0) for one in rounds) == len(dead)
    for run in dead:
        states = [state.name for state in await yard.client.read_flow_run_states(run)]
        assert states.count("AwaitingRetry") == 1, states


async def test_a_round_does_the_work_of_those_that_are_late(yard: Yard) -> None:
    mine, other = {"pool": yard.pool}, {"pool": "another"}
    flow = await yard.client.create_flow(rerun_dead)
    deployment = await yard.client.create_deployment(flow, yard.pool, parameters=mine)

    async def due(moment: datetime, parameters: dict[str, str]) -> FlowRun:
        return await yard.client.create_flow_run_from_deployment(
            deployment, state=Scheduled(scheduled_time=moment), parameters=parameters
        )

    now = datetime.now(UTC)
    first, late, different = [await due(now, given) for given in (mine, mine, other)]
    to_come = await due(now + timedelta(hours=1), mine)
    await run_flow(rerun_dead, flow_run=first, parameters=mine)
    names = [await yard.name(run.id) for run in (first, late, different, to_come)]
    assert names == ["Completed", "Cancelled", "Scheduled", "Scheduled"]
