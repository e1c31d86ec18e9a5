"""From the arguments of a search to SQL, in an order that a later page can go on from."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import Interval
from eoflows.stores.catalog.cql2 import Filter
from eoflows.stores.catalog.interface import FilterLike, SortLike
from eoflows.stores.catalog.pushdown import Condition, among, necessary
from eoflows.stores.catalog.syntax import Between, FunctionCall, Geometry, Literal, Node, Property

__all__ = ["MOST_PER_PAGE", "Query", "SortKey", "build", "read_limit"]

MOST_PER_PAGE = 10_000
_COLUMNS = {
    "id": "id",
    "collection": "collection",
    "datetime": "start_us",
    "start_datetime": "start_us",
    "end_datetime": "end_us",
    "created": "created_us",
    "updated": "updated_us",
    "published": "published_us",
    "product:type": "COALESCE(product_type, '')",
}
_FIELD = re.compile(r"[\w:.-]{1,100}", re.ASCII)


@dataclass(frozen=True)
class SortKey:
    """One term of an order; never null, so that keys can be compared."""

    sql: str
    descending: bool


@dataclass(frozen=True)
class Query:
    """A search that was read and checked.

    Attributes:
        conditions: What must hold in SQL.
        filter: What must hold besides, item by item; None is nothing.
        keys: The order; the last keys make it total.
    """

    conditions: tuple[Condition, ...]
    filter: Filter | None
    keys: tuple[SortKey, ...]

    def statement(self, token: str | None, limit: int) -> Condition:
        """Give the SELECT of the sort keys and the document, after a token.

        Raises:
            InvalidInputError: The token is not of this order.
        """
        parts = [*self.conditions, *([self._after(token)] if token else [])]
        where = " AND ".join(f"({part.sql})" for part in parts) or "1"
        order = ", ".join(f"{key.sql} {'DESC' if key.descending else 'ASC'}" for key in self.keys)
        columns = ", ".join(key.sql for key in self.keys)
        # With a filter the rows are a superset: as many are read as it takes.
        cut = "" if self.filter else f" LIMIT {limit}"
        values = tuple(value for part in parts for value in part.values)
        sql = f"SELECT {columns}, doc FROM items WHERE {where} ORDER BY {order}{cut}"  # noqa: S608
        return Condition(sql, values)

    def token(self, values: Sequence[object]) -> str:
        """Write the place after a row of these key values."""
        return base64.urlsafe_b64encode(orjson.dumps([self._order, values])).decode().rstrip("=")

    @property
    def _order(self) -> str:
        return ",".join(("-" if key.descending else "+") + key.sql for key in self.keys)

    def _after(self, token: str) -> Condition:
        try:
            order, values = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        except (ValueError, TypeError) as error:
            raise InvalidInputError(f"{token[:80]!r} is no page token of this catalogue") from error
        if order != self._order or not isinstance(values, list) or len(values) != len(self.keys):
            raise InvalidInputError(
                "the page token is of a search with another sortby or collections; search anew"
            )
        if not all(isinstance(value, str | int | float) for value in values):
            raise InvalidInputError(f"{token[:80]!r} is no page token of this catalogue")
        return _beyond(self.keys, values)


def _beyond(keys: Sequence[SortKey], values: Sequence[object]) -> Condition:
    """Say that a row comes after the one with these key values."""
    first, *rest = keys
    sign = "<" if first.descending else ">"
    if all(key.descending == first.descending for key in rest):
        marks = ", ".join("?" * len(keys))
        return Condition(f"({', '.join(key.sql for key in keys)}) {sign} ({marks})", tuple(values))
    inner = _beyond(rest, values[1:])
    sql = f"{first.sql} {sign}= ? AND ({first.sql} {sign} ? OR {inner.sql})"
    return Condition(sql, (values[0], values[0], *inner.values))


def build(
    *,
    collections: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
    datetime: str | Interval | None = None,
    bbox: Sequence[float] | None = None,
    intersects: Mapping[str, object] | None = None,
    filter: FilterLike | None = None,
    sortby: SortLike | None = None,
) -> Query:
    """Read and check the arguments of a search; see `Catalog.search`.

    Args:
        collections: Only these.
        ids: Only these.
        datetime: Only items whose validity meets it.
        bbox: Only items whose geometry meets it.
        intersects: Only items whose geometry meets this GeoJSON geometry.
        filter: CQL2.
        sortby: Order.

    Raises:
        InvalidInputError: An argument cannot be understood.
    """
    parts: list[Node] = []
    if datetime is not None:
        parts.append(_meets_time(datetime))
    if bbox is not None:
        parts.append(_meets_bbox(bbox))
    if intersects is not None:
        parts.append(_meets(Geometry(intersects)))
    if filter is not None:
        parts.append(Filter.parse(filter).node)
    conditions = [
        among(column, _texts(column, wanted))
        for column, wanted in (("collection", collections), ("id", ids))
        if wanted is not None
    ]
    whole = Filter.of(FunctionCall("and", tuple(parts))) if parts else None
    implied = necessary(whole.node) if whole else None
    single = collections is not None and len(collections) == 1
    return Query(
        (*conditions, *([implied] if implied else [])), whole, _keys(sortby, single_collection=single)
    )


def read_limit(limit: object) -> int:
    """Check a page size.

    Raises:
        InvalidInputError: It is no whole number from 1 to 10,000.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_PER_PAGE:
        raise InvalidInputError(
            f"limit is {limit!r}; give a whole number of items per page, 1 to {MOST_PER_PAGE}"
        )
    return limit


