"""Functions of numbers, texts, lists, dictionaries and dates."""

import calendar
import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from sandbox.earth_engine.conversions import to_date
from sandbox.earth_engine.errors import GraphError
from sandbox.earth_engine.values import Date, DateRange, Function, Reducer, moment

__all__ = ["DATA_FUNCTIONS"]

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}
_LONG = {"month": 30.4375 * 86_400, "year": 365.25 * 86_400}


def _dictionary(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return dict(zip(value[0::2], value[1::2], strict=True))
    return dict(value or {})


def _get(dictionary: Mapping[str, Any], key: str, default: Any = None) -> Any:
    if key not in dictionary and default is None:
        raise GraphError(f"Dictionary does not contain key: '{key}'.")
    return dictionary.get(key, default)


def _item(values: list[Any], index: float) -> Any:
    if not -len(values) <= index < len(values):
        raise GraphError(f"List index must be between 0 and {len(values) - 1}, or between -{len(values)} and -1."
                         f" Found: {int(index)}")
    return values[int(index)]


def _sequence(start: float, end: float | None, step: float, count: float | None) -> list[float]:
    if count is not None:
        stride = (end - start) / (count - 1) if end is not None and count > 1 else step
        return [start + stride * number for number in range(int(count))]
    if end is None:
        raise GraphError("Either end or count must be specified.")
    return [start + step * number for number in range(math.floor((end - start) / step) + 1)]


def _slice(values: list[Any], start: float, end: float | None, step: float | None) -> list[Any]:
    return values[int(start) : None if end is None else int(end) : int(step or 1)]


def _sorted(values: list[Any], keys: list[Any] | None) -> list[Any]:
    if keys is None:
        return sorted(values)
    return [value for _, value in sorted(zip(keys, values, strict=True), key=operator.itemgetter(0))]


def _distinct(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _flat(values: list[Any]) -> list[Any]:
    return list(chain.from_iterable(_flat(one) if isinstance(one, list) else [one] for one in values))


def _map(values: list[Any], function: Function, drop: Any = False) -> list[Any]:
    made = [function(value) for value in values]
    return [one for one in made if one is not None] if drop else made


def _iterate(values: list[Any], function: Function, first: Any) -> Any:
    for value in values:
        first = function(value, first)
    return first


def _reduce(values: list[Any], reducer: Reducer) -> Any:
    rows = [value if isinstance(value, list) else [value] for value in values]
    found = reducer.reduce(rows)
    return next(iter(found.values())) if len(found) == 1 else found


def _format(date: Date, pattern: str | None, zone: str | None) -> str:
    _only_utc(zone)
    time, millis = date.time, int(date.millis) % 1000
    signs = {
        "y": lambda width: f"{time.year:0{width}d}" if width != 2 else f"{time:%y}",
        "M": lambda width: f"{time:%B}" if width > 3 else f"{time:%b}" if width == 3 else f"{time.month:0{width}d}",
        "d": lambda width: f"{time.day:0{width}d}",
        "D": lambda width: f"{time.timetuple().tm_yday:0{width}d}",
        "H": lambda width: f"{time.hour:0{width}d}",
        "m": lambda width: f"{time.minute:0{width}d}",
        "s": lambda width: f"{time.second:0{width}d}",
        "S": lambda width: f"{millis:03d}".ljust(width, "0")[:width],
        "w": lambda width: f"{time.isocalendar().week:0{width}d}",
        "Z": lambda width: "+0000" if width == 1 else "+00:00",
    }  # fmt: skip
    signs["Y"] = signs["y"]

    def part(found: re.Match[str]) -> str:
        text = found[0]
        if text.startswith("'"):
            return text[1:-1] or "'"
        return signs[text[0]](len(text)) if text[0] in signs else text

    return re.sub(r"'[^']*'|([A-Za-z])\1*", part, pattern or "yyyy-MM-dd'T'HH:mm:ss")


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


def _date_range(start: Any, end: Any, zone: str | None) -> DateRange:
    _only_utc(zone)
    begin = to_date(start)
    stop = Date(begin.millis + 1) if end is None else to_date(end)
    if stop <= begin:
        raise GraphError("The start of a DateRange must be before its end.")
    return DateRange(begin, stop)


def _number_format(number: float, pattern: str | None) -> str:
    pattern = pattern or "%s"
    whole = float(number).is_integer() and re.search(r"%[^%]*[dsxXo]", pattern)
    return pattern % (int(number) if whole else number)


def _truncated(value: Any, low: int, high: int) -> int:
    return int(min(max(value, low), high))


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": lambda left, right: left / right if right else 0,
    "mod": math.fmod,
    "pow": operator.pow,
    "max": max,
    "min": min,
    "and": lambda left, right: int(bool(left) and bool(right)),
    "or": lambda left, right: int(bool(left) or bool(right)),
    "lt": lambda left, right: int(left < right),
    "lte": lambda left, right: int(left <= right),
    "gt": lambda left, right: int(left > right),
    "gte": lambda left, right: int(left >= right),
    "eq": lambda left, right: int(left == right),
    "neq": lambda left, right: int(left != right),
    "bitwiseAnd": lambda left, right: int(left) & int(right),
    "bitwiseOr": lambda left, right: int(left) | int(right),
    "leftShift": lambda left, right: int(left) << int(right),
    "rightShift": lambda left, right: int(left) >> int(right),
}
_UNARY: dict[str, Callable[[Any], Any]] = {
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": lambda value: math.floor(value + 0.5),
    "sqrt": math.sqrt,
    "not": lambda value: int(not value),
    "int": int,
    "toInt": int,
    "long": int,
    "toLong": int,
    "toInt64": int,
    "toInt32": lambda value: _truncated(value, -(2**31), 2**31 - 1),
    "float": float,
    "toFloat": float,
    "double": float,
    "toDouble": float,
}

DATA_FUNCTIONS: dict[str, Function] = {
    **{f"Number.{name}": function for name, function in (_BINARY | _UNARY).items()},
    "Number.format": _number_format,
    "Number.parse": lambda text, radix: float(text) if radix in (None, 10) else int(text, int(radix)),
    "String": str,
    "String.cat": lambda first, second: first + second,
    "String.equals": lambda text, other: text == other,
    "String.index": lambda text, pattern: text.find(pattern),
    "String.length": len,
    "String.replace": lambda text, regex, new, flags: re.sub(
        regex, re.sub(r"\$(\d)", r"\\\1", new), text, count=0 if "g" in (flags or "") else 1
    ),
    "String.slice": lambda text, start, end: text[int(start) : None if end is None else int(end)],
    "String.split": lambda text, regex, flags: re.split(regex, text),
    "String.match": lambda text, regex, flags: [found[0]] if (found := re.search(regex, text)) else [],
    "String.toLowerCase": str.lower,
    "String.toUpperCase": str.upper,
    "String.trim": str.strip,
    "String.compareTo": lambda text, other: (text > other) - (text < other),
    "List.add": lambda values, element: [*values, element],
    "List.cat": lambda values, other: [*values, *other],
    "List.contains": lambda values, element: element in values,
    "List.containsAll": lambda values, other: all(one in values for one in other),
    "List.distinct": _distinct,
    "List.equals": operator.eq,
    "List.filter": lambda values, condition: [one for one in values if condition.test({"item": one}, None)],
    "List.flatten": _flat,
    "List.frequency": lambda values, element: values.count(element),
    "List.get": _item,
    "List.getNumber": _item,
    "List.getString": _item,
    "List.indexOf": lambda values, element: values.index(element) if element in values else -1,
    "List.insert": lambda values, index, element: [*values[: int(index)], element, *values[int(index) :]],
    "List.iterate": _iterate,
    "List.join": lambda values, separator: (separator or "").join(map(str, values)),
    "List.length": len,
    "List.map": _map,
    "List.reduce": _reduce,
    "List.remove": lambda values, element: [
        one for number, one in enumerate(values) if element not in values or number != values.index(element)
    ],
    "List.removeAll": lambda values, other: [one for one in values if one not in other],
    "List.repeat": lambda value, count: [value] * int(count),
    "List.reverse": lambda values: values[::-1],
    "List.sequence": _sequence,
    "List.size": len,
    "List.slice": _slice,
    "List.sort": _sorted,
    "List.unzip": lambda values: [list(column) for column in zip(*values, strict=True)],
    "List.zip": lambda values, other: [list(pair) for pair in zip(values, other, strict=False)],
    "Dictionary": _dictionary,
    "Dictionary.combine": lambda first, second, over: {**first, **second} if over else {**second, **first},
    "Dictionary.contains": lambda dictionary, key: key in dictionary,
    "Dictionary.fromLists": lambda keys, values: dict(zip(keys, values, strict=True)),
    "Dictionary.get": _get,
    "Dictionary.getNumber": _get,
    "Dictionary.getString": _get,
    "Dictionary.keys": sorted,
    "Dictionary.map": lambda dictionary, function: {
        key: function(key, value) for key, value in dictionary.items()
    },
    "Dictionary.remove": lambda dictionary, keys, ignore: {
        key: value for key, value in dictionary.items() if key not in keys
    },
    "Dictionary.select": lambda dictionary, keys, ignore: {
        key: _get(dictionary, key) for key in keys if key in dictionary or not ignore
    },
    "Dictionary.set": lambda dictionary, key, value: {**dictionary, key: value},
    "Dictionary.size": len,
    "Dictionary.values": lambda dictionary, keys: [
        _get(dictionary, key) for key in (sorted(dictionary) if keys is None else keys)
    ],
    "Date": lambda value, zone: (_only_utc(zone), to_date(value))[1],
    "Date.advance": _advance,
    "Date.difference": lambda date, start, unit: _difference(date, start, unit),
    "Date.format": _format,
    "Date.fromYMD": lambda year, month, day, zone: moment(datetime(int(year), int(month), int(day), tzinfo=UTC)),
    "Date.get": _part,
    "Date.getRange": _unit_range,
    "Date.getRelative": _relative,
    "Date.millis": lambda date: date.millis,
    "DateRange": _date_range,
    "DateRange.start": lambda span: span.start,
    "DateRange.end": lambda span: span.end,
    "DateRange.contains": lambda span, value: span.start <= to_date(value) < span.end,
    "IsEqual": operator.eq,
}
"""By name; arguments in the order of the signatures."""
