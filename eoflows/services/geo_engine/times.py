"""Time as Geo Engine has it: milliseconds since 1970, with ends of time that no datetime can hold."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_END, OPEN_START, parse_utc

__all__ = ["MAX_MS", "MIN_MS", "Moment", "TimeInterval", "format_ms", "milliseconds", "parse_ms"]

MIN_MS = -8_334_601_228_800_000
MAX_MS = 8_210_266_876_799_999
"""Beginning and end of time: the server writes them for bounds that are not known."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Moment = datetime | np.datetime64 | str | int
"""A point in time; without a zone it is UTC, and a whole number is milliseconds since 1970."""


def milliseconds(moment: Moment) -> int:
    """Give a point in time as milliseconds since 1970-01-01T00:00Z; open ends become those of the server.

    Raises:
        InvalidInputError: It is no time, or outside of what the server knows.
    """
    if isinstance(moment, np.datetime64):
        if np.isnat(moment):
            raise InvalidInputError("NaT is not a point in time; give one, or the bounds of the data")
        moment = int(moment.astype("datetime64[ms]").astype(np.int64))
    if not isinstance(moment, int | np.integer):
        exact = parse_utc(moment)
        known = {OPEN_START: MIN_MS, OPEN_END: MAX_MS}
        moment = known[exact] if exact in known else (exact - _EPOCH) // _MILLISECOND
    if not MIN_MS <= moment <= MAX_MS:
        raise InvalidInputError(
            f"{moment} ms since 1970 is outside of the server's time, {MIN_MS} to {MAX_MS}"
        )
    return int(moment)


def format_ms(moment: int) -> str:
    """Write milliseconds since 1970 as ISO 8601 with `+00:00`; years beyond four digits bear a sign."""
    text = str(np.datetime_as_string(np.datetime64(moment, "ms")))
    sign = "+" if text.index("-", 1) > 4 and text[0] != "-" else ""
    return f"{sign}{text}+00:00"


@dataclass(frozen=True, order=True, init=False)
class TimeInterval:
    """A span `[start, end)`; an interval whose start equals its end is an instant.

    Attributes:
        start_ms: Start in milliseconds since 1970, UTC.
        end_ms: End in milliseconds since 1970, UTC.
    """

    start_ms: int
    end_ms: int

    def __init__(self, start: Moment, end: Moment | None = None) -> None:
        first = milliseconds(start)
        last = first if end is None else milliseconds(end)
        if first > last:
            raise InvalidInputError(
                f"the interval starts {format_ms(first)} after it ends {format_ms(last)}; swap them"
            )
        object.__setattr__(self, "start_ms", first)
        object.__setattr__(self, "end_ms", last)

    @property
    def start(self) -> np.datetime64:
        """Start as datetime64[ms], UTC."""
        return np.datetime64(self.start_ms, "ms")

    @property
    def end(self) -> np.datetime64:
        """End as datetime64[ms], UTC."""
        return np.datetime64(self.end_ms, "ms")

    @property
    def is_instant(self) -> bool:
        """Whether it is a point in time."""
        return self.start_ms == self.end_ms

    @property
    def time_str(self) -> str:
        """The text that queries have: one instant, or `start/end`."""
        start = format_ms(self.start_ms)
        return start if self.is_instant else f"{start}/{format_ms(self.end_ms)}"

    def document(self) -> dict[str, int]:
        """The JSON of request bodies."""
        return {"start": self.start_ms, "end": self.end_ms}

    @classmethod
    def of(cls, value: Any) -> "TimeInterval":
        """Read an interval, a pair of times, one time, or the JSON of the server."""
        if isinstance(value, cls):
            return value
        if isinstance(value, dict):
            return cls(value["start"], value["end"])
        if isinstance(value, tuple | list):
            return cls(*value)
        return cls(value)

    def __str__(self) -> str:
        return self.time_str


def parse_ms(text: str) -> int:
    """Read ISO 8601 in UTC as the server writes it, also years of six digits, as milliseconds since 1970.

    Raises:
        InvalidInputError: It is no such time.
    """
    body = text.strip().removesuffix("Z").removesuffix("+00:00").removeprefix("+")
    try:
        return int(np.datetime64(body, "ms").astype(np.int64))
    except ValueError as error:
        raise InvalidInputError(f"{text[:60]!r} is not a time in UTC: {error}") from error
