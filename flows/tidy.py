"""Forget what is not needed of what ended long ago."""

from datetime import timedelta
from typing import Annotated

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.products.environment import FlowEnvArgs
from eoflows.tasks.parameters import LedgerName, described
from eoflows.tasks.progress import show
from eoflows.tasks.tidy import sweep_tables, tidied_of, tidy_ledger

__all__ = ["tidy"]


@flow(name="tidy", flow_run_name="tidy {ledger}")
@described
async def tidy(
    ledger: LedgerName = "default",
    env: FlowEnvArgs | None = None,
    older_than_days: Annotated[float, Field(ge=1)] = 180.0,
    plan_only: bool = True,
) -> State[dict[str, int]]:
    """Forget what the ledger and the tables of runs need not keep; nothing is made twice for that.

    Of jobs that ended long ago the service's last document goes; their keys, ids, ends and prices stay for
    ever. Rows go of what certainly never became a job. Shows first what would go: nothing is touched unless
    `plan_only` is off.

    Args:
        env: Whose tables of runs go as well, and in which environment; none leaves them.
        older_than_days: What ended, or was written, before so many days.
        plan_only: Show what would go, and touch nothing.

    Returns:
        How many of each.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    age = timedelta(days=older_than_days)
    tidied = await tidy_ledger(ledger, age, plan_only=plan_only)
    swept = await sweep_tables(env, age, plan_only=plan_only)
    outcome = tidied_of(tidied, swept, plan_only=plan_only)
    await show("tidy", outcome)
    return outcome.state()
