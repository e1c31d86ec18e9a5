"""Faults that change an answer on its way: `send` functions that wrap a `send`."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from eoflows.sandbox.faults import Fault

__all__ = ["REWRITES", "CutHere", "CutSend", "other_version", "overlay"]


class CutHere(Exception):
    """The body has reached the byte where it shall end."""


@dataclass
class CutSend:
    """Sends a body up to a byte, at the latest up to its last but one, then raises `CutHere`."""

    send: Send
    limit: int

    async def __call__(self, message: Message) -> None:
        """Pass a message on, or part of it."""
        if message["type"] == "http.response.start":
            promised = MutableHeaders(raw=message["headers"]).get("content-length")
            if promised is not None:
                self.limit = min(self.limit, max(0, int(promised) - 1))
            await self.send(message)
            return
        body = message.get("body", b"")
        if len(body) < self.limit and message.get("more_body", False):
            self.limit -= len(body)
            await self.send(message)
            return
        await self.send({**message, "body": body[: self.limit], "more_body": True})
        raise CutHere


@dataclass
class _Rewriter:
    """Changes the start of an answer and each piece of its body."""

    send: Send
    start: Callable[[MutableHeaders, Message], None]
    piece: Callable[[bytes, int, bool], bytes]
    """From the piece, its position in the body, and whether it is the last."""
    position: int = field(default=0, init=False)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": list(message["headers"])}
            self.start(MutableHeaders(raw=message["headers"]), message)
        else:
            body, more = message.get("body", b""), message.get("more_body", False)
            message = {**message, "body": self.piece(body, self.position, not more)}
            self.position += len(body)
        await self.send(message)


def _keep_start(headers: MutableHeaders, message: Message) -> None:
    pass


def _keep_piece(body: bytes, position: int, last: bool) -> bytes:
    return body


def overlay(send: Send, at: int, page: bytes) -> Send:
    """Write a page over the body from a byte on; the length stays."""

    def piece(body: bytes, position: int, last: bool) -> bytes:
        begin, end = max(at, position), min(at + len(page), position + len(body))
        if begin >= end:
            return body
        return body[: begin - position] + page[begin - at : end - at] + body[end - position :]

    return _Rewriter(send, _keep_start, piece)


def _wrong_checksum(send: Send, fault: Fault) -> Send:
    first, last = fault["offset"], fault["offset"] + fault["count"]

    def piece(body: bytes, position: int, is_last: bool) -> bytes:
        begin, end = max(first, position) - position, min(last, position + len(body)) - position
        if begin >= end:
            return body
        return body[:begin] + _flipped(body[begin:end]) + body[end:]

    return _Rewriter(send, _keep_start, piece)


def _wrong_size(send: Send, fault: Fault) -> Send:
    delta, length = fault["delta"], [0]

    def start(headers: MutableHeaders, message: Message) -> None:
        length[0] = max(0, int(headers.get("content-length", "0")) + delta)
        headers["content-length"] = str(length[0])

    def piece(body: bytes, position: int, last: bool) -> bytes:
        kept = body[: max(0, length[0] - position)]
        return kept + bytes(length[0] - position - len(kept)) if last else kept

    return _Rewriter(send, start, piece)


def _bad_json(send: Send, fault: Fault) -> Send:
    length = [0]

    def start(headers: MutableHeaders, message: Message) -> None:
        length[0] = int(int(headers.get("content-length", "0")) * fault["keep"])
        headers["content-length"] = str(length[0])

    return _Rewriter(send, start, lambda body, position, last: body[: max(0, length[0] - position)])


def _wrong_range(send: Send, fault: Fault) -> Send:
    def start(headers: MutableHeaders, message: Message) -> None:
        if message["status"] != 206:
            return
        span, _, total = headers["content-range"].removeprefix("bytes ").partition("/")
        first, _, last = span.partition("-")
        shifted = f"{int(first) + fault['shift']}-{int(last) + fault['shift']}"
        headers["content-range"] = f"bytes {shifted}/{int(total) + fault['total_shift']}"

    return _Rewriter(send, start, _keep_piece)


def _gzip(send: Send, fault: Fault) -> Send:
    packer = zlib.compressobj(wbits=31)

    def start(headers: MutableHeaders, message: Message) -> None:
        headers["content-encoding"] = "gzip"
        del headers["content-length"]

    def piece(body: bytes, position: int, last: bool) -> bytes:
        return packer.compress(body) + (packer.flush() if last else b"")

    return _Rewriter(send, start, piece)


def _chunked(send: Send, fault: Fault) -> Send:
    def start(headers: MutableHeaders, message: Message) -> None:
        del headers["content-length"]

    return _Rewriter(send, start, _keep_piece)


def other_version(send: Send, tag: str, content: bool) -> Send:
    """Give the answer another ETag, and another content if asked."""

    def start(headers: MutableHeaders, message: Message) -> None:
        headers["etag"] = tag

    return _Rewriter(send, start, (lambda body, position, last: _flipped(body)) if content else _keep_piece)


def _flipped(body: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in body)


REWRITES: dict[str, Callable[[Send, Fault], Send]] = {
    "wrong_checksum": _wrong_checksum,
    "wrong_size": _wrong_size,
    "bad_json": _bad_json,
    "wrong_range": _wrong_range,
    "gzip": _gzip,
    "chunked": _chunked,
}
"""By kind."""
