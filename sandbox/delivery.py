"""Sends a body as a good HTTP server does: ranges, validators, pieces."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from eoflows.sandbox.bodies import Content

__all__ = ["ContentResponse"]

_PIECE = 256 * 1024


class ContentResponse(Response):
    """A file's content, whole or the range asked for."""

    def __init__(self, content: Content, filename: str, modified: datetime) -> None:
        self.background = None
        self._content = content
        self._modified = modified.astimezone(UTC).replace(microsecond=0)
        self._fields = {
            "content-type": "application/octet-stream",
            "content-disposition": f'attachment; filename="{filename}"',
            "accept-ranges": "bytes",
            "etag": f'"{content.md5}"',
            "last-modified": format_datetime(self._modified, usegmt=True),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET or HEAD."""
        size, asked = self._content.size, Headers(scope=scope)
        start, stop, status = 0, size, 200
        wanted = asked.get("range") if self._is_current(asked.get("if-range")) else None
        if wanted is not None:
            span = _parse_range(wanted, size)
            if span is not None:
                (start, stop), status = span, 206
                self._fields["content-range"] = f"bytes {start}-{stop - 1}/{size}"
                if start >= stop:
                    start, stop, status = 0, 0, 416
                    self._fields["content-range"] = f"bytes */{size}"
        self._fields["content-length"] = str(stop - start)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in self._fields.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send_body(send, *((start, start) if scope["method"] == "HEAD" else (start, stop)))

    async def _send_body(self, send: Send, start: int, stop: int) -> None:
        while stop - start > _PIECE:
            piece = self._content.read(start, start + _PIECE)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            start += _PIECE
        await send({"type": "http.response.body", "body": self._content.read(start, stop)})

    def _is_current(self, condition: str | None) -> bool:
        if condition is None or condition == self._fields["etag"]:
            return True
        if condition.startswith(('"', "W/")):
            return False
        try:
            return parsedate_to_datetime(condition) == self._modified
        except ValueError:
            return False


def _parse_range(text: str, size: int) -> tuple[int, int] | None:
    """Return start and stop; start >= stop when nothing of it exists; None for no single byte range."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", text.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) else (size, size)
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size
