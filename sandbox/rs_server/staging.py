"""RS-Server's staging service: an OGC API - Processes server with one process and manners of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eoflows.sandbox.access import Gate
from eoflows.sandbox.faults import BEHAVIOUR
from eoflows.sandbox.ogc_processes.documents import instant
from eoflows.sandbox.ogc_processes.jobs import Job, JobStore
from eoflows.sandbox.origins import Origins
from eoflows.sandbox.rs_server.staging_work import StagingWork
from eoflows.sandbox.settings import SandboxSettings, StagingSettings
from eoflows.sandbox.stac.documents import json_response
from eoflows.sandbox.stac.errors import Refusal

__all__ = ["Staging"]

PROCESS = "staging"
_Endpoint = Callable[[Request, StagingSettings], Awaitable[Response]]


class Staging:
    """The service at the root of the sandbox, as in an RS-Server installation: `/processes`, `/jobs`."""

    def __init__(self, sandbox: SandboxSettings, gate: Gate, origins: Origins) -> None:
        self.settings = sandbox.staging
        self.jobs = JobStore(sandbox.clock)
        """All jobs, for an oracle."""
        self._gate = gate
        self._origins = origins
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            self._route("/_mgmt/ping", self._ping),
            self._route("/processes", self._processes),
            self._route("/processes/{process}", self._process),
            self._route("/processes/{process}/execution", self._execute, "POST"),
            self._route("/jobs", self._list),
            self._route("/jobs/{job}", self._status),
            self._route("/jobs/{job}", self._delete, "DELETE"),
            self._route("/jobs/{job}/results", self._results),
        ]

    def _route(self, path: str, endpoint: _Endpoint, method: str = "GET") -> Route:
        async def answer(request: Request) -> Response:
            return await endpoint(request, replace(self.settings, **request.scope.get(BEHAVIOUR, {})))

        return Route(path, answer, methods=[method])

    async def _ping(self, request: Request, settings: StagingSettings) -> Response:
        return json_response({"healthy": True})

    async def _processes(self, request: Request, settings: StagingSettings) -> Response:
        self._gate.role(request, "rs_processes_staging_read")
        return json_response({"processes": [_description()], "links": [_PLACEHOLDER]})

    async def _process(self, request: Request, settings: StagingSettings) -> Response:
        self._gate.role(request, "rs_processes_staging_read")
        self._known(request)
        return json_response(_description())

    def _known(self, request: Request) -> None:
        name = request.path_params["process"]
        if name != PROCESS:
            raise _odd(404, "NotFound", f"Process {name} not found")

    async def _execute(self, request: Request, settings: StagingSettings) -> Response:
        key = self._gate.role(request, "rs_processes_staging_execute")
        self._known(request)
        inputs = _inputs(await request.body())
        job = self.jobs.create(PROCESS, inputs, owner=key.user)
        if settings.fails_at_once is not None:
            self.jobs.change(job, status="failed", message=settings.fails_at_once)
            return json_response(_document(job), 201)
        work = StagingWork(
            job, self.jobs, settings, self._origins, request.headers["x-api-key"], self._sandbox.keys
        )
        if await work.prepare():
            job.work = asyncio.create_task(work.run())
        return json_response(_document(job), 201)

    async def _list(self, request: Request, settings: StagingSettings) -> Response:
        self._gate.role(request, "rs_processes_staging_read")
        jobs = [_document(job) for job in self.jobs.all()]
        return json_response({"jobs": jobs, "numberMatched": len(jobs), "links": [_PLACEHOLDER]})

    async def _status(self, request: Request, settings: StagingSettings) -> Response:
        self._gate.role(request, "rs_processes_staging_read")
        return json_response(_document(self._job(request)))

    async def _delete(self, request: Request, settings: StagingSettings) -> Response:
        """Forget the job; its work goes on to the end (read in the source), the answer is believed."""
        self._gate.role(request, "rs_processes_staging_dismiss")
        job = self._job(request)
        self.jobs.forget(job.id)
        return json_response({**_document(job), "message": f"Job {job.id} deleted"})

    async def _results(self, request: Request, settings: StagingSettings) -> Response:
        """Answer with the status word and nothing else."""
        self._gate.role(request, "rs_processes_staging_read")
        return json_response(self._job(request).status)

    def _job(self, request: Request) -> Job:
        name = request.path_params["job"]
        job = self.jobs.get(name)
        if job is None:
            raise _odd(404, "NotFound", f"Job with ID {name} not found")
        return job


def _inputs(body: bytes) -> Mapping[str, Any]:
    try:
        inputs = orjson.loads(body)["inputs"]
        items = inputs["items"]
        named = isinstance(inputs["collection"], str) and isinstance(items, dict)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise _odd(422, "UnprocessableEntity", f"inputs lack {error}") from error
    names = inputs.get("asset_names")
    if not named or not ({"value", "href"} & items.keys()) or not isinstance(names, list | None):
        raise _odd(422, "UnprocessableEntity", "inputs are collection, items (value or href) and asset_names")
    return dict(inputs)


def _odd(status: int, code: str, detail: str) -> Refusal:
    """Return the service's error: JSON inside a JSON string."""
    kind = f"https://developer.mozilla.org/en/docs/Web/HTTP/Reference/Status/{status}"
    inner = orjson.dumps({"type": kind, "status": status, "detail": detail}).decode()
    return Refusal(status, detail, document={"code": code, "description": inner})


def _document(job: Job) -> dict[str, Any]:
    times = ("created", "started", "finished", "updated")
    return {
        "jobID": job.id,
        "processID": job.process,
        "type": "process",
        "status": job.status,
        "message": job.message,
        "progress": job.progress,
        **{name: instant(value) for name in times if (value := getattr(job, name)) is not None},
    }


_PLACEHOLDER = {
    "href": "string",
    "rel": "service",
    "type": "application/json",
    "hreflang": "en",
    "title": "List",
}


def _description() -> dict[str, Any]:
    text, either = {"type": "string"}, {"oneOf": [{"type": "object"}, {"type": "string"}]}
    return {
        "id": PROCESS,
        "version": "1.0.0",
        "title": "Staging",
        "description": "Copies the assets of STAC items from stations to the catalogue's storage.",
        "jobControlOptions": ["async-execute"],
        "outputTransmission": ["value"],
        "inputs": {
            "collection": {"title": "Catalogue collection", "minOccurs": 1, "maxOccurs": 1, "schema": text},
            "items": {
                "title": "ItemCollection, or where it is",
                "minOccurs": 1,
                "maxOccurs": 1,
                "schema": either,
            },
            "asset_names": {
                "title": "Assets to stage",
                "minOccurs": 0,
                "maxOccurs": 1,
                "schema": {"type": "array", "items": text},
            },
        },
        "outputs": {"status": {"title": "The job's status", "schema": text}},
        "links": [_PLACEHOLDER],
    }
