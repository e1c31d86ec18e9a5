"""Deploys what a prefect.yaml describes, whole or in part.

`prefect deploy --name FLOW/NAME` knows no flow that is a module's: it looks for a colon.
"""

import asyncio
import runpy
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from eoflows.deployments.errors import StackError
from eoflows.deployments.package import PREFECT_FILE
from eoflows.deployments.upgrade.names import entry_point

__all__ = ["chosen", "deploy", "switched"]

Switches = Mapping[tuple[str, str], Mapping[str, bool]]
"""Which schedules are on, by their slugs, for each entry point and name of a deployment."""


def deploy(names: Sequence[str] = (), file: Path = PREFECT_FILE) -> int:
    """Have Prefect deploy, and return its exit code. Schedules that are there stay on or off.

    Args:
        names: As `FLOW/NAME`, or `NAME` for all flows that have it; empty: everything.
        file: What describes the deployments.

    Raises:
        StackError: A name is not in the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "prefect.yaml"
        wanted = chosen(yaml.safe_load(file.read_text()), names)
        part.write_text(yaml.safe_dump(switched(wanted, asyncio.run(_switches()))))
        return _prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(part))


def chosen(document: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return what a prefect.yaml holds with the named deployments only.

    Raises:
        StackError: A name is not in it.
    """
    wanted = set(names)
    known = [_names(each) for each in document["deployments"]]
    if wanted.difference(*known):
        known = [each | {_loaded_name(one)} for each, one in zip(known, document["deployments"], strict=True)]
    if unknown := wanted.difference(*known):
        raise StackError(f"prefect.yaml has no deployment {', '.join(sorted(unknown))}")
    pairs = zip(known, document["deployments"], strict=True)
    return {**document, "deployments": [one for each, one in pairs if not wanted or each & wanted]}


def switched(document: dict[str, Any], there: Switches) -> dict[str, Any]:
    """Return a prefect.yaml that leaves schedules on or off as somebody has set them.

    Prefect would set them as the file has them: each start of an installation would switch them off.
    """
    return {**document, "deployments": [_switched(each, there) for each in document["deployments"]]}


def _switched(deployment: dict[str, Any], there: Switches) -> dict[str, Any]:
    known = there.get((deployment["entrypoint"], deployment["name"]), {})
    schedules = [
        {**each, "active": known.get(each.get("slug"), each.get("active", True))}
        for each in deployment.get("schedules", [])
    ]
    return {**deployment, "schedules": schedules} if schedules else deployment


async def _switches() -> Switches:
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    from eoflows.deployments.upgrade.steps import every  # noqa: PLC0415

    async with get_client() as client:
        found = await every(client.read_deployments)
    return {
        (entry_point(each.entrypoint) or each.entrypoint, each.name): {
            schedule.slug: schedule.active for schedule in each.schedules if schedule.slug
        }
        for each in found
        if each.entrypoint
    }


def _names(deployment: dict[str, Any]) -> set[str]:
    function = deployment["entrypoint"].replace(":", ".").rpartition(".")[2]
    return {deployment["name"], f"{function.replace('_', '-')}/{deployment['name']}"}


def _loaded_name(deployment: dict[str, Any]) -> str:
    """Give the full name by the flow's own name, which may be another than its function's: an import."""
    from prefect.flows import load_flow_from_entrypoint  # noqa: PLC0415

    return f"{load_flow_from_entrypoint(deployment['entrypoint']).name}/{deployment['name']}"


def _prefect(*arguments: str) -> int:
    """Do in this process what the command `prefect` would do in another, after a long import."""
    sys.argv = ["prefect", *arguments]
    try:
        runpy.run_module("prefect", run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0
