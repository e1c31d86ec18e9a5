"""A small CQL2 evaluator (cql2-json), with the three-valued logic of SQL."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from eoflows.sandbox.stac.times import instant, interval_of, parse_instant, shifted

__all__ = ["OPERATORS", "TEMPORAL", "FilterError", "Lookup", "evaluate", "operators_in", "properties_in"]

Lookup = Callable[[str], Any]
"""From a property's name to its value, None when it has none."""
Span = tuple[datetime, datetime]
Truth = bool | None


class FilterError(ValueError):
    """A filter that cannot be understood."""


TEMPORAL: Mapping[str, Callable[[Span, Span], bool]] = {
    "t_after": lambda a, b: a[0] > b[1],
    "t_before": lambda a, b: a[1] < b[0],
    "t_contains": lambda a, b: a[0] < b[0] and a[1] > b[1],
    "t_disjoint": lambda a, b: a[1] < b[0] or a[0] > b[1],
    "t_during": lambda a, b: a[0] > b[0] and a[1] < b[1],
    "t_equals": lambda a, b: a == b,
    "t_finishedBy": lambda a, b: a[0] < b[0] and a[1] == b[1],
    "t_finishes": lambda a, b: a[0] > b[0] and a[1] == b[1],
    "t_intersects": lambda a, b: a[0] <= b[1] and a[1] >= b[0],
    "t_meets": lambda a, b: a[1] == b[0],
    "t_metBy": lambda a, b: a[0] == b[1],
    "t_overlappedBy": lambda a, b: b[0] < a[0] < b[1] < a[1],
    "t_overlaps": lambda a, b: a[0] < b[0] < a[1] < b[1],
    "t_startedBy": lambda a, b: a[0] == b[0] and a[1] > b[1],
    "t_starts": lambda a, b: a[0] == b[0] and a[1] < b[1],
}
"""The fifteen temporal operators; every boundary is strict."""

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_ARRAY: Mapping[str, Callable[[set[Any], set[Any]], bool]] = {
    "a_equals": lambda a, b: a == b,
    "a_contains": lambda a, b: a >= b,
    "a_containedBy": lambda a, b: a <= b,
    "a_overlaps": lambda a, b: bool(a & b),
}
OPERATORS = frozenset(
    {"and", "or", "not", "in", "between", "isNull", "like", "casei", "accenti", "+", "-"}
    | TEMPORAL.keys()
    | _COMPARE.keys()
    | _ARRAY.keys()
)
"""All operators that exist here."""


def evaluate(node: Any, lookup: Lookup) -> Truth:
    """Return whether a filter holds for a record; None where SQL says NULL.

    Raises:
        FilterError: The filter is malformed, or uses an unknown operator.
    """
    if isinstance(node, bool):
        return node
    operator, args = _call(node)
    if operator == "and":
        return _all([evaluate(arg, lookup) for arg in args])
    if operator == "or":
        return _negate(_all([_negate(evaluate(arg, lookup)) for arg in args]))
    if operator == "not":
        return _negate(evaluate(_only(args), lookup))
    if operator in TEMPORAL:
        left, right = (interval_of(arg, lookup) for arg in _pair(args))
        return None if left is None or right is None else TEMPORAL[operator](left, right)
    return _predicate(operator, args, lookup)


def _predicate(operator: str, args: Sequence[Any], lookup: Lookup) -> Truth:
    if operator in _COMPARE:
        left, right = (_value(arg, lookup) for arg in _pair(args))
        return _compared(_COMPARE[operator], left, right)
    if operator == "isNull":
        return _value(_only(args), lookup) is None
    if operator == "between":
        value, low, high = (_value(arg, lookup) for arg in _three(args))
        return _all([_compared(_COMPARE[">="], value, low), _compared(_COMPARE["<="], value, high)])
    if operator == "in":
        subject, choices = _pair(args)
        value = _value(subject, lookup)
        return _any([_compared(_COMPARE["="], value, _value(choice, lookup)) for choice in choices])
    if operator == "like":
        value, pattern = (_value(arg, lookup) for arg in _pair(args))
        return None if value is None else _like(str(pattern)).fullmatch(str(value)) is not None
    if operator in _ARRAY:
        left, right = (_value(arg, lookup) for arg in _pair(args))
        return None if left is None or right is None else _ARRAY[operator](set(left), set(right))
    raise FilterError(f"Operator {operator} Not Supported")


def _call(node: Any) -> tuple[str, Sequence[Any]]:
    if not isinstance(node, Mapping) or "op" not in node or not isinstance(node.get("args"), list):
        raise FilterError(f"not a CQL2 operation: {node!r}")
    return str(node["op"]), node["args"]


def _only(args: Sequence[Any]) -> Any:
    if len(args) != 1:
        raise FilterError(f"1 argument expected, {len(args)} given")
    return args[0]


def _pair(args: Sequence[Any]) -> Sequence[Any]:
    if len(args) != 2:
        raise FilterError(f"2 arguments expected, {len(args)} given")
    return args


def _three(args: Sequence[Any]) -> Sequence[Any]:
    if len(args) == 2 and isinstance(args[1], list):
        args = [args[0], *args[1]]
    if len(args) != 3:
        raise FilterError(f"3 arguments expected, {len(args)} given")
    return args


def _value(node: Any, lookup: Lookup) -> Any:
    if isinstance(node, list):
        return [_value(part, lookup) for part in node]
    if not isinstance(node, Mapping):
        return node
    if "property" in node:
        return lookup(node["property"])
    if "timestamp" in node or "date" in node:
        return instant(node, lookup)
    operator, args = _call(node)
    if operator in ("casei", "accenti"):
        value = _value(_only(args), lookup)
        return value.casefold() if isinstance(value, str) else value
    if operator in ("+", "-"):
        return _sum(operator, *(_value(arg, lookup) for arg in _pair(args)))
    raise FilterError(f"Operator {operator} Not Supported")


def _sum(operator: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    if isinstance(left, str):
        left = parse_instant(left) or left
    if isinstance(left, datetime):
        return shifted(left, timedelta(seconds=float(right) * (1 if operator == "+" else -1)))
    return left + right if operator == "+" else left - right


def _compared(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> Truth:
    if left is None or right is None:
        return None
    if isinstance(left, datetime) or isinstance(right, datetime) or _both_times(left, right):
        left, right = parse_instant(left), parse_instant(right)
        if left is None or right is None:
            return None
    try:
        return compare(left, right)
    except TypeError:
        return None


def _both_times(left: Any, right: Any) -> bool:
    return (
        isinstance(left, str)
        and isinstance(right, str)
        and parse_instant(left) is not None
        and parse_instant(right) is not None
    )


@functools.cache
def _like(pattern: str) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(sign, re.escape(sign)) for sign in pattern), re.DOTALL)


def _negate(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _all(truths: Sequence[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def _any(truths: Sequence[Truth]) -> Truth:
    return True if True in truths else None if None in truths else False


def operators_in(node: Any) -> set[str]:
    """Return the names of all operators in a filter."""
    if isinstance(node, list):
        return set().union(*(operators_in(part) for part in node))
    if not isinstance(node, Mapping):
        return set()
    own = {str(node["op"])} if "op" in node else set()
    return own.union(*(operators_in(part) for part in node.values()))


def properties_in(node: Any) -> set[str]:
    """Return the names of all properties in a filter."""
    if isinstance(node, list):
        return set().union(*(properties_in(part) for part in node))
    if not isinstance(node, Mapping):
        return set()
    own = {str(node["property"])} if "property" in node else set()
    return own.union(*(properties_in(part) for part in node.values()))
