"""Earth Engine's REST API at the root of the sandbox: its client allows no path before `/v1`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from eoflows.sandbox.cloud_storage.service import CloudStorage
from eoflows.sandbox.earth_engine.client_files import algorithms_file, discovery_document
from eoflows.sandbox.earth_engine.errors import GraphError, refusal
from eoflows.sandbox.earth_engine.operation_store import OperationStore
from eoflows.sandbox.earth_engine.operations import Operation
from eoflows.sandbox.earth_engine.orders import check_order
from eoflows.sandbox.earth_engine.scenes import Catalogue
from eoflows.sandbox.earth_engine.settings import EarthEngineSettings, Failure
from eoflows.sandbox.faults import BEHAVIOUR

if TYPE_CHECKING:
    from eoflows.sandbox.earth_engine.engine import Engine

__all__ = ["EarthEngine"]

_NOT_FOUND = 5
Endpoint = Callable[[Request, EarthEngineSettings], Awaitable[Response]]


class EarthEngine:
    """The service for all projects, with the handles that tests need."""

    def __init__(
        self,
        settings: EarthEngineSettings,
        clock: Callable[[], datetime],
        seed: int,
        storage: CloudStorage,
    ) -> None:
        self.settings = settings
        self.storage = storage
        """Where exports go."""
        self.catalogue = Catalogue(seed, settings.gaps)
        """All scenes, for an oracle."""
        self.operations = OperationStore(settings, clock, seed, self._deliver)
        """All operations of all projects."""

    @cached_property
    def engine(self) -> "Engine":
        """What computes; the first look loads numpy, pyproj and shapely."""
        made: Engine = import_module("eoflows.sandbox.earth_engine.engine").Engine(self.catalogue)
        return made

    def routes(self) -> list[Route]:
        """Return the routes: at the root of the server, where the client expects them."""
        here = "/v1/projects/{project}"
        return [
            Route("/$discovery/rest", self._discovery),
            Route(f"{here}/algorithms", self._guarded(self._algorithms)),
            Route(f"{here}/value:compute", self._guarded(self._compute), methods=["POST"]),
            Route(f"{here}/image:export", self._guarded(self._export), methods=["POST"]),
            Route(f"{here}/operations", self._guarded(self._list)),
            Route(f"{here}/operations/{{name}}:cancel", self._guarded(self._cancel), methods=["POST"]),
            Route(f"{here}/operations/{{name}}", self._guarded(self._operation)),
        ]

    def _guarded(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Let a request pass whose sender may use the project, under the settings that hold for it."""

        async def answer(request: Request) -> Response:
            settings = replace(self.settings, **request.scope.get(BEHAVIOUR, {}))
            if settings.refuses is not None:
                status, word, message = settings.refuses
                raise refusal(status, message, word)
            account = self.storage.accounts.account(request)
            if settings.auth == "bearer" and account is None:
                raise refusal(401, "Request had invalid authentication credentials.")
            project = request.path_params["project"]
            if settings.projects is not None and project not in settings.projects:
                raise refusal(
                    403,
                    f"Caller does not have required permission to use project {project}. Grant the caller the"
                    " roles/serviceusage.serviceUsageConsumer role.",
                )
            request.state.user = account or "anonymous"
            return await endpoint(request, settings)

        return answer

    async def _discovery(self, request: Request) -> Response:
        address = f"{request.url.scheme}://{request.url.netloc}"
        return JSONResponse(discovery_document(address, request.query_params.get("version", "v1")))

    async def _algorithms(self, request: Request, settings: EarthEngineSettings) -> Response:
        return Response(algorithms_file(), media_type="application/json")

    async def _compute(self, request: Request, settings: EarthEngineSettings) -> Response:
        asked = _parsed(await request.body())
        try:
            value = await anyio.to_thread.run_sync(self._value, asked.get("expression", {}), settings)
        except GraphError as error:
            raise refusal(400, str(error)) from error
        return JSONResponse({"result": value})

    def _value(self, expression: Mapping[str, Any], settings: EarthEngineSettings) -> Any:
        return self.engine.value(expression, settings)

    async def _export(self, request: Request, settings: EarthEngineSettings) -> Response:
        sent = await request.body()
        order = _parsed(sent)
        check_order(order)
        if settings.checks_graph == "at once":
            try:
                await anyio.to_thread.run_sync(self._count_files, order, settings)
            except GraphError as error:
                raise refusal(400, str(error)) from error
        project, user = request.path_params["project"], request.state.user
        start = partial(self.operations.create, project, user, order, sent, settings)
        made = await anyio.to_thread.run_sync(start)
        return JSONResponse(made.document(settings))

    def _count_files(self, order: Mapping[str, Any], settings: EarthEngineSettings) -> int:
        return sum(1 for _ in self.engine.files(order, settings))

    async def _list(self, request: Request, settings: EarthEngineSettings) -> Response:
        query = request.query_params
        size = query.get("pageSize", "0")
        if not size.isdigit():
            raise refusal(400, f"Invalid value at 'page_size': {size!r}")
        listed = partial(
            self.operations.listed,
            request.path_params["project"],
            int(size) or None,
            query.get("pageToken"),
            settings,
        )
        return JSONResponse(await anyio.to_thread.run_sync(listed))

    async def _operation(self, request: Request, settings: EarthEngineSettings) -> Response:
        asked = partial(self.operations.asked, *_place(request), settings)
        return JSONResponse(await anyio.to_thread.run_sync(asked))

    async def _cancel(self, request: Request, settings: EarthEngineSettings) -> Response:
        await anyio.to_thread.run_sync(partial(self.operations.cancel, *_place(request), settings))
        return JSONResponse({})

    def _deliver(self, operation: Operation) -> Failure | None:
        """Put an export's files into their bucket, and return why if that cannot be done."""
        where = operation.order["fileExportOptions"].get("cloudStorageDestination")
        if where is None or not self.settings.delivers:
            return None
        if where["bucket"] not in self.storage.store.buckets:
            return _NOT_FOUND, f"Cloud Storage bucket '{where['bucket']}' does not exist."
        try:
            for file in self.engine.files(operation.order, self.settings):
                self.storage.store.put(where["bucket"], file.name, file.data, {"contentType": "image/tiff"})
                operation.files.append(file.name)
        except GraphError as error:
            return error.code, str(error)
        return None


def _place(request: Request) -> tuple[str, str]:
    return request.path_params["project"], request.path_params["name"]


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise refusal(400, f"Invalid JSON payload received. {error}") from error
    if not isinstance(asked, dict):
        raise refusal(400, "Invalid JSON payload received. An object is wanted.")
    return asked
