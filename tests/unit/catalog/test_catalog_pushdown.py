"""Searching with the columns' help finds what looking at every item finds."""

import sqlite3
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eoflows.stores.catalog.cql2 import Filter
from eoflows.stores.catalog.local import LocalCatalog
from eoflows.stores.catalog.pushdown import necessary
from eoflows.stores.catalog.query import build

DAYS = [f"2020-01-{day:02d}T00:00:00Z" for day in range(1, 8)]
OPEN = "9999-12-31T23:59:59.999Z"
NAMES = ["start_datetime", "end_datetime", "datetime", "created", "updated", "published", "product:type", "n"]
TIMES = NAMES[:6]

times = st.sampled_from(DAYS)
values = {
    **{name: st.one_of(times, st.none()) for name in TIMES},
    "end_datetime": st.one_of(times, st.none(), st.just(OPEN)),
    "product:type": st.one_of(st.sampled_from("AB"), st.none(), st.just(5)),
    "n": st.one_of(st.integers(0, 3), st.none()),
}
geometries = st.one_of(
    st.none(),
    st.builds(lambda x, y: {"type": "Point", "coordinates": [x, y]}, st.integers(-3, 3), st.integers(-3, 3)),
)
items = st.lists(st.tuples(st.fixed_dictionaries({}, optional=values), geometries), min_size=1, max_size=8)

