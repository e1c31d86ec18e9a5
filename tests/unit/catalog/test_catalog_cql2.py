import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import InvalidInputError
from eoflows.stores.catalog import Filter

ITEM = {
    "type": "Feature",
    "id": "a",
    "collection": "o:c",
    "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]},
    "properties": {
        "datetime": "2020-01-01T00:00:00Z",
        "start_datetime": "2020-01-01T00:00:00Z",
        "end_datetime": "2020-01-10T00:00:00Z",
        "updated": "2020-01-05T12:00:00.000Z",
        "n": 3,
        "s": "Ábc",
        "flag": True,
        "nothing": None,
        "open": "9999-12-31T23:59:59.999Z",
        "tags": ["a", "b"],
        "deep": {"er": 1},
    },
}


@pytest.mark.parametrize(
    "text",
    [
        "n = 3",
        "properties.n = 3",
        "n <> 4 AND n < 4 AND n <= 3 AND n > 2 AND n >= 3",
        "n BETWEEN 3 AND 4",
        "n NOT BETWEEN 4 AND 5",
        "n IN (1, 3)",
        "n NOT IN (1, 2)",
        "id = 'a' AND collection = 'o:c'",
        "id IN ('a', 'b')",
        "s LIKE 'Á%'",
        "s LIKE '%b_'",
        "s NOT LIKE 'x%'",
        "CASEI(s) = CASEI('ábC')",
        "ACCENTI(s) = 'Abc'",
        "flag",
        "NOT (NOT flag)",
        "flag = true",
        "missing IS NULL AND nothing IS NULL AND n IS NOT NULL",
        "missing = 1 OR n = 3",
        "NOT (missing = 1 AND n = 4)",
        "deep.er = 1",
        "n + 1 = 4 AND n * 2 = 6 AND n / 2 = 1.5 AND n div 2 = 1 AND n % 2 = 1 AND n ^ 2 = 9 AND -n = -3",
        "updated = TIMESTAMP('2020-01-05T12:00:00Z')",
        "updated = '2020-01-05T12:00:00Z'",
        "updated >= DATE('2020-01-05') AND updated < DATE('2020-01-06')",
        "updated BETWEEN TIMESTAMP('2020-01-05T00:00:00Z') AND TIMESTAMP('2020-01-06T00:00:00Z')",
        "updated BETWEEN DATE('2020-01-05') AND DATE('2020-01-06')",
        "datetime < updated",
        "datetime LIKE '2020-%'",
        "T_AFTER(updated, DATE('2020-01-05'))",
        "A_CONTAINS(tags, ('a')) AND A_CONTAINEDBY(tags, ('a','b','c'))",
        "A_EQUALS(tags, ('b','a')) AND A_OVERLAPS(tags, ('b','x'))",
        "S_INTERSECTS(geometry, BBOX(1,1,3,3)) AND S_CONTAINS(geometry, POINT(1 1))",
        "S_WITHIN(geometry, BBOX(-1,-1,3,3)) AND S_DISJOINT(geometry, POINT(5 5))",
        "T_INTERSECTS(INTERVAL(datetime, open), TIMESTAMP('2500-01-01T00:00:00Z'))",
        "T_EQUALS(INTERVAL(datetime, open), INTERVAL('2020-01-01T00:00:00Z', '..'))",
        "T_CONTAINS(INTERVAL(datetime, nothing), INTERVAL('2020-01-02T00:00:00Z', '2020-01-03T00:00:00Z'))",
    ],
)
def test_matches(text: str) -> None:
    assert Filter.parse(text).matches(ITEM)


@pytest.mark.parametrize(
    "text",
    [
        "missing = 1",
        "NOT (missing = 1)",
        "missing <> 1",
        "missing IN (1)",
        "NOT (missing IN (1))",
        "missing LIKE 'a%'",
        "NOT (missing LIKE 'a%')",
        "missing BETWEEN 1 AND 2",
        "missing = 1 AND n = 3",
        "missing = 1 OR n = 4",
        "NOT (missing = 1 OR n = 4)",
        "missing",
        "NOT missing",
        "nothing = 1",
        "n + missing = 1",
        "n / 0 = 1",
        "NOT (n / 0 = 1)",
        "s = 3",
        "NOT (s = 3)",
        "T_INTERSECTS(missing, DATE('2020-01-01'))",
        "NOT T_INTERSECTS(missing, DATE('2020-01-01'))",
        "S_INTERSECTS(footprint, BBOX(0,0,1,1))",
        "NOT S_INTERSECTS(footprint, BBOX(0,0,1,1))",
        "s LIKE 'á%'",
        "updated <= DATE('2020-01-05')",
    ],
)
def test_false_or_unknown_is_no_match(text: str) -> None:
    assert not Filter.parse(text).matches(ITEM)


