from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_END, OPEN_START
from eoflows.services.geo_engine.times import MAX_MS, MIN_MS, TimeInterval, format_ms, milliseconds, parse_ms


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2014, 1, 1, 12),
        datetime(2014, 1, 1, 14, tzinfo=timezone(timedelta(hours=2))),
        np.datetime64("2014-01-01T12:00"),
        "2014-01-01T12:00:00Z",
        1388577600000,
    ],
)
def test_a_moment_is_milliseconds_in_utc(moment):
    assert milliseconds(moment) == 1388577600000


def test_open_ends_are_those_of_the_server():
    assert milliseconds(OPEN_START) == MIN_MS
    assert milliseconds(OPEN_END) == MAX_MS
    unbounded = TimeInterval(MIN_MS, MAX_MS)
    assert unbounded.time_str == "-262143-01-01T00:00:00.000+00:00/+262142-12-31T23:59:59.999+00:00"
    assert (unbounded.start, unbounded.end) == (np.datetime64(MIN_MS, "ms"), np.datetime64(MAX_MS, "ms"))


def test_an_instant_and_an_interval_as_queries_have_them():
    start, end = datetime(2014, 1, 1, tzinfo=UTC), datetime(2014, 1, 3, tzinfo=UTC)
    assert TimeInterval(start).time_str == "2014-01-01T00:00:00.000+00:00"
    assert TimeInterval(start).is_instant
    assert TimeInterval(start, end).time_str == "2014-01-01T00:00:00.000+00:00/2014-01-03T00:00:00.000+00:00"
    assert TimeInterval(start, end).document() == {"start": 1388534400000, "end": 1388707200000}


@given(st.integers(MIN_MS, MAX_MS))
def test_what_is_written_can_be_read(moment):
    assert parse_ms(format_ms(moment)) == moment


@pytest.mark.parametrize("wrong", [np.datetime64("NaT", "ms"), MAX_MS + 1, "soon"])
def test_what_is_no_moment(wrong):
    with pytest.raises(InvalidInputError):
        milliseconds(wrong)


def test_an_interval_does_not_end_before_it_starts():
    with pytest.raises(InvalidInputError, match="swap"):
        TimeInterval("2014-01-02", "2014-01-01")
    with pytest.raises(InvalidInputError):
        parse_ms("soon")
