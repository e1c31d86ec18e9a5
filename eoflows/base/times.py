"""Time inside eoflows: aware UTC, and half-open intervals with honest open ends.

Services write an open end as `null`, `..`, `9999-12-31T23:59:59[.999]Z` or (in orbit file names)
`99999999T999999`. All of them become `OPEN_END` here, once, where data enters.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from eoflows.base.errors import InvalidInputError

__all__ = ["OPEN_END", "OPEN_START", "Interval", "format_utc", "parse_utc"]

OPEN_START = datetime.min.replace(tzinfo=UTC)
OPEN_END = datetime.max.replace(tzinfo=UTC)

_RFC3339 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?\s*(Z|z|[+-]\d{2}:?\d{2})?)?"
)
_DAYS = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?")
_OPEN = ("", "..")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})")


def parse_utc(value: datetime | str) -> datetime:
    """Read a date or time as aware UTC.

    Args:
        value: A datetime, or text: RFC 3339 with any number of fraction digits (those past the microsecond
            are cut), a bare date (midnight), or the compact `YYYYMMDDThhmmss` of product names.
            Without a zone it is UTC, as STAC and the Copernicus stations use it. A leap second is the last
            microsecond of its minute.

    Returns:
        Aware UTC; any time in the year 9999 is `OPEN_END`.

    Raises:
        InvalidInputError: The text is no such time, or the date does not exist.
    """
    try:
        return _utc(value) if isinstance(value, datetime) else _read(value)
    except InvalidInputError:
        raise
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(f"{str(value)[:80]!r} is not a time that exists: {error}") from error


def _utc(value: datetime) -> datetime:
    if value.year == OPEN_END.year:
        return OPEN_END
    moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return OPEN_END if moment.year == OPEN_END.year else moment


def _read(value: object) -> datetime:
    text = value.strip() if isinstance(value, str) else ""
    match = _RFC3339.fullmatch(text) or _COMPACT.fullmatch(text)
    if match is None:
        example = "write it like 2025-08-07T11:51:12.509Z (UTC)"
        raise InvalidInputError(f"{str(value)[:80]!r} is not a time; {example}")
    year, month, day, hour, minute, second, *rest = match.groups()
    if int(year) == OPEN_END.year:
        return OPEN_END
    fraction, zone = rest or (None, None)
    micro = int((fraction or "0").ljust(6, "0")[:6])
    if second == "60":
        second, micro = "59", 999_999
    clock = (int(hour or 0), int(minute or 0), int(second or 0), micro)
    return _utc(datetime(int(year), int(month), int(day), *clock, tzinfo=_zone(zone)))


def _zone(zone: str | None) -> timezone:
    if zone is None or zone in "Zz":
        return UTC
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if minutes > 59:
        raise ValueError(f"its zone is {zone}")
    sign = -1 if zone[0] == "-" else 1
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def format_utc(value: datetime) -> str:
    """Write a time as RFC 3339 in UTC, with milliseconds where they say all, else microseconds.

    `OPEN_END` is written `9999-12-31T23:59:59.999Z`, which every station accepts.
    """
    if value == OPEN_END:
        return "9999-12-31T23:59:59.999Z"
    if value.tzinfo is None:
        raise InvalidInputError(f"{value} has no time zone; make it aware UTC first")
    value = value.astimezone(UTC)
    precision = "microseconds" if value.microsecond % 1000 else "milliseconds"
    return value.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


@dataclass(frozen=True, order=True)
class Interval:
    """A span of time `[start, end)` in aware UTC; open ends are `OPEN_START` and `OPEN_END`.

    An instant is an interval whose start equals its end.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise InvalidInputError(f"interval {self.start} to {self.end} has no time zone; use aware UTC")
        if self.start > self.end:
            raise InvalidInputError(
                f"interval starts {format_utc(self.start)} after it ends {format_utc(self.end)}; swap them"
            )

    @classmethod
    def parse(cls, start: datetime | str | None, end: datetime | str | None) -> "Interval":
        """Read both ends with `parse_utc`; None or `..` is an open end."""
        return cls(
            OPEN_START if start is None or start in _OPEN else parse_utc(start),
            OPEN_END if end is None or end in _OPEN else parse_utc(end),
        )

    @classmethod
    def of_days(cls, text: str) -> "Interval":
        """Read the time or closed interval of a STAC search: `a`, `a/b`, `../b`, `a/..`.

        A date is its whole day, a month or a year without more the whole of it, as pystac-client reads them.

        Raises:
            InvalidInputError: It is neither, or ends before it starts.
        """
        first, slash, last = text.partition("/")
        return cls(*(_of_days(first, last if slash else first)))

    @property
    def duration(self) -> timedelta:
        """How long it lasts."""
        return self.end - self.start

    def __str__(self) -> str:
        start = ".." if self.start == OPEN_START else format_utc(self.start)
        return f"{start}/{'..' if self.end == OPEN_END else format_utc(self.end)}"


def _of_days(first: str, last: str) -> tuple[datetime, datetime]:
    start = OPEN_START if first in _OPEN else parse_utc(_first_day(first))
    if last in _OPEN:
        return start, OPEN_END
    match = _DAYS.fullmatch(last.strip())
    if match is None:
        return start, parse_utc(last)
    begin = parse_utc(_first_day(last))
    if begin == OPEN_END:
        return start, begin
    if match["day"]:
        after = begin + timedelta(days=1)
    else:
        year, month = (begin.year, begin.month + 1) if match["month"] else (begin.year + 1, 1)
        after = begin.replace(year=year + month // 13, month=month % 13 or 1)
    return start, after - timedelta(milliseconds=1)


def _first_day(text: str) -> str:
    match = _DAYS.fullmatch(text.strip())
    return f"{match['year']}-{match['month'] or '01'}-{match['day'] or '01'}" if match else text
