"""The service: all versions on one state."""

from collections.abc import Callable, Iterator
from datetime import datetime

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match, Mount, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from eoflows.sandbox.faults import BEHAVIOUR
from eoflows.sandbox.geo_engine.account_routes import AccountRoutes
from eoflows.sandbox.geo_engine.data_routes import DataRoutes
from eoflows.sandbox.geo_engine.errors import EngineError
from eoflows.sandbox.geo_engine.profiles import PROFILES, Profile
from eoflows.sandbox.geo_engine.settings import GeoEngineSettings
from eoflows.sandbox.geo_engine.state import State
from eoflows.sandbox.geo_engine.stream_faults import BEHAVIOUR_KEY
from eoflows.sandbox.geo_engine.stream_plans import raster_messages, vector_messages
from eoflows.sandbox.geo_engine.streams import Message, PullStream
from eoflows.sandbox.geo_engine.workflow_routes import WorkflowRoutes
from eoflows.sandbox.geo_engine.workflows import Workflow
from eoflows.sandbox.stac.errors import Refusal

__all__ = ["GeoEngine"]


class GeoEngine(State):
    """A Geo Engine in three versions, which share sessions, workflows and tasks."""

    def __init__(self, settings: GeoEngineSettings, clock: Callable[[], datetime]) -> None:
        super().__init__(settings, clock)
        self.app = Router([Mount(f"/{one.name}", app=_Version(self, one)) for one in PROFILES])


class _Version:
    """The routes of one version; whatever else is asked is answered in JSON, too."""

    def __init__(self, state: State, profile: Profile) -> None:
        streams = _Streams(state, profile)
        self._routes: list[BaseRoute] = [
            *AccountRoutes(state, profile).routes(),
            *WorkflowRoutes(state, profile).routes(),
            *DataRoutes(state, profile).routes(),
            *streams.routes(),
        ]
        self._router = Router(self._routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        matches = {route.matches(scope)[0] for route in self._routes}
        if Match.FULL in matches:
            await self._router(scope, receive, send)
            return
        if Match.PARTIAL in matches:
            refusal = EngineError("MethodNotAllowed", "HTTP method not allowed.", 405)
        else:
            refusal = EngineError("NotFound", "Not Found", 404)
        await JSONResponse(dict(refusal.document), refusal.status)(scope, receive, send)


class _Streams:
    """The two websockets of one version."""

    def __init__(self, state: State, profile: Profile) -> None:
        self._state = state
        self._profile = profile

    def routes(self) -> list[WebSocketRoute]:
        """Return the routes."""
        one = f"/{self._profile.workflows}/{{id}}"
        return [
            WebSocketRoute(f"{one}/rasterStream", self.raster),
            WebSocketRoute(f"{one}/vectorStream", self.vector),
        ]

    async def raster(self, websocket: WebSocket) -> None:
        """Stream tiles."""
        await self._serve(websocket, self._tiles)

    async def vector(self, websocket: WebSocket) -> None:
        """Stream features."""
        await self._serve(websocket, self._features)

    def _tiles(self, workflow: Workflow, request: HTTPConnection) -> Iterator[Message]:
        if workflow.kind != "Raster":
            text = "You can only query a raster stream for a raster workflow"
            raise EngineError("WorkflowMustBeOfTypeRaster", text)
        grid = self._profile.pixel_grid
        return raster_messages(self._state, workflow.raster(), request.query_params, pixel_grid=grid)

    def _features(self, workflow: Workflow, request: HTTPConnection) -> Iterator[Message]:
        if workflow.kind != "Vector":
            text = "You can only query a vector stream for a vector workflow"
            raise EngineError("WorkflowMustBeOfTypeVector", text)
        return vector_messages(self._state, workflow.vector(), request.query_params)

    async def _serve(
        self, websocket: WebSocket, plan: Callable[[Workflow, HTTPConnection], Iterator[Message]]
    ) -> None:
        try:
            session = self._state.sessions.of(websocket)
            workflow = self._state.workflows.find(websocket.path_params["id"])
            messages = plan(workflow, websocket)
        except Refusal as refusal:
            await websocket.send_denial_response(JSONResponse(dict(refusal.document), refusal.status))
            return
        await websocket.accept()
        stream = PullStream(websocket, messages, websocket.scope.get(BEHAVIOUR, {}).get(BEHAVIOUR_KEY))
        try:
            await stream.serve()
        finally:
            if stream.account["sent"]:
                self._state.usage.add(session.user, workflow, stream.account["sent"])
