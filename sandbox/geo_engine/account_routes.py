"""Sessions, quota, usage and tasks over HTTP."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from eoflows.sandbox.geo_engine.errors import EngineError, bad_query
from eoflows.sandbox.geo_engine.profiles import Profile
from eoflows.sandbox.geo_engine.queries import required
from eoflows.sandbox.geo_engine.sessions import Session
from eoflows.sandbox.geo_engine.state import State
from eoflows.sandbox.geo_engine.usage import GRANULARITIES
from eoflows.sandbox.geo_engine.workflow_routes import json_body

__all__ = ["AccountRoutes"]

_MOST_TASKS = 20


class AccountRoutes:
    """The calls that are about users, not data."""

    def __init__(self, state: State, profile: Profile) -> None:
        self._state = state
        self._profile = profile

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/info", self.info),
            Route("/anonymous", self.anonymous, methods=["POST"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/session", self.session),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/quota", self.quota),
            Route("/quota/dataUsage", self.usage),
            Route("/quota/dataUsage/summary", self.summary),
            Route("/quota/computations/{id}", self.computation),
            Route("/quotas/{id}", self.quota_of),
            Route("/quotas/{id}", self.grant, methods=["POST"]),
            Route("/tasks/list", self.tasks),
            Route("/tasks/{id}/status", self.status),
            Route("/tasks/{id}", self.abort, methods=["DELETE"]),
        ]

    async def info(self, request: Request) -> Response:
        """Tell the version, to everybody."""
        build = {"buildDate": "2026-01-01", "commitHash": "sandbox", "features": "sandbox"}
        return JSONResponse({**build, "version": self._profile.version})

    async def anonymous(self, request: Request) -> Response:
        """Give a session without a login."""
        return JSONResponse(self._state.sessions.anonymous().to_json())

    async def login(self, request: Request) -> Response:
        """Give a session for e-mail address and password."""
        body = await json_body(request)
        if not isinstance(body, dict) or not {"email", "password"} <= body.keys():
            raise EngineError(
                "BodyDeserializeError", "Error in user input: missing field `email` or `password`"
            )
        return JSONResponse(self._state.sessions.login(body["email"], body["password"]).to_json())

    async def session(self, request: Request) -> Response:
        """Return the session of the token."""
        return JSONResponse(self._session(request).to_json())

    async def logout(self, request: Request) -> Response:
        """End the session."""
        self._state.sessions.end(self._session(request))
        return Response()

    async def quota(self, request: Request) -> Response:
        """Return one's own quota."""
        return JSONResponse(self._state.usage.quota(self._session(request).user.id))

    async def quota_of(self, request: Request) -> Response:
        """Return a user's quota: one's own, or as an administrator."""
        return JSONResponse(self._state.usage.quota(self._allowed(request, own=True)))

    async def grant(self, request: Request) -> Response:
        """Set a user's quota, as an administrator."""
        user, body = self._allowed(request, own=False), await json_body(request)
        if not isinstance(body, dict) or not isinstance(body.get("available"), int):
            raise EngineError("BodyDeserializeError", "Error in user input: missing field `available`")
        self._state.usage.grant(user, body["available"])
        return Response()

    async def usage(self, request: Request) -> Response:
        """List the computations of all users, as an administrator."""
        self._must_be_admin(request)
        return JSONResponse(self._state.usage.uses(*_page(request)))

    async def summary(self, request: Request) -> Response:
        """Sum the computations of all users by time and data set, as an administrator."""
        self._must_be_admin(request)
        offset, limit = _page(request)
        granularity = required(request.query_params, "granularity")
        if granularity not in GRANULARITIES:
            raise bad_query(f"unknown variant `{granularity}`, expected one of {', '.join(GRANULARITIES)}")
        data = request.query_params.get("dataset")
        return JSONResponse(self._state.usage.summary(granularity, data, offset, limit))

    async def computation(self, request: Request) -> Response:
        """Return what a computation took."""
        self._session(request)
        return JSONResponse(self._state.usage.computation(request.path_params["id"]))

    async def tasks(self, request: Request) -> Response:
        """List tasks."""
        self._session(request)
        offset, limit = _page(request, offset=0, limit=10)
        if limit > _MOST_TASKS:
            raise bad_query(f"limit: {limit} is more than {_MOST_TASKS}")
        return JSONResponse(self._state.tasks.page(request.query_params.get("filter"), offset, limit))

    async def status(self, request: Request) -> Response:
        """Return a task's status."""
        self._session(request)
        return JSONResponse(self._state.tasks.status(request.path_params["id"]))

    async def abort(self, request: Request) -> Response:
        """Abort a task."""
        self._session(request)
        force = request.query_params.get("force") == "true"
        self._state.tasks.abort(request.path_params["id"], force=force)
        return Response(status_code=202)

    def _session(self, request: Request) -> Session:
        return self._state.sessions.of(request)

    def _must_be_admin(self, request: Request) -> None:
        if not self._session(request).user.admin:
            raise EngineError("PermissionDenied", "Permission denied")

    def _allowed(self, request: Request, *, own: bool) -> UUID:
        user = self._session(request).user
        try:
            asked = UUID(request.path_params["id"])
        except ValueError as error:
            raise EngineError("NotFound", "Not Found", 404) from error
        if not user.admin and not (own and asked == user.id):
            raise EngineError("OperationNotPermitted", "Operation not permitted", 401)
        return asked


def _page(request: Request, *, offset: int | None = None, limit: int | None = None) -> tuple[int, int]:
    found = []
    for name, default in (("offset", offset), ("limit", limit)):
        text = request.query_params.get(name) if default is not None else required(request.query_params, name)
        if text is not None and not text.isdecimal():
            raise bad_query(f"{name}: invalid digit found in {text!r}")
        found.append(int(text) if text is not None else default or 0)
    return found[0], found[1]
