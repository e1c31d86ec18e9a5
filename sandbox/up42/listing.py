"""Lists of jobs: filters, order, pages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from eoflows.sandbox.up42.answers import problem
from eoflows.sandbox.up42.jobs import Job

__all__ = ["Query", "next_query", "read_query", "select"]

_SORTS: Mapping[str, Callable[[Job], Any]] = {
    "processID": lambda job: job.process_id,
    "status": lambda job: job.status,
    "created": lambda job: job.created,
    "creditConsumption.credits": lambda job: -1 if job.consumed is None else job.consumed,
}


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is asked of a list."""

    workspace: str | None
    processes: frozenset[str] | None
    statuses: frozenset[str] | None
    ids: tuple[str, ...] | None
    min_duration: float | None
    """Seconds."""
    max_duration: float | None
    """Seconds."""
    sort: str
    descending: bool
    limit: int
    offset: int


def read_query(asked: Mapping[str, str], *, page_size: int, max_page_size: int) -> Query:
    """Read the query of a list.

    Raises:
        Refusal: 400, a number or an order that cannot be understood.
    """
    name, _, order = asked.get("sort", "created,desc").partition(",")
    if name not in _SORTS or order not in ("", "asc", "desc"):
        raise problem(400, "Bad Request", detail=f"cannot sort by {asked['sort']}")
    limit, offset = _number(asked, "limit"), _number(asked, "offset")
    processes, statuses, ids = (_names(asked, name) for name in ("processId", "status", "ids"))
    return Query(
        workspace=asked.get("workspaceId"),
        processes=None if processes is None else frozenset(processes),
        statuses=None if statuses is None else frozenset(statuses),
        ids=ids,
        min_duration=_number(asked, "minDuration"),
        max_duration=_number(asked, "maxDuration"),
        sort=name,
        descending=order == "desc",
        limit=page_size if limit is None else max(1, min(int(limit), max_page_size)),
        offset=int(offset or 0),
    )


def _names(asked: Mapping[str, str], name: str) -> tuple[str, ...] | None:
    return tuple(asked[name].split(",")) if name in asked else None


def _number(asked: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(asked[name]) if name in asked else None
    except ValueError as error:
        raise problem(400, "Bad Request", detail=f"{name} is no number") from error
    if number is not None and not 0 <= number < 1e12:
        raise problem(400, "Bad Request", detail=f"{name} is out of range")
    return number


def select(jobs: Sequence[Job], query: Query, now: datetime) -> list[Job]:
    """Return the jobs that a query finds, in its order, pages aside."""
    found = [job for job in jobs if _fits(job, query, now)]
    found.sort(key=lambda job: job.number, reverse=query.descending)
    found.sort(key=_SORTS[query.sort], reverse=query.descending)
    return found


def _fits(job: Job, query: Query, now: datetime) -> bool:
    duration = job.duration(now)
    least, most = query.min_duration, query.max_duration
    return (
        (query.workspace is None or job.workspace == query.workspace)
        and (query.processes is None or job.process_id in query.processes)
        and (query.statuses is None or job.status in query.statuses)
        and (query.ids is None or job.id in query.ids)
        and (least is None or (duration is not None and duration >= least))
        and (most is None or (duration is not None and duration <= most))
    )


def next_query(asked: Mapping[str, str], query: Query) -> str:
    """Return the query string of the page that follows."""
    return urlencode({**asked, "limit": query.limit, "offset": query.offset + query.limit})
