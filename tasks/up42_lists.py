"""What an UP42 account has: its jobs, and the processes on offer."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import format_utc
from eoflows.services.up42 import JobStatus
from eoflows.services.up42.client import Up42Client
from eoflows.tasks.outcome import Outcome
from eoflows.tasks.progress import show
from eoflows.tasks.up42 import open_up42

__all__ = ["publish_account", "search_up42_task"]


@task(name="search-up42", cache_policy=NO_CACHE, persist_result=False)
async def search_up42_task(
    server: str, processes: list[str] | None = None, statuses: list[str] | None = None, limit: int = 200
) -> list[dict[str, Any]]:
    """Give the processing jobs of the workspace, the newest first, whoever made them.

    Args:
        server: Block of the account, as `up42-credentials/name`.
        processes: Only jobs of these processes; None: of all.
        statuses: Only jobs with these statuses, in UP42's words; None: with any.
        limit: Jobs at the most.

    Returns:
        Of each job its id, process, status, time of creation and credits.

    Raises:
        InvalidInputError: There is no such block or status.
    """
    wanted = _statuses(statuses)
    async with open_up42(server) as client:
        return await _jobs(client, processes, wanted, limit)


def _statuses(given: Sequence[str] | None) -> list[JobStatus]:
    try:
        return [JobStatus(status) for status in given or ()]
    except ValueError as error:
        known = ", ".join(status.value for status in JobStatus)
        raise InvalidInputError(f"{error}; UP42 knows {known}") from error


async def _jobs(
    client: Up42Client, processes: Sequence[str] | None, statuses: Sequence[JobStatus], limit: int
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    workspace = await client.workspace()
    jobs = client.jobs(process_id=processes, workspace_id=workspace, status=statuses or None)
    async with aclosing(jobs) as found:
        async for job in found:
            rows.append(
                {
                    "job": job.id,
                    "process": job.process_id,
                    "status": str(job.status),
                    "created": format_utc(job.created),
                    "credits": "" if job.credits is None else str(job.credits),
                }
            )
            if len(rows) == limit:
                break
    return rows


async def publish_account(
    server: str, processes: Sequence[str] | None, statuses: Sequence[str] | None, limit: int
) -> int:
    """Publish jobs and processes as tables; give the number of jobs."""
    wanted = _statuses(statuses)
    async with open_up42(server) as client:
        rows = await _jobs(client, processes, wanted, limit)
        offered = [
            {
                "process": one.get("id", ""),
                "title": one.get("title", ""),
                "about": str(one.get("description", "")),
            }
            for one in await client.processes()
        ]
    jobs_found = Outcome(
        sentence=f"{len(rows)} jobs of {server}", result=len(rows), rows=rows, nothing={"job": "none"}
    )
    await show("up42-jobs", jobs_found)
    sentence = f"{len(offered)} processes on offer"
    await show(
        "up42-processes",
        Outcome(sentence=sentence, result=None, rows=offered, nothing={"process": "none"}),
    )
    return jobs_found.result
