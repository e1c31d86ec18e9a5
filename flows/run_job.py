"""Run remote jobs of any service: submit, wait a while, fetch the results."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.jobs.registry import AnyRequest
from eoflows.tasks.parameters import (
    DeadlineHours,
    Fetch,
    LedgerName,
    RunKey,
    StopWhenCancelled,
    StopWhenCrashed,
    WaitSeconds,
    described,
)
from eoflows.tasks.run_jobs import jobs_ended, submit_and_follow, when_cancelled, when_crashed

__all__ = ["run_job"]


@flow(
    name="run-job",
    flow_run_name="run on {server}",
    on_cancellation=[when_cancelled],
    on_crashed=[when_crashed],
)
@described
async def run_job(
    requests: list[AnyRequest],
    server: str,
    ledger: LedgerName = "default",
    run_key: RunKey = "",
    wait_seconds: WaitSeconds = 600.0,
    deadline_hours: DeadlineHours = None,
    on_cancel: StopWhenCancelled = "cancel",
    on_crash: StopWhenCrashed = "leave",
    fetch: Fetch = "now",
) -> State[dict[str, Any]]:
    """Make jobs, each once, wait for them up to a bound, and fetch their results.

    Run again with the same requests and `run_key`, it takes up the jobs that there are. What outlives the
    bound is followed by track-jobs and fetched by collect-jobs.

    Args:
        requests: What is asked for, all of one service.
        server: Block of the server, as `type-slug/name`, like `dummy-server/sandbox-inputs`.

    Returns:
        Job keys by phase, and what was fetched.

    Raises:
        OutcomeUnknownError: Nobody can say whether some jobs exist; nothing is sent again.
        PartialError: Some requests have no job, or jobs did not succeed.
    """
    outcome = await submit_and_follow(
        requests,
        server,
        ledger,
        run_key=run_key,
        wait_seconds=wait_seconds,
        deadline_hours=deadline_hours,
        fetch=fetch,
    )
    return jobs_ended(outcome).state()
