"""Follow a stream of publications: read a slice, settle it, move the watermark, go on.

There is one rule: the watermark is the publication of the earliest product that is not settled. A product
that fails holds it there, so the next run reads on from that product, which is tried again before others;
no list of leftovers is needed. What is already staged behind it costs one question to the catalogue.
A product is settled when it is in the catalogue, when it can never be staged (a name that must not
become a file), or when it has failed for longer than patience lasts.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from eokit.errors import InvalidInputError
from eokit.staging import ItemRecord
from eokit.systematic.progress import Progress
from eokit.systematic.publications import Publications, Slice, published
from eokit.systematic.settle import Settled, Settler
from eokit.systematic.watermark import Failure, Watermark
from eokit.times import Interval, format_utc

__all__ = ["Pace", "Step", "follow"]


@dataclass(frozen=True)
class Pace:
    """How a stream is followed.

    Attributes:
        overlap: How long after its time of publication a product may appear in the source's listing;
            so much before the watermark is read again.
        span: The longest span of publications read at once.
        limit: Products to stage in one run; None is no limit.
        patience: How long a product that fails holds the watermark, from its first failure.
    """

    overlap: timedelta = timedelta(hours=6)
    span: timedelta = timedelta(days=1)
    limit: int | None = 5000
    patience: timedelta = timedelta(days=3)

    def __post_init__(self) -> None:
        if self.overlap < timedelta(0) or self.span <= timedelta(0) or self.patience < timedelta(0):
            raise InvalidInputError(
                f"overlap {self.overlap}, slice {self.span} and patience {self.patience} must not be negative, "
                "nor the slice empty"
            )


@dataclass(frozen=True)
class Step:
    """One slice that was gone through.

    Attributes:
        span: Publications `[start, end)` that were read.
        records: What became of each product.
        watermark: Where the stream stands then; of a plan, where it stood.
        full: The run's limit is used up and products wait.
    """

    span: Interval
    records: list[ItemRecord]
    watermark: Watermark
    full: bool


async def follow(
    publications: Publications,
    progress: Progress,
    settler: Settler,
    *,
    start: datetime,
    end: datetime,
    pace: Pace,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[Step]:
    """Settle what was published from the watermark to `end`.

    Args:
        publications: The stream.
        progress: Its watermark.
        settler: Stages.
        start: Where a watermark that does not exist yet begins, aware UTC.
        end: Excluded; not later than now, aware UTC.
        pace: How.
        clock: Gives now, aware UTC.

    Raises:
        ServiceError: The source cannot be read; what was settled before is recorded.
        CatalogError: The catalogue cannot be used.
    """
    mark = await progress.begin(start)
    began = cursor = max(mark.origin, mark.position - pace.overlap)
    room, failing, held = pace.limit, dict[str, Failure](), end
    while cursor < end:
        found = await publications.next(cursor, min(cursor + pace.span, end))
        settled = await settler.settle(found.items, room)
        failed = _failures(found, settled, mark, clock())
        tired = {name for name, one in failed.items() if clock() - one.since >= pace.patience}
        cursor, waits = _end(found, settled), bool(settled.waiting)
        held = min([held, *(one.published for name, one in failed.items() if name not in tired)])
        failing |= failed
        mark = await progress.advance(began, min(held, cursor), failing) or mark
        records = [_explained(record, tired, failed) for record in settled.records]
        yield Step(Interval(found.start, cursor), records, mark, waits)
        if waits:
            return
        room = None if room is None else room - settled.worked


def _failures(found: Slice, settled: Settled, mark: Watermark, now: datetime) -> dict[str, Failure]:
    return {
        item["id"]: mark.failing.get(item["id"], Failure(published(item), now))
        for item in found.items
        if item["id"] in settled.failed
    }


def _end(found: Slice, settled: Settled) -> datetime:
    """The publication of the first product that waits, or the slice's end."""
    waiting = set(settled.waiting)
    return next((published(item) for item in found.items if item["id"] in waiting), found.end)


def _explained(record: ItemRecord, tired: set[str], failed: dict[str, Failure]) -> ItemRecord:
    if record.item not in failed:
        return record
    since = f"since {format_utc(failed[record.item].since)}"
    ending = f"it failed {since} and is given up" if record.item in tired else f"tried again, failing {since}"
    return replace(record, reason=f"{record.reason}; {ending}")
