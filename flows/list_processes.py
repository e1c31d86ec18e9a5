"""List the processes of a server."""

from typing import Any

from prefect import flow

from eoflows.tasks.ogc import processes_of
from eoflows.tasks.parameters import ProcessesServer, described

__all__ = ["list_processes"]


@flow(name="list-processes", flow_run_name="list the processes of {server}")
@described
async def list_processes(server: ProcessesServer) -> list[dict[str, Any]]:
    """Show what a server of OGC API - Processes offers, as a table.

    Returns:
        The summaries, as the server writes them.

    Raises:
        InvalidInputError: There is no such block.
        ClientException: The server cannot be asked.
    """
    return await processes_of(server)
