"""Error bodies, in all the shapes that servers give them."""

from collections.abc import Mapping
from typing import Any

import orjson

from eoflows.services.ogc_processes.models import ApiError

__all__ = ["api_error_of"]

_UNNAMED = "about:blank"
_TYPE = ("type", "code", "exceptionCode", "error")
_DETAIL = ("detail", "description", "message", "exceptionText", "error_description", "msg")


def api_error_of(document: Any, status: int | None, detail: str) -> ApiError:
    """Read an error body: problem+json, pygeoapi's code and description, JSON inside JSON, anything.

    Args:
        document: The body as JSON; None where it was none.
        status: HTTP status of the answer; None where there was no answer. It wins over the body's.
        detail: What to say where the body says nothing.
    """
    body = _unwrapped(document)
    told = body.get("status")
    fields: dict[str, Any] = {
        **body,
        "type": _first(body, _TYPE) or _UNNAMED,
        "title": _words(body.get("title")),
        "status": status or (told if isinstance(told, int) and not isinstance(told, bool) else None),
        "detail": _first(body, _DETAIL) or detail or None,
        "instance": _words(body.get("instance")),
    }
    return ApiError(**{name: value for name, value in fields.items() if name != "body"})


def _unwrapped(document: Any) -> Mapping[str, Any]:
    """The innermost object that describes the failure; the outer ones fill in what it leaves out."""
    if isinstance(document, list):
        return _unwrapped(document[0]) if document else {}
    if not isinstance(document, dict):
        return {} if document is None else {"detail": document}
    for name in ("exceptions", *_DETAIL):
        inner = _json_inside(document.get(name))
        if inner:
            return {**{key: value for key, value in document.items() if key != name}, **inner}
    return document


def _json_inside(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, list) and value and isinstance(value[0], dict) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return value if isinstance(value, dict) else None


def _first(body: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((words for name in names if (words := _words(body.get(name)))), None)


def _words(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else str(value)[:1000]
