"""A running sandbox: uvicorn in a thread, on two free ports."""

import asyncio
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

import uvicorn

from eoflows.sandbox.app import build_app
from eoflows.sandbox.cdse import Cdse
from eoflows.sandbox.cloud_storage.service import CloudStorage
from eoflows.sandbox.dummy import Dummy
from eoflows.sandbox.earth_engine.service import EarthEngine
from eoflows.sandbox.faults import FaultBook
from eoflows.sandbox.geo_engine.websocket import WebSocketProtocol
from eoflows.sandbox.log import RequestLog
from eoflows.sandbox.oauth2 import TokenStore
from eoflows.sandbox.ogc_processes.service import OgcProcesses
from eoflows.sandbox.origins import Origins
from eoflows.sandbox.protocol import ConnectionProtocol
from eoflows.sandbox.rs_server.catalogue_store import CatalogueStore
from eoflows.sandbox.rs_server.staging import Staging
from eoflows.sandbox.rs_server.stations import Station
from eoflows.sandbox.settings import SandboxSettings
from eoflows.sandbox.up42.service import Up42

if TYPE_CHECKING:
    from eoflows.sandbox.geo_engine.service import GeoEngine

__all__ = ["Sandbox"]

_START_LIMIT = 30.0


class Sandbox:
    """All services at two origins, from construction (sockets are bound) until `stop`.

    Example:
        >>> with Sandbox(SandboxSettings(days=1)) as box:
        ...     box.url.startswith("http://127.0.0.1:")
        True
    """

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self.settings = settings or SandboxSettings()
        self._sockets = [_listen(self.settings.host, self.settings.port), _listen(self.settings.host, 0)]
        main, other = (bound.getsockname()[1] for bound in self._sockets)
        self.origins = Origins(self.settings.host, main, other)
        try:
            self._services = build_app(self.settings, self.origins)
        except BaseException:
            self._close_sockets()
            raise
        config = uvicorn.Config(
            self._services.app,
            http=ConnectionProtocol,
            ws=WebSocketProtocol,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            lifespan="off",
            log_config=None,
            date_header=True,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self.origins.connections = lambda: len(self._server.server_state.connections)
        self._thread = threading.Thread(
            target=self._server.run, args=(self._sockets,), name="sandbox", daemon=True
        )

    @property
    def url(self) -> str:
        """The main origin, without a slash at the end."""
        return self.origins.url

    @property
    def other_url(self) -> str:
        """The second origin: the same services, marked `other` in the log."""
        return self.origins.other_url

    @property
    def log(self) -> RequestLog:
        """The request log."""
        return self._services.log

    @property
    def faults(self) -> FaultBook:
        """The faults in force."""
        return self._services.faults

    @property
    def stations(self) -> Mapping[str, Station]:
        """`auxip`, `prip`, `cadip`."""
        return self._services.stations

    @property
    def cdse(self) -> Cdse:
        """The CDSE-like service."""
        return self._services.cdse

    @property
    def catalogue(self) -> CatalogueStore:
        """What the catalogue holds."""
        return self._services.catalogue

    @property
    def dummy(self) -> Dummy:
        """The made-up service that runs jobs."""
        return self._services.dummy

    @property
    def earth_engine(self) -> EarthEngine:
        """Google Earth Engine, all projects."""
        return self._services.earth_engine

    @property
    def cloud_storage(self) -> CloudStorage:
        """Google Cloud Storage."""
        return self._services.cloud_storage

    @property
    def up42(self) -> Up42:
        """UP42, region `eu`."""
        return self._services.up42["eu"]

    @property
    def up42_regions(self) -> Mapping[str, Up42]:
        """UP42, all regions by name."""
        return self._services.up42

    @property
    def staging(self) -> Staging:
        """RS-Server's staging service."""
        return self._services.staging

    @property
    def ogc_processes(self) -> Mapping[str, OgcProcesses]:
        """OGC API - Processes servers by prefix."""
        return self._services.ogc_processes

    @property
    def geo_engine(self) -> "GeoEngine":
        """The Geo Engine, all versions; the first look loads it."""
        return self._services.geo_engine.service

    @property
    def tokens(self) -> TokenStore:
        """OAuth2 tokens."""
        return self._services.tokens

    @property
    def connections(self) -> int:
        """Number of connections that clients keep open."""
        return self.origins.connections()

    def start(self) -> Self:
        """Start to serve; returns when requests are answered."""
        self._thread.start()
        if not self._server.ready.wait(_START_LIMIT):
            raise RuntimeError(f"the sandbox does not answer after {_START_LIMIT} s")
        return self

    def stop(self) -> None:
        """Stop serving: waiting faults end, connections close, the thread ends."""
        if self._thread.is_alive():
            self._server.loop.call_soon_threadsafe(self._hang_up)
            self._thread.join()
        self._close_sockets()

    def _hang_up(self) -> None:
        self.origins.stopping.set()
        self._server.should_exit = True
        for connection in list(self._server.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()

    def _close_sockets(self) -> None:
        for bound in self._sockets:
            bound.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(uvicorn.Server):
    """uvicorn that tells when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.loop = asyncio.get_running_loop()
        self.ready.set()


def _listen(host: str, port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only on sockets that name TCP; without it each answer waits 40 ms.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    bound.listen(1024)
    return bound
