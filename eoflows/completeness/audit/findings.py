"""What an audit can find."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["BROKEN", "RESTAGED", "Day", "Finding", "Kind", "OfferedItem"]


class Kind(StrEnum):
    """What is wrong with one asset or object."""

    MISSING = "missing"
    """The source offers it and the catalogue lacks it."""
    OUTDATED = "outdated"
    """The source offers other bytes than the catalogue records."""
    ORPHANED = "orphaned"
    """The catalogue records it and the storage lacks it."""
    WRONG_SIZE = "wrong size"
    """The object does not have the recorded size."""
    WRONG_CHECKSUM = "wrong checksum"
    """The object's bytes do not have the recorded checksum."""
    UNREGISTERED = "unregistered"
    """The storage has an object that no record names."""


BROKEN = frozenset({Kind.ORPHANED, Kind.WRONG_SIZE, Kind.WRONG_CHECKSUM})
"""What a record promises and the storage does not keep."""
RESTAGED = BROKEN | {Kind.MISSING, Kind.OUTDATED}
"""What staging again repairs, where the source still offers it."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        day: UTC day of publication, `YYYY-MM-DD`; of an object without any record, of its last change.
        kind: What.
        item: Item id.
        asset: Asset key; of an unregistered object the rest of its name.
        key: Name in the storage; empty where there is none.
        expected: Size or checksum expected, as text; empty where that says nothing.
        found: The same as found.
        offered: Whether the source offers the item.
    """

    day: str
    kind: Kind
    item: str
    asset: str
    key: str = ""
    expected: str = ""
    found: str = ""
    offered: bool = False


@dataclass(frozen=True)
class OfferedItem:
    """An item of the source, and what became of it.

    Attributes:
        stream: What it was found in, `collection/product type`.
        day: UTC day of publication, `YYYY-MM-DD`.
        item: Item id.
        hours: How long it took to be published; None where it does not say.
        key: Name in the storage of its first recorded asset; empty where none is recorded.
        expired: Whether it expired from the catalogue.
        faults: What is wrong with its assets.
    """

    stream: str
    day: str
    item: str
    hours: float | None
    key: str
    expired: bool
    faults: frozenset[Kind]


@dataclass(frozen=True)
class Day:
    """One day of publications.

    Attributes:
        day: UTC day, `YYYY-MM-DD`.
        offered: Items that the source offers.
        recorded: Those of them that are in the catalogue whole.
        expired: Those of them that expired from the catalogue.
        found: Findings by kind.
    """

    day: str
    offered: int
    recorded: int
    expired: int
    found: dict[Kind, int]

    @property
    def state(self) -> str:
        """`complete`, `partial` or `missing`; `not offered` where the source has nothing."""
        if not self.offered:
            return "not offered"
        faults = any(self.found.get(kind) for kind in RESTAGED)
        if self.recorded + self.expired >= self.offered and not faults:
            return "complete"
        return "partial" if self.recorded else "missing"
