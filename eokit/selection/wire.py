"""The filter that a station accepts: a superset of what is wanted.

Stations accept `=`, `and` and the t_* operators, property first, and their `t_contains` is strict on
both ends. The interval is therefore drawn in by a millisecond, the resolution that stations keep,
so that a validity which begins exactly at the start still comes through; the exact choice follows.
"""

from datetime import datetime, timedelta
from typing import Any

from eokit.selection.policy import POLICIES, Wanted
from eokit.times import OPEN_END, OPEN_START, format_utc

__all__ = ["wire_filter"]

_MILLISECOND = timedelta(milliseconds=1)


def wire_filter(wanted: Wanted) -> dict[str, Any]:
    """Build the CQL2 filter (JSON) for what is wanted.

    Returns:
        A filter that matches every wanted product, and perhaps others.
    """
    relation, interval = POLICIES[wanted.policy].relation, wanted.interval
    start, end = _next_ms(interval.start), _previous_ms(interval.end)
    if end <= start:
        # Nothing is left to contain: what covers an instant also meets its surroundings.
        relation, start, end = "t_intersects", _previous_ms(interval.start), _next_ms(interval.end)
    return {
        "op": "and",
        "args": [
            {"op": "=", "args": [{"property": "product:type"}, wanted.product_type]},
            {
                "op": relation,
                "args": [
                    {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]},
                    {"interval": [format_utc(start), format_utc(end)]},
                ],
            },
        ],
    }


def _previous_ms(moment: datetime) -> datetime:
    """The last whole millisecond that is at least a millisecond before."""
    cut = moment - timedelta(microseconds=moment.microsecond % 1000)
    return max(OPEN_START + _MILLISECOND, cut) - _MILLISECOND


def _next_ms(moment: datetime) -> datetime:
    """The first whole millisecond that is at least a millisecond later."""
    if moment >= OPEN_END - 2 * _MILLISECOND:
        return OPEN_END
    return moment + _MILLISECOND + timedelta(microseconds=-moment.microsecond % 1000)
