"""Functions of elements and of collections."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from eoflows.sandbox.earth_engine.conversions import to_geometry
from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.functions_reducers import REDUCERS
from eoflows.sandbox.earth_engine.geometry import Geometry, union
from eoflows.sandbox.earth_engine.values import (
    Collection,
    Element,
    Feature,
    Filter,
    Function,
    Reducer,
    value_of,
)

__all__ = ["collection_functions"]


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
    named = [
        _with(one, {"system:index": f"{number}_{value_of(one, 'system:index')}"}) for number, one in pairs
    ]
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


def _geometry(collection: Collection, *rest: Any) -> Geometry:
    return union(to_geometry(one) for one in collection)


def collection_functions(settings: Any) -> dict[str, Function]:
    """Return the functions by name, under the service's settings."""
    return {
        "Element.get": value_of,
        "Element.getNumber": value_of,
        "Element.getString": value_of,
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
            for name, compute in REDUCERS.items()
            if name in ("max", "min", "sum", "mean")
        },
    }


def _aggregate(compute: Callable[[list[Any]], Any]) -> Function:
    return lambda collection, name: compute(_column(collection, name))


def _copied(
    destination: Any, source: Any, names: list[str] | None = None, exclude: list[str] | None = None
) -> Any:
    wanted = (
        names if names is not None else [name for name in source.properties if not name.startswith("system:")]
    )
    kept = [name for name in wanted if name not in (exclude or ()) and value_of(source, name) is not None]
    return _with(destination, {name: value_of(source, name) for name in kept})
