"""When an item is valid, and the times in its properties, as aware UTC or as whole microseconds."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_END, parse_utc

__all__ = ["NO_TIME", "TIME_PROPERTIES", "instant", "microseconds", "validity"]

NO_TIME = -(2**62)
"""Stands in an integer column for a time that an item does not have; before every real time."""

TIME_PROPERTIES = frozenset(
    {
        "created",
        "datetime",
        "end_datetime",
        "eviction_datetime",
        "expires",
        "processing:datetime",
        "published",
        "start_datetime",
        "unpublished",
        "updated",
    }
)
"""Properties that hold a time: text compared with them is read as a time, not letter by letter."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def microseconds(value: datetime | None) -> int:
    """Give whole microseconds since 1970-01-01T00:00:00Z; `NO_TIME` for None."""
    return NO_TIME if value is None else (value - _EPOCH) // _TICK


def instant(value: object) -> datetime | None:
    """Read a property as aware UTC; None when it is absent or is no time."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    try:
        return parse_utc(value)
    except InvalidInputError:
        return None


def validity(properties: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Give the first and last instant at which an item is valid, aware UTC.

    An item with `datetime` only is an instant. An end that is null or absent beside a known
    `start_datetime` is open. None when the item has no start and no `datetime`.
    """
    start = instant(properties.get("start_datetime"))
    first = start or instant(properties.get("datetime"))
    if first is None:
        return None
    last = instant(properties.get("end_datetime"))
    return first, last or (OPEN_END if start else first)
