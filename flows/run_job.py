"""Run remote jobs of any service: submit, wait a while, fetch the results."""

from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.jobs.registry import AnyRequest
from eoflows.tasks.run_jobs import StopPolicy, jobs_ended, submit_and_follow, when_cancelled, when_crashed

__all__ = ["run_job"]


@flow(
    name="run-job",
    flow_run_name="run on {server}",
    on_cancellation=[when_cancelled],
    on_crashed=[when_crashed],
)
async def run_job(
    requests: list[AnyRequest],
    server: str,
    ledger: str = "default",
    run_key: str = "",
    wait_seconds: float = 600.0,
    deadline_hours: float | None = None,
    on_cancel: StopPolicy = "cancel",
    on_crash: StopPolicy = "leave",
    fetch: Literal["now", "later"] = "now",
) -> State[dict[str, Any]]:
    """Make jobs, each once, wait for them up to a bound, and fetch their results.

    Run again with the same requests and `run_key`, it takes up the jobs that there are. What outlives the
    bound is followed by track-jobs and fetched by collect-jobs.

    Args:
        requests: What is asked for, all of one service.
        server: Block of the server, as `type-slug/name`, like `dummy-server/sandbox-inputs`.
        ledger: Name of the Job Ledger block.
        run_key: Any text; with another one the same is made once more, on purpose.
        wait_seconds: How long this run waits; 0 only submits.
        deadline_hours: How long anybody waits for the jobs; none sets no limit.
        on_cancel: Whether the jobs are stopped when this run is cancelled.
        on_crash: Whether the jobs are stopped when this run crashes.
        fetch: Whether this run fetches the results, or collect-jobs later.

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
