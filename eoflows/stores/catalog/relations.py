"""The 15 temporal relations of CQL2 (OGC 21-065r2, clause 7), as data.

Each is a conjunction of comparisons between the ends of two closed spans: `a` from `a0` to `a1`,
`b` from `b0` to `b1`. The evaluator and the SQL are both made from this one table, so they cannot
disagree. The relations are strict where the Time Ontology is: a span does not contain one that begins
with it. An instant is a span whose ends are equal (the standard leaves instants out of ten of them).
"""

from collections.abc import Callable
from datetime import datetime
from operator import eq, gt, lt

__all__ = ["NEGATED", "RELATIONS", "Span", "related"]

Span = tuple[datetime, datetime]
Term = tuple[str, str, str]

RELATIONS: dict[str, tuple[Term, ...]] = {
    "t_after": (("a0", ">", "b1"),),
    "t_before": (("a1", "<", "b0"),),
    "t_contains": (("a0", "<", "b0"), ("a1", ">", "b1")),
    "t_during": (("a0", ">", "b0"), ("a1", "<", "b1")),
    "t_equals": (("a0", "=", "b0"), ("a1", "=", "b1")),
    "t_finishedBy": (("a0", "<", "b0"), ("a1", "=", "b1")),
    "t_finishes": (("a0", ">", "b0"), ("a1", "=", "b1")),
    "t_intersects": (("a0", "<=", "b1"), ("a1", ">=", "b0")),
    "t_meets": (("a1", "=", "b0"),),
    "t_metBy": (("a0", "=", "b1"),),
    "t_overlappedBy": (("a0", ">", "b0"), ("a0", "<", "b1"), ("a1", ">", "b1")),
    "t_overlaps": (("a0", "<", "b0"), ("a1", ">", "b0"), ("a1", "<", "b1")),
    "t_startedBy": (("a0", "=", "b0"), ("a1", ">", "b1")),
    "t_starts": (("a0", "=", "b0"), ("a1", "<", "b1")),
}
NEGATED = {"t_disjoint": "t_intersects"}
"""Relations that say that another does not hold."""

_COMPARE: dict[str, Callable[[datetime, datetime], bool]] = {
    "<": lt,
    ">": gt,
    "=": eq,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def related(name: str, a: Span, b: Span) -> bool:
    """Tell whether `a` stands in the named relation to `b`."""
    if name in NEGATED:
        return not related(NEGATED[name], a, b)
    ends = {"a0": a[0], "a1": a[1], "b0": b[0], "b1": b[1]}
    return all(_COMPARE[sign](ends[left], ends[right]) for left, sign, right in RELATIONS[name])
