"""Functions of filters, and of the joins that use them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from eoflows.sandbox.earth_engine.conversions import to_date, to_geometry
from eoflows.sandbox.earth_engine.values import Collection, Date, DateRange, Filter, Function, value_of

__all__ = ["FILTER_FUNCTIONS"]


def _compared(test: Callable[[Any, Any], bool]) -> Function:
    """Return a filter that compares a field or value with another."""

    def make(
        left_field: str | None, right_value: Any, right_field: str | None, left_value: Any, *rest: Any
    ) -> Filter:
        def passes(element: Any, other: Any) -> bool:
            left = left_value if left_field is None else _of(element, left_field)
            right = (
                right_value if right_field is None else _of(element if other is None else other, right_field)
            )
            return left is not None and right is not None and bool(test(left, right))

        return Filter(passes)

    return make


def _of(element: Any, name: str) -> Any:
    if isinstance(element, dict):
        return element.get(name)
    return value_of(element, name)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        if isinstance(left, Date) or isinstance(right, Date):
            return test(to_date(left), to_date(right))
        if isinstance(left, str) != isinstance(right, str):
            return False
        return test(left, right)

    return compare


def _in_range(*arguments: Any) -> Filter:
    made: Filter = _compared(lambda span, value: span.start <= to_date(value) < span.end)(*arguments)
    span = arguments[3]
    if arguments[2] == "system:time_start" and isinstance(span, DateRange):
        return replace(made, span=span)
    return made


def _touching(*arguments: Any) -> Filter:
    made: Filter = _compared(lambda left, right: _shape(left).intersects(_shape(right)))(*arguments)
    if arguments[0] in (".all", ".geo") and arguments[1] is not None:
        return replace(made, bounds=to_geometry(arguments[1]).bounds)
    return made


def _shape(value: Any) -> Any:
    return to_geometry(value).shape


def _all_of(filters: list[Filter]) -> Filter:
    spans = [one.span for one in filters if one.span]
    boxes = [one.bounds for one in filters if one.bounds]
    return Filter(
        lambda element, other: all(one.test(element, other) for one in filters),
        DateRange(max(one.start for one in spans), min(one.end for one in spans)) if spans else None,
        boxes[0] if boxes else None,
    )


def _calendar(start: float, end: float | None, field: str) -> Filter:
    last = start if end is None else end

    def passes(element: Any, other: Any) -> bool:
        millis = value_of(element, "system:time_start")
        if millis is None:
            return False
        time = Date(millis).time
        number = {
            "day_of_year": time.timetuple().tm_yday,
            "day_of_month": time.day,
            "day_of_week": time.isoweekday(),
            "month": time.month,
            "year": time.year,
            "hour": time.hour,
        }[field or "day_of_year"]
        return start <= number <= last if start <= last else number >= start or number <= last

    return Filter(passes)


def _range_contains(field: str, low: Any, high: Any) -> Filter:
    def passes(element: Any, other: Any) -> bool:
        value = _of(element, field)
        return value is not None and bool(low <= value <= high)

    return Filter(passes)


def _not_null(names: list[str]) -> Filter:
    return Filter(lambda element, other: all(_of(element, name) is not None for name in names))


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda left, right: bool(left == right),
    "notEquals": lambda left, right: bool(left != right),
    "lessThan": _ordered(lambda left, right: left < right),
    "lessThanOrEquals": _ordered(lambda left, right: left <= right),
    "greaterThan": _ordered(lambda left, right: left > right),
    "greaterThanOrEquals": _ordered(lambda left, right: left >= right),
    "stringContains": lambda left, right: right in left,
    "stringStartsWith": lambda left, right: left.startswith(right),
    "stringEndsWith": lambda left, right: left.endswith(right),
    "inList": lambda left, right: left in right,
    "listContains": lambda left, right: right in left,
    "contains": lambda left, right: _shape(left).contains(_shape(right)),
    "isContained": lambda left, right: _shape(left).within(_shape(right)),
    "disjoint": lambda left, right: not _shape(left).intersects(_shape(right)),
}
_SHORT = {
    "eq": "equals",
    "neq": "notEquals",
    "lt": "lessThan",
    "lte": "lessThanOrEquals",
    "gt": "greaterThan",
    "gte": "greaterThanOrEquals",
}


def _joined(kind: str) -> Function:
    def make(key: str | None = None, *rest: Any) -> tuple[str, str | None, Any]:
        return kind, key, rest

    return make


def _apply_join(
    join: tuple[str, str | None, Any], primary: Collection, secondary: Collection, condition: Filter
) -> Collection:
    kind, key, rest = join
    others = list(secondary)

    def results() -> Iterator[Any]:
        for one in primary:
            found = [other for other in others if condition.test(one, other)]
            if kind == "saveAll" and rest and rest[0]:
                found.sort(key=lambda each: value_of(each, rest[0]))
            if kind in ("inverted", "simple") and bool(found) == (kind == "simple"):
                yield one
            elif kind == "saveAll" and found:
                yield replace(one, properties={**one.properties, str(key): found})
            elif kind == "saveFirst" and found:
                yield replace(one, properties={**one.properties, str(key): found[0]})

    return Collection.of(list(results()), primary.kind)


_TESTS = {**_COMPARISONS, **{short: _COMPARISONS[name] for short, name in _SHORT.items()}}
FILTER_FUNCTIONS: dict[str, Function] = {
    **{f"Filter.{name}": _compared(test) for name, test in _TESTS.items()},
    "Filter.dateRangeContains": _in_range,
    "Filter.intersects": _touching,
    "Filter.and": _all_of,
    "Filter.or": lambda filters: Filter(lambda one, other: any(each.test(one, other) for each in filters)),
    "Filter.not": lambda condition: Filter(lambda one, other: not condition.test(one, other)),
    "Filter.always": lambda: Filter(lambda one, other: True),
    "Filter.never": lambda: Filter(lambda one, other: False),
    "Filter.notNull": _not_null,
    "Filter.calendarRange": _calendar,
    "Filter.dayOfYear": lambda start, end: _calendar(start, end, "day_of_year"),
    "Filter.rangeContains": _range_contains,
    **{f"Join.{kind}": _joined(kind) for kind in ("saveAll", "saveFirst", "simple", "inverted")},
    "Join.apply": _apply_join,
}
"""By name; arguments in the order of the signatures."""
