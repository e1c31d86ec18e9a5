"""The routes of an OGC API - Processes server."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eoflows.sandbox.faults import BEHAVIOUR
from eoflows.sandbox.oauth2 import TokenStore, token_routes
from eoflows.sandbox.ogc_processes import documents
from eoflows.sandbox.ogc_processes.access import Door
from eoflows.sandbox.ogc_processes.geotiff import MEDIA_TYPE, sample_scene, write_geotiff
from eoflows.sandbox.ogc_processes.jobs import Job, JobStore
from eoflows.sandbox.ogc_processes.listing import chosen, page
from eoflows.sandbox.ogc_processes.orders import read_order, runs_async
from eoflows.sandbox.ogc_processes.problems import Problem, gone, no_such_job, no_such_process, not_ready
from eoflows.sandbox.ogc_processes.processes import PROCESSES, Process, echo_named
from eoflows.sandbox.ogc_processes.results import raw_output, results
from eoflows.sandbox.ogc_processes.settings import OgcProcessesSettings
from eoflows.sandbox.ogc_processes.work import work
from eoflows.sandbox.origins import Origins
from eoflows.sandbox.protocol import connection_of

__all__ = ["OgcProcesses"]

_Endpoint = Callable[[Request, OgcProcessesSettings], Awaitable[Response]]


class OgcProcesses:
    """One server below a prefix."""

    def __init__(
        self,
        prefix: str,
        settings: OgcProcessesSettings,
        door: Door,
        clock: Callable[[], datetime],
        tokens: TokenStore,
        origins: Origins,
    ) -> None:
        self.prefix = prefix
        """First part of the path, as `/ogc`."""
        self.settings = settings
        self.jobs = JobStore(clock)
        """All jobs, for an oracle."""
        self._tokens = tokens
        self._door = door
        self._origins = origins
        self._addresses = documents.Addresses(origins, prefix)
        extra = [echo_named(f"echo-{number}") for number in range(1, settings.extra_processes + 1)]
        self._processes = {process.id: process for process in (*PROCESSES, *extra)}

    def routes(self) -> list[Route]:
        """Return the routes."""
        process, job = "/processes/{process}", "/jobs/{job}"
        return [
            *token_routes(self._tokens, (f"{self.prefix}/auth/login",)),
            self._route("", self._landing),
            self._route("/", self._landing),
            self._route("/api", self._api),
            self._route("/conformance", self._conformance),
            self._route("/processes", self._list_processes),
            self._route(process, self._describe),
            self._route(f"{process}/execution", self._execute, "POST"),
            self._route("/jobs", self._list_jobs),
            self._route(job, self._status),
            self._route(job, self._dismiss, "DELETE"),
            self._route(f"{job}/results", self._results),
            self._route(f"{job}/results/{{output}}", self._output),
            self._route("/samples/scene.tif", self._sample),
        ]

    def _route(self, path: str, endpoint: _Endpoint, method: str = "GET") -> Route:
        async def answer(request: Request) -> Response:
            settings = replace(self.settings, **request.scope.get(BEHAVIOUR, {}))
            try:
                if self._origins.name(connection_of(request.scope).origin_port) == "main":
                    self._door.admit(request, settings)
                return await endpoint(request, settings)
            except Problem as problem:
                return problem.answer(settings.errors, request.url.path)

        return Route(f"{self.prefix}{path}" or "/", answer, methods=[method])

    async def _landing(self, request: Request, settings: OgcProcessesSettings) -> Response:
        return _json(documents.landing(self._addresses, settings))

    async def _api(self, request: Request, settings: OgcProcessesSettings) -> Response:
        paths: dict[str, Any] = {}
        for route in self.routes():
            found = paths.setdefault(route.path.removeprefix(self.prefix) or "/", {})
            for method in sorted((route.methods or set()) - {"HEAD"}):
                found[method.lower()] = {"responses": {"default": {"description": "See 18-062r2"}}}
        about = {"title": "Sandbox processes", "version": "1.0.0"}
        servers = [{"url": self._addresses.write("", settings.links)}]
        return _json({"openapi": "3.0.3", "info": about, "servers": servers, "paths": paths})

    async def _conformance(self, request: Request, settings: OgcProcessesSettings) -> Response:
        return _json(documents.conformance())

    async def _list_processes(self, request: Request, settings: OgcProcessesSettings) -> Response:
        everything = list(self._processes.values())
        limit = settings.process_page
        found, links = page(everything, "/processes", request.query_params, limit, self._addresses, settings)
        summaries = [documents.summary(process, self._addresses, settings) for process in found]
        return _json({"processes": summaries, "links": links})

    async def _describe(self, request: Request, settings: OgcProcessesSettings) -> Response:
        return _json(documents.description(self._process(request), self._addresses, settings))

    async def _execute(self, request: Request, settings: OgcProcessesSettings) -> Response:
        process = self._process(request)
        try:
            sent = orjson.loads(await request.body())
        except orjson.JSONDecodeError as error:
            raise Problem(400, "Bad request", f"no JSON: {error}") from error
        order = read_order(process, sent, bare_objects=settings.bare_objects)
        prefer = ",".join(request.headers.getlist("prefer"))
        asynchronous = runs_async(prefer, settings.modes.get(process.id, "both"), settings)
        job = self.jobs.create(
            process.id,
            order.inputs,
            id_prefix=settings.id_prefix,
            response=order.response,
            subscriber=order.subscriber,
            listed=asynchronous,
            hidden=settings.hidden_requests,
        )
        job.work = asyncio.create_task(work(job, process, order, self.jobs, self._addresses, settings))
        if asynchronous:
            return self._accepted(job, settings, applied="respond-async" in prefer.lower())
        await job.work
        return self._finished(job, settings)

    def _accepted(self, job: Job, settings: OgcProcessesSettings, *, applied: bool) -> Response:
        body = {
            "status": orjson.dumps(documents.status(job, self._addresses, settings)),
            "id": orjson.dumps({"id": job.id}),
            "empty": b"",
            "null": b"null",
            "object": b"{}",
        }[settings.accepted_body]
        response = Response(body, settings.accepted_status, media_type="application/json" if body else None)
        if settings.accepted_location != "none":
            response.headers["location"] = self._addresses.write(
                f"/jobs/{job.id}", settings.accepted_location
            )
        if applied and settings.preference_applied:
            response.headers["preference-applied"] = "respond-async"
        return _with_retry_after(response, job, settings)

    async def _list_jobs(self, request: Request, settings: OgcProcessesSettings) -> Response:
        seen = [job for job in reversed(self.jobs.all()) if self._is_listed(job, settings)]
        if settings.list_filters:
            seen = chosen(seen, request.query_params, self.jobs.clock())
        found, links = page(seen, "/jobs", request.query_params, settings.job_page, self._addresses, settings)
        statuses = [documents.status(job, self._addresses, settings) for job in found]
        return _json({"jobs": statuses, "links": links})

    def _is_listed(self, job: Job, settings: OgcProcessesSettings) -> bool:
        if not job.listed or (job.status == "dismissed" and settings.dismissed != "kept"):
            return False
        return not _is_hidden(job)

    async def _status(self, request: Request, settings: OgcProcessesSettings) -> Response:
        job = self._job(request, settings)
        response = _json(documents.status(job, self._addresses, settings))
        return _with_retry_after(response, job, settings)

    async def _dismiss(self, request: Request, settings: OgcProcessesSettings) -> Response:
        job = self._job(request, settings)
        if job.work is not None and settings.dismiss_stops:
            job.work.cancel()
        self.jobs.dismiss(job)
        if settings.dismissed == "missing":
            self.jobs.forget(job.id)
        if settings.dismiss_body == "bare":
            bare = {"jobID": job.id, "status": "dismissed", "message": "Job dismissed", "progress": 100}
            return Response(orjson.dumps(bare), media_type="text/html")
        return _json(documents.status(job, self._addresses, settings))

    async def _results(self, request: Request, settings: OgcProcessesSettings) -> Response:
        return self._finished(self._job(request, settings), settings)

    def _finished(self, job: Job, settings: OgcProcessesSettings) -> Response:
        if job.status == "dismissed":
            raise not_ready(job.id, 403) if settings.not_ready == 403 else gone(job.id)
        if job.status == "failed":
            raise Problem(job.http_status, "Process failed", job.message)
        if not job.is_final:
            raise not_ready(job.id, settings.not_ready)
        return results(job, self._addresses, settings)

    async def _output(self, request: Request, settings: OgcProcessesSettings) -> Response:
        name = request.path_params["job"]
        job = self.jobs.get(name)
        output = job.outputs.get(request.path_params["output"]) if job else None
        if output is None:
            raise Problem(404, "No such result", f"Job {name!r} has no such result.")
        return raw_output(output)

    async def _sample(self, request: Request, settings: OgcProcessesSettings) -> Response:
        return Response(write_geotiff(sample_scene(), "H"), media_type=MEDIA_TYPE)

    def _process(self, request: Request) -> Process:
        name = request.path_params["process"]
        if name not in self._processes:
            raise no_such_process(name)
        return self._processes[name]

    def _job(self, request: Request, settings: OgcProcessesSettings) -> Job:
        name = request.path_params["job"]
        job = self.jobs.get(name)
        if job is None or not job.listed or _is_hidden(job):
            raise no_such_job(name)
        if job.status == "dismissed" and settings.dismissed == "gone":
            raise gone(name)
        return job


def _is_hidden(job: Job) -> bool:
    """Tell whether a request still misses a new job, and count the request."""
    if job.hidden:
        job.hidden -= 1
        return True
    return False


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")


def _with_retry_after(response: Response, job: Job, settings: OgcProcessesSettings) -> Response:
    if settings.retry_after is not None and not job.is_final:
        response.headers["retry-after"] = f"{settings.retry_after:g}"
    return response
