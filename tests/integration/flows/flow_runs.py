"""Running a flow, and reading what it left on the server."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import State

ORBIT = {"op": "=", "args": [{"property": "product:type"}, "AUX_POEORB"]}


def sandbox_parameters(tag: str) -> dict[str, dict[str, Any]]:
    """What prefect.yaml fills in for the deployments `sandbox` that have a tag, by entrypoint."""
    document = yaml.safe_load((Path(__file__).parents[3] / "prefect.yaml").read_text())
    return {
        one["entrypoint"]: one["parameters"]
        for one in document["deployments"]
        if one["name"] == "sandbox" and tag in one["tags"]
    }


@dataclass
class Run:
    """What became of one flow run."""

    state: State[Any]
    name: str
    artifacts: dict[str, dict[str, Any]]
    everything: str
    """All that the server keeps of it, as text."""

    async def result(self) -> Any:
        """Give what the flow returned, or raise what it raised."""
        return await self.state.aresult()


async def run(flow: Flow[..., Any], *args: Any, **options: Any) -> Run:
    """Run a flow here and read it back from the server."""
    state = await flow(*args, return_state=True, **options)
    run_id = state.state_details.flow_run_id
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    async with get_client() as client:
        flow_run = await client.read_flow_run(run_id)
        tasks = await client.read_task_runs(flow_run_filter=mine)
        found = await client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        )
    artifacts = {
        one.key: {"type": one.type, "text": one.description, "data": _data(one.data)} for one in found
    }
    everything = "\n".join([flow_run.model_dump_json(), *(one.model_dump_json() for one in [*tasks, *found])])
    return Run(state, flow_run.name, artifacts, everything)


def _data(data: Any) -> Any:
    try:
        return json.loads(data) if isinstance(data, str) else data
    except json.JSONDecodeError:
        return data
