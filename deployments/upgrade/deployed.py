"""Deployments of our flows, whoever made them, and the pools that they run in.

Only what names code is changed. Schedules and whether they are on, parameters, limits, tags, pool and queue
stay, and what is scheduled runs: a run asks for the entry point when it starts.
"""

import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import MissingFlowError, ObjectNotFound, ScriptError
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from eoflows.deployments.pool_templates import apply_template
from eoflows.deployments.upgrade.names import entry_point
from eoflows.deployments.upgrade.steps import Ours, UpgradeStep, every

__all__ = ["deployment_steps", "our_deployments"]

_SET_DIRECTORY = "prefect.deployments.steps.set_working_directory"
_ENGINE = ["-m", "prefect.engine"]


async def our_deployments(client: PrefectClient) -> list[Ours]:
    """Find the deployments of our flows, by whatever release and by whomever made."""
    names = {flow.id: flow.name for flow in await every(client.read_flows)}
    found = []
    for deployment in await every(client.read_deployments):
        entry_point = _present(deployment)
        if entry_point is not None:
            found.append(Ours(deployment, names[deployment.flow_id], entry_point))
    return sorted(found, key=lambda one: (one.flow, one.deployment.name))


async def deployment_steps(client: PrefectClient, ours: Sequence[Ours], python: str) -> list[UpgradeStep]:
    """Plan: deployments that name a flow as an older release did, or have its form; and their pools.

    Args:
        client: Of the Prefect server.
        ours: What `our_deployments` found.
        python: Interpreter that has this release, where the workers are.
    """
    planned = [(one.deployment.work_pool_name, _step(one)) for one in ours]
    steps = [step for _, step in planned if step]
    changed = {pool for pool, step in planned if step}
    for pool in sorted({pool for pool, _ in planned if pool}):
        steps += await _pool_steps(client, pool, python, changed=pool in changed)
    return steps


def _present(deployment: DeploymentResponse) -> str | None:
    """Give the entry point that a deployment of ours should have; None for any other."""
    found = deployment.entrypoint or ""
    if found.startswith("eoflows.flows."):
        return found
    directory = next(
        (step[_SET_DIRECTORY].get("directory") for step in _pulls(deployment) if _SET_DIRECTORY in step), None
    )
    return None if _foreign(directory) else entry_point(found)


def _pulls(deployment: DeploymentResponse) -> list[dict[str, Any]]:
    return deployment.pull_steps or []


def _foreign(directory: str | None) -> bool:
    """Tell whether a folder is there and is no checkout of any release: it has flows of somebody else."""
    place = Path(directory or "")
    return (
        directory is not None
        and place.is_dir()
        and not any((place / one).is_dir() for one in ("eokit", "eoflows"))
    )


def _step(ours: Ours) -> UpgradeStep | None:
    subject = f"deployment {ours.flow}/{ours.deployment.name}"
    try:
        flow: Flow[..., Any] = load_flow_from_entrypoint(ours.entry_point, use_placeholder_flow=False)
    except (MissingFlowError, ScriptError, ImportError) as error:
        cause = error.__cause__ or error
        return UpgradeStep(subject, f"{ours.entry_point} cannot be loaded: {type(cause).__name__}: {cause}")
    if flow.name != ours.flow:
        return None
    changes = _changes(ours, flow)
    return UpgradeStep(subject, "; ".join(changes), partial(_update, ours, flow)) if changes else None


def _changes(ours: Ours, flow: Flow[..., Any]) -> list[str]:
    deployment, lines = ours.deployment, []
    if deployment.entrypoint != ours.entry_point:
        lines.append(f"{deployment.entrypoint} becomes {ours.entry_point}")
    if any(_SET_DIRECTORY in step for step in _pulls(deployment)):
        lines.append("no pull step")
    if deployment.parameter_openapi_schema != _form(flow):
        lines.append("gets this release's form")
    return lines


def _form(flow: Flow[..., Any]) -> dict[str, Any]:
    return parameter_schema(flow).model_dump(mode="json", exclude_unset=True)


async def _update(ours: Ours, flow: Flow[..., Any], client: PrefectClient) -> None:
    values = {
        "entrypoint": ours.entry_point,
        "pull_steps": [step for step in _pulls(ours.deployment) if _SET_DIRECTORY not in step],
        "parameter_openapi_schema": _form(flow),
    }
    # Prefect forgets the runs of the future that it had planned, and plans them anew.
    await client.update_deployment(ours.deployment.id, DeploymentUpdate.model_validate(values))


async def _pool_steps(client: PrefectClient, name: str, python: str, *, changed: bool) -> list[UpgradeStep]:
    try:
        pool = await client.read_work_pool(name)
    except ObjectNotFound:
        return []
    if pool.type != "process":
        line = (
            "its runs need an image with this release: "
            f"python -m eoflows.deployments.pools --type {pool.type} --name {name} --image IMAGE"
        )
        return [UpgradeStep(f"pool {name}", line)] if changed else []
    found = _interpreter(pool)
    if found is None or Path(found).parent == Path(python).parent:
        return []
    workers = await client.read_worker_metadata()
    prefects = workers["prefect"]["process"]["default_base_job_configuration"]
    template = apply_template("process", prefects, pool.base_job_template, python=python).template
    update = partial(_update_pool, name, WorkPoolUpdate(base_job_template=template))
    return [UpgradeStep(f"pool {name}", f"its runs are started by {python}, no more by {found}", update)]


def _interpreter(pool: WorkPool) -> str | None:
    """Give the interpreter that the command of a pool names, if it is the one that we write."""
    properties = pool.base_job_template.get("variables", {}).get("properties", {})
    words = shlex.split(properties.get("command", {}).get("default") or "")
    return words[0] if words[1:] == _ENGINE else None


async def _update_pool(name: str, update: WorkPoolUpdate, client: PrefectClient) -> None:
    await client.update_work_pool(name, update)
