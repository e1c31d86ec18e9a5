"""Runs whose process or worker died are started again."""

from datetime import timedelta
from typing import Annotated

from prefect import flow
from pydantic import Field

from eoflows.tasks.parameters import described
from eoflows.tasks.rerun import DeadRuns, Fate, rerun_dead_runs

__all__ = ["rerun_dead"]


@flow(name="rerun-dead", flow_run_name="rerun dead runs of {pool}")
@described
async def rerun_dead(
    pool: str = "eoflows",
    silent_minutes: Annotated[float, Field(gt=0)] = 5.0,
    forgotten_after_hours: Annotated[float, Field(gt=0)] = 24.0,
    attempts: Annotated[int, Field(ge=1)] = 3,
) -> dict[Fate, int]:
    """Start again what crashed, and what a worker took and never started.

    Every run of this suite can be run again: products that are there are not fetched twice, and jobs that
    were sent are taken up. A run that asked for its jobs to be cancelled when it crashes is left alone.

    Args:
        pool: Only runs of this work pool are looked at.
        silent_minutes: Nothing has happened to the run for so long. More than the lease of the ledger (3
            minutes), or the next attempt cannot see yet which jobs the last one has made.
        forgotten_after_hours: Runs that died longer ago are left alone.
        attempts: How often a run is begun in all, with its first time.

    Returns:
        Number of dead runs by what became of them.
    """
    silent, forgotten = timedelta(minutes=silent_minutes), timedelta(hours=forgotten_after_hours)
    rule = DeadRuns(pool, silent, forgotten, attempts)
    return await rerun_dead_runs(rule)
