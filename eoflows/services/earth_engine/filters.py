"""Filters of image collections: Earth Engine's objects, or plain documents by an allow-list."""

from collections.abc import Mapping, Sequence
from typing import Any

from eoflows.base.errors import InvalidInputError

__all__ = ["FilterLike", "read_filter"]

FilterLike = Any
"""An `ee.Filter`, or a document as `read_filter` takes it."""

_COMPARISONS = (
    *("eq", "neq", "lt", "lte", "gt", "gte"),
    *("inList", "stringContains", "stringStartsWith", "stringEndsWith"),
)
_ALIASES = {
    "equals": "eq",
    "notEquals": "neq",
    "lessThan": "lt",
    "lessThanOrEquals": "lte",
    "greaterThan": "gt",
    "greaterThanOrEquals": "gte",
    "and": "And",
    "or": "Or",
    "not": "Not",
}
_SPANS = {"dayOfYear": 366, "month": 12}
_SERIALIZED = frozenset({
    *("Filter.and", "Filter.or", "Filter.not", "Filter.equals", "Filter.notEquals", "Filter.lessThan"),
    *("Filter.greaterThan", "Filter.lessThanOrEquals", "Filter.greaterThanOrEquals", "Filter.notNull"),
    *("Filter.listContains", "Filter.inList", "Filter.stringContains", "Filter.stringStartsWith"),
    *("Filter.stringEndsWith", "Filter.dayOfYear", "Filter.calendarRange"),
})  # fmt: skip
_TYPES = frozenset({"CompoundValue", "Invocation", "ValueRef"})
_NO_FILTER = frozenset({"functionReference", "functionDefinitionValue", "argumentReference", "bytesValue"})


def read_filter(given: FilterLike) -> Any:
    """Read a filter.

    Args:
        given: An `ee.Filter`, or one of these documents:

            - `{"function": "lte", "name": "CLOUD_COVER", "value": 80}`, with `eq`, `neq`, `lt`, `lte`,
              `gt`, `gte`, `stringContains`, `stringStartsWith`, `stringEndsWith`, or `inList` and a list as
              value;
            - `{"function": "notNull", "name": "CLOUD_COVER"}`;
            - `{"function": "dayOfYear", "start": 150, "end": 250}`, or `month`: both ends are part of it,
              and it may go over the new year;
            - `{"function": "And", "filters": [...]}`, `Or`, or `Not` of one;
            - what `ee.serializer.encode` makes of such a filter, as the metadata of images have it.

    Raises:
        InvalidInputError: It is none of these.
    """
    import ee  # noqa: PLC0415

    if isinstance(given, ee.Filter):
        return given
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"{given!r} is no filter; give an ee.Filter or a document with a `function`")
    if "function" not in given and ({"result", "values"} <= given.keys() or "type" in given):
        return _decoded(given)
    rest = dict(given)
    asked = str(rest.pop("function", ""))
    function = _ALIASES.get(asked, asked)
    made = _made(function, rest)
    if made is None or rest:
        raise InvalidInputError(
            f"filter {dict(given)!r} is not known here; `function` is one of {', '.join(_COMPARISONS)}, "
            f"notNull, {', '.join(_SPANS)}, And, Or, Not, with `name` and `value`, `start` and `end`, or "
            "`filters`"
        )
    return made


def _decoded(graph: Mapping[str, Any]) -> Any:
    """Read a filter that was serialized, of these functions and no others."""
    import ee  # noqa: PLC0415

    try:
        _check_graph(graph)
        made = ee.deserializer.decode(dict(graph))
    except (ee.EEException, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise InvalidInputError(f"a serialized filter cannot be read: {error}") from error
    if not isinstance(made, ee.Filter):
        raise InvalidInputError("what was serialized is no filter")
    return made


def _check_graph(part: Any) -> None:
    if isinstance(part, Mapping):
        name, kind = part.get("functionName"), part.get("type")
        if name is not None and name not in _SERIALIZED:
            raise ValueError(f"{name!r} is not allowed in it")
        if _NO_FILTER & part.keys() or (isinstance(kind, str) and kind not in _TYPES):
            raise ValueError("it has more than filters in it")
        for one in part.values():
            _check_graph(one)
    elif isinstance(part, list | tuple):
        for one in part:
            _check_graph(one)


def _made(function: str, rest: dict[str, Any]) -> Any:
    import ee  # noqa: PLC0415

    if function in _COMPARISONS and {"name", "value"} <= rest.keys():
        name, value = _name(rest.pop("name")), rest.pop("value")
        _check_value(function, value)
        return getattr(ee.Filter, function)(name, value)
    if function == "notNull" and "name" in rest:
        return ee.Filter.notNull([_name(rest.pop("name"))])
    if function in _SPANS and {"start", "end"} <= rest.keys():
        first, last = (_number(rest.pop(key), _SPANS[function]) for key in ("start", "end"))
        return ee.Filter.dayOfYear(first, last) if function == "dayOfYear" else _months(first, last)
    if function in ("And", "Or", "Not") and isinstance(rest.get("filters"), Sequence):
        filters = [read_filter(one) for one in rest.pop("filters")]
        if function == "Not" and len(filters) == 1:
            return filters[0].Not()
        if function != "Not" and filters:
            return ee.Filter.And(*filters) if function == "And" else ee.Filter.Or(*filters)
    return None


def _months(first: int, last: int) -> Any:
    import ee  # noqa: PLC0415

    return ee.Filter.calendarRange(first, last, "month")


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"{value!r} is no name of a property")
    return value


def _number(value: Any, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InvalidInputError(f"{value!r} is no number from 1 to {most}")
    return value


def _check_value(function: str, value: Any) -> None:
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    listed = (
        isinstance(value, list) and bool(value) and all(isinstance(one, str | int | float) for one in value)
    )
    fits = (
        listed if function == "inList" else isinstance(value, str) if function.startswith("string") else plain
    )
    if not fits:
        raise InvalidInputError(f"{value!r} is no value for the filter {function!r}")
