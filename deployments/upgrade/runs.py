"""What runs have left that ended with their workers: they count as going on, and hold slots.

An older release's server kept in memory who holds a slot, so that after its end nobody gives it back.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus
from prefect.states import Crashed

from eoflows.deployments.upgrade.steps import Ours, UpgradeStep, every

__all__ = ["run_steps"]

_UNFINISHED = FlowRunFilter(
    state=FlowRunFilterState(
        type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    )
)
_MESSAGE = "Its worker ended while it was going on."


async def run_steps(client: PrefectClient, ours: Sequence[Ours]) -> list[UpgradeStep]:
    """Plan: runs of ours that nobody works on, and slots that nobody holds, while no worker is at work."""
    read = partial(client.read_flow_runs, flow_run_filter=_UNFINISHED)
    unfinished = await every(read)
    flows = {one.deployment.id: one.flow for one in ours}
    idle = await _idle(client, {one.deployment.work_pool_name for one in ours})
    dead = [run for run in unfinished if run.deployment_id in flows and run.work_pool_name in idle]
    steps = [
        UpgradeStep(
            f"run {run.name}",
            "was under way when its worker ended, and counts as crashed: rerun-dead starts such runs again",
            partial(_crash, run.id),
        )
        for run in dead
    ]
    return steps + (await _slot_steps(client, dead) if len(dead) == len(unfinished) else [])


async def _idle(client: PrefectClient, pools: Iterable[str | None]) -> set[str]:
    """Give the pools of processes without a worker; what runs in containers may outlive it."""
    idle = set()
    for pool in await every(client.read_work_pools):
        if pool.name in pools and pool.type == "process":
            workers = await every(partial(client.read_workers_for_work_pool, pool.name))
            if all(worker.status is not WorkerStatus.ONLINE for worker in workers):
                idle.add(pool.name)
    return idle


async def _slot_steps(client: PrefectClient, dead: Sequence[FlowRun]) -> list[UpgradeStep]:
    released = Counter(f"deployment:{run.deployment_id}" for run in dead)
    return [
        UpgradeStep(
            f"limit {limit.name}",
            f"{limit.active_slots - released[limit.name]} of {limit.limit} slots are held by nobody: freed",
            partial(_free, limit.name),
        )
        for limit in await every(client.read_global_concurrency_limits)
        if limit.active_slots > released[limit.name] and limit.slot_decay_per_second == 0
    ]


async def _crash(run: UUID, client: PrefectClient) -> None:
    await client.set_flow_run_state(run, Crashed(message=_MESSAGE), force=True)


async def _free(name: str, client: PrefectClient) -> None:
    await client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(active_slots=0))
