"""Reads searches, from a query string or a body, and carries them out."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

import orjson

from eoflows.sandbox.stac.cql2 import FilterError, evaluate
from eoflows.sandbox.stac.cql2_text import parse_text
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.stac.times import interval_of, interval_parameter, parse_instant

__all__ = ["Record", "Search", "SearchRules", "read_body", "read_query", "select"]

PARAMETERS = frozenset(
    {
        *("collections", "ids", "datetime", "filter", "filter-lang", "filter_lang", "filter-crs"),
        *("sortby", "limit", "token", "page", "query"),
    }
)
_TEXT_LISTS = ("collections", "ids")
_QUERY_OPERATORS = {"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "in": "in"}


class Record(Protocol):
    """Something that a search can find."""

    @property
    def id(self) -> str:
        """Item identifier."""

    def value(self, name: str) -> Any:
        """Return a property as filters and sorts see it, None when absent."""

    def document(self, base_url: str, collection: str) -> dict[str, Any]:
        """Return the STAC item, without links."""


@dataclass(frozen=True, kw_only=True)
class SearchRules:
    """What a service accepts."""

    default_limit: int
    max_limit: int
    over_max_limit: Literal["cut", "refuse"]
    default_sort: str
    check_filter: Callable[[Any], None]
    """Raises Refusal for a filter that is not accepted."""
    sortable: frozenset[str] | None = None
    """Properties to sort by; None: all."""
    one_sort: bool = False
    number_matched: bool = True
    most_results: int | None = None
    next_link_merges: bool = True
    only_equality_query: bool = False
    extra_parameters: frozenset[str] = frozenset()
    """Accepted besides the common ones, as fields or bbox."""
    refuse_unknown: bool = False
    """An unknown parameter is 422; else it is ignored."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search, understood."""

    collections: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    span: tuple[datetime, datetime] | None = None
    filter: Any = None
    sort: tuple[tuple[str, bool], ...] = ()
    """Property and whether descending."""
    limit: int
    offset: int = 0
    bbox: tuple[float, ...] | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    """The parameters as they came, for the next link."""

    @property
    def key(self) -> bytes:
        """Identity of the result, pages aside."""
        parts = [self.ids, self.span and [str(end) for end in self.span], self.filter, self.sort, self.bbox]
        return orjson.dumps(parts)


def read_query(query: Mapping[str, str], rules: SearchRules) -> Search:
    """Read a GET search; marks that redirects leave in the query are passed over."""
    query = {name: value for name, value in query.items() if not name.startswith("_sandbox")}
    asked: dict[str, Any] = dict(query)
    for name in _TEXT_LISTS:
        if name in asked:
            asked[name] = [part for part in asked[name].split(",") if part]
    if "query" in asked:
        asked["query"] = _json(asked["query"])
    if "filter" in asked and _language(asked, "cql2-text") == "cql2-json":
        asked["filter"] = _json(asked["filter"])
    if "bbox" in asked:
        asked["bbox"] = [float(part) for part in asked["bbox"].split(",")]
    if "fields" in asked:
        parts = [part for part in asked["fields"].split(",") if part]
        asked["fields"] = {
            "include": [part.lstrip("+ ") for part in parts if not part.startswith("-")],
            "exclude": [part[1:] for part in parts if part.startswith("-")],
        }
    if isinstance(asked.get("sortby"), str):
        asked["sortby"] = asked["sortby"].split(",")
    return _read(asked, query, rules)


def read_body(body: bytes, rules: SearchRules) -> Search:
    """Read a POST search."""
    asked = _json(body)
    if not isinstance(asked, dict):
        raise Refusal(422, "the body is no object")
    return _read(asked, asked, rules)


