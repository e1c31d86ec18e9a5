"""Reads CQL2-JSON into a small checked tree; everything that can be wrong with a filter is said here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_END, OPEN_START, parse_utc
from eoflows.stores.catalog.relations import NEGATED, RELATIONS
from eoflows.stores.catalog.validity import TIME_PROPERTIES

__all__ = [
    "ARRAYS",
    "COMPARISONS",
    "SPATIAL",
    "Array",
    "Between",
    "FunctionCall",
    "Geometry",
    "Literal",
    "Node",
    "Property",
    "read",
]

_SPATIAL_WORDS = ("contains", "crosses", "disjoint", "equals", "intersects", "overlaps", "touches", "within")
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
SPATIAL = tuple(f"s_{word}" for word in _SPATIAL_WORDS)
ARRAYS = ("a_containedBy", "a_contains", "a_equals", "a_overlaps")
_TEMPORAL = (*RELATIONS, *NEGATED)
_VALUES = {"+": 2, "-": 2, "*": 2, "/": 2, "%": 2, "^": 2, "div": 2, "casei": 1, "accenti": 1}
_CONDITIONS = {"and": 0, "or": 0, "not": 1, "isNull": 1, "between": 3, "in": 2, "like": 2}
_CONDITIONS |= dict.fromkeys((*COMPARISONS, *SPATIAL, *ARRAYS, *_TEMPORAL), 2)
_ARITY = _CONDITIONS | _VALUES
_NAMES = {name.lower(): name for name in _ARITY} | {"anyinteracts": "t_intersects"}
_DEEPEST = 100


@dataclass(frozen=True)
class Literal:
    """A text, number, truth value, or time (aware UTC)."""

    value: str | float | bool | datetime


@dataclass(frozen=True)
class Property:
    """A property by name, without the `properties.` prefix."""

    name: str


@dataclass(frozen=True)
class Between:
    """An interval, closed at both ends; open ends are `OPEN_START` and `OPEN_END`."""

    start: "Literal | Property"
    end: "Literal | Property"


@dataclass(frozen=True)
class Geometry:
    """A GeoJSON geometry, or a `{"bbox": [...]}`; longitude before latitude, degrees."""

    document: Mapping[str, Any]


@dataclass(frozen=True)
class Array:
    """A list of values."""

    values: "tuple[Node, ...]"


@dataclass(frozen=True)
class FunctionCall:
    """An operator, by the name that the standard gives it, with its arguments."""

    op: str
    args: "tuple[Node, ...]"


Node = Literal | Property | Between | Geometry | Array | FunctionCall


def read(document: object) -> Node:
    """Read a CQL2-JSON filter.

    Times become aware UTC; a date is its midnight, as in SQL; text beside a property that holds a time
    is read as a time; `between` becomes two comparisons; `properties.` before a name is dropped.

    Raises:
        InvalidInputError: An unknown operator, a wrong number or kind of arguments, a text that is no
            time where one is needed, or more than 100 levels.
    """
    node = _node(document, 0)
    _check_condition(node)
    return node


def _node(document: object, depth: int) -> Node:  # noqa: PLR0911 - one per kind of node
    if depth > _DEEPEST:
        raise InvalidInputError(f"the filter is nested deeper than {_DEEPEST} levels; make it flatter")
    match document:
        case bool() | int() | float() | str():
            return Literal(document)
        case {"property": str(name)}:
            return Property(name.removeprefix("properties."))
        case {"timestamp": str(text)} | {"date": str(text)}:
            return Literal(parse_utc(text))
        case {"interval": [start, end]}:
            return Between(_end(start, OPEN_START, depth), _end(end, OPEN_END, depth))
        case {"bbox": list()} | {"type": str(), "coordinates": _} | {"type": str(), "geometries": _}:
            return Geometry(cast("Mapping[str, Any]", document))
        case {"op": str(op), "args": [*args]}:
            return _call(op, [_node(argument, depth + 1) for argument in args])
        case [*values]:
            return Array(tuple(_node(value, depth + 1) for value in values))
    shown = str(document)[:200]
    raise InvalidInputError(
        f"{shown} is no part of a CQL2 filter; write conditions as {{'op': ..., 'args': [...]}}, "
        "and test for null with isNull"
    )


def _end(document: object, opened: datetime, depth: int) -> Literal | Property:
    if document in (None, "", ".."):
        return Literal(opened)
    node = _node(document, depth + 1)
    if isinstance(node, Literal) and isinstance(node.value, str):
        return Literal(parse_utc(node.value))
    if isinstance(node, Property) or (isinstance(node, Literal) and isinstance(node.value, datetime)):
        return node
    raise InvalidInputError(f"{document!r} cannot end an interval; use a time, a property or '..'")


def _call(op: str, args: Sequence[Node]) -> FunctionCall:
    name = _NAMES.get(op.lower())
    if name is None:
        raise InvalidInputError(
            f"unknown operator {op!r} in the filter; known are {', '.join(sorted(_ARITY))}"
        )
    wanted = _ARITY[name]
    if len(args) != wanted if wanted else not args:
        raise InvalidInputError(f"{name} takes {wanted or 'one or more'} arguments, got {len(args)}")
    if name in ("and", "or", "not"):
        for argument in args:
            _check_condition(argument)
    elif name in _TEMPORAL:
        args = [_temporal(name, argument) for argument in args]
    elif name in SPATIAL:
        _check_spatial(name, args)
    elif name in (*COMPARISONS, "between", "in"):
        args = _as_times(args)
    if name == "in" and not isinstance(args[1], Array):
        raise InvalidInputError("the second argument of in is a list of values")
    if name == "between":
        return FunctionCall(
            "and", (FunctionCall(">=", (args[0], args[1])), FunctionCall("<=", (args[0], args[2])))
        )
    return FunctionCall(name, tuple(args))


def _check_condition(node: Node) -> None:
    match node:
        case FunctionCall(op) if op in _CONDITIONS:
            return
        case Property() | Literal(bool()):
            return
    raise InvalidInputError(f"{_shown(node)} is no condition; compare it with something")


def _check_spatial(name: str, args: Sequence[Node]) -> None:
    kinds = sorted(type(argument).__name__ for argument in args)
    if kinds not in (["Geometry", "Property"], ["Geometry", "Geometry"]):
        raise InvalidInputError(
            f"{name} compares a property with a literal geometry, got {' and '.join(kinds)}"
        )


def _temporal(name: str, node: Node) -> Node:
    match node:
        case Literal(str(text)):
            return Literal(parse_utc(text))
        case Literal(datetime()) | Property() | Between():
            return node
    raise InvalidInputError(f"{name} compares times and intervals, got {_shown(node)}")


def _as_times(args: Sequence[Node]) -> list[Node]:
    timed = any(isinstance(arg, Property) and arg.name in TIME_PROPERTIES for arg in args)
    return [_as_time(arg) for arg in args] if timed else list(args)


def _as_time(node: Node) -> Node:
    match node:
        case Literal(str(text)):
            return Literal(parse_utc(text))
        case Array(values):
            return Array(tuple(_as_time(value) for value in values))
    return node


def _shown(node: Node) -> str:
    match node:
        case Literal(value):
            return repr(value)
        case Property(name) | FunctionCall(name):
            return repr(name)
    return f"a {type(node).__name__.lower()}"
