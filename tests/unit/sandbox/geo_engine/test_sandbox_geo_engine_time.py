from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eoflows.sandbox.geo_engine.time_steps import (
    MAX_TIME,
    MIN_TIME,
    IrregularTime,
    RegularTime,
    format_instant,
    intersects,
    parse_interval,
    time_from,
)

DAY = 86_400_000


def test_intervals_and_instants():
    assert parse_interval("1970-01-01T00:00:00.001+00:00") == (1, 1)
    assert parse_interval("1970-01-01T00:00:00.000+00:00/1970-01-02T01:00:00.000+01:00") == (0, DAY)
    assert parse_interval("-262143-01-01T00:00:00+00:00/+262142-12-31T23:59:59.999+00:00") == (
        MIN_TIME,
        MAX_TIME,
    )


@pytest.mark.parametrize(
    "text", ["", "now", "2014-01-01T00:00:00", "2014-01-02T00:00:00+00:00/2014-01-01T00:00:00+00:00"]
)
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_interval(text)


@given(st.integers(-(10**12), 10**13))
def test_an_instant_can_be_read_again(moment):
    assert parse_interval(format_instant(moment)) == (moment, moment)


def test_the_ends_of_time_are_written_with_six_digits():
    assert parse_interval(f"{format_instant(MIN_TIME)}/{format_instant(MAX_TIME)}") == (MIN_TIME, MAX_TIME)


def test_half_open_intervals_touch_but_do_not_meet():
    assert not intersects((0, 5), (5, 9))
    assert intersects((0, 6), (5, 9))
    assert intersects((5, 5), (5, 9))
    assert not intersects((9, 9), (5, 9))
    assert intersects((5, 5), (5, 5))
    assert intersects((4, 9), (5, 5))
    assert not intersects((5, 9), (9, 9))


@given(
    st.sampled_from(["hours", "days", "months", "years"]),
    st.integers(1, 5),
    st.integers(-3 * 10**11, 3 * 10**11),
    st.integers(0, 10**10),
)
@example("hours", 1, -1, 1)
def test_regular_steps_fill_a_query_without_gap(granularity, step, shift, length):
    time = RegularTime(granularity=granularity, step=step, count=7)
    query = (time.start + shift, time.start + shift + length)
    steps = list(time.steps(query, beyond=True))
    assert steps[0][1][0] <= query[0] < steps[0][1][1]
    assert steps[-1][1][1] >= query[1]
    assert all(before[1][1] == after[1][0] for before, after in pairwise(steps))
    assert [number for number, _ in steps] == list(range(steps[0][0], steps[0][0] + len(steps)))
    within = list(time.steps(query, beyond=False))
    assert within == [one for one in steps if time.has_data(one[0])]


def test_months_have_their_own_lengths():
    time = RegularTime(granularity="months", count=3)
    assert [end - start for _, (start, end) in time.steps(time.bounds, beyond=True)] == [
        31 * DAY,
        28 * DAY,
        31 * DAY,
    ]


def test_irregular_steps_have_gaps():
    time = time_from({"intervals": [[0, 10], [20, 30]]})
    assert time == IrregularTime(intervals=((0, 10), (20, 30)))
    assert list(time.steps((10, 20), beyond=True)) == []
    assert list(time.steps((9, 21), beyond=True)) == [(0, (0, 10)), (1, (20, 30))]
    assert (time.bounds, time.dimension()) == ((0, 30), {"type": "irregular"})