prop = st.sampled_from(TIMES).map(lambda name: {"property": name})
instant = st.one_of(times.map(lambda text: {"timestamp": text}), times.map(lambda text: {"date": text[:10]}))
ends = st.one_of(times, st.just(".."), prop)
validity = st.just({"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]})
literal = st.tuples(times, times).map(lambda pair: {"interval": sorted(pair)})
interval = st.one_of(
    validity, validity, literal, st.tuples(ends, ends).map(lambda pair: {"interval": list(pair)})
)
relations = [
    "after",
    "before",
    "contains",
    "disjoint",
    "during",
    "equals",
    "finishedBy",
    "finishes",
    "intersects",
    "meets",
    "metBy",
]
relations += ["overlappedBy", "overlaps", "startedBy", "starts"]
signs = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


def call(op: Any, *args: Any) -> Any:
    return st.tuples(op if isinstance(op, st.SearchStrategy) else st.just(op), *args).map(
        lambda made: {"op": made[0], "args": list(made[1:])}
    )


scalar = st.one_of(instant, prop, times)
temporal = st.one_of(interval, interval, prop, instant)
leaf = st.one_of(
    call(signs, prop, scalar),
    call(signs, scalar, prop),
    call("between", prop, instant, instant),
    call("in", prop, st.lists(times, min_size=1, max_size=3)),
    call(signs, st.just({"property": "product:type"}), st.sampled_from(["A", "B", 5])),
    call(
        "in", st.just({"property": "product:type"}), st.lists(st.sampled_from("AB"), min_size=1, max_size=2)
    ),
    call(signs, st.just({"property": "n"}), st.integers(0, 3)),
    call(
        "in",
        st.just({"property": "id"}),
        st.lists(st.sampled_from(["i0", "i1", "i9"]), min_size=1, max_size=2),
    ),
    call("=", st.just({"property": "collection"}), st.sampled_from(["c", "d"])),
    call("isNull", st.sampled_from(NAMES).map(lambda name: {"property": name})),
    call(st.sampled_from(relations).map(lambda name: f"t_{name}"), temporal, temporal),
    call(
        st.sampled_from(["s_intersects", "s_disjoint", "s_within"]),
        st.just({"property": "geometry"}),
        st.sampled_from([{"bbox": [-1, -1, 1, 1]}, {"bbox": [0, -2, 3, 0]}]),
    ),
)
filters = st.recursive(
    leaf,
    lambda inner: st.one_of(
        call("not", inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"op": "and", "args": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"op": "or", "args": parts}),
    ),
    max_leaves=5,
)


class Oracle:
    """CQL2 once more, as plainly as possible: whole days as numbers, no shared code."""

    def __init__(self, item: dict[str, Any]) -> None:
        self.item = item
        self.properties = item["properties"]

    def time(self, text: Any) -> float | None:
        if not isinstance(text, str):
            return None
        if text.startswith("9999"):
            return float("inf")
        moment = datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)
        return (moment - datetime(2020, 1, 1)) / timedelta(days=1)

    def raw(self, name: str) -> Any:
        return self.item[name] if name in ("id", "collection", "geometry") else self.properties.get(name)

    def scalar(self, node: Any, timed: bool) -> Any:
        if isinstance(node, dict):
            if "property" in node:
                value = self.raw(node["property"])
                return self.time(value) if node["property"] in TIMES else value
            return self.time(node.get("timestamp") or node.get("date"))
        return self.time(node) if timed and isinstance(node, str) else node

    def pair(self, node: Any) -> tuple[float, float] | None:
        if "interval" not in node:
            moment = self.scalar(node, True)
            return None if moment is None else (moment, moment)
        first, last = node["interval"]
        if (first, last) == ({"property": "start_datetime"}, {"property": "end_datetime"}):
            start, end = (self.time(self.raw(name)) for name in ("start_datetime", "end_datetime"))
            if start is None:
                start = self.time(self.raw("datetime"))
                end = start if end is None else end
        else:
            start = float("-inf") if first == ".." else self.scalar(first, True)
            end = float("inf") if last == ".." else self.scalar(last, True)
        return None if start is None else (start, float("inf") if end is None else end)

    def compare(self, sign: str, a: Any, b: Any) -> bool | None:
        if a is None or b is None or isinstance(a, str) != isinstance(b, str):
            return None
        return {"=": a == b, "<>": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]

    def value(self, node: Any) -> bool | None:
        op, args = node["op"], node["args"]
        if op in ("and", "or", "not"):
            found = [self.value(arg) for arg in args]
            if op == "not":
                return None if found[0] is None else not found[0]
            strong = op == "or"
            return strong if strong in found else (None if None in found else not strong)
        if op == "isNull":
            return self.raw(args[0]["property"]) is None
        if op.startswith("t_"):
            a, b = self.pair(args[0]), self.pair(args[1])
            return None if a is None or b is None else self.relation(op[2:], *a, *b)
        if op.startswith("s_"):
            if self.item["geometry"] is None:
                return None
            (x, y), (west, south, east, north) = self.item["geometry"]["coordinates"], args[1]["bbox"]
            touching = west <= x <= east and south <= y <= north
            return {
                "s_intersects": touching,
                "s_disjoint": not touching,
                "s_within": west < x < east and south < y < north,
            }[op]
        timed = any(isinstance(arg, dict) and arg.get("property") in TIMES for arg in args)
        first = self.scalar(args[0], timed)
        if op == "between":
            return self.both(
                self.compare(">=", first, self.scalar(args[1], timed)),
                self.compare("<=", first, self.scalar(args[2], timed)),
            )
        if op == "in":
            found = [self.compare("=", first, self.scalar(value, timed)) for value in args[1]]
            return True if True in found else (None if None in found else False)
        return self.compare(op, first, self.scalar(args[1], timed))

    def both(self, a: bool | None, b: bool | None) -> bool | None:
        return False if a is False or b is False else (None if a is None or b is None else True)

    def relation(self, name: str, a0: float, a1: float, b0: float, b1: float) -> bool:
        return {
            "after": a0 > b1,
            "before": a1 < b0,
            "contains": a0 < b0 and b1 < a1,
            "disjoint": a0 > b1 or a1 < b0,
            "during": b0 < a0 and a1 < b1,
            "equals": a0 == b0 and a1 == b1,
            "finishedBy": a0 < b0 and a1 == b1,
            "finishes": b0 < a0 and a1 == b1,
            "intersects": not (a0 > b1 or a1 < b0),
            "meets": a1 == b0,
            "metBy": a0 == b1,
            "overlappedBy": b0 < a0 < b1 < a1,
            "overlaps": a0 < b0 < a1 < b1,
            "startedBy": a0 == b0 and b1 < a1,
            "starts": a0 == b0 and a1 < b1,
        }[name]


