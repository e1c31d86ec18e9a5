"""uvicorn's websocket protocol: the connection within reach, and large messages in fragments."""

import logging
import struct
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from eoflows.sandbox.protocol import Connection, with_connection

__all__ = ["FRAGMENT", "WebSocketProtocol"]

FRAGMENT = 16 * 1024 * 1024
"""Bytes above which a message is sent in several frames."""
_CONTINUATION, _BINARY, _FINAL = 0x00, 0x02, 0x80
_CLOSE_TIMEOUT = 2.0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Hands each stream its `Connection`, and writes binary messages without a copy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = logging.getLogger("sandbox.websocket")
        self.close_timeout = _CLOSE_TIMEOUT
        self.app = with_connection(self.app, Connection(self))

    async def send(self, message: Any) -> None:
        """Send an ASGI message; a binary one above `FRAGMENT` in several frames."""
        data = message.get("bytes")
        if message["type"] != "websocket.send" or data is None or self.conn.state is not State.OPEN:
            await super().send(message)
            if self.initial_response is not None and self.close_sent:
                self.handshake_complete = True  # it was refused, else uvicorn reports it as never answered
            return
        for start in range(0, max(1, len(data)), FRAGMENT):
            await self.writable.wait()
            if self.transport.is_closing():
                raise ClientDisconnected
            piece = data[start : start + FRAGMENT]
            kind = _CONTINUATION if start else _BINARY
            final = _FINAL if start + FRAGMENT >= len(data) else 0
            self.transport.write(_frame_head(kind | final, len(piece)))
            self.transport.write(piece)


def _frame_head(first: int, size: int) -> bytes:
    if size < 126:
        return struct.pack("!BB", first, size)
    if size < 65_536:
        return struct.pack("!BBH", first, 126, size)
    return struct.pack("!BBQ", first, 127, size)