def _json(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal(422, f"no JSON: {error}") from error


def _language(asked: Mapping[str, Any], default: str) -> str:
    return str(asked.get("filter-lang") or asked.get("filter_lang") or default)


def _read(asked: Mapping[str, Any], original: Mapping[str, Any], rules: SearchRules) -> Search:
    asked = {name: value for name, value in asked.items() if value is not None}
    unknown = asked.keys() - PARAMETERS - rules.extra_parameters
    if rules.refuse_unknown and unknown:
        raise Refusal(422, f"Unimplemented parameter: {', '.join(sorted(unknown))}")
    limit = _limit(asked.get("limit"), rules)
    fields = asked.get("fields") or {}
    box = asked.get("bbox") if "bbox" in rules.extra_parameters else None
    return Search(
        collections=_names(asked, "collections"),
        ids=_names(asked, "ids"),
        span=_span(asked.get("datetime")),
        filter=_filter(asked, rules),
        sort=_sort(asked.get("sortby"), rules),
        limit=limit,
        offset=_offset(asked, limit),
        bbox=tuple(box) if box else None,
        include=tuple(fields.get("include") or ()) if "fields" in rules.extra_parameters else (),
        exclude=tuple(fields.get("exclude") or ()) if "fields" in rules.extra_parameters else (),
        asked=dict(original),
    )


def _limit(asked: Any, rules: SearchRules) -> int:
    if asked is None:
        return rules.default_limit
    try:
        limit = int(asked)
    except (TypeError, ValueError) as error:
        raise Refusal(422, "limit is no integer") from error
    if limit < 1 or (limit > rules.max_limit and rules.over_max_limit == "refuse"):
        raise Refusal(422, f"limit {limit} is not from 1 to {rules.max_limit}")
    return min(limit, rules.max_limit)


def _offset(asked: Mapping[str, Any], limit: int) -> int:
    if "token" in asked:
        found = re.fullmatch(r"next:(\d+)", str(asked["token"]))
        if found is None:
            raise Refusal(422, "unknown token")
        return int(found[1])
    if "page" in asked:
        if not str(asked["page"]).isdecimal() or int(asked["page"]) < 1:
            raise Refusal(422, "page is no positive integer")
        return (int(asked["page"]) - 1) * limit
    return 0


def _names(asked: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    names = asked.get(name)
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise Refusal(422, f"{name} is no list of texts")
    return tuple(names) or None


def _span(text: Any) -> tuple[datetime, datetime] | None:
    if text is None:
        return None
    span = interval_parameter(str(text))
    if span is None:
        raise Refusal(422, f"datetime {text!r} is neither an instant nor an interval")
    return span


def _sort(asked: Any, rules: SearchRules) -> tuple[tuple[str, bool], ...]:
    parts = [rules.default_sort] if not asked else asked if isinstance(asked, list) else [asked]
    keys = []
    for part in parts:
        if isinstance(part, dict):
            name, descending = str(part.get("field", "")), part.get("direction", "asc") == "desc"
        else:
            name, descending = str(part).lstrip("+- "), str(part).startswith("-")
        name = name.removeprefix("properties.")
        if rules.sortable is not None and name not in rules.sortable:
            raise Refusal(422, f"cannot sort by {name!r}")
        keys.append((name, descending))
    if rules.one_sort and len(keys) > 1:
        raise Refusal(422, "only one sortby is accepted")
    return tuple(keys)


def _filter(asked: Mapping[str, Any], rules: SearchRules) -> Any:
    node = asked.get("filter")
    try:
        if isinstance(node, str):
            node = parse_text(node)
    except FilterError as error:
        raise Refusal(422, str(error)) from error
    parts = [node] if node is not None else []
    parts.extend(_query_filters(asked.get("query"), rules))
    if not parts:
        return None
    node = parts[0] if len(parts) == 1 else {"op": "and", "args": parts}
    rules.check_filter(node)
    return node


def _query_filters(query: Any, rules: SearchRules) -> list[Any]:
    if query is None:
        return []
    if not isinstance(query, dict) or not all(isinstance(tests, dict) for tests in query.values()):
        raise Refusal(422, "query is no object of objects")
    known = {"eq"} if rules.only_equality_query else _QUERY_OPERATORS.keys()
    found = []
    for name, tests in query.items():
        for test, value in tests.items():
            if test not in known:
                raise Refusal(422, f"query operator {test!r} is not accepted")
            found.append({"op": _QUERY_OPERATORS[test], "args": [{"property": name}, value]})
    return found


def select(records: Iterable[tuple[str, Record]], search: Search) -> list[tuple[str, Record]]:
    """Return the (collection, record) pairs that a search finds, in its order, pages aside."""
    ids = None if search.ids is None else set(search.ids)
    found = [
        (collection, record)
        for collection, record in records
        if (ids is None or record.id in ids)
        and (search.span is None or _touches(record, search.span))
        and (search.bbox is None or _in_box(record.value("bbox"), search.bbox))
        and (search.filter is None or evaluate(search.filter, record.value) is True)
    ]
    found.sort(key=lambda pair: pair[1].id)
    for name, descending in reversed(search.sort):
        found.sort(key=lambda pair: _sort_key(pair[1].value(name)), reverse=descending)
    return found


def _touches(record: Record, span: tuple[datetime, datetime]) -> bool:
    own = interval_of(
        {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}, record.value
    ) or interval_of({"property": "datetime"}, record.value)
    return own is not None and own[0] <= span[1] and own[1] >= span[0]


def _in_box(own: Sequence[float] | None, box: Sequence[float]) -> bool:
    if own is None:
        return False
    half = len(box) // 2
    return own[0] <= box[half] and own[2] >= box[0] and own[1] <= box[half + 1] and own[3] >= box[1]


def _sort_key(value: Any) -> tuple[int, Any]:
    moment = parse_instant(value)
    if moment is not None:
        return (1, moment)
    if isinstance(value, int | float):
        return (2, value)
    return (0, "") if value is None else (3, str(value))
