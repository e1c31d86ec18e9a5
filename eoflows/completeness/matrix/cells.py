"""One day of one collection: what the source published, and what became of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import Interval
from eoflows.completeness.audit import Day, Kind, OfferedItem
from eoflows.completeness.audit.findings import RESTAGED

__all__ = ["Cell", "CellEntry", "CellState", "Column", "Matrix", "column_of", "span_of_days"]

_DAY = timedelta(days=1)
_LISTED = 10


class CellState(StrEnum):
    """How a day of a collection stands, the worst last."""

    NOTHING = "nothing published"
    """The source published nothing that day."""
    COMPLETE = "complete"
    """All that was published is recorded, and stored as recorded."""
    LATE = "late"
    """All of it is there, and some of it was published later than expected."""
    PARTIAL = "partial"
    """Some of it is missing, or not stored as recorded."""
    MISSING = "missing"
    """The source has it, and the catalogue has none of it."""
    UNKNOWN = "unknown"
    """The source, the catalogue or the storage could not be read."""


_BAD = (CellState.PARTIAL, CellState.MISSING, CellState.UNKNOWN)


@dataclass(frozen=True)
class CellEntry:
    """An item of a cell.

    Attributes:
        item: Item id.
        key: Name in the storage; empty where there is none.
        told: What is to be known of it, in a few words; `in place` where all is well.
    """

    item: str
    key: str
    told: str


@dataclass(frozen=True)
class Cell:
    """One day of one column.

    Attributes:
        day: UTC day of publication, `YYYY-MM-DD`.
        offered: Items that the source published.
        whole: Those of them that are there whole; what expired since counts as there.
        late: Those of them that were published later than expected.
        state: How it stands.
        entries: The first items, those with something to tell before the others.
    """

    day: str
    offered: int = 0
    whole: int = 0
    late: int = 0
    state: CellState = CellState.NOTHING
    entries: Sequence[CellEntry] = ()

    @property
    def told(self) -> str:
        """The state with its counts, for people."""
        if self.state in (CellState.NOTHING, CellState.UNKNOWN):
            return str(self.state)
        late = f", {self.late} late" if self.late else ""
        if self.state is CellState.COMPLETE:
            return f"complete {self.offered}"
        if self.state is CellState.LATE:
            return f"late {self.late} of {self.offered}"
        if self.state is CellState.MISSING:
            return f"missing all {self.offered}{late}"
        return f"partial {self.whole} of {self.offered}{late}"


@dataclass(frozen=True)
class Column:
    """One collection, or one product type of it, over all days.

    Attributes:
        collection: Collection in the catalogue, without its owner.
        source: Where it is published.
        stream: What of the source, `collection/product type`.
        cells: By day.
        reason: Why nothing is known; empty where it is.
        repair: What a shell runs to stage what is missing; empty where nothing is.
    """

    collection: str
    source: str
    stream: str
    cells: Mapping[str, Cell] = field(default_factory=dict)
    reason: str = ""
    repair: str = ""

    @property
    def title(self) -> str:
        """The product type where there is one, else the collection."""
        kind = self.stream.rpartition("/")[2]
        return self.collection if kind == "*" else kind

    @property
    def origin(self) -> str:
        """Where it comes from and where it goes."""
        given = self.stream.rpartition("/")[0]
        return f"{self.source}{'' if given == '*' else f' {given}'} → {self.collection}"

    def with_repair(self, command: str) -> "Column":
        """Give it with what repairs it, if there is anything to repair."""
        bad = any(cell.state in _BAD for cell in self.cells.values())
        return replace(self, repair=command) if bad else self

    def cell(self, day: str) -> Cell:
        """Give a day, also one of which nothing is known, or on which nothing was published."""
        return self.cells.get(day) or Cell(day, state=CellState.UNKNOWN if self.reason else CellState.NOTHING)


@dataclass(frozen=True)
class Matrix:
    """Days by columns.

    Attributes:
        owner: Whose collections.
        environment: In which environment.
        span: Publications `[start, end)` that it shows; it starts at midnight.
        columns: Collections and product types.
        made: When it was made, aware UTC.
    """

    owner: str
    environment: str
    span: Interval
    columns: Sequence[Column]
    made: datetime

    @property
    def days(self) -> list[str]:
        """The days, the youngest first."""
        number = -(-self.span.duration // _DAY)
        return [f"{self.span.start + n * _DAY:%Y-%m-%d}" for n in reversed(range(number))]

    def cells(self) -> Iterator[tuple[Column, Cell]]:
        """Give all cells, day by day."""
        for day in self.days:
            for column in self.columns:
                yield column, column.cell(day)

    @property
    def counts(self) -> dict[CellState, int]:
        """Cells by state."""
        found = Counter(cell.state for _, cell in self.cells())
        return {state: found[state] for state in CellState}

    @property
    def complete(self) -> bool:
        """Whether nothing is missing that should be there."""
        return not any(self.counts[state] for state in _BAD)

    @property
    def sentence(self) -> str:
        """What a person should know first."""
        counts = self.counts
        bad = ", ".join(f"{counts[state]} {state}" for state in reversed(_BAD) if counts[state])
        late = f"{counts[CellState.LATE]} late" if counts[CellState.LATE] else ""
        published = sum(counts.values()) - counts[CellState.NOTHING]
        if not published:
            return "Nothing was published in these days."
        if bad:
            return f"To look at: {', '.join(filter(None, [bad, late]))}, of {published} days of collections."
        return f"All {published} days of collections are complete{f', {late}' if late else ''}."


def span_of_days(end: datetime, days: int) -> Interval:
    """Give the last days up to a time: the day that it is in, and those before, from midnight.

    Args:
        end: Where the last day ends so far, excluded, aware UTC.
        days: How many, 1 or more.

    Raises:
        InvalidInputError: There are no such days.
    """
    try:
        last = end - timedelta(microseconds=1)
        midnight = last.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return Interval(midnight - (days - 1) * _DAY, end)
    except OverflowError as error:
        raise InvalidInputError(f"there are no {days} days before {end}") from error


def column_of(
    collection: str, source: str, stream: str, items: Iterable[OfferedItem], late_after_hours: float
) -> Column:
    """Count what an inventory says of a stream.

    Args:
        collection: Collection in the catalogue, without its owner.
        source: Where it is published.
        stream: What of the source.
        items: Its items, by day.
        late_after_hours: What took longer to be published is late.
    """
    days = groupby(items, key=lambda item: item.day)
    cells = {day: _cell(day, some, late_after_hours) for day, some in days}
    return Column(collection, source, stream, cells)


def _cell(day: str, items: Iterable[OfferedItem], late_after_hours: float) -> Cell:
    offered = late = recorded = expired = faulty = 0
    found = Counter[Kind]()
    telling, others = list[CellEntry](), list[CellEntry]()
    for item in items:
        faults = item.faults & RESTAGED
        is_late = item.hours is not None and item.hours > late_after_hours
        offered, late, expired = offered + 1, late + is_late, expired + item.expired
        recorded += not item.expired and Kind.MISSING not in faults
        faulty += bool(faults)
        found.update(faults)
        words = sorted(map(str, faults))
        if item.expired:
            words.append("expired")
        if is_late:
            words.append(f"published after {_duration(item.hours or 0.0)}")
        listed = telling if words else others
        if len(listed) < _LISTED:
            listed.append(CellEntry(item.item, item.key, ", ".join(words) or "in place"))
    state = CellState(Day(day, offered, recorded, expired, dict(found)).state)
    if state is CellState.COMPLETE and late:
        state = CellState.LATE
    return Cell(day, offered, offered - faulty, late, state, [*telling, *others][:_LISTED])


def _duration(hours: float) -> str:
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"
