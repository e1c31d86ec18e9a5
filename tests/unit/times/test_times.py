from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_END, OPEN_START, Interval, format_utc, parse_utc

MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 1), max_value=datetime(9998, 12, 31, 23, 59, 59, 999_999), timezones=st.just(UTC)
)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-08-07", at(2025, 8, 7)),
        ("2025-08-07T11:51", at(2025, 8, 7, 11, 51)),
        ("2025-08-07T11:51:12", at(2025, 8, 7, 11, 51, 12)),
        ("2025-08-07T11:51:12Z", at(2025, 8, 7, 11, 51, 12)),
        ("2025-08-07t11:51:12Z", None),
        ("2025-08-07 11:51:12z", at(2025, 8, 7, 11, 51, 12)),
        (" 2025-08-07T11:51:12 Z ", at(2025, 8, 7, 11, 51, 12)),
        ("2025-08-07T11:51:12,5Z", at(2025, 8, 7, 11, 51, 12, 500_000)),
        ("2025-08-07T13:51:12+02:00", at(2025, 8, 7, 11, 51, 12)),
        ("2025-08-07T13:51:12.25+0200", at(2025, 8, 7, 11, 51, 12, 250_000)),
        ("2025-08-07T00:21:12-11:30", at(2025, 8, 7, 11, 51, 12)),
        ("2024-02-29T00:00:00Z", at(2024, 2, 29)),
        ("20250807T115112", at(2025, 8, 7, 11, 51, 12)),
        ("9999-12-31T23:59:59.999Z", OPEN_END),
        ("9999-12-31T23:59:59Z", OPEN_END),
        ("9999-12-31", OPEN_END),
        ("99991231T235959", OPEN_END),
        ("99999999T999999", OPEN_END),
        ("9998-12-31T23:59:59-01:00", OPEN_END),
        ("9999 and more", None),
        ("", None),
        ("..", None),
        ("yesterday", None),
        ("2025-8-7", None),
        ("2025-02-29", None),
        ("2025-13-01T00:00:00Z", None),
        ("2025-08-07T24:00:00Z", None),
        ("2025-08-07T11:60:00Z", None),
        ("2025-08-07T11:51:12.Z", None),
        ("2025-08-07T11:51:12.1234567890123456789Z", at(2025, 8, 7, 11, 51, 12, 123456)),
        ("2016-12-31T23:59:60Z", at(2016, 12, 31, 23, 59, 59, 999999)),
        ("2016-12-31T23:59:61Z", None),
        ("2025-08-07T11:51:12+24:00", None),
        ("2025-08-07T11:51:12+02:60", None),
        ("0000-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("2025-08-07T11:51:12Z; drop", None),
    ],
)
def test_reading_a_time(text, expected):
    if expected is None:
        with pytest.raises(InvalidInputError):
            parse_utc(text)
    else:
        assert parse_utc(text) == expected
        assert parse_utc(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("digits", range(10))
def test_fractions_of_up_to_nine_digits(digits):
    fraction = "987654321"[:digits]
    text = f"2025-08-07T11:51:12{'.' if digits else ''}{fraction}Z"
    assert parse_utc(text).microsecond == int(fraction[:6].ljust(6, "0"))


@pytest.mark.parametrize("value", [5, 5.0, None, True, ["2025-08-07"], {}])
def test_what_is_no_text_is_no_time(value):
    with pytest.raises(InvalidInputError):
        parse_utc(value)


def test_a_datetime_without_a_zone_is_utc():
    assert parse_utc(datetime(2025, 8, 7, 12)) == at(2025, 8, 7, 12)
    east = timezone(timedelta(hours=2))
    assert parse_utc(datetime(2025, 8, 7, 14, tzinfo=east)) == at(2025, 8, 7, 12)
    assert parse_utc(datetime(9999, 1, 1)) == OPEN_END
    assert parse_utc(datetime(9998, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-1)))) == OPEN_END
    with pytest.raises(InvalidInputError):
        parse_utc(datetime(1, 1, 1, tzinfo=east))


@given(MOMENTS)
def test_what_is_written_is_read_again(moment):
    text = format_utc(moment)
    assert parse_utc(text) == moment
    assert text.endswith("Z")
    assert len(text) == (27 if moment.microsecond % 1000 else 24)


@given(MOMENTS, st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_zones_change_the_writing_and_not_the_time(moment, offset):
    zone = timezone(timedelta(minutes=offset))
    try:
        local = moment.astimezone(zone)
    except OverflowError:
        return
    if local.year < 9999:
        assert parse_utc(local.isoformat()) == moment
        assert format_utc(local) == format_utc(moment)


def test_writing():
    assert format_utc(OPEN_END) == "9999-12-31T23:59:59.999Z"
    assert parse_utc(format_utc(OPEN_END)) == OPEN_END
    assert format_utc(OPEN_START) == "0001-01-01T00:00:00.000Z"
    with pytest.raises(InvalidInputError, match="time zone"):
        format_utc(datetime(2025, 8, 7))


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2025-08-07", "2025-08-08", "2025-08-07T00:00:00.000Z/2025-08-08T00:00:00.000Z"),
        (None, "2025-08-08", "../2025-08-08T00:00:00.000Z"),
        ("..", None, "../.."),
        ("", "", "../.."),
        ("2025-08-07", "9999-12-31T23:59:59Z", "2025-08-07T00:00:00.000Z/.."),
        ("2025-08-07", "2025-08-07", "2025-08-07T00:00:00.000Z/2025-08-07T00:00:00.000Z"),
    ],
)
def test_intervals(start, end, text):
    interval = Interval.parse(start, end)
    assert str(interval) == text
    assert interval.duration == interval.end - interval.start


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (
            "2025-08-08",
            "2025-08-07",
            "starts 2025-08-08T00:00:00.000Z after it ends 2025-08-07T00:00:00.000Z",
        ),
        ("..", "soon", "'soon' is not a time"),
        (5, None, "'5' is not a time"),
    ],
)
def test_intervals_that_are_none(start, end, message):
    with pytest.raises(InvalidInputError, match=message):
        Interval.parse(start, end)
    with pytest.raises(InvalidInputError, match="no time zone"):
        Interval(datetime(2025, 8, 7), OPEN_END)


def test_intervals_are_values():
    one, other = Interval.parse("2025-08-07", ".."), Interval.parse("2025-08-07", None)
    assert one == other
    assert hash(one) == hash(other)
    assert Interval.parse("2025-08-06", "..") < one
