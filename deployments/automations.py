"""Applies the automations: what Prefect starts by itself when something happens.

    python -m deployments.automations [--deployment default]

Applied again it changes what differs. It talks to the Prefect server of `PREFECT_API_URL`, on which the
deployments of prefect.yaml must be already.
"""

import argparse
import asyncio
from datetime import timedelta
from typing import Any

from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

__all__ = ["apply", "collect_finished"]

FINISHED = "eoflows.jobs.finished"


def _from_event(template: str) -> dict[str, Any]:
    return {"__prefect_kind": "jinja", "template": template}


async def collect_finished(deployment: str) -> Automation:
    """Describe: when jobs have finished, fetch their results. A lost event is made good by the schedule.

    Args:
        deployment: Name of the deployment of collect-jobs to run.
    """
    async with get_client() as client:
        found = await client.read_deployment_by_name(f"collect-jobs/{deployment}")
    return Automation(
        name=f"collect finished jobs ({deployment})",
        description="Fetch the results of remote jobs as soon as the tracker tells that they have ended.",
        trigger=EventTrigger(
            expect={FINISHED},
            match={"prefect.resource.id": "eoflows.ledger.*"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            RunDeployment(
                source="selected",
                deployment_id=found.id,
                parameters={"ledger": _from_event("{{ event.payload.ledger }}")},
            )
        ],
    )


async def apply(automation: Automation) -> None:
    """Make an automation, or change the one of its name."""
    try:
        there = await Automation.aread(name=automation.name)
    except (ValueError, ObjectNotFound):
        await automation.acreate()
        return
    automation.id = there.id
    await automation.aupdate()


def main() -> None:
    """Read the command line and apply."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.automations",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--deployment", default="default", help="which deployments the automations start")
    given = parser.parse_args()

    async def work() -> None:
        await apply(await collect_finished(given.deployment))

    asyncio.run(work())


if __name__ == "__main__":
    main()
