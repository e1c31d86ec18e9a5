"""The outermost layer: every request is logged, and struck by the faults in force."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eoflows.sandbox.effects import Call, strike
from eoflows.sandbox.faults import FaultBook
from eoflows.sandbox.log import RequestLog
from eoflows.sandbox.origins import Origins
from eoflows.sandbox.protocol import Connection, connection_of

__all__ = ["ACCOUNT", "ADMIN", "Recorder"]

ADMIN = "/_sandbox"
ACCOUNT = "sandbox.account"
"""Key of a websocket's scope: a mapping that its service fills, logged as the body of the entry."""
_ON_UPGRADES = {
    *("throttle", "unavailable", "server_error", "forbidden", "expired_token", "error_page"),
    *("redirect", "latency", "hang", "reset", "behave"),
}
"""Faults that also make sense for a request to open a websocket."""
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
        upgrade = scope["type"] == "websocket"
        account: dict[str, Any] = {}
        connection = connection_of(scope)
        body = b"" if upgrade else await _whole_body(receive)
        query = scope["query_string"].decode("latin-1")
        about = {
            "path": scope["path"],
            "method": "GET" if upgrade else scope["method"],
            "origin": self.origins.name(connection.origin_port),
            "query": query,
        }
        fired = self.faults.fire(**about)
        if upgrade:
            fired = [one for one in fired if one.fault.kind in _ON_UPGRADES]
            scope = {**scope, ACCOUNT: account}
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
        answer = _Answer(send, connection, self.log, sequence, account)
        try:
            await strike(self.app, fired, call)(scope, receive if upgrade else call.replay, answer)
        except ClientLeftError:
            answer.aborted = True
        finally:
            answer.finish(aborted=answer.aborted or call.left)


class _Answer:
    """A `send` that keeps account, and stops an answer that nobody reads."""

    def __init__(
        self, send: Send, connection: Connection, log: RequestLog, sequence: int, account: Mapping[str, Any]
    ) -> None:
        self._send = send
        self._account = account
        self._connection = connection
        self._log = log
        self._sequence = sequence
        self._status: int | None = None
        self._bytes = 0
        self.aborted = False

    async def __call__(self, message: Message) -> None:
        if self._connection.closing:
            raise ClientLeftError
        match message["type"].removeprefix("websocket."):
            case "http.response.start":
                self._status = message["status"]
            case "accept":
                self._status = 101
            case "send":
                self._bytes += len(message.get("bytes") or message.get("text") or b"")
            case "close":
                self.finish(aborted=False)
            case _:
                self._bytes += len(message.get("body", b""))
                if not message.get("more_body", False):
                    self.finish(aborted=False)
        await self._send(message)

    def finish(self, *, aborted: bool) -> None:
        """Write the outcome: before the last byte, so that who has read it all finds it in the log."""
        known = {"body": dict(self._account)} if self._account else {}
        self._log.update(
            self._sequence,
            status=self._status,
            bytes_sent=self._bytes,
            aborted=aborted,
            ended=monotonic(),
            **known,
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
