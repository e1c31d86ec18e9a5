"""Incidents: what people are told once, however often it is seen.

A run that ends badly begins an incident, unless the last run that was asked for the same had ended badly too;
a run that ends well ends it. The same is the deployment with its parameters: the hourly repeats of one outage
are one incident. Prefect's history of runs tells the last one; where it is gone, people are told once more.
"""

from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowFilter,
    FlowFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events import emit_event

from eoflows.products.staging.verdict import Ending

__all__ = ["BEGUN", "OVER", "tell_incident"]

BEGUN = "eoflows.incident.begun"
"""Event: a run ended badly, and the one before it had not."""

OVER = "eoflows.incident.over"
"""Event: a run ended well, and the one before it had not."""

_BAD = frozenset({str(Ending.PARTIAL), str(Ending.FAILED)})
_LOOKED_AT = 100
"""So many earlier runs of a deployment are looked at; runs with other parameters lie between."""


async def tell_incident(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Emit an event when an incident begins or is over; a hook of flows, for completion and failure.

    Args:
        flow: The flow; Prefect calls hooks by these names.
        flow_run: The run that has ended.
        state: How it ended.
    """
    before = await _state_before(flow_run)
    was_bad = before is not None and _bad(before)
    if _bad(state) == was_bad:
        return
    asked = flow_run.deployment_id or flow_run.flow_id
    emit_event(
        event=OVER if was_bad else BEGUN,
        resource={"prefect.resource.id": f"eoflows.incidents.{asked}", "prefect.resource.name": flow.name},
        related=[
            {
                "prefect.resource.id": f"prefect.flow-run.{flow_run.id}",
                "prefect.resource.role": "flow-run",
                "prefect.resource.name": flow_run.name,
            }
        ],
        payload={
            "flow": flow.name,
            "run": flow_run.name,
            "run_id": str(flow_run.id),
            "state": state.name or "",
            "message": (state.message or "")[:1000],
        },
    )


def _bad(state: State[Any]) -> bool:
    return not state.is_completed() or state.name in _BAD


async def _state_before(flow_run: FlowRun) -> State[Any] | None:
    """Give how the last run ended that was asked for the same; crashed and cancelled ones say nothing."""
    ended = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED, StateType.FAILED]))
    deployment = flow_run.deployment_id
    async with get_client() as client:
        runs = await client.read_flow_runs(
            flow_filter=FlowFilter(id=FlowFilterId(any_=[flow_run.flow_id])),
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
            if deployment
            else None,
            flow_run_filter=FlowRunFilter(state=ended),
            sort=FlowRunSort.END_TIME_DESC,
            limit=_LOOKED_AT,
        )
    same = (
        run
        for run in runs
        if run.id != flow_run.id and run.deployment_id == deployment and run.parameters == flow_run.parameters
    )
    before = next(same, None)
    return None if before is None else before.state
