import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import InvalidInputError
from eoflows.services.earth_engine import split_periods

moments = st.datetimes(datetime(1980, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
units = st.sampled_from(
    ["YS", "QS", "MS", "W", "D", "YE", "ME", "YS-OCT", "QS-FEB", "YE-SEP", "W-WED", "AS", "M"]
)


def days(periods):
    return [f"{start:%Y-%m-%d}" for start, _ in periods], f"{periods[-1][1]:%Y-%m-%d}"


@given(moments, st.integers(1, 4000), units, st.integers(1, 20))
def test_periods_lie_side_by_side_and_are_the_span(start, length, unit, number):
    end = start + timedelta(days=length, seconds=7)
    periods = split_periods(start, end, f"{number}{unit}")
    assert periods[0][0] == start
    assert periods[-1][1] == end
    assert all(before[1] == after[0] for before, after in itertools.pairwise(periods))
    assert all(first < last for first, last in periods)


@pytest.mark.parametrize(
    ("start", "end", "freq", "starts"),
    [
        # Where the original lost the first months, or went beyond the end.
        ("2000-06-01", "2002-06-01", "1YS", ["2000-06-01", "2001-01-01", "2002-01-01"]),
        ("1997-01-01", "2014-01-01", "5YS", ["1997-01-01", "2002-01-01", "2007-01-01", "2012-01-01"]),
        ("2000-01-01", "2001-01-01", "1YS", ["2000-01-01"]),
        ("2000-01-15", "2001-03-15", "QS-FEB", ["2000-01-15", "2000-02-01", "2000-05-01", "2000-08-01",
                                                "2000-11-01", "2001-02-01"]),
        ("2000-01-15", "2002-03-15", "YE-SEP", ["2000-01-15", "2000-10-01", "2001-10-01"]),
        ("2000-01-15", "2000-03-15", "16D", ["2000-01-15", "2000-01-31", "2000-02-16", "2000-03-03"]),
        ("2000-02-15", "2000-03-01", "W-MON", ["2000-02-15", "2000-02-22", "2000-02-29"]),
        ("2000-02-15", "2000-03-01", None, ["2000-02-15"]),
    ],
)  # fmt: skip
def test_where_the_cuts_are(start, end, freq, starts):
    assert days(split_periods(start, end, freq)) == (starts, end)


@pytest.mark.parametrize("freq", ["0D", "", "YS2", "fortnight", "1YS-FOO", "MS-JAN", "W-JAN", "-1D"])
def test_what_is_no_frequency_is_refused(freq):
    with pytest.raises(InvalidInputError):
        split_periods("2000-01-01", "2001-01-01", freq)


def test_an_empty_span_and_too_many_periods_are_refused():
    with pytest.raises(InvalidInputError, match="empty"):
        split_periods("2000-01-01", "2000-01-01", "D")
    with pytest.raises(InvalidInputError, match="more than"):
        split_periods("1000-01-01", "2900-01-01", "D")
