"""Time as Geo Engine has it: integer milliseconds since 1970 (UTC), half-open intervals, instants, steps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

__all__ = [
    "MAX_TIME",
    "MIN_TIME",
    "Granularity",
    "Interval",
    "IrregularTime",
    "RegularTime",
    "format_instant",
    "intersects",
    "parse_interval",
    "time_from",
]

MIN_TIME, MAX_TIME = -8_334_601_228_800_000, 8_210_266_876_799_999
"""The ends of time, which stand for an unbounded interval."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Interval = tuple[int, int]
"""Start and end in milliseconds; an instant has them equal, else the end is excluded."""
Granularity = Literal["millis", "seconds", "minutes", "hours", "days", "months", "years"]
_DURATIONS = {"millis": 1, "seconds": 1000, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000}
_MONTHS = {"months": 1, "years": 12}


def parse_interval(text: str) -> Interval:
    """Parse `start/end` or one instant, ISO 8601 with an offset.

    Raises:
        ValueError: It is neither, or ends before it starts.
    """
    start, slash, end = text.partition("/")
    first = _parse_instant(start)
    last = _parse_instant(end) if slash else first
    if last < first:
        raise ValueError(f"time interval {text!r} ends before it starts")
    return first, last


def _parse_instant(text: str) -> int:
    if text.startswith(("+", "-")):  # a year of more than four digits: one of the ends of time
        return MIN_TIME if text[0] == "-" else MAX_TIME
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no offset")
    return (moment - _EPOCH) // _MILLISECOND


def format_instant(milliseconds: int) -> str:
    """Return an instant as ISO 8601 with `+00:00`; the ends of time as years of six digits."""
    if milliseconds <= MIN_TIME:
        return "-262143-01-01T00:00:00+00:00"
    if milliseconds >= MAX_TIME:
        return "+262142-12-31T23:59:59.999+00:00"
    return (_EPOCH + milliseconds * _MILLISECOND).isoformat()


def intersects(one: Interval, other: Interval) -> bool:
    """Tell whether two intervals share a moment; either may be an instant."""
    if one[0] == one[1]:
        return other[0] <= one[0] < max(other[1], other[0] + 1)
    if other[0] == other[1]:
        return one[0] <= other[0] < one[1]
    return one[0] < other[1] and other[0] < one[1]


@dataclass(frozen=True, kw_only=True)
class RegularTime:
    """Steps of equal length; a query is filled with them, also where there are no data."""

    start: int = 1_388_534_400_000
    """Start of the first step with data (default: 2014-01-01)."""
    granularity: Granularity = "days"
    """Unit of a step."""
    step: int = 1
    """Units in a step."""
    count: int = 1
    """Steps with data."""

    def __post_init__(self) -> None:
        """Refuse what is no number.

        Raises:
            TypeError: Start, step or count is something else, like a text.
        """
        for name in ("start", "step", "count"):
            if type(value := getattr(self, name)) is not int:
                raise TypeError(f"invalid type for `{name}`: {value!r}, expected an integer")

    @property
    def bounds(self) -> Interval:
        """The interval with data."""
        return self._at(0), self._at(self.count)

    def dimension(self) -> dict[str, Any]:
        """Return the `dimension` of a time descriptor."""
        return {
            "type": "regular",
            "origin": self.start,
            "step": {"granularity": self.granularity, "step": self.step},
        }

    def steps(self, query: Interval, *, beyond: bool) -> Iterator[tuple[int, Interval]]:
        """Yield number (0: the first with data) and interval of the steps that a query touches.

        Args:
            query: The interval asked for.
            beyond: Also yield steps without data; their numbers are negative, or `count` and more.
        """
        first, last = self.bounds
        if not beyond and not intersects(query, (first, last)):
            return
        start, end = query if beyond else (max(query[0], first), min(query[1], last))
        number = self._number(start)
        while intersects(interval := (self._at(number), self._at(number + 1)), (start, end)):
            yield number, interval
            number += 1

    def has_data(self, number: int) -> bool:
        """Tell whether a step is one of those with data."""
        return 0 <= number < self.count

    def _at(self, number: int) -> int:
        if self.granularity in _DURATIONS:
            return self.start + number * self.step * _DURATIONS[self.granularity]
        origin = _EPOCH + self.start * _MILLISECOND
        months = origin.month - 1 + number * self.step * _MONTHS[self.granularity]
        moved = origin.replace(year=origin.year + months // 12, month=months % 12 + 1)
        return (moved - _EPOCH) // _MILLISECOND

    def _number(self, moment: int) -> int:
        if self.granularity in _DURATIONS:
            return (moment - self.start) // (self.step * _DURATIONS[self.granularity])
        origin, there = (_EPOCH + value * _MILLISECOND for value in (self.start, moment))
        months = (there.year - origin.year) * 12 + there.month - origin.month
        number = months // (self.step * _MONTHS[self.granularity])
        return number if self._at(number) <= moment else number - 1


@dataclass(frozen=True, kw_only=True)
class IrregularTime:
    """Steps as the data have them: gaps are not filled, and how many there are is not told."""

    intervals: tuple[Interval, ...]
    """The steps, in order."""

    @property
    def bounds(self) -> Interval:
        """The interval from the first to the last."""
        return self.intervals[0][0], self.intervals[-1][1]

    def dimension(self) -> dict[str, Any]:
        """Return the `dimension` of a time descriptor."""
        return {"type": "irregular"}

    def steps(self, query: Interval, *, beyond: bool) -> Iterator[tuple[int, Interval]]:
        """Yield number and interval of the steps that a query touches; `beyond` makes no difference."""
        yield from ((n, one) for n, one in enumerate(self.intervals) if intersects(one, query))

    def has_data(self, number: int) -> bool:
        """Tell whether a step is one of those with data."""
        return 0 <= number < len(self.intervals)


def time_from(document: Mapping[str, Any]) -> RegularTime | IrregularTime:
    """Read `{"start", "granularity", "step", "count"}` or `{"intervals": [[start, end], ...]}`."""
    if "intervals" in document:
        return IrregularTime(intervals=tuple((int(a), int(b)) for a, b in document["intervals"]))
    return RegularTime(**document)
