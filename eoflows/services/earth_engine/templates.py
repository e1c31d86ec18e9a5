"""Templates for names: named fields with format specs, and no way to anything else."""

import re
import string
from collections.abc import Mapping
from typing import Any

from eoflows.base.errors import InvalidInputError, UnsafeNameError
from eoflows.services.earth_engine.tiles import Tile

__all__ = [
    "NAME_TEMPLATE",
    "PREFIX_TEMPLATE",
    "TRACKING_PREFIX",
    "TRACKING_TEMPLATE",
    "check_name",
    "check_prefix",
    "fill",
    "known_part",
    "tile_fields",
]

NAME_TEMPLATE = "{collection}_h{tile.horizontal:03d}v{tile.vertical:03d}_{date_start}_{date_end}"
PREFIX_TEMPLATE = "CEDAR_PREARD"
TRACKING_TEMPLATE = "TRACKING_PERIOD{date_start}-{date_end}_TASK{today}"
TRACKING_PREFIX = "CEDAR_TRACKING"

_FORMATTER = string.Formatter()
_SPEC = re.compile(r"[<>=^]?[+ ]?0?\d{0,3}(?:[.]\d{1,2})?[sd]?|(?:%[YmdHMSjyf]|[-_.T])+")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,99}")


def tile_fields(tile: Tile) -> dict[str, Any]:
    """Give the fields of a tile: `tile.horizontal`, `tile.vertical` and `tile.name`."""
    return {"tile.horizontal": tile.horizontal, "tile.vertical": tile.vertical, "tile.name": tile.name}


def fill(template: str, fields: Mapping[str, Any]) -> str:
    """Fill a template in.

    Args:
        template: Text with fields like `{collection}` or `{tile.horizontal:03d}`.
        fields: Values by whole name; a dot in a name is a character like any other.

    Raises:
        InvalidInputError: A field is not known, or its format is more than a width, a precision or parts of a
            date.

    Example:
        >>> fill("{collection}_h{tile.horizontal:03d}", {"collection": "LC09", "tile.horizontal": 3})
        'LC09_h003'
    """
    try:
        parts = list(_FORMATTER.parse(template))
    except ValueError as error:
        raise InvalidInputError(f"template {template!r} cannot be read: {error}") from error
    return "".join(
        text + _filled(template, name, spec or "", kind, fields) for text, name, spec, kind in parts
    )


def _filled(template: str, name: str | None, spec: str, kind: str | None, fields: Mapping[str, Any]) -> str:
    if name is None:
        return ""
    if name not in fields:
        raise InvalidInputError(
            f"template {template!r} has the field {{{name}}}; known here are {', '.join(sorted(fields))}"
        )
    if kind is not None or not _SPEC.fullmatch(spec):
        raise InvalidInputError(f"template {template!r}: {{{name}}} can have a width or a date's parts only")
    value = fields[name]
    if isinstance(value, str) and "%" in spec:
        raise InvalidInputError(f"template {template!r}: format {spec!r} does not fit the text {value!r}")
    try:
        return format(value, spec)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"template {template!r}: format {spec!r} does not fit {value!r}") from error


def known_part(template: str) -> str:
    """Give what all names made of a template begin with."""
    return next((text for text, _, _, _ in _FORMATTER.parse(template)), "")


def check_name(name: str) -> str:
    """Check the name of an export: it becomes a file's name, and Earth Engine's description.

    Raises:
        UnsafeNameError: It has other signs than letters, digits, `-` and `_`, or more than 100.
    """
    if not _NAME.fullmatch(name):
        raise UnsafeNameError(
            f"{name[:120]!r} cannot be an export's name: letters, digits, '-' and '_' only, and at most 100; "
            "change name_template"
        )
    return name


def check_prefix(prefix: str) -> str:
    """Check the folder of an export in its bucket; empty is the bucket itself.

    Raises:
        UnsafeNameError: A part is empty, begins with a dot, or has other signs than `A-Z a-z 0-9 _ . = -`.
    """
    parts = prefix.split("/") if prefix else []
    for part in parts:
        if not _PART.fullmatch(part):
            raise UnsafeNameError(
                f"{prefix[:120]!r} cannot be a folder of exports: {part[:50]!r}; change its template"
            )
    return prefix
