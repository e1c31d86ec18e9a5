"""What each kind of fault does to a request: one ASGI wrapper per kind."""

import asyncio
import base64
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eoflows.sandbox import rewrites
from eoflows.sandbox.faults import BEHAVIOUR, HOP_MARK, KINDS, Fault, Fired
from eoflows.sandbox.origins import Origins
from eoflows.sandbox.protocol import Connection

__all__ = ["Call", "strike"]

_PRIVATE = ("x-api-key", "authorization", "cookie")
ERROR_PAGES = {
    "xml": (
        "application/xml",
        b'<?xml version="1.0" encoding="utf-8"?>\n<error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/'
        b'metadata"><code>429</code><message>Maximum number of concurrent flows achieved</message></error>\n',
    ),
    "html": (
        "text/html; charset=utf-8",
        b"<!DOCTYPE html>\n<html><head><title>503 Service Unavailable</title></head>"
        b"<body><h1>Service Unavailable</h1></body></html>\n",
    ),
}


@dataclass
class Call:
    """A request in the hands of the faults."""

    connection: Connection
    receive: Receive
    origins: Origins
    body: bytes
    left: bool = False
    """The client went away while the fault kept it waiting."""
    _replayed: bool = False

    async def replay(self) -> Message:
        """Give the application the body that was already read, then what comes after it."""
        if self._replayed:
            return await self.receive()
        self._replayed = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def keep_waiting(self, seconds: float) -> None:
        """Wait until the client leaves, the sandbox stops or the time is over, then close."""
        waits = [
            asyncio.create_task(self._client_left()),
            asyncio.create_task(self.origins.stopping.wait()),
        ]
        done, pending = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        self.left = waits[0] in done
        await self.hang_up()

    async def hang_up(self, *, reset: bool = False) -> None:
        """End the connection and wait until the server has seen it."""
        if reset:
            self.connection.reset()
        else:
            self.connection.close()
        await self._client_left()

    async def _client_left(self) -> None:
        while not (await self.receive())["type"].endswith(".disconnect"):
            pass


@dataclass(frozen=True)
class Struck:
    """A request and one fault that strikes it."""

    app: ASGIApp
    """What would answer without the fault."""
    fault: Fault
    number: int
    """1 for the fault's first strike, 2 for the second ..."""
    call: Call


Effect = Callable[[Struck, Scope, Receive, Send], Awaitable[None]]


def strike(app: ASGIApp, fired: Sequence[Fired], call: Call) -> ASGIApp:
    """Wrap an application with the faults that strike this request, the first outermost."""
    for one in reversed(fired):
        app = functools.partial(EFFECTS[one.fault.kind], Struck(app, one.fault, one.number, call))
    return app


