"""Two clocks, and how far what one says can be compared with what the other does."""

import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["ServiceClock", "StepWatch", "utc_now"]

_SAMPLES = 20
_RESOLUTION = 1.0
"""Seconds that a `Date` leaves out."""
_STEP = 2.0
"""Seconds by which a clock may differ from one that nobody sets before it counts as set."""


def utc_now() -> datetime:
    """Give this host's time, aware UTC."""
    return datetime.now(UTC)


class ServiceClock:
    """A service's clock against this host's, from the `Date` of several answers.

    Each answer bounds the offset: its date was written between request and answer. Where the bounds of
    several do not agree, as when proxies with clocks of their own answer or a clock was set, what all of
    them span is uncertain.
    """

    def __init__(self) -> None:
        self._bounds: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)

    def note(self, date: datetime, asked: datetime, answered: datetime) -> None:
        """Note a `Date`, and when by this host's clock it was asked for and had."""
        low, high = (date - answered).total_seconds(), (date - asked).total_seconds() + _RESOLUTION
        self._bounds.append((min(low, high), max(low, high)))

    @property
    def offset(self) -> float:
        """Seconds that the service's clock is ahead; 0 before it has said anything."""
        low, high = self._span()
        return (low + high) / 2

    @property
    def uncertainty(self) -> float:
        """Seconds by which the offset may be wrong either way."""
        low, high = self._span()
        return (high - low) / 2

    def _span(self) -> tuple[float, float]:
        if not self._bounds:
            return 0.0, 0.0
        lows, highs = zip(*self._bounds, strict=True)
        agreed = max(lows), min(highs)
        return agreed if agreed[0] <= agreed[1] else (min(lows), max(highs))


def _steady() -> float:
    """Seconds of a clock that nobody sets, and that goes on while the host sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class StepWatch:
    """Notices that a host's clock was set.

    Args:
        clock: Aware UTC, as it may be set.
        steady: Seconds of a clock that is not; None: nothing is noticed, as where a test moves the time.
    """

    def __init__(self, clock: Callable[[], datetime], steady: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._steady = _steady if steady is None and clock is utc_now else steady
        self._begun = (clock(), self._steady() if self._steady else 0.0)

    @property
    def step(self) -> float:
        """Seconds by which the clock was set forward since this began; 0 where it was not."""
        if self._steady is None:
            return 0.0
        wall, steady = self._begun
        gone = self._clock() - wall - timedelta(seconds=self._steady() - steady)
        return gone.total_seconds() if abs(gone.total_seconds()) > _STEP else 0.0
