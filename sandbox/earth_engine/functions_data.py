"""Functions of numbers, texts, lists and dictionaries."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.values import Function, Reducer

__all__ = ["DATA_FUNCTIONS"]


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
        raise GraphError(
            f"List index must be between 0 and {len(values) - 1}, or between -{len(values)} and -1."
            f" Found: {int(index)}"
        )
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
    "IsEqual": operator.eq,
}
"""By name; arguments in the order of the signatures."""
