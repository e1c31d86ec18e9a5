"""Instants and intervals of CQL2 and of STAC's `datetime` parameter."""

import functools
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = [
    "FOREVER",
    "LONG_AGO",
    "instant",
    "interval_of",
    "interval_parameter",
    "margin_instant",
    "parse_instant",
    "shifted",
]

LONG_AGO = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)
_SHAPE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")


@functools.lru_cache(maxsize=300_000)
def _parse(text: str) -> datetime | None:
    if _SHAPE.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_instant(value: Any) -> datetime | None:
    """Read an RFC 3339 text as an aware UTC time; None when it is none."""
    if isinstance(value, datetime):
        return value
    return _parse(value) if isinstance(value, str) else None


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Move a time, not past the ends of the calendar."""
    try:
        return moment + by
    except OverflowError:
        return FOREVER if by > timedelta(0) else LONG_AGO


def instant(node: Any, lookup: Callable[[str], Any]) -> datetime | None:
    """Return the time that a CQL2 operand means; None for NULL."""
    if isinstance(node, Mapping):
        if "property" in node:
            return parse_instant(lookup(node["property"]))
        for kind in ("timestamp", "date"):
            if kind in node:
                return parse_instant(node[kind])
        if node.get("op") in ("+", "-"):
            return margin_instant(node)
    return parse_instant(node)


def margin_instant(node: Mapping[str, Any]) -> datetime | None:
    """Return a time moved by a margin in seconds: `{"op": "-", "args": [time, seconds]}`."""
    try:
        moment, seconds = node["args"]
        by = timedelta(seconds=float(seconds))
    except (KeyError, TypeError, ValueError):
        return None
    parsed = parse_instant(moment)
    return None if parsed is None else shifted(parsed, by if node["op"] == "+" else -by)


def interval_of(node: Any, lookup: Callable[[str], Any]) -> tuple[datetime, datetime] | None:
    """Return the interval that a CQL2 operand means, an instant being one of no length; None for NULL."""
    if not (isinstance(node, Mapping) and "interval" in node):
        moment = instant(node, lookup)
        return None if moment is None else (moment, moment)
    ends = node["interval"]
    if not isinstance(ends, list) or len(ends) != 2:
        return None
    start = LONG_AGO if ends[0] == ".." else instant(ends[0], lookup)
    stop = FOREVER if ends[1] == ".." else instant(ends[1], lookup)
    return None if start is None or stop is None else (start, stop)


def interval_parameter(text: str) -> tuple[datetime, datetime] | None:
    """Read STAC's `datetime` parameter: an instant or `a/b`, each end open with `..` or nothing."""
    first, slash, last = text.partition("/")
    start = LONG_AGO if slash and first in ("", "..") else parse_instant(first)
    stop = start if not slash else FOREVER if last in ("", "..") else parse_instant(last)
    return None if start is None or stop is None or start > stop else (start, stop)
