"""A made-up service that runs jobs: whatever a real one may do to its clients can be practised here.

`/dummy/{place}/jobs`, where the place begins with the way in which a job is recognised, and is an endpoint
of its own: `token-a` takes a token and makes no second job for it, `inputs-a` shows its jobs' inputs,
`listing-a` only lists them, `none-a` does not even do that. A job's inputs say what becomes of it:
`seconds` (until it ends, 0), `outcome` (`success`, `failed`), `size` (bytes of its result, 10), `credits`.
`/dummy/{place}/forget` (POST) makes the service forget jobs.
"""

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from eoflows.sandbox.bodies import SyntheticContent
from eoflows.sandbox.delivery import ContentResponse
from eoflows.sandbox.stac.errors import Refusal

__all__ = ["Dummy", "DummyJob", "DummySettings"]


@dataclass(frozen=True, kw_only=True)
class DummySettings:
    """How the made-up service behaves."""

    visible_after: float = 0.0
    """Seconds after which a new job can be seen, by id and in the list."""
    shows_created: bool = True
    """Whether a job says when it was made."""
    page: int = 500
    """Jobs in a page of the list at the most."""


@dataclass
class DummyJob:
    """A job, as the service keeps it."""

    id: str
    process: str
    inputs: Mapping[str, Any]
    token: str
    created: datetime
    stopped: datetime | None = None
    """When it was cancelled."""

    @property
    def ends(self) -> datetime:
        """When its work is done."""
        return self.created + timedelta(seconds=float(self.inputs.get("seconds", 0)))

    def status(self, now: datetime) -> str:
        """Tell where it stands."""
        if self.stopped is not None:
            return "cancelled"
        if now < self.ends:
            return "running"
        return str(self.inputs.get("outcome", "success"))

    def progress(self, now: datetime) -> float:
        """Tell how much is done, from 0 to 1."""
        length = (self.ends - self.created).total_seconds()
        return min(1.0, (now - self.created).total_seconds() / length) if length else 1.0


@dataclass
class _Place:
    jobs: dict[str, DummyJob] = field(default_factory=dict)
    by_token: dict[str, str] = field(default_factory=dict)


