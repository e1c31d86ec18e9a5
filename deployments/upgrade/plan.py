"""The plan of an upgrade, and how it is carried out."""

from collections.abc import AsyncIterator, Sequence

from prefect.client.orchestration import PrefectClient

from eoflows.deployments.upgrade.block_types import block_steps
from eoflows.deployments.upgrade.deployed import deployment_steps, our_deployments
from eoflows.deployments.upgrade.ledgers import ledger_steps
from eoflows.deployments.upgrade.runs import run_steps
from eoflows.deployments.upgrade.steps import UpgradeStep

__all__ = ["carry_out", "plan"]


async def plan(client: PrefectClient, python: str) -> list[UpgradeStep]:
    """Say what is not yet as this release has it; nothing is changed.

    Args:
        client: Of the Prefect server.
        python: Interpreter that has this release, where the workers are.
    """
    ours = await our_deployments(client)
    return [
        *await block_steps(client),
        *await ledger_steps(client),
        *await deployment_steps(client, ours, python),
        *await run_steps(client, ours),
    ]


async def carry_out(
    client: PrefectClient, steps: Sequence[UpgradeStep]
) -> AsyncIterator[tuple[UpgradeStep, str]]:
    """Carry out a plan, and give each step with what went wrong; the steps after it are carried out too."""
    for step in steps:
        if step.carry_out is None:
            continue
        try:
            await step.carry_out(client)
        except Exception as error:  # noqa: BLE001 - one step's failure is that step's outcome
            yield step, f"{type(error).__name__}: {error}"
        else:
            yield step, ""
