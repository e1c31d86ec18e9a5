"""Describe a process."""

from typing import Any

from prefect import flow

from eoflows.tasks.ogc import describe
from eoflows.tasks.parameters import ProcessesServer, ProcessId, described

__all__ = ["describe_process"]


@flow(name="describe-process", flow_run_name="describe {process_id} of {server}")
@described
async def describe_process(server: ProcessesServer, process_id: ProcessId) -> dict[str, Any]:
    """Show what a process takes and gives: tables, and the JSON Schema of its inputs.

    Returns:
        The description, as the server writes it.

    Raises:
        InvalidInputError: There is no such block.
        ClientAbsentError: There is no such process.
        ClientException: The server cannot be asked.
    """
    return await describe(server, process_id)
