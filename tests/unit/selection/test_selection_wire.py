"""The wire filter lets through all that is wanted, judged by an oracle that knows nothing of ours."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.times import Interval
from eoflows.products.selection import Boundary, Wanted, wire_filter

BASE = datetime(2025, 8, 7, tzinfo=UTC)
ZERO, OPEN = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
OPEN_WRITINGS = (
    "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T00:00:00.000Z",
    "9999-12-31T23:59:59.999999Z",
)
BOUNDARIES = list(Boundary)


def milliseconds(text: str) -> datetime:
    """Read a time as a station keeps it: what is finer than a millisecond is cut."""
    moment = datetime.fromisoformat(text)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def bound(value: Any, properties: dict[str, str]) -> datetime:
    if isinstance(value, dict):
        value = properties[value["property"]]
    return milliseconds(value)


def station_accepts(node: dict[str, Any], properties: dict[str, str]) -> bool:
    """What a station does with a filter; anything that it would refuse raises."""
    operator, arguments = node["op"], node["args"]
    if operator == "and":
        assert len(arguments) > 1
        verdicts = [station_accepts(part, properties) for part in arguments]
        return all(verdicts)
    first, second = arguments
    if operator == "=":
        assert isinstance(second, str)
        return properties.get(first["property"]) == second
    assert first == {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}
    assert all(isinstance(one, str) and one.endswith("Z") for one in second["interval"])
    start, end = (bound(one, properties) for one in first["interval"])
    low, high = (bound(one, properties) for one in second["interval"])
    assert low <= high
    return {
        "t_contains": start < low and end > high,
        "t_intersects": start <= high and end >= low,
    }[operator]


def product(start: datetime, end: datetime | str) -> dict[str, Any]:
    properties = {
        "product:type": "AUX_POEORB",
        "start_datetime": written(start),
        "end_datetime": end if isinstance(end, str) else written(end),
    }
    return {"id": "x", "properties": properties, "assets": {}}


def written(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


# Few different values, so that boundaries meet; microseconds, so that rounding shows.
FINE = st.builds(
    lambda s, us: BASE + timedelta(seconds=s, microseconds=us),
    st.integers(-3, 3),
    st.sampled_from([0, 1, 999, 1000, 1001, 500_000, 999_000, 999_999]),
)
COARSE = FINE.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
ASKED = st.tuples(FINE | st.just(ZERO), FINE | st.just(OPEN)).map(sorted).map(lambda pair: Interval(*pair))
PRODUCTS = st.tuples(COARSE, COARSE).map(sorted).map(lambda pair: product(*pair)) | st.builds(
    product, COARSE, st.sampled_from(OPEN_WRITINGS)
)


def covers(properties: dict[str, str], asked: Interval, boundary: Boundary) -> bool:
    """ValCover, written down a second time."""
    start, end = (
        datetime.fromisoformat(properties[name]).replace(tzinfo=UTC)
        for name in ("start_datetime", "end_datetime")
    )
    end = OPEN if end.year == 9999 else end
    if boundary == "strict":
        return start < asked.start and end > asked.end
    return start <= asked.start and end >= asked.end


@given(ASKED, PRODUCTS, st.sampled_from(BOUNDARIES))
def test_what_is_wanted_comes_over_the_wire(asked, item, boundary):
    wanted = Wanted("AUX_POEORB", asked, boundary)
    fits, _ = wanted.judge(item)
    assert fits == covers(item["properties"], asked, boundary)
    if fits:
        assert station_accepts(wire_filter(wanted), item["properties"])


@given(ASKED, PRODUCTS)
def test_strict_wants_no_more_than_inclusive(asked, item):
    strict, inclusive = (
        Wanted("AUX_POEORB", asked, boundary).judge(item)[0] for boundary in ("strict", "inclusive")
    )
    assert inclusive or not strict


@given(ASKED, PRODUCTS)
def test_little_more_than_what_is_wanted_comes_over_the_wire(asked, item):
    """The margin is a millisecond or two: a filter that let everything through would be a superset too."""
    if asked.duration < timedelta(milliseconds=5) or asked.end == OPEN:
        return
    wide = Interval(asked.start + timedelta(milliseconds=2), asked.end - timedelta(milliseconds=2))
    if station_accepts(wire_filter(Wanted("AUX_POEORB", asked)), item["properties"]):
        assert covers(item["properties"], wide, Boundary.INCLUSIVE)


@pytest.mark.parametrize(
    ("start", "end", "strict", "inclusive"),
    [
        (-1, 11, True, True),
        (0, 11, False, True),
        (-1, 10, False, True),
        (0, 10, False, True),
        (1, 11, False, False),
        (-1, 9, False, False),
    ],
)
def test_boundaries(start, end, strict, inclusive):
    asked = Interval(BASE, BASE + timedelta(seconds=10))
    item = product(BASE + timedelta(seconds=start), BASE + timedelta(seconds=end))
    assert Wanted("AUX_POEORB", asked, Boundary.STRICT).judge(item)[0] is strict
    assert Wanted("AUX_POEORB", asked).judge(item)[0] is inclusive
    if inclusive:
        assert station_accepts(wire_filter(Wanted("AUX_POEORB", asked)), item["properties"])


@pytest.mark.parametrize("end", OPEN_WRITINGS)
@pytest.mark.parametrize("asked", [Interval(BASE, OPEN), Interval(OPEN, OPEN), Interval(BASE, BASE)])
def test_open_ends_and_instants(asked, end):
    item, wanted = product(BASE, end), Wanted("AUX_POEORB", asked)
    assert wanted.judge(item)[0]
    assert station_accepts(wire_filter(wanted), item["properties"])


def test_another_type_does_not_come():
    wanted = Wanted("AUX_PREORB", Interval(BASE, BASE))
    item = product(BASE, OPEN_WRITINGS[0])
    assert not station_accepts(wire_filter(wanted), item["properties"])
    fits, reason = wanted.judge(item)
    assert not fits
    assert "AUX_POEORB, not AUX_PREORB" in reason


def test_the_filter_in_full():
    asked = Interval.parse("2025-08-07T11:51:12.509Z", "2025-08-10T14:00:00.509Z")
    assert wire_filter(Wanted("AX___OSF_AX", asked)) == {
        "op": "and",
        "args": [
            {"op": "=", "args": [{"property": "product:type"}, "AX___OSF_AX"]},
            {
                "op": "t_contains",
                "args": [
                    {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]},
                    {"interval": ["2025-08-07T11:51:12.510Z", "2025-08-10T14:00:00.508Z"]},
                ],
            },
        ],
    }


def test_a_reason_shows_both_spans():
    wanted = Wanted("AUX_POEORB", Interval(BASE, BASE))
    _, reason = wanted.judge(product(BASE + timedelta(seconds=1), OPEN_WRITINGS[0]))
    assert "2025-08-07T00:00:01.000Z/.. does not cover 2025-08-07T00:00:00.000Z/" in reason
