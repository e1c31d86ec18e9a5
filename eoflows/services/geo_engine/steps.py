"""Time steps of equal length, counted without asking the server."""

from datetime import UTC, datetime, timedelta

from eoflows.services.geo_engine.descriptors import TimeDescriptor
from eoflows.services.geo_engine.times import TimeInterval

__all__ = ["RegularSteps"]

_LENGTHS = {"millis": 1, "seconds": 1000, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000}
_MONTHS = {"months": 1, "years": 12}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class RegularSteps:
    """The steps of a regular time dimension; step 0 starts at its origin.

    Args:
        descriptor: A description whose `step` is set.
    """

    def __init__(self, descriptor: TimeDescriptor) -> None:
        assert descriptor.step is not None  # noqa: S101
        self._origin = descriptor.origin or 0
        self._length = _LENGTHS.get(descriptor.step.granularity, 0) * descriptor.step.step
        self._months = _MONTHS.get(descriptor.step.granularity, 0) * descriptor.step.step

    def start(self, number: int) -> int:
        """Start of a step in milliseconds since 1970, also in years that no datetime has."""
        if self._length:
            return self._origin + number * self._length
        origin = _EPOCH + self._origin * _MILLISECOND
        month = origin.year * 12 + origin.month - 1 + number * self._months
        # The calendar repeats after 400 years, which are 146,097 days.
        cycles, year = divmod(month // 12 - 2000, 400)
        there = origin.replace(year=year + 2000, month=month % 12 + 1, day=min(origin.day, 28))
        days = cycles * 146_097 + (origin.day - there.day)
        return (there - _EPOCH) // _MILLISECOND + days * _LENGTHS["days"]

    def number(self, moment: int) -> int:
        """Number of the step in which a point in time lies."""
        if self._length:
            return (moment - self._origin) // self._length
        # 2,629,746,000 ms is the mean month; the guess is one step off at most.
        guess = (moment - self._origin) // (self._months * 2_629_746_000)
        while self.start(guess) > moment:
            guess -= 1
        while self.start(guess + 1) <= moment:
            guess += 1
        return guess

    def touched(self, interval: TimeInterval) -> range:
        """Numbers of the steps that an interval touches; an instant touches one."""
        first = self.number(interval.start_ms)
        last = self.number(max(interval.start_ms, interval.end_ms - 1))
        return range(first, last + 1)
