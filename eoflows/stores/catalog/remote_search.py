"""From the arguments of a search to the body of `POST /search`.

What is sent is a superset: pgstac answers 500 to a time compared with a property that it keeps as text, and
compares such texts letter by letter. The items that come are decided once more, by the same rules that the
local catalogue has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import cql2

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_END, OPEN_START, Interval, format_utc, parse_utc
from eoflows.stores.catalog.interface import FilterLike, SortLike

__all__ = ["search_body"]

_TIMED = frozenset({"datetime", "start_datetime", "end_datetime"})
"""Properties that pgstac keeps as times."""

_LOWER = frozenset({">", ">="})
_UPPER = frozenset({"<", "<="})
_AFTER_ALL = "zz"
"""Sorts after every fraction and zone of a time, in byte order and in dictionary order."""


def search_body(
    *,
    ids: Sequence[str] | None,
    datetime: str | Interval | None,
    bbox: Sequence[float] | None,
    filter: FilterLike | None,
    sortby: SortLike | None,
    limit: int,
    one_collection: bool,
) -> dict[str, Any]:
    """Give the body, collections aside; the arguments were checked before.

    Args:
        ids: Only these.
        datetime: Only items whose validity meets it.
        bbox: Only items whose geometry meets it.
        filter: CQL2.
        sortby: Order.
        limit: Items per page.
        one_collection: The collection need not be part of the order.
    """
    body: dict[str, Any] = {"limit": limit, "sortby": _order(sortby, one_collection=one_collection)}
    if ids is not None:
        body["ids"] = list(ids)
    if datetime is not None:
        body["datetime"] = _span(datetime)
    box = _flat(bbox)
    if box is not None:
        body["bbox"] = box
    if filter is not None:
        tree = cql2.parse_text(filter).to_json() if isinstance(filter, str) else filter
        pushed = weaker(tree)
        if pushed is not None:
            body |= {"filter": pushed, "filter-lang": "cql2-json"}
    return body


def _flat(bbox: Sequence[float] | None) -> list[float] | None:
    """Leave out heights, which pgstac answers with 500, and a box across the antimeridian."""
    if bbox is None:
        return None
    half = len(bbox) // 2
    west, south, east, north = bbox[0], bbox[1], bbox[half], bbox[half + 1]
    return [west, south, east, north] if west <= east else None


def weaker(node: Any) -> Any | None:
    """Give a filter that the server can decide and that holds wherever this one does; None is no filter."""
    if not isinstance(node, Mapping) or not _times_as_text(node):
        return node
    op, args = str(node.get("op")).lower(), node.get("args") or []
    if op in ("and", "or"):
        parts = [weaker(part) for part in args]
        kept = [part for part in parts if part is not None]
        if not kept or (op == "or" and len(kept) < len(parts)):
            return None
        return kept[0] if len(kept) == 1 else {"op": op, "args": kept}
    name, moment, turned = _comparison(args)
    if name is None or moment is None:
        return None
    lower = op in _LOWER if not turned else op in _UPPER
    upper = op in _UPPER if not turned else op in _LOWER
    if moment == OPEN_END or not (lower or upper or op == "="):
        return None
    second = format_utc(moment)[:19]
    bounds = []
    if lower or op == "=":
        bounds.append({"op": ">=", "args": [{"property": name}, second]})
    if upper or op == "=":
        bounds.append({"op": "<=", "args": [{"property": name}, second + _AFTER_ALL]})
    return bounds[0] if len(bounds) == 1 else {"op": "and", "args": bounds}


def _times_as_text(node: Any) -> bool:
    """Whether a time is compared with a property that the server keeps as text, here or below."""
    if isinstance(node, list | tuple):
        return any(_times_as_text(part) for part in node)
    if not isinstance(node, Mapping):
        return False
    args = node.get("args")
    if not isinstance(args, list | tuple):
        return False
    names, times = set[str](), False
    for arg in args:
        if isinstance(arg, Mapping):
            ends = arg["interval"] if isinstance(arg.get("interval"), list | tuple) else [arg]
            for end in ends:
                if isinstance(end, Mapping) and "property" in end:
                    names.add(str(end["property"]).removeprefix("properties."))
                else:
                    times = times or "interval" in arg or "timestamp" in arg or "date" in arg
    return (times and not names <= _TIMED) or _times_as_text(args)


def _comparison(args: Sequence[Any]) -> tuple[str | None, Any, bool]:
    """Read a comparison of a property with a time: its name, the time, and whether the time comes first."""
    if len(args) != 2 or not all(isinstance(arg, Mapping) for arg in args):
        return None, None, False
    turned = "property" in args[1]
    named, timed = (args[1], args[0]) if turned else (args[0], args[1])
    text = timed.get("timestamp") or timed.get("date")
    if "property" not in named or not isinstance(text, str):
        return None, None, False
    return str(named["property"]).removeprefix("properties."), parse_utc(text), turned


def _order(sortby: SortLike | None, *, one_collection: bool) -> list[dict[str, str]]:
    given = sortby.split(",") if isinstance(sortby, str) else list(sortby or ())
    terms = [_term(term) for term in given]
    named = {term["field"] for term in terms}
    direction = terms[-1]["direction"] if terms else "asc"
    ties = ("id",) if one_collection else ("collection", "id")
    return [*terms, *({"field": tie, "direction": direction} for tie in ties if tie not in named)]


def _term(term: str | Mapping[str, str]) -> dict[str, str]:
    if isinstance(term, str):
        field, direction = term.lstrip("+-"), "desc" if term.startswith("-") else "asc"
    else:
        field, direction = term["field"], term.get("direction", "asc").lower()
    return {"field": field.strip().removeprefix("properties."), "direction": direction}


def _span(value: str | Interval) -> str:
    if isinstance(value, str):
        value = Interval.of_days(value)
        if not value.duration:
            return format_utc(value.start)
    if value == Interval(OPEN_START, OPEN_END):
        raise InvalidInputError("datetime is open on both sides; leave it out")
    ends = (value.start, OPEN_START), (value.end, OPEN_END)
    return "/".join(".." if end == openness else format_utc(end) for end, openness in ends)