SPANS = {
    "before": ("2019-01-01T00:00:00Z", "2019-02-01T00:00:00Z"),
    "after": ("2021-01-01T00:00:00Z", "2021-02-01T00:00:00Z"),
    "same": ("2020-01-01T00:00:00Z", "2020-01-10T00:00:00Z"),
    "inside": ("2020-01-02T00:00:00Z", "2020-01-09T00:00:00Z"),
    "around": ("2019-12-31T00:00:00Z", "2020-01-11T00:00:00Z"),
    "head": ("2020-01-01T00:00:00Z", "2020-01-09T00:00:00Z"),
    "tail": ("2020-01-02T00:00:00Z", "2020-01-10T00:00:00Z"),
    "longer": ("2020-01-01T00:00:00Z", "2020-01-11T00:00:00Z"),
    "earlier": ("2019-12-31T00:00:00Z", "2020-01-10T00:00:00Z"),
    "next": ("2020-01-10T00:00:00Z", "2020-01-19T00:00:00Z"),
    "previous": ("2019-12-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    "over the end": ("2020-01-05T00:00:00Z", ".."),
    "over the start": ("..", "2020-01-05T00:00:00Z"),
}
MEETING = set(SPANS) - {"before", "after"}


@pytest.mark.parametrize(
    ("op", "holds"),
    [
        ("t_after", {"before"}),
        ("t_before", {"after"}),
        ("t_disjoint", {"before", "after"}),
        ("t_intersects", MEETING),
        ("anyinteracts", MEETING),
        ("t_equals", {"same"}),
        ("t_contains", {"inside"}),
        ("t_during", {"around"}),
        ("t_startedBy", {"head"}),
        ("t_finishedBy", {"tail"}),
        ("t_starts", {"longer"}),
        ("t_finishes", {"earlier"}),
        ("t_meets", {"next"}),
        ("t_metBy", {"previous"}),
        ("t_overlaps", {"over the end"}),
        ("t_overlappedBy", {"over the start"}),
        ("T_OVERLAPPEDBY", {"over the start"}),
    ],
)
def test_the_temporal_relations(op: str, holds: set[str]) -> None:
    item = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}
    found = {
        name
        for name, span in SPANS.items()
        if Filter.parse({"op": op, "args": [item, {"interval": list(span)}]}).matches(ITEM)
    }
    assert found == holds


@pytest.mark.parametrize(
    ("properties", "meets", "misses"),
    [
        ({"datetime": "2020-01-01T00:00:00Z"}, "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
        (
            {"start_datetime": "2020-01-01T00:00:00Z", "end_datetime": None},
            "2300-01-01T00:00:00Z",
            "2019-01-01T00:00:00Z",
        ),
        (
            {"start_datetime": "2020-01-01T00:00:00Z", "end_datetime": "9999-12-31T23:59:59Z"},
            "2300-01-01T00:00:00Z",
            "2019-01-01T00:00:00Z",
        ),
    ],
)
def test_the_validity_of_an_item(properties: dict[str, object], meets: str, misses: str) -> None:
    item = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}
    for time, expected in ((meets, True), (misses, False)):
        found = Filter.parse({"op": "t_intersects", "args": [item, {"timestamp": time}]})
        assert found.matches({"id": "a", "properties": properties}) is expected


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"op": "foo", "args": [1]}, "'foo'"),
        ({"op": "=", "args": [{"op": "foo", "args": [1]}, 1]}, "'foo'"),
        ("foo(a) = 1", "'foo'"),
        ({"op": "=", "args": [{"property": "a"}]}, "takes 2 arguments, got 1"),
        ({"op": "=", "args": [{"property": "a"}, None]}, "isNull"),
        ({"op": "=", "args": [{"property": "created"}, "yesterday"]}, "yesterday"),
        (
            {"op": "t_after", "args": [{"property": "created"}, {"timestamp": "2020-13-01T00:00:00Z"}]},
            "2020-13",
        ),
        ({"op": "t_after", "args": [{"property": "created"}, 5]}, "5"),
        ({"op": "and", "args": [5]}, "5 is no condition"),
        ({"op": "in", "args": [{"property": "a"}, "x"]}, "list"),
        ({"op": "s_intersects", "args": [{"property": "geometry"}, {"property": "b"}]}, "literal geometry"),
        ({"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [1, 2]}]}, "bbox"),
        ({"x": 1}, "'x'"),
        ([], "array"),
        ("a = = 1", "a = = 1"),
        ("a = 1 OR " * 400 + "a = 1", "2000"),
        ("(" * 300, "parentheses"),
        ("(" * 20000 + "a=1" + ")" * 20000, "2000"),
        ("-" * 9000 + "a = 1", "2000"),
    ],
)
def test_a_wrong_filter_is_refused_before_any_item_is_read(source: object, says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Filter.parse(source)  # type: ignore[arg-type]
    assert says in str(caught.value)


def test_deep_json_is_refused() -> None:
    document: dict[str, object] = {"op": "isNull", "args": [{"property": "a"}]}
    for _ in range(500):
        document = {"op": "not", "args": [document]}
    with pytest.raises(InvalidInputError, match="100 levels"):
        Filter.parse(document)


def test_many_ids_in_text() -> None:
    names = ", ".join(f"'S1A_OPER_AUX_({number:06d}'" for number in range(1000))
    assert Filter.parse(f"id IN ({names})").matches({"id": "S1A_OPER_AUX_(000999", "properties": {}})


def test_many_wildcards_are_no_trap() -> None:
    pattern = {"op": "like", "args": [{"property": "s"}, "a%" * 30 + "b"]}
    assert not Filter.parse(pattern).matches({"properties": {"s": "a" * 3000}})


LEAVES = st.sampled_from([("missing = 1", None), ("n = 3", True), ("n = 4", False)])


@given(
    st.recursive(LEAVES, lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), inner, inner), max_leaves=5)
)
def test_three_valued_logic(tree: tuple[object, ...]) -> None:
    def text(node: tuple[object, ...]) -> str:
        return f"({text(node[1])} {node[0]} {text(node[2])})" if len(node) == 3 else str(node[0])  # type: ignore[arg-type]

    def value(node: tuple[object, ...]) -> bool | None:
        if len(node) == 2:
            return node[1]  # type: ignore[return-value]
        sides = {value(node[1]), value(node[2])}  # type: ignore[arg-type]
        strong = node[0] == "OR"
        return strong if strong in sides else (None if None in sides else not strong)

    assert Filter.parse(text(tree)).matches(ITEM) is (value(tree) is True)
    assert Filter.parse(f"NOT {text(tree)}").matches(ITEM) is (value(tree) is False)
