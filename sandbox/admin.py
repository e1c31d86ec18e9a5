"""The sandbox's own interface, for tests in other processes: log, faults, health."""

from collections.abc import Callable

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from eoflows.sandbox.faults import HOP_MARK, Fault, FaultBook
from eoflows.sandbox.log import RequestLog
from eoflows.sandbox.origins import Origins
from eoflows.sandbox.stac.documents import json_response
from eoflows.sandbox.stac.errors import Refusal

__all__ = ["admin_routes"]

BASE = "/_sandbox"


def admin_routes(log: RequestLog, faults: FaultBook, origins: Origins) -> list[Route]:
    """Return the routes below `/_sandbox`."""
    admin = _Admin(log, faults, origins)
    return [
        Route(f"{BASE}/health", admin.health),
        Route(f"{BASE}/log", admin.read_log),
        Route(f"{BASE}/log", admin.clear_log, methods=["DELETE"]),
        Route(f"{BASE}/faults", admin.list_faults),
        Route(f"{BASE}/faults", admin.order_faults, methods=["POST"]),
        Route(f"{BASE}/faults", admin.clear_faults, methods=["DELETE"]),
        Route(f"{BASE}/faults/{{name}}", admin.remove_fault, methods=["DELETE"]),
        Route(f"{BASE}/hop/{{left:int}}", admin.hop, methods=["GET", "POST"]),
    ]


class _Admin:
    def __init__(self, log: RequestLog, faults: FaultBook, origins: Origins) -> None:
        self._log = log
        self._faults = faults
        self._origins = origins

    async def health(self, request: Request) -> Response:
        connections: Callable[[], int] = self._origins.connections
        document = {"status": "ok", "url": self._origins.url, "other_url": self._origins.other_url}
        return json_response({**document, "connections": connections(), "requests": self._log.last})

    async def read_log(self, request: Request) -> Response:
        query = request.query_params
        try:
            since, status = int(query.get("since", 0)), query.get("status")
            entries = self._log.entries(
                query.get("path", ""),
                method=query.get("method"),
                origin=query.get("origin"),
                status=None if status is None else int(status),
                fault=query.get("fault"),
                since=since,
            )
        except ValueError as error:
            raise Refusal(422, str(error)) from error
        return json_response({"last": self._log.last, "entries": [entry.to_dict() for entry in entries]})

    async def clear_log(self, request: Request) -> Response:
        self._log.clear()
        return Response(status_code=204)

    async def list_faults(self, request: Request) -> Response:
        return json_response({"faults": self._faults.listing()})

    async def order_faults(self, request: Request) -> Response:
        try:
            asked = orjson.loads(await request.body())
            ordered = [Fault(**one) for one in (asked if isinstance(asked, list) else [asked])]
        except (TypeError, ValueError) as error:
            raise Refusal(422, str(error)) from error
        return json_response({"ids": self._faults.add(*ordered)}, 201)

    async def clear_faults(self, request: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)

    async def remove_fault(self, request: Request) -> Response:
        self._faults.remove(request.path_params["name"])
        return Response(status_code=204)

    async def hop(self, request: Request) -> Response:
        """One step of a chain of redirects; the last leads to where the chain began."""
        left, to = request.path_params["left"], request.query_params["to"]
        if left > 0:
            return RedirectResponse(f"{self._origins.url}{BASE}/hop/{left - 1}?to={to}", 302)
        return RedirectResponse(f"{self._origins.url}{to}?{HOP_MARK}=0", 302)
