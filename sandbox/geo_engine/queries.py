"""The parts of a query string that several calls share."""

from collections.abc import Mapping
from dataclasses import dataclass

from eoflows.sandbox.geo_engine.errors import EngineError, bad_query
from eoflows.sandbox.geo_engine.grid import BoundingBox
from eoflows.sandbox.geo_engine.time_steps import Interval, parse_interval

__all__ = ["Query", "numbers", "required"]


def required(query: Mapping[str, str], name: str) -> str:
    """Return a parameter.

    Raises:
        EngineError: It is not there.
    """
    if name not in query:
        raise bad_query(f"missing field `{name}`")
    return query[name]


def numbers(text: str, count: int, name: str) -> tuple[float, ...]:
    """Parse numbers with commas between.

    Raises:
        EngineError: They are not that, or not so many.
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise bad_query(f"{name}: invalid number in {text!r}") from error
    if len(found) != count:
        raise bad_query(f"{name}: expected {count} numbers, found {text!r}")
    return found


@dataclass(frozen=True)
class Query:
    """Where and when."""

    box: BoundingBox
    time: Interval

    @classmethod
    def read(cls, query: Mapping[str, str], *, box: str, time: str, latitude_first: bool = False) -> "Query":
        """Read a query.

        Args:
            query: The parameters.
            box: Name of the one with the bounding box.
            time: Name of the one with the time.
            latitude_first: The box is in the order ymin, xmin, ymax, xmax.

        Raises:
            EngineError: One is missing or wrong.
        """
        first, second, third, fourth = numbers(required(query, box), 4, box)
        corners = (second, first, fourth, third) if latitude_first else (first, second, third, fourth)
        if corners[0] > corners[2] or corners[1] > corners[3]:
            raise EngineError(
                "InvalidBoundingBox", f"Bounding box {query[box]!r}: the lower corner is above the upper"
            )
        try:
            return cls(corners, parse_interval(required(query, time)))
        except ValueError as error:
            raise bad_query(f"{time}: {error}") from error
