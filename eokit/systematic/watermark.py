"""How far a stream of publications is settled, and what keeps that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, Self

import orjson

from eokit.errors import CatalogError
from eokit.times import format_utc, parse_utc

__all__ = ["Failure", "Recorded", "Watermark", "WatermarkStore"]

_MOST_FAILING = 200


class Failure(NamedTuple):
    """A product that could not be staged so far."""

    published: datetime
    """When the source published it, aware UTC."""
    since: datetime
    """When it failed for the first time, aware UTC."""


@dataclass(frozen=True)
class Watermark:
    """All that was published in `[origin, position)` is settled: staged, or refused for good.

    Attributes:
        origin: Where it began, aware UTC; nothing before is ever looked at.
        position: The publication of the earliest product that is not settled, or the end of what was
            read; aware UTC.
        failing: Products at or after `position` that failed, by id. They decide nothing but when
            patience with them ends; at most 200 are kept, the earliest.
    """

    origin: datetime
    position: datetime
    failing: Mapping[str, Failure] = field(default_factory=dict)

    def moved(self, reached: datetime, failing: Mapping[str, Failure]) -> Self:
        """Give the watermark after a reading that settled all before `reached`; it never goes back.

        Args:
            reached: End of what is settled, where the reading began at or before `position`.
            failing: What failed in the reading.
        """
        position = max(self.position, reached)
        known = {**failing, **self.failing}
        kept = sorted((failure, name) for name, failure in known.items() if failure.published >= position)
        return type(self)(self.origin, position, {name: failure for failure, name in kept[:_MOST_FAILING]})

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