def stored(given: list[tuple[dict[str, Any], Any]], catalog: LocalCatalog) -> list[dict[str, Any]]:
    catalog._upsert(
        "c",
        [
            {"id": f"i{number}", "geometry": shape, "properties": made}
            for number, (made, shape) in enumerate(given)
        ],
    )
    with catalog._database.reading() as reader:
        return [orjson.loads(document) for (document,) in reader.execute("SELECT doc FROM items ORDER BY id")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    catalog = LocalCatalog(tmp_path_factory.mktemp("pushdown") / "c.sqlite")
    yield catalog
    catalog._database.close()


@settings(max_examples=examples(600), suppress_health_check=[HealthCheck.too_slow])
@given(given=items, asked=filters)
def test_search_equals_the_oracle(
    shared: LocalCatalog, given: list[tuple[dict[str, Any], Any]], asked: Any
) -> None:
    emptied(shared)
    documents = stored(given, shared)
    expected = [item["id"] for item in documents if Oracle(item).value(asked) is True]
    alone = Filter.parse(asked)
    assert [item["id"] for item in documents if alone.matches(item)] == expected
    assert [item["id"] for item in shared._page(build(filter=asked), 100, None).items] == expected
    combined = build(collections=["c"], filter=asked, sortby="-updated")
    assert {item["id"] for item in shared._page(combined, 100, None).items} == set(expected)


def check_all(shared: LocalCatalog, documents: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
    for one in asked:
        expected = [item["id"] for item in documents if Oracle(item).value(one) is True]
        assert [item["id"] for item in shared._page(build(filter=one), 1000, None).items] == expected, one


def emptied(shared: LocalCatalog) -> None:
    with shared._database.writing() as writer:
        writer.execute("DELETE FROM items")


@pytest.mark.parametrize("name", relations)
def test_every_relation_of_all_small_spans(shared: LocalCatalog, name: str) -> None:
    """Equal ends, instants, open ends and missing times included; the item may be on either side."""
    pairs = [(start, end) for start in DAYS[:4] for end in [*DAYS[:4], OPEN] if start <= end]
    given = [({"start_datetime": start, "end_datetime": end}, None) for start, end in pairs]
    given += [({"datetime": day}, None) for day in DAYS[:4]]
    given += [({"start_datetime": DAYS[1]}, None), ({"end_datetime": DAYS[1]}, None), ({}, None)]
    emptied(shared)
    documents = stored(given, shared)
    item = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}
    literals = [{"interval": list(pair)} for pair in [*pairs, ("..", DAYS[1]), (DAYS[1], "..")]]
    check_all(shared, documents, [{"op": f"t_{name}", "args": [item, literal]} for literal in literals])
    check_all(shared, documents, [{"op": f"t_{name}", "args": [literal, item]} for literal in literals])


@pytest.mark.parametrize("name", TIMES)
def test_every_comparison_of_every_time(shared: LocalCatalog, name: str) -> None:
    emptied(shared)
    documents = stored(
        [({**dict.fromkeys(TIMES, DAYS[3]), name: day}, None) for day in [*DAYS, None]], shared
    )
    asked = [
        {"op": sign, "args": list(sides)}
        for sign in ("=", "<>", "<", "<=", ">", ">=")
        for day in DAYS
        for sides in (({"property": name}, {"timestamp": day}), (day, {"property": name}))
    ]
    check_all(shared, documents, asked)


def test_the_usual_filter_is_answered_by_an_index(shared: LocalCatalog) -> None:
    asked = {
        "op": "and",
        "args": [
            {"op": "=", "args": [{"property": "product:type"}, "A"]},
            {
                "op": "t_contains",
                "args": [
                    {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]},
                    {"interval": [DAYS[0], DAYS[1]]},
                ],
            },
        ],
    }
    found = necessary(Filter.parse(asked).node)
    assert found is not None
    with shared._database.reading() as reader:
        plan: list[sqlite3.Row] = reader.execute(
            f"EXPLAIN QUERY PLAN SELECT doc FROM items WHERE {found.sql} ORDER BY collection, id",
            found.values,
        ).fetchall()
    assert [str(step[3]) for step in plan] == ["SEARCH items USING INDEX items_type (product_type=?)"]
