"""Turns a checked filter into a function of an item, with SQL's three-valued logic (None is unknown)."""

import operator
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import cql2
import orjson

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_END
from eoflows.stores.catalog.relations import NEGATED, RELATIONS, Span, related
from eoflows.stores.catalog.syntax import (
    ARRAYS,
    COMPARISONS,
    SPATIAL,
    Array,
    Between,
    FunctionCall,
    Geometry,
    Literal,
    Node,
    Property,
)
from eoflows.stores.catalog.validity import TIME_PROPERTIES, instant, validity

__all__ = ["compiled", "condition"]

Item = Mapping[str, Any]
Value = Callable[[Item], Any]
Condition = Callable[[Item], bool | None]

_ROOT = frozenset({"bbox", "collection", "geometry", "id"})
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "^": operator.pow,
    "div": operator.floordiv,
}


def condition(node: Node) -> Callable[[Item], bool]:
    """Give a function that tells whether an item matches: unknown is no match.

    Raises:
        InvalidInputError: A geometry that is none.
    """
    decide = compiled(node)
    return lambda item: decide(item) is True


def compiled(node: Node) -> Value:
    """Give a function that evaluates a node for an item: a value, or None for unknown."""
    match node:
        case Literal(value):
            return lambda _: value
        case Property(name):
            return _property(name)
        case Array(values):
            parts = [compiled(value) for value in values]
            return lambda item: [part(item) for part in parts]
        case FunctionCall(op, args):
            return _call(op, args)
    raise InvalidInputError(
        f"a {type(node).__name__.lower()} has no value of its own; use it in a t_ or s_ operator"
    )


def _call(op: str, args: tuple[Node, ...]) -> Value:  # noqa: PLR0911 - one per kind of operator
    if op in RELATIONS or op in NEGATED:
        return _temporal(op, _span(args[0]), _span(args[1]))
    if op in SPATIAL:
        return _spatial(op, args)
    if op == "in":
        return _among(_operand(args[0]), args[1])
    if op in COMPARISONS:
        left, right = _operand(args[0]), _operand(args[1])
        return lambda item: _compare(op, left(item), right(item))
    values = [compiled(arg) for arg in args]
    if op in _ARITHMETIC:
        return lambda item: _calculate(op, values[0](item), values[1](item))
    if op in ARRAYS:
        return lambda item: _arrays(op, values[0](item), values[1](item))
    return _FORMS[op](values) if op in ("and", "or") else _FORMS[op](*values)


def _property(name: str) -> Value:
    if name in _ROOT:
        return lambda item: item.get(name)
    steps = name.split(".")

    def read(item: Item) -> Any:
        properties = item.get("properties") or {}
        if name in properties or len(steps) == 1:
            return properties.get(name)
        found: Any = properties
        for step in steps:
            found = found.get(step) if isinstance(found, Mapping) else None
        return found

    return read


def _operand(node: Node) -> Value:
    """One side of a comparison: a property that holds a time is read as one."""
    value = compiled(node)
    if isinstance(node, Property) and node.name in TIME_PROPERTIES:
        return lambda item: instant(value(item))
    return value


def _compare(op: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, datetime) or isinstance(right, datetime):
        left, right = instant(left), instant(right)
        return None if left is None or right is None else _ORDER[op](left, right)
    return _ORDER[op](left, right) if _comparable(op, left, right) else None


def _comparable(op: str, left: object, right: object) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool) and op in ("=", "<>")
    if isinstance(left, int | float):
        return isinstance(right, int | float)
    if isinstance(left, str):
        return isinstance(right, str)
    return type(left) is type(right) and op in ("=", "<>")


def _all(parts: list[Value]) -> Condition:
    def decide(item: Item) -> bool | None:
        unknown = False
        for part in parts:
            answer = part(item)
            if answer is False:
                return False
            unknown = unknown or answer is not True
        return None if unknown else True

    return decide


def _any(parts: list[Value]) -> Condition:
    none = _all([_not(part) for part in parts])
    return _not(none)


def _not(part: Value) -> Condition:
    def decide(item: Item) -> bool | None:
        answer = part(item)
        return not answer if isinstance(answer, bool) else None

    return decide


def _among(left: Value, listed: Node) -> Condition:
    texts = _texts(listed)
    right = compiled(listed)

    def decide(item: Item) -> bool | None:
        wanted = left(item)
        if texts is not None:
            return wanted in texts if isinstance(wanted, str) else None
        answers = {_compare("=", wanted, value) for value in right(item)}
        return True if True in answers else (None if None in answers else False)

    return decide


def _texts(node: Node) -> frozenset[str] | None:
    values = [value.value if isinstance(value, Literal) else None for value in getattr(node, "values", ())]
    texts = frozenset(value for value in values if isinstance(value, str))
    return texts if all(isinstance(value, str) for value in values) and texts else None


