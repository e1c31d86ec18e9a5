"""Follow a stream of publications: read a slice, settle it, move the watermark, go on.

The next run reads from the earliest product that failed, or from the watermark less the overlap where
that is earlier: what failed, what was published late and what is new come by one way. What is staged
already costs one question to the catalogue. A product is settled when it is in the catalogue, when it can
never be staged (a name that must not become a file), or when it has failed for longer than patience lasts.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import Interval, format_utc
from eoflows.products.staging import ItemRecord
from eoflows.products.systematic.progress import StreamProgress
from eoflows.products.systematic.publications import Publications, Slice, published
from eoflows.products.systematic.settle import Settled, Settler
from eoflows.products.systematic.watermark import Failure, Reading, Watermark

__all__ = ["Pace", "Step", "follow"]


@dataclass(frozen=True)
class Pace:
    """How a stream is followed.

    Attributes:
        overlap: How long after its time of publication a product may appear in the source's listing;
            so much before the watermark is read again.
        span: The longest span of publications read at once.
        limit: Products to stage in one run; None is no limit.
        patience: How long a product that fails is tried again, from its first failure.
    """

    overlap: timedelta = timedelta(hours=6)
    span: timedelta = timedelta(days=1)
    limit: int | None = 5000
    patience: timedelta = timedelta(days=3)

    def __post_init__(self) -> None:
        if self.overlap < timedelta(0) or self.span <= timedelta(0) or self.patience < timedelta(0):
            raise InvalidInputError(
                f"overlap is {self.overlap}, slice {self.span}, patience {self.patience}; give a slice "
                "that is longer than nothing, and no negative spans"
            )


@dataclass(frozen=True)
class Step:
    """One slice that was gone through.

    Attributes:
        span: Publications `[start, end)` that were read.
        records: What became of each product.
        watermark: Where the stream stands then; of a plan, where it stood.
        full: Products wait: the run's limit is used up, or too many failed.
    """

    span: Interval
    records: list[ItemRecord]
    watermark: Watermark
    full: bool


async def follow(
    publications: Publications,
    progress: StreamProgress,
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
        end: Excluded, aware UTC.
        pace: How.
        clock: Gives now, aware UTC. The watermark passes neither it nor the source's own clock; of a source
            that does not tell the time, not the last publication that was seen.

    Raises:
        ContractError: The source does not find what it has by its publication.
        ServiceError: The source cannot be read; what was settled before is recorded.
        CatalogError: The catalogue cannot be used.
    """
    mark = await progress.begin(start)
    began = cursor = mark.begin(pace.overlap)
    room, seen, checked = pace.limit, mark.position, False
    while cursor < end:
        found = await publications.next(cursor, min(cursor + pace.span, end))
        if publications.told and not found.items and not checked:
            await publications.check()
        checked, seen = True, max([seen, *map(published, found.items)])
        settled = await settler.settle(found.items, room)
        # The earlier of the two clocks: that of a host may be wrong, and that of a source.
        now = min(clock(), publications.told or clock())
        failed, forget = _failures(found, settled, mark, now), now - pace.patience
        tired = {name for name, one in failed.items() if one.since <= forget}
        cursor, waits = _end(found, settled), bool(settled.waiting)
        done = {item["id"] for item in found.items} - failed.keys() - set(settled.waiting) | tired
        failing = {name: one for name, one in failed.items() if name not in tired}
        # Of a time that the source has not come to, nothing is known; nor if it does not say what time it is.
        reached = min(cursor, now if publications.told else seen)
        moved = await progress.advance(began, Reading(reached, failing, done, forget))
        mark = moved or mark
        # More failures than a watermark remembers: going on would lose them, and is hopeless as well.
        waits = waits or (moved is not None and moved.position < reached)
        records = [_explained(record, tired, failed) for record in settled.records]
        yield Step(Interval(found.start, cursor), records, mark, waits)
        if waits:
            return
        room = None if room is None else room - settled.worked


def _failures(found: Slice, settled: Settled, mark: Watermark, now: datetime) -> dict[str, Failure]:
    failed = {item["id"]: published(item) for item in found.items if item["id"] in settled.failed}
    known = mark.failing
    return {name: Failure(when, known[name].since if name in known else now) for name, when in failed.items()}


def _end(found: Slice, settled: Settled) -> datetime:
    """The publication of the first product that waits, or the slice's end."""
    waiting = set(settled.waiting)
    return next((published(item) for item in found.items if item["id"] in waiting), found.end)


def _explained(record: ItemRecord, tired: set[str], failed: dict[str, Failure]) -> ItemRecord:
    if record.item not in failed:
        return record
    since = f"since {format_utc(failed[record.item].since)}"
    ending = "given up" if record.item in tired else "to be tried again"
    return replace(record, reason=f"{record.reason}; {ending}, failing {since}")
