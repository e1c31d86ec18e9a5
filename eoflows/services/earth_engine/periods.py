"""Spans of time cut into periods: half-open, side by side, nothing lost and nothing beyond the end."""

import calendar
import re
from datetime import UTC, datetime, timedelta

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import parse_utc

__all__ = ["Period", "split_periods"]

Period = tuple[datetime, datetime]
"""Start, and end that is no part of it, aware UTC."""

_WORD = re.compile(r"(\d*)([A-Za-z]+)(?:-([A-Za-z]{3}))?")
_MONTHS = {"YS": 12, "AS": 12, "YE": 12, "Y": 12, "A": 12, "QS": 3, "QE": 3, "Q": 3, "MS": 1, "ME": 1, "M": 1}
_DAYS = {"D": 1, "W": 7}
_NAMES = [name.upper() for name in calendar.month_abbr]
_WEEKDAYS = [name.upper() for name in calendar.day_abbr]
_MOST = 100_000


def split_periods(start: datetime | str, end: datetime | str, freq: str | None = None) -> list[Period]:
    """Cut a span into periods.

    The cuts are where pandas has them for the frequency: at the begin of years, quarters, months, weeks or
    days. The first and last period are as short as the span makes them; together they are the span.

    Args:
        start: Its start; without a zone it is UTC.
        end: Its end, no part of it.
        freq: Number and unit as in pandas: `1YS`, `5YS`, `QS`, `2MS`, `W`, `16D`; a unit that means the end
            of years, quarters or months cuts at the same moments. With a month (`YS-OCT`, `QS-FEB`) years
            or quarters begin in it, with a weekday (`W-MON`) weeks end with it. Several years are counted
            from the start's own year, several days from the start itself. None: one period.

    Returns:
        The periods in order.

    Raises:
        InvalidInputError: The span is empty, or the frequency is none of these.
    """
    first, last = parse_utc(start), parse_utc(end)
    if first >= last:
        raise InvalidInputError(f"a span from {first} to {last} is empty; its start must be before its end")
    if freq is None:
        return [(first, last)]
    periods = []
    cuts = _Cuts(freq, first)
    here = first
    while here < last:
        following = min(cuts.after(here), last)
        periods.append((here, following))
        here = following
        if len(periods) > _MOST:
            raise InvalidInputError(f"{freq!r} cuts {first} to {last} into more than {_MOST} periods")
    return periods


class _Cuts:
    """Where a frequency cuts."""

    def __init__(self, freq: str, start: datetime) -> None:
        found = _WORD.fullmatch(freq.strip())
        unit = found[2].upper() if found else ""
        if (
            found is None
            or (unit not in _MONTHS and unit not in _DAYS)
            or found[1].strip("0") == "" != found[1]
        ):
            raise InvalidInputError(
                f"{freq!r} is no frequency known here; give a number and YS, QS, MS, W or D, like 1YS or 16D"
            )
        self._number = int(found[1] or 1)
        anchor = (found[3] or "").upper()
        midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
        if unit in _MONTHS:
            self._months = _MONTHS[unit] * self._number
            self._base = self._month_base(freq, unit, anchor, start)
        else:
            self._months, self._days = 0, _DAYS[unit] * self._number
            # Weeks end on Sunday, as in pandas, unless another day is named.
            self._from = (
                midnight - timedelta(days=self._week_offset(freq, anchor, start)) if unit == "W" else start
            )

    def _month_base(self, freq: str, unit: str, anchor: str, start: datetime) -> int:
        """Number of a month at whose begin there is a cut at or before the start; months since year 0."""
        step = _MONTHS[unit]
        month = 1
        if anchor:
            if anchor not in _NAMES or step == 1:
                raise InvalidInputError(f"{freq!r}: {anchor!r} is no month in which {unit} could begin")
            month = _NAMES.index(anchor)
            if not unit.endswith("S"):
                # A unit of ends names the last month.
                month = month % 12 + 1
        there = start.year * 12 + start.month - 1
        return there - (there - (month - 1)) % step

    def _week_offset(self, freq: str, anchor: str, start: datetime) -> int:
        if anchor and anchor not in _WEEKDAYS:
            raise InvalidInputError(f"{freq!r}: {anchor!r} is no weekday")
        ends = _WEEKDAYS.index(anchor) if anchor else 6
        return (start.weekday() - ends - 1) % 7

    def after(self, moment: datetime) -> datetime:
        """Give the first cut after a moment."""
        if not self._months:
            step = timedelta(days=self._days)
            return self._from + ((moment - self._from) // step + 1) * step
        there = moment.year * 12 + moment.month - 1
        year, month = divmod(there - (there - self._base) % self._months + self._months, 12)
        if year > 9999:
            return datetime.max.replace(tzinfo=UTC)
        return datetime(year, month + 1, 1, tzinfo=UTC)
