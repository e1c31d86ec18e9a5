from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.sandbox.rs_server.station_filters import StationFilterCheck
from eoflows.sandbox.stac.cql2 import TEMPORAL, FilterError, evaluate
from eoflows.sandbox.stac.cql2_text import parse_text
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.stac.times import interval_parameter

ITEM = {
    "id": "a",
    "start_datetime": "2025-01-01T00:00:00.000Z",
    "end_datetime": "2025-01-03T00:00:00Z",
    "product:type": "AUX_POEORB",
    "size": 5,
    "tags": ["x", "y"],
    "open": "9999-12-31T23:59:59.999Z",
}
VALIDITY = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}


def prop(name):
    return {"property": name}


def call(operator, *args):
    return {"op": operator, "args": list(args)}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (call("=", prop("product:type"), "AUX_POEORB"), True),
        (call("<>", prop("product:type"), "AUX_POEORB"), False),
        (call("=", prop("missing"), 1), None),
        (call("not", call("=", prop("missing"), 1)), None),
        (call("and", call("=", prop("missing"), 1), call("=", prop("size"), 4)), False),
        (call("or", call("=", prop("missing"), 1), call("=", prop("size"), 5)), True),
        (call("and", call("=", prop("missing"), 1), call("=", prop("size"), 5)), None),
        (call("isNull", prop("missing")), True),
        (call("between", prop("size"), 5, 6), True),
        (
            call(
                "between",
                prop("start_datetime"),
                {"timestamp": "2024-12-31T23:00:00-01:00"},
                {"timestamp": "2025-01-02T00:00:00Z"},
            ),
            True,
        ),
        (call("in", prop("id"), ["b", "a"]), True),
        (call("in", prop("id"), ["b"]), False),
        (call("like", prop("product:type"), "AUX\\_%"), False),
        (call("like", prop("product:type"), "AUX_POE%"), True),
        (call("=", call("casei", prop("id")), call("casei", "A")), True),
        (call("a_overlaps", prop("tags"), ["y", "z"]), True),
        (call("a_contains", prop("tags"), ["y", "z"]), False),
        (call("=", prop("start_datetime"), "2025-01-01T00:00:00.000000Z"), True),
        (call(">=", prop("start_datetime"), {"date": "2025-01-01"}), True),
        (call("t_before", prop("missing"), {"timestamp": "2025-01-01T00:00:00Z"}), None),
        (call("t_intersects", VALIDITY, {"interval": ["2025-01-03T00:00:00Z", ".."]}), True),
    ],
)
def test_evaluation(node, expected):
    assert evaluate(node, ITEM.get) is expected


@pytest.mark.parametrize(
    ("start", "stop", "contained"),
    [
        ("2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z", False),
        ("2025-01-01T00:00:00.001Z", "2025-01-02T00:00:00Z", True),
        ("2025-01-02T00:00:00Z", "2025-01-03T00:00:00Z", False),
        ("2025-01-02T00:00:00Z", "2025-01-02T23:59:59.999Z", True),
    ],
)
def test_t_contains_is_strict_at_both_ends(start, stop, contained):
    assert evaluate(call("t_contains", VALIDITY, {"interval": [start, stop]}), ITEM.get) is contained


def test_margins_are_seconds():
    moved = {"interval": [call("-", "2025-01-01T00:00:01.500Z", 1), call("+", "2025-01-02T00:00:00.0Z", 60)]}
    assert evaluate(call("t_contains", VALIDITY, moved), ITEM.get) is True
    moved["interval"][0]["args"][1] = 2
    assert evaluate(call("t_contains", VALIDITY, moved), ITEM.get) is False


instants = st.integers(0, 5).map(lambda day: datetime(2025, 1, 1 + day, tzinfo=UTC))
spans = st.tuples(instants, instants).filter(lambda span: span[0] < span[1])


@given(spans, spans)
def test_exactly_one_of_allens_relations_holds(left, right):
    relations = TEMPORAL.keys() - {"t_disjoint", "t_intersects"}
    assert sum(TEMPORAL[name](left, right) for name in relations) == 1
    assert TEMPORAL["t_disjoint"](left, right) is not TEMPORAL["t_intersects"](left, right)


@pytest.mark.parametrize("node", [{"op": "foo", "args": []}, {"op": "not", "args": []}, "x", {"args": []}])
def test_malformed_filters(node):
    with pytest.raises(FilterError):
        evaluate(node, ITEM.get)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("id IN ('a','b''c')", call("in", prop("id"), ["a", "b'c"])),
        ("\"product:type\" = 'X' AND NOT (size > 3.5)", None),
        ("x IS NOT NULL", call("not", call("isNull", prop("x")))),
        ("x not like 'a%'", call("not", call("like", prop("x"), "a%"))),
        ("x BETWEEN 1 AND 2", call("between", prop("x"), 1, 2)),
        (
            "T_CONTAINS(INTERVAL(start_datetime, end_datetime), INTERVAL('2025-01-01T00:00:00Z', '..'))",
            call(
                "t_contains",
                {"interval": [prop("start_datetime"), prop("end_datetime")]},
                {"interval": ["2025-01-01T00:00:00Z", ".."]},
            ),
        ),
        (
            "d >= TIMESTAMP('2025-01-01T00:00:00Z')",
            call(">=", prop("d"), {"timestamp": "2025-01-01T00:00:00Z"}),
        ),
    ],
)
def test_text(text, node):
    parsed = parse_text(text)
    assert node is None or parsed == node


@pytest.mark.parametrize("text", ["id in (", "= 3", "a = 1 b", "a ~ 2", ""])
def test_bad_text(text):
    with pytest.raises(FilterError):
        parse_text(text)


STATION = StationFilterCheck(frozenset({"product:type", "start_datetime", "end_datetime", "published"}))
LITERAL = {"interval": ["2025-01-01T00:00:00Z", ".."]}
TYPE = call("=", prop("product:type"), "X")


@pytest.mark.parametrize(
    "node",
    [
        TYPE,
        call("and", TYPE, call("t_contains", VALIDITY, LITERAL)),
        call("t_after", prop("published"), {"timestamp": "2025-01-01T00:00:00Z"}),
        call("and", TYPE, call("and", TYPE, TYPE)),
    ],
)
def test_a_station_accepts(node):
    STATION(node)


@pytest.mark.parametrize(
    "node",
    [
        call("or", TYPE, TYPE),
        call("not", TYPE),
        call("<", prop("published"), "2025-01-01T00:00:00Z"),
        call("in", prop("product:type"), ["X"]),
        call("like", prop("product:type"), "X%"),
        call("=", "X", prop("product:type")),
        call("=", prop("cloud"), "X"),
        call("=", prop("product:type"), prop("published")),
        call("t_contains", LITERAL, prop("published")),
        call("t_contains", VALIDITY, {"interval": ["yesterday", ".."]}),
        call("t_contains", VALIDITY, {"interval": [call("-", "2025-01-01T00:00:00Z", 5), ".."]}),
        call("and", TYPE),
        call("=", call("casei", prop("product:type")), "x"),
        "text",
    ],
)
def test_a_station_refuses(node):
    with pytest.raises(Refusal) as refusal:
        STATION(node)
    assert refusal.value.status == 422


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("2025-01-01T00:00:00Z", True),
        ("../2025-01-01", True),
        ("2025-01-02/2025-01-01", False),
        ("x/..", False),
    ],
)
def test_datetime_parameter(text, good):
    assert (interval_parameter(text) is not None) is good
