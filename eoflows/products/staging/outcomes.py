"""What became of each item, and the tally that must add up."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import orjson

from eoflows.base.errors import TruncatedError
from eoflows.base.secrets import hide

__all__ = ["ItemRecord", "Outcome", "StagingReport"]


class Outcome(StrEnum):
    """What became of one item that a search returned."""

    PASSED_OVER = "passed over"
    ALREADY = "already there"
    PLANNED = "would be staged"
    STAGED = "staged"
    FAILED = "failed"


@dataclass(frozen=True)
class ItemRecord:
    """The outcome of one item.

    Attributes:
        item: Item id.
        outcome: What became of it.
        reason: Why, in a sentence.
        bytes: Bytes staged; for `PLANNED` the bytes promised, 0 where no size is known.
        assets: Number of assets concerned.
    """

    item: str
    outcome: Outcome
    reason: str = ""
    bytes: int = 0
    assets: int = 0

    def __post_init__(self) -> None:
        if self.reason:
            object.__setattr__(self, "reason", hide(self.reason))


class StagingReport:
    """Counts outcomes, and writes each as a line of JSON the moment it is known.

    Memory does not grow with the number of items: failures and other records are kept up to a
    limit, for the table that people see, and all of them are in the file.

    Args:
        path: File for the records, one JSON object a line; the last line is the summary. A run that
            was killed leaves a file without one. None keeps no file.
        shown: Records to keep in memory, failures and others each.
        keep_present: Keep the ids of the items that are in the catalogue afterwards, in `present`.

    Attributes:
        cut: Why not all that the source has was looked at; None if it was, as far as is known.
    """

    def __init__(self, path: Path | None = None, *, shown: int = 200, keep_present: bool = False) -> None:
        self.present: list[str] = []
        self.cut: TruncatedError | None = None
        self._keep_present = keep_present
        self._path = path
        self._file: IO[bytes] | None = None
        self._counts: Counter[Outcome] = Counter()
        self._bytes: Counter[Outcome] = Counter()
        self.failures: deque[ItemRecord] = deque(maxlen=shown)
        self.others: deque[ItemRecord] = deque(maxlen=shown)

    def __enter__(self) -> Self:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        if error is None:
            self._file.write(orjson.dumps({"summary": self.summary()}, option=orjson.OPT_APPEND_NEWLINE))
        self._file.close()
        self._file = None

    def add(self, records: Iterable[ItemRecord]) -> None:
        """Take note of outcomes."""
        lines = []
        for record in records:
            self._counts[record.outcome] += 1
            self._bytes[record.outcome] += record.bytes
            if self._keep_present and record.outcome in (Outcome.ALREADY, Outcome.STAGED):
                self.present.append(record.item)
            kept = self.failures if record.outcome is Outcome.FAILED else self.others
            if len(kept) < (kept.maxlen or 0):
                kept.append(record)
            lines.append(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
        if self._file is not None and lines:
            self._file.write(b"".join(lines))
            self._file.flush()

    def was_cut(self, error: TruncatedError) -> None:
        """Take note that the source gave fewer items than it has."""
        self.cut = error

    def count(self, outcome: Outcome) -> int:
        """Items with this outcome so far."""
        return self._counts[outcome]

    @property
    def found(self) -> int:
        """Items that the search returned and the selection did not pass over."""
        return self._counts.total() - self._counts[Outcome.PASSED_OVER]

    @property
    def bytes_staged(self) -> int:
        """Bytes of the items staged by this run."""
        return self._bytes[Outcome.STAGED]

    @property
    def bytes_planned(self) -> int:
        """Bytes that the planned items promise."""
        return self._bytes[Outcome.PLANNED]

    def summary(self) -> dict[str, Any]:
        """Give all counts, found = already + staged + failed + planned; and `cut`, if the source cut."""
        counts = {
            "found": self.found,
            "already": self._counts[Outcome.ALREADY],
            "staged": self._counts[Outcome.STAGED],
            "failed": self._counts[Outcome.FAILED],
            "planned": self._counts[Outcome.PLANNED],
            "passed_over": self._counts[Outcome.PASSED_OVER],
            "bytes": self.bytes_staged,
            "bytes_planned": self.bytes_planned,
        }
        return counts if self.cut is None else {**counts, "cut": str(self.cut)}