def _calculate(op: str, left: Any, right: Any) -> float | None:
    if type(left) not in (int, float) or type(right) not in (int, float):
        return None
    try:
        # As floats: whole numbers to a large power would never end.
        found = _ARITHMETIC[op](float(left), float(right))
    except (ArithmeticError, ValueError):
        return None
    return found if isinstance(found, float) else None


def _like(value: Value, pattern: Value) -> Condition:
    def decide(item: Item) -> bool | None:
        text, wanted = value(item), pattern(item)
        if not isinstance(text, str) or not isinstance(wanted, str):
            return None
        return _pattern(wanted).fullmatch(text) is not None

    return decide


@lru_cache(maxsize=256)
def _pattern(like: str) -> re.Pattern[str]:
    pieces = [""]
    for mark in re.findall(r"\\.|.", like, re.DOTALL):
        if mark == "%":
            pieces.append("")
        else:
            pieces[-1] += "." if mark == "_" else re.escape(mark[-1])
    first, *rest = pieces
    if not rest:
        return re.compile(first, re.DOTALL)
    # Atomic groups: the first place where a piece fits is as good as any, so many % stay fast.
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    return re.compile(f"{first}{middle}.*{rest[-1]}", re.DOTALL)


def _casei(value: object) -> str | None:
    return value.casefold() if isinstance(value, str) else None


def _accenti(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    letters = unicodedata.normalize("NFD", value)
    return unicodedata.normalize("NFC", "".join(c for c in letters if not unicodedata.combining(c)))


def _arrays(op: str, left: object, right: object) -> bool | None:
    if not isinstance(left, list) or not isinstance(right, list):
        return None
    within, around = _holds(right, left), _holds(left, right)
    if op == "a_overlaps":
        return any(_holds(right, [value]) for value in left)
    return {"a_contains": around, "a_containedBy": within, "a_equals": around and within}[op]


def _holds(many: list[Any], few: list[Any]) -> bool:
    return all(any(_compare("=", value, other) is True for other in many) for value in few)


def _span(node: Node) -> Callable[[Item], Span | None]:
    match node:
        case Between(Property("start_datetime"), Property("end_datetime")):
            return lambda item: validity(item.get("properties") or {})
        case Between(start, end):
            return _ends(compiled(start), compiled(end))
    return _ends(compiled(node), compiled(node))


def _ends(start: Value, end: Value) -> Callable[[Item], Span | None]:
    def read(item: Item) -> Span | None:
        first = instant(start(item))
        return None if first is None else (first, instant(end(item)) or OPEN_END)

    return read


def _temporal(
    op: str, left: Callable[[Item], Span | None], right: Callable[[Item], Span | None]
) -> Condition:
    def decide(item: Item) -> bool | None:
        a, b = left(item), right(item)
        return None if a is None or b is None else related(op, a, b)

    return decide


def _spatial(op: str, args: tuple[Node, ...]) -> Condition:
    """Geometry is the package's work: its spatial operators were found right, and it brings no GEOS."""
    names = [arg.name for arg in args if isinstance(arg, Property)]
    document = {"op": op, "args": [_geometry(arg) for arg in args]}
    expression = cql2.parse_json(orjson.dumps(document).decode())
    _try_geometry(expression, document)
    read = _property(names[0]) if names else lambda _: {"type": "Point", "coordinates": [0, 0]}

    def decide(item: Item) -> bool | None:
        found = read(item)
        return None if found is None else _matches(expression, found)

    return decide


def _geometry(node: Node) -> object:
    return node.document if isinstance(node, Geometry) else {"property": "geometry"}


def _matches(expression: "cql2.Expr", geometry: object) -> bool | None:
    try:
        return bool(expression.matches({"type": "Feature", "geometry": geometry, "properties": {}}))
    except Exception:  # noqa: BLE001 - the package raises bare Exception for a geometry it cannot read
        return None


def _try_geometry(expression: "cql2.Expr", document: Mapping[str, Any]) -> None:
    if _matches(expression, {"type": "Point", "coordinates": [0, 0]}) is None:
        shown = str(document["args"])[:200]
        raise InvalidInputError(
            f"{shown} has no geometry that can be read; use GeoJSON or a bbox of 4 or 6 numbers"
        )


_FORMS: dict[str, Callable[..., Value]] = {
    "and": _all,
    "or": _any,
    "not": _not,
    "like": _like,
    "isNull": lambda value: lambda item: value(item) is None,
    "casei": lambda value: lambda item: _casei(value(item)),
    "accenti": lambda value: lambda item: _accenti(value(item)),
}
