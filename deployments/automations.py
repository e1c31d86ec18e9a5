"""Applies the automations: what Prefect starts by itself when something happens.

    python -m eoflows.deployments.automations [--deployment default] [--notify TYPE/NAME]
        [--resubmit-lost SERVICE]

Applied again it changes what differs and nothing else; an automation whose option is no longer given is
removed. It talks to the Prefect server of `PREFECT_API_URL`, on which the deployments of prefect.yaml and the
notification block must be already. docs/operations.md has the table of what fires when.
"""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.automations import Automation
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from eoflows.deployments.errors import StackError
from eoflows.tasks.incident import BEGUN, OVER
from eoflows.tasks.job_tracking import FINISHED, LOST

__all__ = [
    "alert_incidents",
    "apply",
    "apply_all",
    "collect_finished",
    "crash_dead_runs",
    "remove",
    "resubmit_lost",
]

ALIVE = {"prefect.flow-run.heartbeat", "prefect.flow-run.Cancelling"}
ANYTHING = "prefect.flow-run.*"
"""Heartbeats and changes of state: their events bear the states' own names, and runs of ours end in many."""

MISSED = timedelta(seconds=90)
"""A run whose heart has not beaten for so long is dead; prefect.yaml has it beat every 30 s."""

_BODY = """\
{{ event.event }}
{{ event.payload.flow }}, run {{ event.payload.run }}: {{ event.payload.state }}
{{ event.payload.message }}
{{ flow_run|ui_url }}"""

_COMPARED = {"name", "description", "enabled", "trigger", "actions"}


def _from_event(template: str) -> dict[str, Any]:
    return {"__prefect_kind": "jinja", "template": template}


def _on(events: set[str], resources: str) -> EventTrigger:
    """Fire at each of some events of ours."""
    return EventTrigger(
        expect=events,
        match={"prefect.resource.id": resources},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )


def collect_finished(deployment: str, collect_jobs: UUID) -> Automation:
    """Describe: when jobs have finished, fetch their results. A lost event is made good by the schedule.

    Args:
        deployment: Name of the deployments that automations start.
        collect_jobs: Id of the deployment of collect-jobs.
    """
    return Automation(
        name=f"collect finished jobs ({deployment})",
        description="Fetch the results of remote jobs as soon as the tracker tells that they have ended.",
        trigger=_on({FINISHED}, "eoflows.ledger.*"),
        actions=[
            RunDeployment(
                source="selected",
                deployment_id=collect_jobs,
                parameters={"ledger": _from_event("{{ event.payload.ledger }}")},
            )
        ],
    )


def resubmit_lost(deployment: str, resubmit: UUID, services: Sequence[str]) -> Automation:
    """Describe: when a service denies jobs that it had, send those again that can have cost nothing.

    Args:
        deployment: Name of the deployments that automations start.
        resubmit: Id of the deployment of resubmit-lost.
        services: Services whose jobs are sent again; those of others wait for a person.
    """
    return Automation(
        name=_resubmit_name(deployment),
        description=f"Send lost jobs of {', '.join(services)} again that can have cost nothing.",
        trigger=_on({LOST}, "eoflows.ledger.*"),
        actions=[
            RunDeployment(
                source="selected",
                deployment_id=resubmit,
                parameters={
                    "ledger": _from_event("{{ event.payload.ledger }}"),
                    "services": list(services),
                    "who": "the automation",
                },
            )
        ],
    )


def _resubmit_name(deployment: str) -> str:
    return f"resubmit lost jobs ({deployment})"


ALERT = "alert of incidents"


def alert_incidents(notifications: Sequence[UUID]) -> Automation:
    """Describe: when runs of a kind begin to end badly, and when they end well again, people are told.

    Args:
        notifications: Ids of notification blocks.
    """
    return Automation(
        name=ALERT,
        description="One message when an incident begins, one when it is over, however often it is repeated.",
        trigger=_on({BEGUN, OVER}, "eoflows.incidents.*"),
        actions=[
            SendNotification(block_document_id=one, subject="eoflows: {{ event.payload.flow }}", body=_BODY)
            for one in notifications
        ],
    )


