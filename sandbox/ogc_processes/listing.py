"""Pages of lists, and the filters of the job list."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from eoflows.sandbox.ogc_processes.documents import Addresses
from eoflows.sandbox.ogc_processes.jobs import Job
from eoflows.sandbox.ogc_processes.problems import Problem
from eoflows.sandbox.ogc_processes.settings import OgcProcessesSettings
from eoflows.sandbox.stac.times import interval_parameter

__all__ = ["chosen", "page"]

T = TypeVar("T")


def page(
    found: Sequence[T],
    path: str,
    query: QueryParams,
    default_limit: int,
    addresses: Addresses,
    settings: OgcProcessesSettings,
) -> tuple[Sequence[T], list[dict[str, str]]]:
    """Return the page asked for with `limit` and `offset`, and its links.

    Raises:
        Problem: 400 for a limit below 1 or an offset below 0.
    """
    limit, offset = _number(query, "limit", default_limit, 1), _number(query, "offset", 0, 0)
    limit = min(limit, settings.max_page)

    def link(rel: str, start: int) -> dict[str, str]:
        kept = [(name, value) for name, value in query.multi_items() if name not in ("limit", "offset")]
        text = urlencode([*kept, ("limit", limit), ("offset", start)])
        return addresses.link(f"{path}?{text}", rel, settings.links)

    links = [link("self", offset)]
    if offset:
        links.append(link("prev", max(0, offset - limit)))
    if offset + limit < len(found) and settings.next_link != "none":
        links.append(link("next", 0 if settings.next_link == "loop" else offset + limit))
    return found[offset : offset + limit], links


def chosen(jobs: Sequence[Job], query: QueryParams, now: datetime) -> list[Job]:
    """Return the jobs that the filters of the job list let pass (18-062r2, 11).

    Raises:
        Problem: 400 for a filter that cannot be read.
    """
    processes, states = _words(query, "processID"), _words(query, "status")
    least, most = _seconds(query, "minDuration"), _seconds(query, "maxDuration")
    created = None
    if "datetime" in query:
        created = interval_parameter(query["datetime"])
        if created is None:
            raise _bad("datetime", query["datetime"])
    kinds = _words(query, "type")

    def passes(job: Job) -> bool:
        duration = job.duration(now)
        return (
            (not processes or job.process in processes)
            and (not states or job.status in states)
            and (not kinds or "process" in kinds)
            and (created is None or created[0] <= job.created <= created[1])
            and (least is None or (duration is not None and duration >= least))
            and (most is None or (duration is not None and duration <= most))
        )

    return [job for job in jobs if passes(job)]


def _words(query: QueryParams, name: str) -> set[str]:
    return {word for value in query.getlist(name) for word in value.split(",") if word}


def _number(query: QueryParams, name: str, default: int, least: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or int(text) < least:
        raise _bad(name, text)
    return int(text)


def _seconds(query: QueryParams, name: str) -> float | None:
    if name not in query:
        return None
    try:
        return float(query[name])
    except ValueError as error:
        raise _bad(name, query[name]) from error


def _bad(name: str, text: str) -> Problem:
    return Problem(400, "Invalid parameter value", f"{name} is {text!r}", kind="invalid-parameter")
