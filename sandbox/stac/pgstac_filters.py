"""How stac-fastapi-pgstac meets filters that it cannot evaluate."""

from collections.abc import Mapping
from typing import Any

from eoflows.sandbox.stac.cql2 import OPERATORS, operators_in
from eoflows.sandbox.stac.errors import Refusal

__all__ = ["PgstacFilterCheck"]


class PgstacFilterCheck:
    """Unknown operators are an error, unknown properties are not."""

    def __init__(
        self, queryables: frozenset[str], unknown_operator: int, timestamp_on_text: int | None
    ) -> None:
        self._queryables = queryables
        self._unknown_operator = unknown_operator
        self._timestamp_on_text = timestamp_on_text

    def __call__(self, node: Any) -> None:
        """Check a filter.

        Raises:
            Refusal: With the status from the settings.
        """
        unknown = operators_in(node) - OPERATORS
        if unknown:
            raise Refusal(self._unknown_operator, f"Operator {sorted(unknown)[0]} Not Supported")
        if self._timestamp_on_text is not None and self._compares_text_with_time(node):
            raise Refusal(
                self._timestamp_on_text, "operator does not exist: text >= timestamp with time zone"
            )

    def _compares_text_with_time(self, node: Any) -> bool:
        if isinstance(node, list):
            return any(self._compares_text_with_time(part) for part in node)
        if not isinstance(node, Mapping):
            return False
        args = node.get("args", [])
        if node.get("op") in ("<", "<=", ">", ">=", "=", "<>") and isinstance(args, list):
            names = [arg["property"] for arg in args if isinstance(arg, Mapping) and "property" in arg]
            timed = any(isinstance(arg, Mapping) and "timestamp" in arg for arg in args)
            if timed and any(name.removeprefix("properties.") not in self._queryables for name in names):
                return True
        return self._compares_text_with_time(args)