def _texts(what: str, wanted: object) -> list[str]:
    if isinstance(wanted, str) or not isinstance(wanted, Sequence):
        raise InvalidInputError(f"{what}s are {wanted!r}; give a list of texts")
    if not all(isinstance(text, str) for text in wanted):
        raise InvalidInputError(f"{what}s are {str(wanted)[:200]}; give a list of texts")
    return list(wanted)


def _meets_time(value: str | Interval) -> Node:
    if isinstance(value, Interval):
        span = value
    elif isinstance(value, str):
        parts = value.count("/") + 1
        if parts > 2:
            raise InvalidInputError(f"datetime {value!r} has {parts} parts; write a time, a/b, ../b or a/..")
        span = Interval.of_days(value)
    else:
        raise InvalidInputError(f"datetime is {value!r}; write a time, a/b, ../b or a/..")
    item = Between(Property("start_datetime"), Property("end_datetime"))
    return FunctionCall("t_intersects", (item, Between(Literal(span.start), Literal(span.end))))


def _meets_bbox(bbox: Sequence[float]) -> Node:
    numbers = isinstance(bbox, Sequence) and all(type(value) in (int, float) for value in bbox)
    if not numbers or len(bbox) not in (4, 6):
        raise InvalidInputError(
            f"bbox is {bbox!r}; give west, south, east, north in degrees (or 6 with heights)"
        )
    half = len(bbox) // 2
    west, south, east, north = bbox[0], bbox[1], bbox[half], bbox[half + 1]
    if not -90 <= south <= north <= 90 or not (-180 <= west <= 180 and -180 <= east <= 180):
        raise InvalidInputError(
            f"bbox is {list(bbox)}; south is at most north, both within 90, west and east within 180"
        )
    if west <= east:
        return _meets(Geometry({"bbox": [west, south, east, north]}))
    halves = ([west, south, 180.0, north], [-180.0, south, east, north])
    return FunctionCall("or", tuple(_meets(Geometry({"bbox": half})) for half in halves))


def _meets(geometry: Geometry) -> Node:
    return FunctionCall("s_intersects", (Property("geometry"), geometry))


def _keys(sortby: SortLike | None, *, single_collection: bool) -> tuple[SortKey, ...]:
    keys = [_sort_key(term) for term in _terms(sortby)]
    used = {key.sql for key in keys}
    descending = bool(keys) and keys[-1].descending
    ties = ("id",) if single_collection else ("collection", "id")
    return (*keys, *(SortKey(tie, descending) for tie in ties if tie not in used))


def _terms(sortby: SortLike | None) -> list[tuple[str, bool]]:
    if sortby is None:
        return []
    if isinstance(sortby, Mapping):
        raise InvalidInputError(f"sortby is {dict(sortby)!r}; give a list of fields")
    given = sortby.split(",") if isinstance(sortby, str) else sortby
    return [_term(term) for term in given]


def _term(term: object) -> tuple[str, bool]:
    if isinstance(term, str) and term:
        return term.lstrip("+-") if term[0] in "+-" else term, term.startswith("-")
    if isinstance(term, Mapping) and isinstance(term.get("field"), str):
        direction = str(term.get("direction", "asc")).lower()
        if direction in ("asc", "desc"):
            return str(term["field"]), direction == "desc"
    raise InvalidInputError(
        f"sortby has {term!r}; write -updated, or {{'field': 'updated', 'direction': 'desc'}}"
    )


def _sort_key(term: tuple[str, bool]) -> SortKey:
    field, descending = term
    name = field.strip().removeprefix("properties.")
    if not _FIELD.fullmatch(name):
        raise InvalidInputError(f"cannot sort by {field[:100]!r}; name a property, like -updated")
    # The name is safe to write into the statement: it has no quote.
    path = f"""COALESCE(json_extract(CAST(doc AS TEXT), '$.properties."{name}"'), '')"""
    return SortKey(_COLUMNS.get(name, path), descending)
