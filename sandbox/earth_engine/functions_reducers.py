"""Reducers: many values become one."""

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from eoflows.sandbox.earth_engine.values import Function, Reducer

__all__ = ["REDUCERS", "REDUCER_FUNCTIONS"]


def _whole(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    return [row for row in rows if all(value is not None for value in row)]


def _to_list(size: float | None, optional: float | None) -> Reducer:
    def reduce(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
        needed = int(size or 1) - int(optional or 0)
        kept = [list(row) for row in rows if all(value is not None for value in row[:needed])]
        return {"list": kept if size is not None else [row[0] for row in kept]}

    return Reducer("Reducer.toList", int(size or 1), reduce)


def _repeated(reducer: Reducer, count: float) -> Reducer:
    def reduce(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
        parts = [reducer.reduce([[row[number]] for row in rows]) for number in range(int(count))]
        return {name: [part[name] for part in parts] for name in parts[0]}

    return Reducer(f"{reducer.name}.repeat", int(count), reduce)


def _simple(name: str, compute: Callable[[list[Any]], Any]) -> Function:
    def make(*arguments: Any) -> Reducer:
        return Reducer(f"Reducer.{name}", 1, lambda rows: {name: compute([row[0] for row in _whole(rows)])})

    return make


REDUCERS: dict[str, Callable[[list[Any]], Any]] = {
    "count": len,
    "countDistinct": lambda values: len({repr(value) for value in values}),
    "max": lambda values: max(values, default=None),
    "min": lambda values: min(values, default=None),
    "sum": sum,
    "mean": lambda values: statistics.fmean(values) if values else None,
    "median": lambda values: statistics.median(values) if values else None,
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
    "frequencyHistogram": lambda values: {str(value): number for value, number in Counter(values).items()},
}
"""Name to what it makes of the values of one column."""

REDUCER_FUNCTIONS: dict[str, Function] = {
    **{f"Reducer.{name}": _simple(name, compute) for name, compute in REDUCERS.items()},
    "Reducer.toList": _to_list,
    "Reducer.repeat": _repeated,
}
"""By name; arguments in the order of the signatures."""
