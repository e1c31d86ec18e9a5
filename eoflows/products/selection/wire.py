"""The filter that a station accepts: a superset of what is wanted.

Stations accept `=`, `and` and the t_* operators, property first, and their `t_contains` is strict on
both ends. The interval is therefore drawn in by a millisecond, the resolution that stations keep,
so that a validity which begins exactly at the start still comes through; for `t_intersects` it is drawn
out. The exact choice follows.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from eoflows.base.times import OPEN_END, OPEN_START, Interval, format_utc
from eoflows.products.selection.wanted import Wanted

__all__ = ["wire_filter"]

_MILLISECOND = timedelta(milliseconds=1)
_LAST = datetime(9999, 1, 1, tzinfo=UTC) - _MILLISECOND
"""The last time that no station means as an open end."""


def wire_filter(wanted: Wanted) -> dict[str, Any]:
    """Build the CQL2 filter (JSON) for what is wanted.

    Returns:
        A filter that matches every product that fits, and perhaps others.
    """
    parts = [_equals("product:type", wanted.product_type)]
    if wanted.platform is not None:
        parts.append(_equals("platform", wanted.platform))
    parts += _temporal(wanted)
    return parts[0] if len(parts) == 1 else {"op": "and", "args": parts}


def _temporal(wanted: Wanted) -> list[dict[str, Any]]:
    relation = wanted.rule.relation
    operator, span = relation.operator, relation.span(wanted.frame)
    if span == Interval(OPEN_START, OPEN_END) and operator == "t_intersects":
        return []
    start, end = _next_ms(span.start), _previous_ms(min(span.end, _LAST))
    if operator != "t_contains" or end <= start:
        # Where nothing is left to contain: what covers an instant also meets its surroundings.
        operator, start, end = "t_intersects", _previous_ms(min(span.start, _LAST)), _next_ms(span.end)
    validity = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}
    return [{"op": operator, "args": [validity, {"interval": [format_utc(start), format_utc(end)]}]}]


def _equals(name: str, value: str) -> dict[str, Any]:
    return {"op": "=", "args": [{"property": name}, value]}


def _previous_ms(moment: datetime) -> datetime:
    """The last whole millisecond that is at least a millisecond before."""
    cut = moment - timedelta(microseconds=moment.microsecond % 1000)
    return max(OPEN_START + _MILLISECOND, cut) - _MILLISECOND


def _next_ms(moment: datetime) -> datetime:
    """The first whole millisecond that is at least a millisecond later."""
    if moment >= OPEN_END - 2 * _MILLISECOND:
        return OPEN_END
    return moment + _MILLISECOND + timedelta(microseconds=-moment.microsecond % 1000)
