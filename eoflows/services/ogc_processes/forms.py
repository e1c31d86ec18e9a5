"""The forms of one value, input or output: a reference, a value with its format, or plain JSON."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from eoflows.services.ogc_processes.models import Link, QualifiedValue

__all__ = ["bare_type", "form_of", "has_forms", "is_of_part_3", "is_reference"]

_FORMAT = frozenset(
    {"format", "mediaType", "mediatype", "mimeType", "mimetype", "contentMediaType"}
    | {"encoding", "contentEncoding", "schema"}
)
"""How servers say the format of a value or of what a link leads to, themselves or inside of `format`."""
_LINK = frozenset({"href", "rel", "type", "hreflang", "title", "length", "templated", "method"}) | _FORMAT
_VALUE = frozenset({"value"}) | _FORMAT
_INLINE = "inlineValue"
"""What drafts of 1.0 call a value."""


def is_reference(value: Any) -> bool:
    """Whether an object is a link: it has nothing but what links have. A STAC asset stays an object."""
    if not isinstance(value, dict) or "href" not in value or value.get("templated"):
        return False
    return value.keys() <= _LINK


def is_of_part_3(value: Any) -> bool:
    """Whether an object is a collection or another process as an input (OGC API - Processes - Part 3)."""
    several = value if isinstance(value, list) else [value]
    return any(
        isinstance(one, dict) and isinstance(one.get(kind), str)
        for one in several
        for kind in ("collection", "process")
    )


def form_of(value: Any) -> Any:
    """Give a value as a `Link`, a `QualifiedValue`, a list of such, or as it is.

    A template of addresses is no address: such a link stays an object. A value in a wrapper that only holds a
    reference, or references, is what it holds.
    """
    if isinstance(value, list):
        return [form_of(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_INLINE}:
        return form_of(value[_INLINE])
    with suppress(ValidationError):
        if is_reference(value) and isinstance(value["href"], str) and value["href"].strip():
            return _link(value)
        if "value" in value and value.keys() <= _VALUE:
            return _qualified(value)
    return value


def _link(value: Mapping[str, Any]) -> Link:
    media_type = value.get("type") or _format(value)["mediaType"]
    known = {name: one for name, one in value.items() if name not in _FORMAT}
    return Link.model_validate({**known, **({"type": media_type} if media_type else {})})


def _qualified(value: Mapping[str, Any]) -> Any:
    held = form_of(value["value"])
    if isinstance(held, Link) or (isinstance(held, list) and any(isinstance(one, Link) for one in held)):
        return held
    if isinstance(value["value"], dict) and value["value"].keys() == {_INLINE}:
        value = {**value, "value": value["value"][_INLINE]}
    return QualifiedValue.model_validate({"value": value["value"], **_format(value)})


def _format(value: Mapping[str, Any]) -> dict[str, Any]:
    """The format of a value, by the names of the standard."""
    nested = value.get("format")
    fields = {**(nested if isinstance(nested, dict) else {}), **value}
    kinds = ("mediaType", "mediatype", "mimeType", "mimetype", "contentMediaType")
    names = {"mediaType": kinds, "encoding": ("encoding", "contentEncoding"), "schema": ("schema",)}
    return {
        name: next((fields[one] for one in those if fields.get(one)), None) for name, those in names.items()
    }


def has_forms(result: Any) -> bool:
    """Whether there is a `Link` or a `QualifiedValue` in what `form_of` gave."""
    return (
        any(map(has_forms, result)) if isinstance(result, list) else isinstance(result, Link | QualifiedValue)
    )


def bare_type(media_type: str | None) -> str:
    """Give a media type without its parameters, in lower case."""
    return (media_type or "").partition(";")[0].strip().lower()