def crash_dead_runs(missed: timedelta = MISSED) -> Automation:
    """Describe: a run without heartbeats has crashed, so that it holds nothing up.

    Args:
        missed: A run is dead when its heart has not beaten for so long.
    """
    return Automation(
        name="crash dead runs",
        description="Mark runs as crashed whose process and worker are gone: their heartbeats have ended.",
        trigger=EventTrigger(
            after=ALIVE,
            expect={ANYTHING},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=missed,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No heartbeat for {missed.total_seconds():.0f} s: its process and worker are gone.",
            )
        ],
    )


async def apply(automation: Automation) -> str:
    """Make an automation, or change the one of its name if it differs; say what was done.

    One that is as it should be is not touched: a change forgets which runs' hearts have beaten.
    """
    there = await _named(automation.name)
    if there is None:
        await automation.acreate()
        return "made"
    if _compared(there) == _compared(automation):
        return "as it should be"
    automation.id = there.id
    await automation.aupdate()
    return "changed"


async def remove(name: str) -> bool:
    """Remove the automation of a name; say whether there was one."""
    there = await _named(name)
    return there is not None and await there.adelete()


async def _named(name: str) -> Automation | None:
    async with get_client() as client:
        found = await client.read_automations_by_name(name)
    return Automation(**found[0].model_dump()) if found else None


def _compared(automation: Automation) -> dict[str, Any]:
    # As JSON, a set of events would be a list in any order.
    return automation.model_dump(include=_COMPARED)


async def apply_all(deployment: str, notify: Sequence[str], services: Sequence[str]) -> list[str]:
    """Apply every automation, and say what was done, a line each.

    Args:
        deployment: Name of the deployments that automations start.
        notify: Notification blocks, as `type-slug/name`.
        services: Services whose lost jobs are sent again.

    Raises:
        StackError: A notification block is not there.
        ObjectNotFound: A deployment is not there.
    """
    async with get_client() as client:
        ids = {
            flow: (await client.read_deployment_by_name(f"{flow}/{deployment}")).id
            for flow in ("collect-jobs", "resubmit-lost")
        }
        told = [await _block(client, name) for name in notify]
    wanted = [collect_finished(deployment, ids["collect-jobs"]), crash_dead_runs()]
    if told:
        wanted.append(alert_incidents(told))
    if services:
        wanted.append(resubmit_lost(deployment, ids["resubmit-lost"], services))
    lines = [f"{one.name}: {await apply(one)}" for one in wanted]
    unwanted = {ALERT, _resubmit_name(deployment)} - {one.name for one in wanted}
    return lines + [f"{name}: removed" for name in sorted(unwanted) if await remove(name)]


async def _block(client: PrefectClient, name: str) -> UUID:
    slug, _, own = name.partition("/")
    try:
        return (await client.read_block_document_by_name(own, slug)).id
    except ObjectNotFound as error:
        raise StackError(
            f"there is no notification block {name!r}; make one in the UI under Blocks"
        ) from error


def main() -> None:
    """Read the command line and apply."""
    parser = argparse.ArgumentParser(
        prog="python -m eoflows.deployments.automations",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--deployment", default="default", help="which deployments the automations start")
    parser.add_argument(
        "--notify",
        action="append",
        default=[],
        metavar="TYPE/NAME",
        help="notification block that is told of incidents, like slack-webhook/ops; may be repeated",
    )
    parser.add_argument(
        "--resubmit-lost",
        action="append",
        default=[],
        metavar="SERVICE",
        help="service whose lost jobs are sent again if they can have cost nothing, like ogc-processes;\n"
        "may be repeated; lost jobs of all others wait for a person",
    )
    given = parser.parse_args()
    lines = asyncio.run(apply_all(given.deployment, given.notify, given.resubmit_lost))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