async def _refusal(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    status, text = {
        "throttle": (429, "Too Many Requests"),
        "unavailable": (503, "Service Unavailable"),
        "forbidden": (403, "Forbidden"),
        "server_error": (500, "Internal Server Error"),
    }[struck.fault.kind]
    headers = {}
    if struck.fault.kind in ("throttle", "unavailable") and struck.fault["retry_after"] is not None:
        headers["retry-after"] = _retry_after(
            struck.fault["retry_after"], http_date=struck.fault["http_date"]
        )
    if struck.fault.kind == "server_error":
        status = struck.fault["status"]
    await _take_effect(struck, scope, receive)
    await PlainTextResponse(text, status, headers)(scope, receive, send)
    if struck.fault.kind == "server_error" and struck.fault["close"]:
        struck.call.connection.close()


def _retry_after(seconds: float, *, http_date: bool) -> str:
    if http_date:
        return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    return str(seconds)


async def _repeat(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    """Quote the request, its address, headers and body; what is private in it in several encodings."""
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    private = [headers[name].partition(" ")[2] or headers[name] for name in _PRIVATE if name in headers]
    said = [f"not with {one}, {quote(one, safe='')}, {quote(quote(one, safe=''))}" for one in private]
    body = struck.call.body[:2000].decode("utf-8", "replace")
    document = {
        "detail": f"{'; '.join(said)}: {scope['method']} {path}?{query} is refused. {body}",
        "headers": headers,
        "decoded": [base64.b64encode(one.encode()).decode() for one in private],
        "link": f"https://user:{''.join(private[:1])}@mirror.example{path}?key={''.join(private[:1])}",
    }
    status = struck.fault["status"]
    await JSONResponse(document, status, {"x-said": "; ".join(said)})(scope, receive, send)


async def _expired(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    if struck.fault["revoke"]:
        if struck.number > 1:  # old tokens are refused by the service itself, new ones pass
            await struck.app(scope, receive, send)
            return
        struck.call.origins.expire_tokens()
    challenge = {"www-authenticate": 'Bearer error="invalid_token", error_description="The token expired"'}
    await PlainTextResponse("Token expired", 401, challenge)(scope, receive, send)


async def _latency(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(struck.fault["seconds"])
    await struck.app(scope, receive, send)


async def _slow(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    rate, piece = struck.fault["rate"], struck.fault["piece"]

    async def slowly(message: Message) -> None:
        body = message.get("body", b"")
        while len(body) > piece:
            await send({**message, "body": body[:piece], "more_body": True})
            await asyncio.sleep(piece / rate)
            body = body[piece:]
        await send({**message, "body": body} if message["type"] == "http.response.body" else message)
        await asyncio.sleep(len(body) / rate)

    await struck.app(scope, receive, slowly)


async def _hang(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    await _take_effect(struck, scope, receive)
    await struck.call.keep_waiting(struck.fault["seconds"])


async def _cut(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    """Stall, truncate or reset in the middle of a body."""
    kind, limit = struck.fault.kind, struck.fault["after_bytes"]
    if limit is None:
        await _take_effect(struck, scope, receive)
        await struck.call.hang_up(reset=True)
        return
    try:
        await struck.app(scope, receive, rewrites.CutSend(send, limit))
    except rewrites.CutHere:
        if kind == "stall":
            await struck.call.keep_waiting(struck.fault["seconds"])
        else:
            await struck.call.hang_up(reset=kind == "reset")


async def _lost_answer(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    await struck.app(scope, receive, _swallow)
    await struck.call.hang_up()


async def _take_effect(struck: Struck, scope: Scope, receive: Receive) -> None:
    """Let the service do what was asked, if the fault's order says so, and drop its answer."""
    if "takes_effect" in KINDS[struck.fault.kind] and struck.fault["takes_effect"]:
        await struck.app(scope, receive, _swallow)


async def _swallow(message: Message) -> None:
    pass


async def _behave(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    """Hand the application the settings that hold for this request; of several orders the first wins."""
    behaviour = {**struck.fault["settings"], **scope.get(BEHAVIOUR, {})}
    await struck.app({**scope, BEHAVIOUR: behaviour}, receive, send)


async def _error_page(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    media_type, page = ERROR_PAGES[struck.fault["format"]]
    if struck.fault["at_byte"] is None:
        await Response(page, struck.fault["status"], media_type=media_type)(scope, receive, send)
        return
    await struck.app(scope, receive, rewrites.overlay(send, struck.fault["at_byte"], page))


async def _rewritten(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    await struck.app(scope, receive, rewrites.REWRITES[struck.fault.kind](send, struck.fault))


async def _ignore_range(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    await struck.app(_without(scope, b"range"), receive, send)


async def _changed(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    tag = f'"changed-{struck.fault["version"] or struck.number}"'
    if Headers(scope=scope).get("if-range", tag) != tag:
        scope = _without(scope, b"range")
    await struck.app(
        _without(scope, b"if-range"), receive, rewrites.other_version(send, tag, struck.fault["content"])
    )


async def _redirect(struck: Struck, scope: Scope, receive: Receive, send: Send) -> None:
    fault, origins = struck.fault, struck.call.origins
    path, query = scope["raw_path"].decode("ascii"), scope["query_string"].decode("latin-1")
    marked = f"{path}?{query}{'&' if query else ''}{HOP_MARK}=0"
    locations = {
        "other_origin": f"{origins.other_url}{marked}",
        "same_origin": f"{origins.url}{marked}",
        "loop": f"{origins.url}{path}{'?' if query else ''}{query}",
        "chain": f"{origins.url}/_sandbox/hop/{fault['hops'] - 1}?to={path}",
        "downgrade": f"http://localhost:{origins.port}{marked}",
        "file": "file:///etc/hostname",
        "link_local": "http://169.254.169.254/latest/meta-data/",
        "private": "http://10.0.0.1/internal",
        "url": fault["url"],
    }
    await RedirectResponse(locations[fault["target"]], fault["status"])(scope, receive, send)


def _without(scope: Scope, header: bytes) -> Scope:
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != header]}


EFFECTS: dict[str, Effect] = {
    "throttle": _refusal,
    "unavailable": _refusal,
    "server_error": _refusal,
    "forbidden": _refusal,
    "repeat": _repeat,
    "expired_token": _expired,
    "latency": _latency,
    "slow": _slow,
    "stall": _cut,
    "hang": _hang,
    "truncate": _cut,
    "reset": _cut,
    "lost_answer": _lost_answer,
    "wrong_checksum": _rewritten,
    "wrong_size": _rewritten,
    "error_page": _error_page,
    "bad_json": _rewritten,
    "redirect": _redirect,
    "wrong_range": _rewritten,
    "ignore_range": _ignore_range,
    "changed": _changed,
    "gzip": _rewritten,
    "chunked": _rewritten,
    "behave": _behave,
}
