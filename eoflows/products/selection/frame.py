"""What a product is compared with: the interval asked for, with its margins, and how far is looked."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_END, OPEN_START, Interval

__all__ = ["UNLIMITED", "Boundary", "Frame", "Look", "widened"]


class Boundary(StrEnum):
    """Whether a validity that begins or ends exactly with the asked interval counts."""

    INCLUSIVE = "inclusive"
    STRICT = "strict"


@dataclass(frozen=True)
class Look:
    """How far a policy looks beyond the interval.

    Attributes:
        before: Seconds before its start; `math.inf` is no limit.
        after: Seconds after its end; `math.inf` is no limit.
    """

    before: float
    after: float

    def __post_init__(self) -> None:
        for name, seconds in (("before", self.before), ("after", self.after)):
            if not seconds >= 0:
                raise InvalidInputError(f"the look {name} is {seconds} s; give seconds, 0 or more")

    @classmethod
    def given(cls, before: float | None, after: float | None, usual: "Look | None") -> "Look | None":
        """Give a look whose sides may be left out; None where both are.

        Args:
            before: Seconds, or None for the usual.
            after: Seconds, or None for the usual.
            usual: What a policy usually looks, or None if it does not look beyond the interval.
        """
        if before is None and after is None:
            return None
        known = usual or cls(0.0, 0.0)
        return cls(known.before if before is None else before, known.after if after is None else after)

    def of(self, asked: Interval) -> Interval:
        """Give the window around an interval; its ends count."""
        return widened(asked, self.before, self.after)


UNLIMITED = Look(math.inf, math.inf)


@dataclass(frozen=True)
class Frame:
    """What the products of one selection are compared with.

    Attributes:
        asked: The interval to serve, margins included.
        window: How far is looked: the interval itself for policies that look no further.
        boundary: Whether the bounds of `asked` count.
    """

    asked: Interval
    window: Interval
    boundary: Boundary = Boundary.INCLUSIVE

    @property
    def centre(self) -> datetime:
        """The middle of the interval, margins included."""
        return self.asked.start + self.asked.duration / 2


def widened(interval: Interval, before: float, after: float) -> Interval:
    """Move the ends of an interval outwards, not past the ends of the calendar.

    Args:
        interval: What to widen.
        before: Seconds by which it starts earlier; `math.inf` opens it.
        after: Seconds by which it ends later; `math.inf` opens it.
    """
    return Interval(_moved(interval.start, -before, OPEN_START), _moved(interval.end, after, OPEN_END))


def _moved(moment: datetime, seconds: float, limit: datetime) -> datetime:
    if moment in (OPEN_START, OPEN_END):
        return moment
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return limit
