"""What the indexed columns can say about a filter: SQL that holds wherever the filter is true.

It may hold elsewhere too, because the filter itself is then decided item by item; so a part that
columns cannot answer is left out of an `and`, and takes the whole `or` with it.
"""

from dataclasses import dataclass
from datetime import datetime

import orjson

from eoflows.stores.catalog.relations import NEGATED, RELATIONS
from eoflows.stores.catalog.syntax import (
    COMPARISONS,
    Array,
    Between,
    FunctionCall,
    Geometry,
    Literal,
    Node,
    Property,
)
from eoflows.stores.catalog.validity import microseconds

__all__ = ["Condition", "among", "necessary"]

_TEXT = {"id": "id", "collection": "collection", "product:type": "product_type"}
_TIME = {
    "start_datetime": "start_us",
    "end_datetime": "end_us",
    "created": "created_us",
    "updated": "updated_us",
    "published": "published_us",
}
_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MEETING = ("s_contains", "s_crosses", "s_equals", "s_intersects", "s_overlaps", "s_touches", "s_within")
_BOX_SIZES = {4: (0, 1, 2, 3), 6: (0, 1, 3, 4)}


@dataclass(frozen=True)
class Condition:
    """A piece of SQL and the values of its question marks."""

    sql: str
    values: tuple[object, ...] = ()


def among(column: str, texts: "list[str] | tuple[str, ...]") -> Condition:
    """Say that a column is one of some texts, however many."""
    if len(texts) == 1:
        return Condition(f"{column} = ?", (texts[0],))
    sql = f"{column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - a column of ours
    return Condition(sql, (orjson.dumps(texts).decode(),))


def necessary(node: Node) -> Condition | None:  # noqa: PLR0911 - one per kind of condition
    """Give a condition that is true in every row whose item matches, or None for no such condition."""
    match node:
        case FunctionCall("and", args):
            return _joined(" AND ", [part for part in map(necessary, args) if part])
        case FunctionCall("or", args):
            parts = [necessary(arg) for arg in args]
            return None if None in parts else _joined(" OR ", [part for part in parts if part])
        case FunctionCall("in", (Property(name), Array(values))) if name in _TEXT:
            texts = [value.value for value in values if isinstance(value, Literal)]
            known = [text for text in texts if isinstance(text, str)]
            return among(_TEXT[name], known) if len(texts) == len(values) else None
        case FunctionCall(op, (left, right)) if op in COMPARISONS:
            return _comparison(op, left, right)
        case FunctionCall(op, (left, right)) if op in RELATIONS or op in NEGATED:
            return _relation(op, left, right)
        case FunctionCall(op, args) if op in _MEETING:
            return _boxes(args)
    return None


def _joined(word: str, parts: list[Condition]) -> Condition | None:
    if not parts:
        return None
    sql = word.join(f"({part.sql})" for part in parts)
    return Condition(sql, tuple(value for part in parts for value in part.values))


def _comparison(op: str, left: Node, right: Node) -> Condition | None:
    match left, right:
        case Literal(), Property() if op in _FLIPPED:
            return _comparison(_FLIPPED[op], right, left)
        case Property(name), Literal(str(text)) if name in _TEXT and op == "=":
            return Condition(f"{_TEXT[name]} = ?", (text,))
        case Property(name), Literal(datetime() as time) if name in _TIME and op in _FLIPPED:
            return Condition(f"{_TIME[name]} {op} ?", (microseconds(time),))
    return None


def _relation(op: str, left: Node, right: Node) -> Condition | None:
    a, b = _ends(left), _ends(right)
    if a is None or b is None:
        return None
    ends = {"a0": a[0], "a1": a[1], "b0": b[0], "b1": b[1]}
    terms = RELATIONS[NEGATED.get(op, op)]
    sql = " AND ".join(f"{ends[one].sql} {sign} {ends[other].sql}" for one, sign, other in terms)
    values = tuple(value for one, _, other in terms for end in (one, other) for value in ends[end].values)
    return Condition(f"NOT ({sql})" if op in NEGATED else sql, values)


def _ends(node: Node) -> tuple[Condition, Condition] | None:
    match node:
        case Between(Property("start_datetime"), Property("end_datetime")):
            return Condition("start_us"), Condition("end_us")
        case Between(Literal(datetime() as start), Literal(datetime() as end)):
            return Condition("?", (microseconds(start),)), Condition("?", (microseconds(end),))
        case Literal(datetime() as time):
            return (Condition("?", (microseconds(time),)),) * 2
        case Property(name) if name in _TIME:
            return (Condition(_TIME[name]),) * 2
    return None


def _boxes(args: tuple[Node, ...]) -> Condition | None:
    """Say that the bounds of the geometries meet."""
    match args:
        case (Property("geometry"), Geometry(document)) | (Geometry(document), Property("geometry")):
            box = _box(document.get("bbox"))
            if box is not None:
                return Condition("west <= ? AND east >= ? AND south <= ? AND north >= ?", box)
    return None


def _box(bounds: object) -> tuple[float, float, float, float] | None:
    if not isinstance(bounds, list) or len(bounds) not in _BOX_SIZES:
        return None
    west, south, east, north = (bounds[place] for place in _BOX_SIZES[len(bounds)])
    return (east, west, north, south) if west <= east else None
