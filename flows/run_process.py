"""Run a process of an OGC API - Processes server: submit, wait a while, fetch the results."""

from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.services.ogc_processes import Output
from eoflows.services.ogc_processes.request import OgcRequest
from eoflows.tasks.ogc import ogc_server, read_inputs
from eoflows.tasks.run_jobs import StopPolicy, jobs_ended, submit_and_follow, when_cancelled, when_crashed

__all__ = ["run_process"]


@flow(
    name="run-process",
    flow_run_name="run {process_id} on {server}",
    on_cancellation=[when_cancelled],
    on_crashed=[when_crashed],
)
async def run_process(
    server: str,
    process_id: str,
    inputs: str | dict[str, Any],
    outputs: dict[str, Output] | None = None,
    response: Literal["raw", "document"] | None = None,
    ledger: str = "default",
    run_key: str = "",
    wait_seconds: float = 600.0,
    deadline_hours: float | None = None,
    on_cancel: StopPolicy = "cancel",
    on_crash: StopPolicy = "leave",
    fetch: Literal["now", "later"] = "now",
) -> State[dict[str, Any]]:
    """Execute a process once, wait for it up to a bound, and fetch its results.

    The inputs are checked against the process description first. Run again with the same arguments, it
    takes up the job that there is. What outlives the bound is followed by track-jobs and fetched by
    collect-jobs.

    Args:
        server: Name of the OGC Processes Server block.
        process_id: The process, as list-processes shows it.
        inputs: By name, as JSON; describe-process shows what it takes. An object as a value is written
            {"value": {...}}, a reference {"href": "https://...", "type": "image/tiff"}, several values as
            an array.
        outputs: The outputs wanted, like {"ndvi": {"transmissionMode": "reference"}}; none: all.
        response: How results come, in version 1.0 of the standard; none leaves it to the server.
        ledger: Name of the Job Ledger block.
        run_key: Any text; with another one the same is made once more, on purpose.
        wait_seconds: How long this run waits; 0 only submits.
        deadline_hours: How long anybody waits for the job; none sets no limit.
        on_cancel: Whether the job is stopped when this run is cancelled.
        on_crash: Whether the job is stopped when this run crashes.
        fetch: Whether this run fetches the results, or collect-jobs later.

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
