"""The outermost layer: every request is logged, and struck by the faults in force."""

import json
from dataclasses import dataclass
from time import monotonic
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.effects import Call, strike
from sandbox.faults import FaultBook
from sandbox.log import RequestLog
from sandbox.origins import Origins
from sandbox.protocol import Connection, connection_of

__all__ = ["ADMIN", "Recorder"]

ADMIN = "/_sandbox"
_SMALL_BODY = 256 * 1024


class ClientLeftError(Exception):
    """The connection is gone: there is nobody to answer."""


@dataclass
class Recorder:
    """ASGI middleware around all services."""

    app: ASGIApp
    log: RequestLog
    faults: FaultBook
    origins: Origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["path"].startswith(f"{ADMIN}/") and not scope["path"].startswith(f"{ADMIN}/hop/"):
            await self.app(scope, receive, send)
            return
        connection = connection_of(scope)
        body = await _whole_body(receive)
        query = scope["query_string"].decode("latin-1")
        about = {
            "path": scope["path"],
            "method": scope["method"],
            "origin": self.origins.name(connection.origin_port),
            "query": query,
        }
        fired = self.faults.fire(**about)
        sequence = self.log.begin(
            **about,
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
            },
            body_size=len(body),
            body=_json(body),
            faults=tuple(one.fault.kind for one in fired),
        )
        call = Call(connection, receive, self.origins, body)
        answer = _Answer(send, connection, self.log, sequence)
        try:
            await strike(self.app, fired, call)(scope, call.replay, answer)
        except ClientLeftError:
            answer.aborted = True
        finally:
            answer.finish(aborted=answer.aborted or call.left)


class _Answer:
    """A `send` that keeps account, and stops an answer that nobody reads."""

    def __init__(self, send: Send, connection: Connection, log: RequestLog, sequence: int) -> None:
        self._send = send
        self._connection = connection
        self._log = log
        self._sequence = sequence
        self._status: int | None = None
        self._bytes = 0
        self.aborted = False

    async def __call__(self, message: Message) -> None:
        if self._connection.closing:
            raise ClientLeftError
        if message["type"] == "http.response.start":
            self._status = message["status"]
        else:
            self._bytes += len(message.get("body", b""))
            if not message.get("more_body", False):
                self.finish(aborted=False)
        await self._send(message)

    def finish(self, *, aborted: bool) -> None:
        """Write the outcome: before the last byte, so that who has read it all finds it in the log."""
        self._log.update(
            self._sequence, status=self._status, bytes_sent=self._bytes, aborted=aborted, ended=monotonic()
        )


async def _whole_body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(parts)


def _json(body: bytes) -> Any:
    if not body or len(body) > _SMALL_BODY or body[:1] not in b'{["':
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None
