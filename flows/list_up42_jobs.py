"""Show the processing jobs of an UP42 account."""

from prefect import flow

from eoflows.tasks.parameters import Up42Account, described
from eoflows.tasks.up42_lists import publish_account

__all__ = ["list_up42_jobs"]


@flow(name="list-up42-jobs", flow_run_name="jobs of {server}")
@described
async def list_up42_jobs(
    server: Up42Account = "up42-credentials/default",
    processes: list[str] | None = None,
    statuses: list[str] | None = None,
    limit: int = 200,
) -> int:
    """Show the jobs of the workspace, the newest first, whoever made them; and the processes on offer.

    Args:
        processes: Only jobs of these processes.
        statuses: Only jobs with these statuses, in UP42's words.
        limit: Jobs that are shown at the most.

    Returns:
        The number of jobs shown.

    Raises:
        InvalidInputError: There is no such block or status.
    """
    return await publish_account(server, processes, statuses, limit)
