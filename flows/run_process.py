"""Run a process of an OGC API - Processes server: submit, wait a while, fetch the results."""

from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.services.ogc_processes.request import OgcRequest
from eoflows.tasks.ogc import ProcessOutputs, ogc_server, read_inputs
from eoflows.tasks.parameters import (
    DeadlineHours,
    Fetch,
    LedgerName,
    ProcessesServer,
    ProcessId,
    RunKey,
    StopWhenCancelled,
    StopWhenCrashed,
    WaitSeconds,
    described,
)
from eoflows.tasks.run_jobs import jobs_ended, submit_and_follow, when_cancelled, when_crashed

__all__ = ["run_process"]


@flow(
    name="run-process",
    flow_run_name="run {process_id} on {server}",
    on_cancellation=[when_cancelled],
    on_crashed=[when_crashed],
)
@described
async def run_process(
    server: ProcessesServer,
    process_id: ProcessId,
    inputs: str | dict[str, Any],
    outputs: ProcessOutputs = None,
    response: Literal["raw", "document"] | None = None,
    ledger: LedgerName = "default",
    run_key: RunKey = "",
    wait_seconds: WaitSeconds = 600.0,
    deadline_hours: DeadlineHours = None,
    on_cancel: StopWhenCancelled = "cancel",
    on_crash: StopWhenCrashed = "leave",
    fetch: Fetch = "now",
) -> State[dict[str, Any]]:
    """Execute a process once, wait for it up to a bound, and fetch its results.

    The inputs are checked against the process description first. Run again with the same arguments, it
    takes up the job that there is. What outlives the bound is followed by track-jobs and fetched by
    collect-jobs.

    Args:
        inputs: By name, as JSON; describe-process shows what it takes. An object as a value is written
            {"value": {...}}, a reference {"href": "https://...", "type": "image/tiff"}, several values as
            an array.
        response: How results come, in version 1.0 of the standard; none leaves it to the server.

    Returns:
        The job's key by phase, and what was fetched.

    Raises:
        InvalidInputError: The inputs are no JSON object, or a block is missing.
        OutcomeUnknownError: Nobody can say whether there is a job; nothing is sent again.
        PartialError: There is no job, or it did not succeed; the message says why, also for each input.
    """
    request = OgcRequest(
        process_id=process_id, inputs=read_inputs(inputs), outputs=outputs, response=response
    )
    outcome = await submit_and_follow(
        [request],
        ogc_server(server),
        ledger,
        run_key=run_key,
        wait_seconds=wait_seconds,
        deadline_hours=deadline_hours,
        fetch=fetch,
    )
    return jobs_ended(outcome).state()
