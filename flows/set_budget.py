"""Make a budget for priced jobs, or change its limit."""

from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from eoflows.tasks.decide import budget
from eoflows.tasks.parameters import LedgerName, described

__all__ = ["set_budget"]


@flow(name="set-budget", flow_run_name="budget {name}: {credits}")
@described
async def set_budget(
    name: str,
    credits: Annotated[int, Field(ge=0)],
    period: Literal["", "day", "month", "year"] = "",
    ledger: LedgerName = "default",
) -> int:
    """Make a budget, or change its limit; what is set aside or spent stays.

    Args:
        name: Name of the budget.
        credits: Limit of the budget.
        period: When it begins anew, at midnight UTC; empty: one limit for ever.

    Returns:
        Credits that are left.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    return (await budget(ledger, name, credits, period)).left
