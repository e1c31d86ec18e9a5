"""uvicorn's HTTP/1.1 protocol, with the connection within the application's reach."""

import logging
import socket
import struct
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["Connection", "ConnectionProtocol", "connection_of", "with_connection"]

_EXTENSION = "sandbox.connection"


class Connection:
    """The TCP connection of a request."""

    def __init__(self, protocol: H11Protocol | WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol

    @property
    def closing(self) -> bool:
        """Whether no more can be sent."""
        return self._protocol.transport.is_closing()

    @property
    def origin_port(self) -> int:
        """Port of the server that the client spoke to."""
        return int(self._protocol.transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Send what is buffered, then close, whatever was promised."""
        self._protocol.transport.close()

    def reset(self) -> None:
        """Drop the connection with a TCP reset."""
        raw = self._protocol.transport.get_extra_info("socket")
        if raw is not None and not self.closing:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._protocol.transport.abort()


class ConnectionProtocol(H11Protocol):
    """Hands each request its `Connection`, and logs apart from an application's own uvicorn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = logging.getLogger("sandbox.http")
        self.access_log = False
        self.app = with_connection(self.app, Connection(self))


def with_connection(app: ASGIApp, connection: Connection) -> ASGIApp:
    """Wrap an application so that `connection_of` finds the connection of its requests."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[_EXTENSION] = connection
        await app(scope, receive, send)

    return wrapped


def connection_of(scope: Scope) -> Connection:
    """Return the connection of a request."""
    connection: Connection = scope["extensions"][_EXTENSION]
    return connection
