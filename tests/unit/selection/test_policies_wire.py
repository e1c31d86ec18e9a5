"""What goes over the wire is a superset of what fits, in the words that stations accept."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_oracle import P
from policy_products import item, product_lists, wanteds

from eoflows.base.times import OPEN_END, OPEN_START, Interval, format_utc
from eoflows.products.selection import UNLIMITED, Boundary, PolicyName, Wanted, wire_filter
from eoflows.sandbox.rs_server.station_filters import StationFilterCheck
from eoflows.sandbox.rs_server.station_items import QUERYABLES
from eoflows.sandbox.stac.cql2 import TEMPORAL, evaluate
from eoflows.stores.catalog.cql2 import Filter

times = st.datetimes(datetime(2025, 8, 1), datetime(2025, 8, 1, 0, 0, 1)).map(lambda t: t.replace(tzinfo=UTC))


def accepted(wanted: Wanted) -> dict:
    found = wire_filter(wanted)
    StationFilterCheck(QUERYABLES["auxip"], nested_and=False)(found)
    return found


@given(product_lists(), wanteds())
@settings(max_examples=examples(500))
def test_what_fits_passes_the_wire(products: list[P], wanted: Wanted):
    found = accepted(wanted)
    local = Filter.parse(found)
    for one in map(item, products):
        if wanted.judge(one)[0]:
            assert evaluate(found, one["properties"].get) is True
            assert local.matches(one)


@given(times, times, times, times, wanteds())
@settings(max_examples=examples(500))
def test_nothing_is_lost_at_a_station_that_is_strict_and_keeps_milliseconds(
    a: datetime, b: datetime, c: datetime, d: datetime, wanted: Wanted
):
    asked = Interval(min(a, b), max(a, b))
    wanted = Wanted(
        wanted.product_type, asked, wanted.boundary, wanted.policy, wanted.margin_before, wanted.margin_after
    )
    start, end = (t.replace(microsecond=t.microsecond // 1000 * 1000) for t in sorted((c, d)))
    properties = {
        "product:type": wanted.product_type,
        "start_datetime": format_utc(start),
        "end_datetime": format_utc(end),
    }
    if wanted.judge({"id": "x", "properties": properties})[0]:
        with patch.dict(TEMPORAL, {"t_intersects": lambda a, b: a[0] < b[1] and a[1] > b[0]}):  # type: ignore[arg-type]
            assert evaluate(accepted(wanted), properties.get) is True


@pytest.mark.parametrize("policy", sorted(PolicyName))
@pytest.mark.parametrize("boundary", Boundary)
@pytest.mark.parametrize("end", ["9999-12-31T23:59:59.999Z", "9999-12-31T00:00:00.000Z"])
@pytest.mark.parametrize(
    "asked",
    [
        Interval(datetime(2025, 8, 1, tzinfo=UTC), OPEN_END),
        Interval(OPEN_START, datetime(2025, 8, 1, tzinfo=UTC)),
        Interval(OPEN_START, OPEN_END),
        Interval(OPEN_END - timedelta(days=1), OPEN_END),
    ],
)
def test_open_ends_pass_the_wire(policy: PolicyName, boundary: Boundary, end: str, asked: Interval):
    properties = {
        "product:type": "AX___OSF_AX",
        "start_datetime": "2016-02-16T19:24:04.000Z",
        "end_datetime": end,
    }
    if policy in (PolicyName.CLOSEST_START_VALIDITY, PolicyName.CLOSEST_STOP_VALIDITY):
        return
    wanted = Wanted("AX___OSF_AX", asked, boundary, policy)
    fits = wanted.judge({"id": "x", "properties": properties})[0]
    assert not fits or evaluate(accepted(wanted), properties.get) is True


def test_a_policy_that_looks_everywhere_asks_for_the_type_alone():
    asked = Interval(datetime(2025, 8, 1, tzinfo=UTC), datetime(2025, 8, 2, tzinfo=UTC))
    wanted = Wanted("AUX_CAL", asked, policy=PolicyName.LATEST_VALIDITY, look=UNLIMITED)
    assert wire_filter(wanted) == {"op": "=", "args": [{"property": "product:type"}, "AUX_CAL"]}
    of_one = Wanted("AUX_CAL", asked, policy=PolicyName.LATEST_VALIDITY, platform="sentinel-1a")
    assert [part["op"] for part in accepted(of_one)["args"]] == ["=", "="]
