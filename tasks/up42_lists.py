"""What an UP42 account has: its jobs, and the processes on offer."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from prefect.artifacts import acreate_table_artifact

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import format_utc
from eoflows.services.up42 import JobStatus
from eoflows.tasks.up42 import open_up42

__all__ = ["publish_account"]


async def publish_account(
    server: str, processes: Sequence[str] | None, statuses: Sequence[str] | None, limit: int
) -> int:
    """Publish jobs and processes as tables; give the number of jobs."""
    try:
        wanted = [JobStatus(status) for status in statuses or ()]
    except ValueError as error:
        known = ", ".join(status.value for status in JobStatus)
        raise InvalidInputError(f"{error}; UP42 knows {known}") from error
    rows: list[dict[str, Any]] = []
    async with open_up42(server) as client:
        workspace = await client.workspace()
        jobs = client.jobs(process_id=processes, workspace_id=workspace, status=wanted or None)
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
        offered = [
            {
                "process": one.get("id", ""),
                "title": one.get("title", ""),
                "about": str(one.get("description", ""))[:200],
            }
            for one in await client.processes()
        ]
    await acreate_table_artifact(
        rows or [{"job": "none"}], key="up42-jobs", description=f"**{len(rows)} jobs of {server}**"
    )
    await acreate_table_artifact(
        offered or [{"process": "none"}], key="up42-processes", description="**Processes on offer**"
    )
    return len(rows)
