"""Describe a process."""

from typing import Any

from prefect import flow

from eoflows.tasks.ogc import describe

__all__ = ["describe_process"]


@flow(name="describe-process", flow_run_name="describe {process_id} of {server}")
async def describe_process(server: str, process_id: str) -> dict[str, Any]:
    """Show what a process takes and gives: tables, and the JSON Schema of its inputs.

    Args:
        server: Name of the OGC Processes Server block.
        process_id: The process, as list-processes shows it.

    Returns:
        The description, as the server writes it.

    Raises:
        InvalidInputError: There is no such block.
        ClientAbsentError: There is no such process.
        ClientException: The server cannot be asked.
    """
    return await describe(server, process_id)
