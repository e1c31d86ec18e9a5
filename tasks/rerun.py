"""Runs that died without a word: those that may go on are scheduled again, a bounded number of times.

Every flow of ours can be run again: what is done stays done. What ends here is only the waiting for a
person who would press Retry.

Nothing keeps two rounds from working at the same time: what one has scheduled again, the other leaves alone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid5

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateDetails, StateType
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runtime import flow_run
from prefect.states import Cancelled, Scheduled, to_state_create

from eoflows.tasks.outcome import Outcome
from eoflows.tasks.progress import show

__all__ = ["DeadRuns", "Fate", "rerun_dead_runs"]

_PAGE = 200


class Fate(StrEnum):
    """What becomes of a run that died."""

    RERUN = "runs again"
    GIVEN_UP = "died too often"
    LEFT = "left alone: its jobs were to be cancelled"
    OVERTAKEN = "left alone: it has moved on"


@dataclass(frozen=True)
class DeadRuns:
    """Which runs count as dead, and how often they are tried.

    Attributes:
        pool: Only runs of this work pool are looked at.
        silent_for: Nothing has happened to the run for so long. Longer than a ledger's lease, it lets the
            next attempt see which jobs the last one has made.
        forgotten_after: Runs that died longer ago are nobody's concern.
        attempts: How often a run is begun in all.
    """

    pool: str
    silent_for: timedelta
    forgotten_after: timedelta
    attempts: int

    def fate(self, run: FlowRun) -> Fate:
        """Say what becomes of a dead run."""
        if run.parameters.get("on_crash") == "cancel":
            return Fate.LEFT
        return Fate.RERUN if run.run_count < self.attempts else Fate.GIVEN_UP

    def is_dead(self, run: FlowRun, now: datetime) -> bool:
        """Tell whether nobody is at work any more on a run that crashed, or that a worker has taken."""
        if run.state is None or run.deployment_id is None:
            return False
        return self.silent_for < now - run.state.timestamp <= self.forgotten_after


async def rerun_dead_runs(rule: DeadRuns) -> dict[Fate, int]:
    """Schedule dead runs again, and show what became of each.

    Of its own deployment, this run also does the work of all runs that are due: they are cancelled. There are
    many when no worker was there for a while, and each would cost a process.

    Args:
        rule: Which runs count as dead.

    Returns:
        Number of runs by what became of them.
    """
    now = datetime.now(UTC)
    fates: list[tuple[FlowRun, Fate]] = []
    async with get_client() as client:
        await _stand_in(client, now)
        for run in await _suspects(client, rule.pool):
            if rule.is_dead(run, now):
                fates.append((run, await _decide(client, rule, run)))
    counts = {fate: sum(one is fate for _, one in fates) for fate in Fate}
    sentence = ", ".join(f"{count} {fate}" for fate, count in counts.items() if count) or "No dead runs"
    outcome = Outcome(
        sentence=f"{sentence}.",
        result={fate: count for fate, count in counts.items() if count},
        rows=[_row(run, fate) for run, fate in fates],
        nothing={"run": "none"},
    )
    await show("dead-runs", outcome)
    return outcome.result


async def _suspects(client: PrefectClient, pool: str) -> list[FlowRun]:
    types = FlowRunFilterStateType(any_=[StateType.CRASHED, StateType.PENDING])
    found: list[FlowRun] = []
    while page := await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=types)),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=_PAGE,
        offset=len(found),
    ):
        found += page
    return found


async def _stand_in(client: PrefectClient, now: datetime) -> None:
    own = await client.read_flow_run(flow_run.id) if flow_run.id else None
    if own is None or own.deployment_id is None:
        return
    due = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[own.deployment_id]),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=now),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        ),
        limit=_PAGE,
    )
    for run in due:
        if run.parameters == own.parameters:
            await client.set_flow_run_state(run.id, Cancelled(message=f"{own.name} does its work."))


async def _decide(client: PrefectClient, rule: DeadRuns, run: FlowRun) -> Fate:
    fate = rule.fate(run)
    if fate is not Fate.RERUN:
        return fate
    latest = await client.read_flow_run(run.id)
    if latest.state_id != run.state_id:
        return Fate.OVERTAKEN
    return fate if await _again(client, run) else Fate.OVERTAKEN


async def _again(client: PrefectClient, run: FlowRun) -> bool:
    """Schedule a run again; False if another round has done so for the same death."""
    state: State[Any] = Scheduled(
        name="AwaitingRetry",
        message="Its process or worker died; what is done stays done.",
        # The server takes a transition of one name once. The client's own method gives each another name.
        state_details=StateDetails(transition_id=uuid5(run.id, str(run.state_id))),
    )
    body = {"state": to_state_create(state).model_dump(mode="json"), "force": False}
    answer = await client.request("POST", "/flow_runs/{id}/set_state", path_params={"id": run.id}, json=body)
    return OrchestrationResult.model_validate(answer.json()).status is SetStateStatus.ACCEPT


def _row(run: FlowRun, fate: Fate) -> dict[str, Any]:
    row = {"run": run.name, "id": str(run.id), "what becomes of it": str(fate), "begun": run.run_count}
    if run.state is not None:
        row |= {
            "state": run.state.name,
            "since": run.state.timestamp.isoformat(timespec="seconds"),
            "why": run.state.message,
        }
    return row
