"""CQL2 filters (OGC 21-065r2), as JSON or as text, decided item by item.

The `cql2` package parses the text and compares geometries. The rest is decided here: in 0.6.0 its
`between` is false for every timestamp, `t_overlaps` holds without the earlier start, a 9999 open end,
a null or a missing property raises, and operators are checked only when an item is matched. Rewriting
around that would need our own walk over the tree anyway, which is all that an evaluator is.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cql2

from eoflows.base.errors import InvalidInputError
from eoflows.stores.catalog.evaluation import Item, condition
from eoflows.stores.catalog.syntax import Node, read

__all__ = ["Filter"]

_QUOTED = re.compile(r"(?:'(?:[^']|'')*'|\"[^\"]*\")[\s,]*")
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?[\s,]+")
_LONGEST = 2000
_DEEPEST = 12


@dataclass(frozen=True)
class Filter:
    """A filter that was read and checked.

    A missing or null property makes a comparison unknown, as in SQL: neither it nor its `not` matches.
    A null end of an interval of properties is open; any time in the year 9999 is an open end;
    `interval(start_datetime, end_datetime)` of an item that has `datetime` only is that instant.
    Values of different kinds are unknown to each other. Dates are their midnight, UTC.
    """

    node: Node
    _decide: Callable[[Item], bool] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, source: "Mapping[str, Any] | bool | str | Filter") -> "Filter":
        """Read CQL2-JSON (a mapping) or CQL2-text.

        Raises:
            InvalidInputError: It is no CQL2, uses an unknown operator, or is too deep.
        """
        if isinstance(source, Filter):
            return source
        return cls.of(read(_from_text(source) if isinstance(source, str) else source))

    @classmethod
    def of(cls, node: Node) -> "Filter":
        """Make a filter of a tree that was read, and check its geometries.

        Raises:
            InvalidInputError: A geometry cannot be read.
        """
        return cls(node, condition(node))

    def matches(self, item: Item) -> bool:
        """Tell whether the filter is true for a STAC item (not false, not unknown)."""
        return self._decide(item)


def _from_text(text: str) -> object:
    _check_text(text)
    try:
        return cql2.parse_text(text).to_json()
    except cql2.ParseError as error:
        raise InvalidInputError(f"{text[:200]!r} is no CQL2 text:\n{error}") from error


def _check_text(text: str) -> None:
    """Refuse text that would make the package's parser overflow its stack or search for ever."""
    bare = _NUMBERS.sub("", _QUOTED.sub("", text))
    if len(bare) > _LONGEST:
        raise InvalidInputError(
            f"the CQL2 text has {len(bare)} characters without literals, at most {_LONGEST}; use CQL2 JSON"
        )
    depth = deepest = 0
    for mark in bare:
        depth += (mark == "(") - (mark == ")")
        deepest = max(deepest, depth)
        if depth < 0:
            break
    if depth or deepest > _DEEPEST:
        raise InvalidInputError(
            f"the CQL2 text has parentheses {deepest} deep, {depth} of them open; "
            f"close each, and nest at most {_DEEPEST} (CQL2 JSON may be deeper)"
        )
