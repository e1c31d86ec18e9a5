"""Functions of dates and of spans of time, all in UTC."""

import calendar
import re
from datetime import UTC, datetime
from typing import Any

from eoflows.sandbox.earth_engine.conversions import to_date
from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.values import Date, DateRange, Function, moment

__all__ = ["DATE_FUNCTIONS"]

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}
_LONG = {"month": 30.4375 * 86_400, "year": 365.25 * 86_400}


def _format(date: Date, pattern: str | None, zone: str | None) -> str:
    _only_utc(zone)

    def part(found: re.Match[str]) -> str:
        text = found[0]
        if text.startswith("'"):
            return text[1:-1] or "'"
        return _field(date, text[0], len(text))

    return re.sub(r"'[^']*'|([A-Za-z])\1*", part, pattern or "yyyy-MM-dd'T'HH:mm:ss")


def _field(date: Date, sign: str, width: int) -> str:
    """Return what a sign of Joda's patterns stands for."""
    time = date.time
    if sign == "M" and width > 2:
        return f"{time:%B}" if width > 3 else f"{time:%b}"
    if sign in "yY" and width == 2:
        return f"{time:%y}"
    if sign == "S":
        return f"{int(date.millis) % 1000:03d}".ljust(width, "0")[:width]
    if sign == "Z":
        return "+0000" if width == 1 else "+00:00"
    numbers = {
        "y": time.year,
        "Y": time.year,
        "M": time.month,
        "d": time.day,
        "D": time.timetuple().tm_yday,
        "H": time.hour,
        "m": time.minute,
        "s": time.second,
        "w": time.isocalendar().week,
    }
    return f"{numbers[sign]:0{width}d}" if sign in numbers else sign * width


def _only_utc(zone: str | None) -> None:
    if zone not in (None, "UTC", "Etc/UTC", "GMT"):
        raise GraphError(f"the sandbox knows no time zone but UTC, not {zone!r}.")


def _advance(date: Date, delta: float, unit: str, zone: str | None = None) -> Date:
    unit = unit.rstrip("s")
    if unit in _UNITS:
        return Date(date.millis + delta * _UNITS[unit] * 1000)
    months = round(delta * (12 if unit == "year" else 1))
    time = date.time
    year, month = divmod(time.year * 12 + time.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment(time.replace(year=year, month=month + 1, day=min(time.day, last)))


def _difference(date: Date, start: Date, unit: str) -> float:
    return (date.millis - start.millis) / 1000 / {**_UNITS, **_LONG}[unit.rstrip("s")]


def _part(date: Date, unit: str, zone: str | None = None) -> int:
    time = date.time
    parts = {
        "year": time.year,
        "month": time.month,
        "week": time.isocalendar().week,
        "day": time.day,
        "hour": time.hour,
        "minute": time.minute,
        "second": time.second,
    }
    if unit not in parts:
        raise GraphError(f"Unrecognized unit: {unit}.")
    return parts[unit]


def _relative(date: Date, unit: str, within: str, zone: str | None = None) -> int:
    time = date.time
    if (unit, within) == ("day", "year"):
        return time.timetuple().tm_yday - 1
    if (unit, within) == ("month", "year"):
        return time.month - 1
    if (unit, within) == ("day", "month"):
        return time.day - 1
    raise GraphError(f"the sandbox does not know {unit} in {within}.")


def _unit_range(date: Date, unit: str, zone: str | None = None) -> DateRange:
    time = date.time
    start = {
        "year": datetime(time.year, 1, 1, tzinfo=UTC),
        "month": datetime(time.year, time.month, 1, tzinfo=UTC),
        "day": datetime(time.year, time.month, time.day, tzinfo=UTC),
        "hour": time.replace(minute=0, second=0, microsecond=0),
    }[unit]
    return DateRange(moment(start), _advance(moment(start), 1, unit))


def _date(value: Any, zone: str | None) -> Date:
    _only_utc(zone)
    return to_date(value)


def _date_range(start: Any, end: Any, zone: str | None) -> DateRange:
    _only_utc(zone)
    begin = to_date(start)
    stop = Date(begin.millis + 1) if end is None else to_date(end)
    if stop <= begin:
        raise GraphError("The start of a DateRange must be before its end.")
    return DateRange(begin, stop)


DATE_FUNCTIONS: dict[str, Function] = {
    "Date": _date,
    "Date.advance": _advance,
    "Date.difference": _difference,
    "Date.format": _format,
    "Date.fromYMD": lambda year, month, day, zone: moment(
        datetime(int(year), int(month), int(day), tzinfo=UTC)
    ),
    "Date.get": _part,
    "Date.getRange": _unit_range,
    "Date.getRelative": _relative,
    "Date.millis": lambda date: date.millis,
    "DateRange": _date_range,
    "DateRange.start": lambda span: span.start,
    "DateRange.end": lambda span: span.end,
    "DateRange.contains": lambda span, value: span.start <= to_date(value) < span.end,
}
"""By name; arguments in the order of the signatures."""
