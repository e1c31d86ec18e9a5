"""Retention: what the ledger and the tables of runs may forget."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from eoflows.jobs.ledger.retention import Tidied
from eoflows.products.environment import FlowEnvArgs
from eoflows.tasks.environment import opened
from eoflows.tasks.outcome import Outcome
from eoflows.tasks.publish import human_bytes
from eoflows.tasks.servers import open_desk

__all__ = ["TABLES", "Swept", "sweep_tables", "tidied_of", "tidy_ledger"]

TABLES = ("_runs", "_audits", "_expiry")
"""Folders of the tables that runs leave beside the products."""


@dataclass(frozen=True)
class Swept:
    """Tables of runs that went, or would go.

    Attributes:
        tables: Their number.
        bytes: Their size.
    """

    tables: int = 0
    bytes: int = 0


async def tidy_ledger(ledger: str, age: timedelta, *, plan_only: bool) -> Tidied:
    """Forget what a ledger need not know of what ended long ago; see `eoflows.jobs.ledger.retention`."""
    async with open_desk(ledger) as desk:
        return await desk.ledger.tidy(desk.ledger.now() - age, plan_only=plan_only)


async def sweep_tables(env: FlowEnvArgs | None, age: timedelta, *, plan_only: bool) -> Swept:
    """Remove the tables of runs that ended long ago; none without an environment."""
    if env is None:
        return Swept()
    before, tables, size = datetime.now(UTC) - age, 0, 0
    async with opened(env, writable=False) as flow_env:
        for folder in TABLES:
            async for page in flow_env.storage.list(f"{flow_env.owner_id}/{folder}/"):
                old = [one for one in page if one.modified < before]
                tables, size = tables + len(old), size + sum(one.size for one in old)
                if old and not plan_only:
                    await flow_env.storage.delete([one.key for one in old])
    return Swept(tables, size)


def tidied_of(tidied: Tidied, swept: Swept, *, plan_only: bool) -> Outcome[dict[str, int]]:
    """Give what went, or would go, as the outcome of a run."""
    counts = {
        "documents of jobs": tidied.documents,
        "intents that never became a job": tidied.rows,
        "approvals denied or void": tidied.approvals,
        "tables of runs": swept.tables,
    }
    rows = [{"what": what, "number": number} for what, number in counts.items()]
    verb = "would go" if plan_only else "went"
    message = f"{sum(counts.values())} things {verb}, of them {human_bytes(swept.bytes)} of tables."
    return Outcome(name="Planned" if plan_only else "Completed", sentence=message, result=counts, rows=rows)
