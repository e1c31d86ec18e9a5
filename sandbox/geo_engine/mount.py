"""The place of the Geo Engine in the sandbox: what computes is loaded when it is first asked for."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from eoflows.sandbox.geo_engine.settings import GeoEngineSettings

if TYPE_CHECKING:
    from eoflows.sandbox.geo_engine.service import GeoEngine

__all__ = ["PREFIX", "GeoEngineMount"]

PREFIX = "/geoengine"


class GeoEngineMount:
    """The service, loaded by the first request or the first look."""

    def __init__(self, settings: GeoEngineSettings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock

    @cached_property
    def service(self) -> "GeoEngine":
        """The Geo Engine."""
        made: GeoEngine = import_module("eoflows.sandbox.geo_engine.service").GeoEngine(
            self._settings, self._clock
        )
        return made

    def routes(self) -> list[Mount]:
        """Return the routes."""
        return [Mount(PREFIX, app=self)]

    def expire_all(self) -> None:
        """End every session, if there can be any."""
        if "service" in self.__dict__:
            self.service.sessions.expire_all()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        await self.service.app(scope, receive, send)
