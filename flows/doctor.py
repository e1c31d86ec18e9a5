"""Look at everything that a run needs, before a run needs it."""

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from eoflows.products.environment import FlowEnvArgs
from eoflows.tasks.check import findings

__all__ = ["doctor"]


@flow(name="doctor", flow_run_name="doctor of {env.environment} for {env.owner_id}")
async def doctor(env: FlowEnvArgs) -> State[bool]:
    """Check blocks, credentials, sources, catalogue, storage and disk: a line each, and what to do.

    Args:
        env: Who for, and in which environment.

    Returns:
        True; a run that found something bad ends Failed.
    """
    found = await findings(env)
    bad = sum(not finding.good for finding in found)
    rows = [
        {
            "what": finding.subject,
            "state": "ok" if finding.good else "BAD",
            "seen": finding.line,
            "what to do": finding.advice,
        }
        for finding in sorted(found, key=lambda finding: finding.good)
    ]
    title = f"{bad} of {len(found)} need attention." if bad else f"All {len(found)} are well."
    await acreate_table_artifact(rows, key="doctor", description=f"**{title}**")
    return Failed(name="NeedsAttention", message=title) if bad else Completed(message=title, data=True)
