"""What only a Geo Engine can do wrong.

Its error documents, `{"error": variant, "message": text}`, are kept in `document` of every `ServiceError`.
"""

import codecs
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import orjson

from eoflows.base.errors import AbsentError, RefusedError, ServiceError, TruncatedError
from eoflows.services.geo_engine.times import format_ms

__all__ = ["IncompleteStreamError", "MissingTiles", "StreamBrokenError", "classified", "words_of"]

_WORDS = 300
_ABSENT = frozenset({"NoWorkflowForGivenId", "TaskNotFound", "UnknownDatasetId", "UnknownDataset"})


@dataclass(frozen=True)
class MissingTiles:
    """Tiles of one time step that did not come.

    Attributes:
        time_ms: Start of the step in milliseconds since 1970; None: any step from there on.
        count: How many.
        first: Tile row, tile column (from the upper left) and band index of the first of them.
    """

    time_ms: int
    count: int
    first: tuple[int, int, int]

    def __str__(self) -> str:
        row, column, band = self.first
        return (
            f"{self.count} of {format_ms(self.time_ms)} from tile row {row}, column {column}, band {band} on"
        )


class IncompleteStreamError(TruncatedError):
    """A stream ended before all tiles had come, and asking for the missing ones did not bring them.

    Attributes:
        missing: What is missing, by time step.
    """

    shown = 4

    def __init__(self, received: int, missing: Sequence[MissingTiles], *, reason: str, url: str) -> None:
        self.missing = tuple(missing)
        names = [str(step) for step in self.missing[: self.shown]]
        if len(self.missing) > self.shown:
            names.append(f"and tiles of {len(self.missing) - self.shown} more time steps")
        count = sum(step.count for step in self.missing)
        known = f"{count} are missing: {'; '.join(names)}" if missing else "nobody knows how many are missing"
        super().__init__(f"the stream ended after {received} tiles, {known}; {reason}", url=url)


class StreamBrokenError(ServiceError):
    """One connection of a stream ended other than by the server's clean close.

    Attributes:
        code: Close code of the websocket (RFC 6455); None where there was none.
    """

    def __init__(self, message: str, *, url: str = "", code: int | None = None) -> None:
        self.code = code
        super().__init__(message, url=url)


def words_of(answer: httpx.Response) -> str:
    """Give what a server says in text, XML or JSON where a file was asked for; empty for any other body."""
    start = answer.content[:64].removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    if start not in (b"<", b"{", b"[") and not answer.headers.get("content-type", "").startswith("text/"):
        return ""
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("message"), str):
        return f"{document.get('error', '')}: {document['message']}".removeprefix(": ")[:_WORDS]
    plain = re.sub(r"<[^>]*>", " ", answer.text) if start == b"<" else answer.text
    return html.unescape(" ".join(plain.split()))[:_WORDS] or "nothing"


def classified(error: RefusedError, url: str) -> RefusedError:
    """Say of a refusal what it means: the server answers 400 to almost everything.

    The message begins with the server's name for the error.
    """
    document = error.document if isinstance(error.document, dict) else {}
    variant, message = str(document.get("error", "")), str(document.get("message", ""))
    if not variant:
        return error
    absent = variant in _ABSENT or (variant == "TaskError" and "not found" in message)
    kind = AbsentError if absent else type(error)
    text = f"answered {error.status} {variant}: {message}"[:400]
    better = kind(text, url=url, status=error.status, detail=f"{variant}: {message}")
    better.document = error.document
    return better