class Dummy:
    """The service, with all its places."""

    def __init__(self, settings: DummySettings, clock: Callable[[], datetime]) -> None:
        self.settings, self._clock = settings, clock
        self._places: dict[str, _Place] = {}
        self._lock, self._numbers = threading.Lock(), itertools.count(1)

    def jobs(self, place: str) -> list[DummyJob]:
        """Return the jobs of a place, oldest first."""
        with self._lock:
            return list(self._place(place).jobs.values())

    def add(self, place: str, process: str, inputs: Mapping[str, Any]) -> DummyJob:
        """Make a job, as another client would."""
        with self._lock:
            return self._add(self._place(place), process, inputs, "")

    def forget(self, place: str, *ids: str) -> None:
        """Forget jobs; all of them if none is named."""
        with self._lock:
            known = self._place(place).jobs
            for name in ids or list(known):
                known.pop(name, None)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/dummy/{place}/jobs", self._submit, methods=["POST"]),
            Route("/dummy/{place}/jobs", self._list),
            Route("/dummy/{place}/jobs/{job}", self._get),
            Route("/dummy/{place}/jobs/{job}", self._cancel, methods=["DELETE"]),
            Route("/dummy/{place}/jobs/{job}/results", self._results),
            Route("/dummy/{place}/jobs/{job}/results/{name}", self._result),
            Route("/dummy/{place}/forget", self._forget, methods=["POST"]),
        ]

    def _place(self, name: str) -> _Place:
        if name.partition("-")[0] not in ("token", "inputs", "listing", "none"):
            raise Refusal(404, f"no place {name!r}")
        return self._places.setdefault(name, _Place())

    def _add(self, place: _Place, process: str, inputs: Mapping[str, Any], token: str) -> DummyJob:
        job = DummyJob(f"job-{next(self._numbers):06}", process, inputs, token, self._clock())
        place.jobs[job.id] = job
        if token:
            place.by_token[token] = job.id
        return job

    async def _submit(self, request: Request) -> Response:
        body = await _json(request)
        process, inputs, token = body.get("process"), body.get("inputs"), str(body.get("token") or "")
        if not isinstance(process, str) or not isinstance(inputs, dict):
            raise Refusal(422, "give a process and inputs")
        if inputs.get("refuse"):
            raise Refusal(422, "these inputs are refused, as they ask to be")
        with self._lock:
            place = self._place(request.path_params["place"])
            known = place.by_token.get(token) if self._takes_tokens(request) else None
            job = place.jobs[known] if known in place.jobs else self._add(place, process, inputs, token)
        return JSONResponse(self._document(request, job), 201)

    def _takes_tokens(self, request: Request) -> bool:
        return bool(request.path_params["place"].startswith("token"))

    async def _list(self, request: Request) -> Response:
        place, query = request.path_params["place"], request.query_params
        if place.startswith("none"):
            raise Refusal(405, "jobs are not listed here")
        start, limit = int(query.get("offset", 0)), int(query.get("limit", self.settings.page))
        found = [job for job in self._visible(place) if query.get("process") in (None, job.process)]
        page = found[start : start + min(limit, self.settings.page)]
        stop = start + len(page)
        document: dict[str, Any] = {"jobs": [self._document(request, job) for job in page]}
        if page and stop < len(found):
            document["next"] = str(request.url.include_query_params(offset=stop))
        return JSONResponse(document)

    def _visible(self, place: str) -> Iterator[DummyJob]:
        until = self._seen_until()
        return (job for job in reversed(self.jobs(place)) if job.created <= until)

    def _seen_until(self) -> datetime:
        return self._clock() - timedelta(seconds=self.settings.visible_after)

    def _find(self, request: Request) -> DummyJob:
        name = request.path_params["job"]
        with self._lock:
            job = self._place(request.path_params["place"]).jobs.get(name)
        if job is None or job.created > self._seen_until():
            raise Refusal(404, f"no job {name}")
        return job

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._document(request, self._find(request)))

    async def _cancel(self, request: Request) -> Response:
        job = self._find(request)
        if job.status(self._clock()) == "running":
            job.stopped = self._clock()
        return JSONResponse(self._document(request, job))

    def _document(self, request: Request, job: DummyJob) -> dict[str, Any]:
        now = self._clock()
        document: dict[str, Any] = {
            "id": job.id,
            "process": job.process,
            "status": job.status(now),
            "progress": job.progress(now),
        }
        if self.settings.shows_created:
            document["created"] = job.created.isoformat()
        if request.path_params["place"].startswith("inputs"):
            document["inputs"] = job.inputs
        if "credits" in job.inputs:
            billing = {"running": "withheld", "success": "captured"}.get(document["status"], "released")
            document |= {"credits": job.inputs["credits"], "billing": billing}
        return document

    async def _results(self, request: Request) -> Response:
        job = self._find(request)
        if job.status(self._clock()) != "success":
            raise Refusal(409, f"job {job.id} has no results")
        content = _content(job)
        href = f"{request.url}/result.bin"
        return JSONResponse(
            {"results": [{"name": "result.bin", "href": href, "size": content.size, "md5": content.md5}]}
        )

    async def _result(self, request: Request) -> Response:
        job = self._find(request)
        return ContentResponse(_content(job), "result.bin", job.created)

    async def _forget(self, request: Request) -> Response:
        body = await _json(request)
        self.forget(request.path_params["place"], *body.get("ids", ()))
        return JSONResponse({})


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise Refusal(400, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise Refusal(400, "the body is no object")
    return body


def _content(job: DummyJob) -> SyntheticContent:
    return SyntheticContent(job.id, int(job.inputs.get("size", 10)))
