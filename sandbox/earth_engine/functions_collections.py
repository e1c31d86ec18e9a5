"""Functions of elements, filters, collections, joins and reducers."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from sandbox.earth_engine.conversions import to_date, to_geometry
from sandbox.earth_engine.errors import GraphError
from sandbox.earth_engine.geometry import Geometry
from sandbox.earth_engine.images import Image
from sandbox.earth_engine.values import (
    Collection,
    Date,
    DateRange,
    Element,
    Feature,
    Filter,
    Function,
    Reducer,
    value_of,
)

__all__ = ["collection_functions"]



def _compared(test: Callable[[Any, Any], bool]) -> Function:
    """Return a filter that compares a field or value with another."""

    def make(
        left_field: str | None, right_value: Any, right_field: str | None, left_value: Any, *rest: Any
    ) -> Filter:
        def passes(element: Any, other: Any) -> bool:
            left = left_value if left_field is None else _of(element, left_field)
            right = right_value if right_field is None else _of(element if other is None else other, right_field)
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


def _filtered(collection: Collection, condition: Filter) -> Collection:
    return replace(collection, filters=(*collection.filters, condition))


def _mapped(collection: Collection, function: Function, drop: Any) -> Collection:
    made = []
    for element in collection:
        name = value_of(element, "system:index")
        try:
            one = function(element)
        except GraphError as error:
            raise GraphError(f"Error in map(ID={name}):\n{error}", error.code) from error
        if one is None and drop:
            continue
        if not isinstance(one, Element):
            raise GraphError("Collection.map: A mapped algorithm must return a Feature or Image.")
        made.append(_with(one, {"system:index": name}) if name is not None else one)
    return Collection.of(made)


def _with(element: Any, properties: dict[str, Any]) -> Any:
    return replace(element, properties={**element.properties, **properties})


def _set(element: Any, key: str, value: Any) -> Any:
    return _with(element, {key: value})


def _first(collection: Collection) -> Any:
    return next(iter(collection), None)


def _limited(collection: Collection, limit: float | None, key: str | None, ascending: Any) -> Collection:
    elements: Iterable[Any] = collection
    if key is not None:
        known = [one for one in collection if value_of(one, key) is not None]
        elements = sorted(known, key=lambda one: value_of(one, key), reverse=ascending is False)
    return Collection.of(list(islice(elements, None if limit is None else int(limit))), collection.kind)


def _distinct(collection: Collection, properties: Any) -> Collection:
    names = properties if isinstance(properties, list) else [properties]
    found: dict[tuple[Any, ...], Any] = {}
    for one in collection:
        found.setdefault(tuple(repr(value_of(one, name)) for name in names), one)
    return Collection.of(list(found.values()), collection.kind)


def _merged(first: Collection, second: Collection) -> Collection:
    pairs = [(number, one) for number, part in enumerate((first, second), 1) for one in part]
    named = [_with(one, {"system:index": f"{number}_{value_of(one, 'system:index')}"}) for number, one in pairs]
    return Collection.of(named, first.kind)


def _numbered(elements: Sequence[Any]) -> Collection:
    return Collection.of([_with(one, {"system:index": str(number)}) for number, one in enumerate(elements)])


def _iterated(collection: Collection, function: Function, first: Any) -> Any:
    for element in collection:
        first = function(element, first)
    return first


def _listed(collection: Collection, count: float, offset: float | None) -> list[Any]:
    start = int(offset or 0)
    return list(islice(collection, start, start + int(count)))


def _column(collection: Collection, name: str) -> list[Any]:
    values = (value_of(one, name) for one in collection)
    return [value for value in values if value is not None]


def _reduced(collection: Collection, reducer: Reducer, selectors: list[str], weights: Any) -> dict[str, Any]:
    if len(selectors) != reducer.inputs:
        raise GraphError(f"Need {reducer.inputs} inputs for {reducer.name}, got {len(selectors)}.")
    return reducer.reduce([[value_of(one, name) for name in selectors] for one in collection])


def _whole(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    return [row for row in rows if all(value is not None for value in row)]


def _to_list(size: float | None, optional: float | None) -> Reducer:
    def reduce(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
        needed = int(size or 1) - int(optional or 0)
        kept = [list(row) for row in rows if all(value is not None for value in row[:needed])]
        return {"list": kept if size is not None else [row[0] for row in kept]}

    return Reducer("Reducer.toList", int(size or 1), reduce)


def _repeated(reducer: Reducer, count: float) -> Reducer:
    def reduce(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
        parts = [reducer.reduce([[row[number]] for row in rows]) for number in range(int(count))]
        return {name: [part[name] for part in parts] for name in parts[0]}

    return Reducer(f"{reducer.name}.repeat", int(count), reduce)


def _simple(name: str, compute: Callable[[list[Any]], Any]) -> Function:
    def make(*arguments: Any) -> Reducer:
        return Reducer(f"Reducer.{name}", 1, lambda rows: {name: compute([row[0] for row in _whole(rows)])})

    return make


_SIMPLE: dict[str, Callable[[list[Any]], Any]] = {
    "count": len,
    "countDistinct": lambda values: len({repr(value) for value in values}),
    "max": lambda values: max(values, default=None),
    "min": lambda values: min(values, default=None),
    "sum": sum,
    "mean": lambda values: statistics.fmean(values) if values else None,
    "median": lambda values: statistics.median(values) if values else None,
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
    "frequencyHistogram": lambda values: {str(value): number for value, number in Counter(values).items()},
}


def _dictionary_of(settings: Any) -> Function:
    def make(element: Any, names: list[str] | None) -> dict[str, Any]:
        own = {name: value for name, value in element.properties.items() if not name.startswith("system:")}
        if names is None:
            return own
        missing = [name for name in names if value_of(element, name) is None]
        if missing and settings.missing_property == "fails":
            raise GraphError(f"Property '{missing[0]}' is missing.")
        return {name: value_of(element, name) for name in names if name not in missing}

    return make


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
            if kind == "inverted" and not found:
                yield one
            elif kind == "simple" and found:
                yield one
            elif kind == "saveAll" and found:
                yield _with(one, {str(key): found})
            elif kind == "saveFirst" and found:
                yield _with(one, {str(key): found[0]})

    return Collection.of(list(results()), primary.kind)


def _geometry(collection: Collection, *rest: Any) -> Geometry:
    import shapely  # noqa: PLC0415

    shapes = [to_geometry(one).shape for one in collection]
    return Geometry(shapely.union_all(shapes))


def collection_functions(settings: Any) -> dict[str, Function]:
    """Return the functions by name, under the service's settings."""
    comparisons = {**_COMPARISONS, **{short: _COMPARISONS[name] for short, name in _SHORT.items()}}
    return {
        **{f"Filter.{name}": _compared(test) for name, test in comparisons.items()},
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
        "Element.get": lambda element, name: value_of(element, name),
        "Element.getNumber": lambda element, name: value_of(element, name),
        "Element.getString": lambda element, name: value_of(element, name),
        "Element.set": _set,
        "Element.setMulti": _with,
        "Element.propertyNames": lambda element: sorted(element.properties),
        "Element.toDictionary": _dictionary_of(settings),
        "Element.copyProperties": _copied,
        "Image.copyProperties": _copied,
        "Element.geometry": lambda element, *rest: to_geometry(element),
        "Feature": lambda geometry, properties, key: Feature(geometry, dict(properties or {})),
        "Feature.id": lambda feature: value_of(feature, "system:index"),
        "Feature.geometry": lambda element, *rest: to_geometry(element),
        "Collection": _numbered,
        "Collection.filter": _filtered,
        "Collection.map": _mapped,
        "Collection.iterate": _iterated,
        "Collection.first": _first,
        "Collection.limit": _limited,
        "Collection.distinct": _distinct,
        "Collection.merge": _merged,
        "ImageCollection.merge": _merged,
        "Collection.size": lambda collection: sum(1 for _ in collection),
        "Collection.toList": _listed,
        "Collection.flatten": lambda collection: Collection.of([one for part in collection for one in part]),
        "Collection.geometry": _geometry,
        "Collection.bounds": _geometry,
        "Collection.reduceColumns": _reduced,
        "AggregateFeatureCollection.array": _column,
        "AggregateFeatureCollection.count": lambda collection, name: len(_column(collection, name)),
        "AggregateFeatureCollection.count_distinct": lambda collection, name: len(
            {repr(value) for value in _column(collection, name)}
        ),
        "AggregateFeatureCollection.first": lambda collection, name: value_of(_first(collection), name),
        "AggregateFeatureCollection.histogram": lambda collection, name: {
            str(value): number for value, number in Counter(_column(collection, name)).items()
        },
        **{
            f"AggregateFeatureCollection.{name}": _aggregate(compute)
            for name, compute in _SIMPLE.items()
            if name in ("max", "min", "sum", "mean")
        },
        **{f"Reducer.{name}": _simple(name, compute) for name, compute in _SIMPLE.items()},
        "Reducer.toList": _to_list,
        "Reducer.repeat": _repeated,
        **{f"Join.{kind}": _joined(kind) for kind in ("saveAll", "saveFirst", "simple", "inverted")},
        "Join.apply": _apply_join,
    }


def _aggregate(compute: Callable[[list[Any]], Any]) -> Function:
    return lambda collection, name: compute(_column(collection, name))


def _copied(
    destination: Any, source: Any, names: list[str] | None = None, exclude: list[str] | None = None
) -> Any:
    wanted = names if names is not None else [name for name in source.properties if not name.startswith("system:")]
    kept = [name for name in wanted if name not in (exclude or ()) and value_of(source, name) is not None]
    return _with(destination, {name: value_of(source, name) for name in kept})
