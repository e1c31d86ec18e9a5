"""What a station accepts of CQL2: `=`, `and`, the t_* operators, property first, literal second."""

import re
from collections.abc import Mapping
from typing import Any

from eoflows.sandbox.stac.cql2 import TEMPORAL
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.stac.times import parse_instant

__all__ = ["StationFilterCheck"]

_STRICT_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z")


class StationFilterCheck:
    """Refuses every filter that a station cannot translate into OData."""

    def __init__(self, queryables: frozenset[str], *, nested_and: bool = True) -> None:
        self._queryables = queryables
        self._nested_and = nested_and

    def __call__(self, node: Any) -> None:
        """Check a filter.

        Raises:
            Refusal: 422 and why.
        """
        self._check(node, nested=False)

    def _check(self, node: Any, *, nested: bool) -> None:
        if not isinstance(node, Mapping) or not isinstance(node.get("args"), list):
            raise Refusal(422, f"not a CQL2 operation: {node!r}")
        operator, args = node.get("op"), node["args"]
        if operator == "and":
            if nested and not self._nested_and:
                raise Refusal(422, "nested and is not supported")
            if len(args) < 2:
                raise Refusal(422, "and takes at least two arguments")
            for arg in args:
                self._check(arg, nested=True)
            return
        if operator != "=" and operator not in TEMPORAL:
            raise Refusal(422, f"operator {operator!r} is not supported")
        if len(args) != 2:
            raise Refusal(422, f"{operator} takes two arguments")
        self._check_subject(args[0], intervals=operator != "=")
        if operator == "=":
            self._check_literal(args[1])
        else:
            self._check_times(args[1])

    def _check_subject(self, node: Any, *, intervals: bool) -> None:
        parts = [node]
        if intervals and isinstance(node, Mapping) and isinstance(node.get("interval"), list):
            parts = node["interval"]
            if len(parts) != 2:
                raise Refusal(422, "an interval has two ends")
        for part in parts:
            if not isinstance(part, Mapping) or set(part) != {"property"}:
                raise Refusal(422, f"the first argument must be a property, not {part!r}")
            if part["property"] not in self._queryables:
                raise Refusal(422, f"unknown property {part['property']!r}")

    def _check_literal(self, node: Any) -> None:
        if isinstance(node, Mapping) and node.keys() in ({"timestamp"}, {"date"}):
            self._check_time(node)
        elif not isinstance(node, str | int | float | bool):
            raise Refusal(422, f"the second argument must be a literal, not {node!r}")

    def _check_times(self, node: Any) -> None:
        if isinstance(node, Mapping) and "interval" in node:
            ends = node["interval"]
            if not isinstance(ends, list) or len(ends) != 2:
                raise Refusal(422, "an interval has two ends")
            for end in ends:
                if end != "..":
                    self._check_time(end)
            return
        self._check_time(node)

    def _check_time(self, node: Any) -> None:
        if isinstance(node, Mapping) and node.get("op") in ("+", "-"):
            self._check_margin(node)
            return
        if isinstance(node, Mapping):
            node = next((node[kind] for kind in ("timestamp", "date") if kind in node), None)
        if parse_instant(node) is None:
            raise Refusal(422, f"not a time: {node!r}")

    def _check_margin(self, node: Mapping[str, Any]) -> None:
        args = node.get("args")
        if not isinstance(args, list) or len(args) != 2 or not isinstance(args[1], int | float):
            raise Refusal(422, "a margin is a time and a number of seconds")
        if not isinstance(args[0], str) or _STRICT_TIME.fullmatch(args[0]) is None:
            raise Refusal(422, f"time data {args[0]!r} does not match format '%Y-%m-%dT%H:%M:%S.%fZ'")
