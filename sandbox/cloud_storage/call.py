"""A request to the JSON API, whether it came by itself or inside a batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from eoflows.sandbox.cloud_storage.errors import refusal
from eoflows.sandbox.cloud_storage.settings import CloudStorageSettings

__all__ = ["Call", "segments"]


def segments(path: str) -> tuple[str, ...]:
    """Return the parts of a raw path, each decoded by itself: an object's name may hold slashes."""
    return tuple(unquote(part) for part in path.split("/"))


@dataclass(frozen=True)
class Call:
    """What is asked."""

    method: str
    path: tuple[str, ...]
    """Decoded parts after `/b/` (or `/b`)."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    base: str
    """Address of the server that was asked, without a slash at the end."""
    settings: CloudStorageSettings
    """Those that hold for this request."""

    def json(self) -> dict[str, Any]:
        """Return the body's object; empty when there is no body.

        Raises:
            Refusal: 400, it is no JSON object.
        """
        try:
            asked = orjson.loads(self.body or b"{}")
        except orjson.JSONDecodeError as error:
            raise refusal(400, "Parse Error", "parseError") from error
        if not isinstance(asked, dict):
            raise refusal(400, "Parse Error", "parseError")
        return asked

    def number(self, name: str) -> int | None:
        """Return a parameter that is a number.

        Raises:
            Refusal: 400, it is none.
        """
        text = self.query.get(name)
        if text is None:
            return None
        if not text.isdigit():
            raise refusal(400, f"Invalid unsigned integer value: {text!r}")
        return int(text)
