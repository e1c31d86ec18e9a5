"""What tests in other processes may see and change, below `/_sandbox/earth-engine`."""

from dataclasses import fields
from typing import Any

import anyio.to_thread
import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from eoflows.sandbox.earth_engine.operations import Operation
from eoflows.sandbox.earth_engine.service import EarthEngine
from eoflows.sandbox.earth_engine.settings import Rule
from eoflows.sandbox.stac.errors import Refusal

__all__ = ["earth_engine_admin_routes"]

_BASE = "/_sandbox/earth-engine"


def earth_engine_admin_routes(service: EarthEngine) -> list[Route]:
    """Return the routes."""
    admin = _Admin(service)
    return [
        Route(f"{_BASE}/operations", admin.operations),
        Route(f"{_BASE}/operations/{{name}}", admin.move, methods=["PATCH"]),
        Route(f"{_BASE}/operations/{{name}}", admin.forget, methods=["DELETE"]),
        Route(f"{_BASE}/rules", admin.rules, methods=["PUT"]),
        Route(f"{_BASE}/reset", admin.reset, methods=["POST"]),
        Route(f"{_BASE}/key-file", admin.key_file),
    ]


class _Admin:
    def __init__(self, service: EarthEngine) -> None:
        self._service = service

    async def operations(self, request: Request) -> Response:
        """All operations of all projects, oldest first, without the asking being a poll."""
        return JSONResponse({"operations": [self._told(one) for one in self._service.operations.all]})

    async def move(self, request: Request) -> Response:
        """Give an operation another `path` (and `error`), then move it on by `steps` (all: to its end)."""
        asked, name = await _body(request), request.path_params["name"]
        store = self._service.operations
        try:
            if "path" in asked:
                error = asked.get("error")
                store.redirect(name, *asked["path"], error=None if error is None else (error[0], error[1]))
            steps = asked.get("steps", 0)
            count = len(store.get(name).path) if steps == "all" else int(steps)
            return JSONResponse(self._told(await anyio.to_thread.run_sync(store.advance, name, count)))
        except KeyError as error:
            raise Refusal(404, f"no operation {error}") from error

    async def forget(self, request: Request) -> Response:
        """Lose an operation."""
        try:
            self._service.operations.forget(request.path_params["name"])
        except KeyError as error:
            raise Refusal(404, f"no operation {error}") from error
        return Response(status_code=204)

    async def rules(self, request: Request) -> Response:
        """Say what becomes of the exports from now on: a list of rules, each with the fields of `Rule`."""
        asked = (await _body(request)).get("rules", [])
        try:
            self._service.operations.set_rules(*(_rule(one) for one in asked))
        except (TypeError, ValueError) as error:
            raise Refusal(422, f"{error}; a rule has {[field.name for field in fields(Rule)]}") from error
        return Response(status_code=204)

    async def reset(self, request: Request) -> Response:
        """Forget all operations, and all objects."""
        self._service.operations.clear()
        self._service.storage.store.clear()
        return Response(status_code=204)

    async def key_file(self, request: Request) -> Response:
        """The key file of a service account, `name` and `project` of the query."""
        query = request.query_params
        accounts = self._service.storage.accounts
        return JSONResponse(
            accounts.key_file(query.get("name", "sandbox"), query.get("project", "demo-project"))
        )

    def _told(self, operation: Operation) -> dict[str, Any]:
        more = {"project": operation.project, "past": operation.past, "to_come": operation.path}
        about = {**more, "files": operation.files, "user": operation.user, "request_id": operation.request_id}
        return {**operation.document(self._service.settings), "_sandbox": about}


def _rule(asked: dict[str, Any]) -> Rule:
    def fixed(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    return Rule(**{name: fixed(value) for name, value in asked.items()})


async def _body(request: Request) -> dict[str, Any]:
    try:
        asked = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Refusal(422, f"no JSON: {error}") from error
    if not isinstance(asked, dict):
        raise Refusal(422, "no object")
    return asked
