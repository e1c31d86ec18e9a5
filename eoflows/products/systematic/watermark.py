"""How far a stream of publications is settled, and what keeps that."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, Self

import orjson

from eoflows.base.errors import CatalogError
from eoflows.base.times import format_utc, parse_utc

__all__ = ["Failure", "Reading", "Recorded", "Watermark", "WatermarkStore"]

_MOST_FAILING = 200


class Failure(NamedTuple):
    """A product that could not be staged so far."""

    published: datetime
    """When the source published it, aware UTC."""
    since: datetime
    """When it failed for the first time, aware UTC."""


class Reading(NamedTuple):
    """What a run found in one slice of a stream."""

    reached: datetime
    """All published before, from where the run began, was looked at; aware UTC."""
    failing: Mapping[str, Failure]
    """What failed and is to be tried again, by id."""
    settled: Set[str]
    """Ids of what is staged, refused for good or given up."""
    forget: datetime
    """What failed for the first time before and is not listed any more is given up; aware UTC."""


@dataclass(frozen=True)
class Watermark:
    """All that was published in `[origin, position)` is settled, but for what is `failing`.

    Attributes:
        origin: Where it began, aware UTC; nothing before is ever looked at.
        position: How far the stream was read, aware UTC; it never goes back.
        failing: Products that failed and are to be tried again, by id; 200 at the most. The position
            does not pass the first one that finds no room here.
    """

    origin: datetime
    position: datetime
    failing: Mapping[str, Failure] = field(default_factory=dict)

    def begin(self, overlap: timedelta) -> datetime:
        """Tell where the next reading begins: at the earliest product that failed, or earlier."""
        earliest = min((one.published for one in self.failing.values()), default=self.position)
        return max(self.origin, min(earliest, self.position - overlap))

    def moved(self, reading: Reading) -> Self:
        """Give the watermark after a reading that began at or before `position`."""
        known = {
            name: one
            for name, one in {**self.failing, **reading.failing}.items()
            if name not in reading.settled
            and (one.since > reading.forget or one.published >= reading.reached)
        }
        ordered = sorted((one, name) for name, one in known.items())
        kept = {name: one for one, name in ordered[:_MOST_FAILING]}
        reached = min([reading.reached, *(one.published for one, _ in ordered[_MOST_FAILING:])])
        return type(self)(self.origin, max(self.position, reached), kept)

    def to_json(self) -> bytes:
        """Write it."""
        failing = {
            name: [format_utc(one.published), format_utc(one.since)] for name, one in self.failing.items()
        }
        times = {"origin": format_utc(self.origin), "position": format_utc(self.position)}
        return orjson.dumps({**times, "failing": failing})

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read what `to_json` wrote.

        Raises:
            CatalogError: It is something else.
        """
        try:
            found = orjson.loads(text)
            failing = {name: Failure(*map(parse_utc, times)) for name, times in found["failing"].items()}
            return cls(parse_utc(found["origin"]), parse_utc(found["position"]), failing)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CatalogError(f"a watermark cannot be read: {text[:120]!r}") from error


class Recorded(NamedTuple):
    """A watermark as it is kept."""

    watermark: Watermark
    version: str
    """Another text after each change."""


class WatermarkStore(Protocol):
    """Keeps watermarks by key."""

    async def read(self, key: str) -> Recorded | None:
        """Give a watermark, or None."""
        ...

    async def swap(self, key: str, version: str | None, watermark: Watermark | None) -> bool:
        """Replace a watermark if it is still the one that was read.

        Args:
            key: Which one.
            version: The version read; None if there was none.
            watermark: The new one; None removes it.

        Returns:
            Whether it was replaced; False leaves it untouched, for somebody else was faster.
        """
        ...
