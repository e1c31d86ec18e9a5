"""Bodies of several parts (multipart/related, RFC 2387), as synchronous raw answers are sent."""

import re
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from itertools import pairwise

from eoflows.base.errors import ContractError

__all__ = ["BodyPart", "content_type", "split_parts"]


@dataclass(frozen=True)
class BodyPart:
    """One part.

    Attributes:
        name: Its Content-ID without brackets; empty where it has none.
        media_type: Its media type.
        location: Its Content-Location, for a part that only refers to something.
        body: Its bytes, transfer encoding undone.
    """

    name: str
    media_type: str
    location: str | None
    body: bytes


def content_type(header: str) -> tuple[str, dict[str, str]]:
    """Split a Content-Type into media type (lower case) and parameters."""
    message = Message()
    message["content-type"] = " ".join(header.split())
    found = message.get_params(failobj=[("", "")])
    return found[0][0].lower(), {name.lower(): str(value) for name, value in found[1:]}


def split_parts(body: bytes, header: str) -> list[BodyPart]:
    """Take a multipart body apart.

    Args:
        body: All of it.
        header: The answer's Content-Type, with the boundary.

    Raises:
        ContractError: There is no boundary, or the body does not end with it.
    """
    boundary = content_type(header)[1].get("boundary", "")
    if not boundary or not boundary.isascii():
        raise ContractError(f"a multipart answer without a usable boundary: {header[:100]!r}")
    # The line break before a boundary belongs to it (RFC 2046, 5.1.1).
    line = re.compile(rb"(?:^|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|$)")
    marks = list(line.finditer(body))
    if not marks or not marks[-1][1]:
        raise ContractError("a multipart answer does not end with its closing boundary: it was cut")
    ends = next(place for place, mark in enumerate(marks) if mark[1])
    return [_part(body[one.end() : two.start()]) for one, two in pairwise(marks[: ends + 1])]


def _part(raw: bytes) -> BodyPart:
    empty_line = re.search(rb"\r?\n\r?\n", raw)
    head, body = (raw, b"") if empty_line is None else (raw[: empty_line.start()], raw[empty_line.end() :])
    headers = BytesHeaderParser().parsebytes(head.lstrip(b"\r\n") + b"\r\n\r\n")
    kind, _ = content_type(str(headers.get("content-type", "text/plain")))
    name = str(headers.get("content-id", "")).strip().strip("<>")
    location = headers.get("content-location")
    return BodyPart(name, kind, str(location).strip() if location else None, _decoded(headers, body))


def _decoded(headers: Message, body: bytes) -> bytes:
    encoding = str(headers.get("content-transfer-encoding", "binary")).strip().lower()
    if encoding not in ("base64", "quoted-printable"):
        return body
    carrier = Message()
    carrier["content-transfer-encoding"] = encoding
    carrier.set_payload(body.decode("ascii", "surrogateescape"))
    found = carrier.get_payload(decode=True)
    return found if isinstance(found, bytes) else body
