"""Systematic staging: what was published since a watermark, slice by slice."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import Interval, format_utc, parse_utc
from eoflows.base.tracing import span
from eoflows.products.environment import (
    AuxiliarySource,
    FlowEnv,
    FlowEnvArgs,
    select_search_client_and_kwargs,
)
from eoflows.products.staging import Place, StagingReport
from eoflows.products.staging.twins import Twins
from eoflows.products.systematic import (
    Pace,
    Publications,
    Settler,
    Step,
    Stream,
    StreamProgress,
    WatermarkStore,
    follow,
    watermarks_beside,
)
from eoflows.products.systematic.verdict import StreamState, SystematicVerdict
from eoflows.stores.stac import SearchRequest
from eoflows.tasks.earlier import table_key
from eoflows.tasks.environment import opened
from eoflows.tasks.logs import run_logger
from eoflows.tasks.outcome import Outcome
from eoflows.tasks.progress import Link, show, shown_progress
from eoflows.tasks.publish import human_bytes, with_report
from eoflows.tasks.stage import Order, make_stager, stage_batch_task, usual_assets

__all__ = ["SystematicOrder", "followed", "publications", "stage_systematically"]

_KEY = "systematic-aux-staging"
_FAR = timedelta(days=2)


@dataclass(frozen=True)
class SystematicOrder:
    """What to follow, as one value.

    Attributes:
        collection: Collection in the catalogue, without its owner.
        source: Where to search.
        streams: What to follow there, each with a watermark of its own.
        pace: How.
        start: Where new watermarks begin; None is now. Aware UTC.
        end: End of a range, excluded, which is gone through once; None follows for ever. Aware UTC.
        selected: Asset keys wanted; None takes all.
        plan_only: Show what would be done, and touch nothing.
        restage_expired: Stage also what expired from the catalogue.
        timeout: Seconds that one search may wait for the source, or None.
    """

    collection: str
    source: AuxiliarySource
    streams: Sequence[Stream]
    pace: Pace = field(default_factory=Pace)
    start: datetime | None = None
    end: datetime | None = None
    selected: Sequence[str] | None = None
    plan_only: bool = False
    restage_expired: bool = False
    timeout: float | None = None

    @classmethod
    def read(
        cls,
        collection: str,
        source: AuxiliarySource,
        collections: Sequence[str] | None,
        product_types: Sequence[str] | None,
        pace: Pace,
        start: datetime | str | None,
        end: datetime | str | None,
        **others: Any,
    ) -> "SystematicOrder":
        """Read the arguments of a flow.

        Raises:
            InvalidInputError: One of them cannot be understood.
        """
        source = AuxiliarySource(source)
        if source is AuxiliarySource.CATALOG:
            raise InvalidInputError("source is 'catalog'; what is there is staged already")
        if end is not None and start is None:
            raise InvalidInputError(f"a range up to {end} has no start; give both, or neither")
        first, last = start and parse_utc(start), end and parse_utc(end)
        if first and last:
            Interval(first, last)
        streams = [
            Stream(name or None, kind or None)
            for name in collections or [""]
            for kind in product_types or [""]
        ]
        others["selected"] = others.get("selected") or usual_assets(source)
        return cls(collection, source, streams, pace, first or None, last or None, **others)

    def key(self, place: Place, stream: Stream) -> str:
        """Name the watermark of a stream; a range has one of its own."""
        name = f"{place.catalog_collection} from {self.source}/{stream}"
        return f"{name} in {Interval(self.start, self.end)}" if self.start and self.end else name

    @property
    def stage_order(self) -> Order:
        """The part of it that staging a batch needs."""
        return Order(SearchRequest(), self.collection, self.source, selected=self.selected)


def publications(flow_env: FlowEnv, order: SystematicOrder, stream: Stream) -> Publications:
    """Give what reads a stream of an order."""
    searcher, options = select_search_client_and_kwargs(flow_env, order.source)
    page = flow_env.source(order.source).page_size
    return Publications(searcher, stream, page, order.timeout, options)


async def stage_systematically(env: FlowEnvArgs, order: SystematicOrder) -> SystematicVerdict:
    """Follow all streams of an order, one after the other.

    Raises:
        InvalidInputError: The order or the environment cannot be used.
        ServiceError: The source cannot be read; what was settled before is recorded.
    """
    with span(env.service_name, _KEY, env.calling_span) as here:
        env = env.model_copy(update={"calling_span": here})
        async with opened(env, writable=not order.plan_only) as flow_env:
            run = _Run(env, flow_env, order)
            async with run.reported() as report, shown_progress(f"{_KEY}-progress", run.reading):
                states = await run.follow_all()
            verdict = SystematicVerdict(report, states, order.source)
            await run.show(verdict)
            return verdict


class _Run:
    """One run over the streams of an order."""

    def __init__(self, env: FlowEnvArgs, flow_env: FlowEnv, order: SystematicOrder) -> None:
        self._env, self._flow_env, self._order = env, flow_env, order
        self._stager, self._twins = make_stager(flow_env, order.stage_order), Twins()
        self._states = list[StreamState]()
        self._report, self._line, self._done, self._table = StagingReport(), "begins", 0.0, ""

    @asynccontextmanager
    async def reported(self) -> AsyncIterator[StagingReport]:
        """Keep the table of all outcomes in the storage; a plan leaves none."""
        if self._order.plan_only:
            yield self._report
            return
        storage = self._flow_env.storage
        key = table_key(self._flow_env.owner_id)
        path, self._table = storage.spool(key), storage.href(key)
        with StagingReport(path) as self._report:
            yield self._report
        await storage.put(path, key, path.stat().st_size, None)

    def reading(self) -> tuple[float, str]:
        """Tell how far it is, for people."""
        return self._done, f"{self._line}; {human_bytes(self._flow_env.bytes_moved)} moved"

    async def follow_all(self) -> list[StreamState]:
        """Follow the streams, one after the other."""
        async with watermarks_beside(self._flow_env.catalog, self._flow_env.storage) as store:
            for stream in self._order.streams:
                self._states.append(await self._follow(stream, store))
            return self._states

    async def _follow(self, stream: Stream, store: WatermarkStore) -> StreamState:
        order = self._order
        progress = StreamProgress(store, order.key(self._stager.place, stream), writable=not order.plan_only)
        reader = publications(self._flow_env, order, stream)
        host, told = datetime.now(UTC), await reader.time()
        # A source's clock that is far ahead would have us read years of nothing.
        now = min(told, host + _FAR) if told else host
        start, end = order.start or min(host, now), min(order.end or now, now)
        mark, began, full = await progress.begin(start), None, False
        async for step in follow(
            reader,
            progress,
            self._settler(),
            start=start,
            end=end,
            pace=order.pace,
            clock=lambda: datetime.now(UTC),
        ):
            mark, full, began = step.watermark, step.full, began or step.span.start
            await self._show(stream, step, began, end)
        settled = order.end is not None and not order.plan_only and await progress.finish(order.end)
        return StreamState(str(stream), began or mark.position, end, mark, full, settled)

    def _settler(self) -> Settler:
        order = self._order
        return Settler(
            self._stager,
            self._flow_env.catalog,
            lambda batch: stage_batch_task(self._env, order.stage_order, batch),
            plan_only=order.plan_only,
            restage_expired=order.restage_expired,
            twins=self._twins,
        )

    async def _show(self, stream: Stream, step: Step, began: datetime, end: datetime) -> None:
        """Add a slice to the report, and show the table anew; slices without products change nothing."""
        self._report.add(step.records)
        done = (step.span.end - began) / (end - began) if end > began else 1.0
        streams = [str(one) for one in self._order.streams]
        self._done = 100.0 * (streams.index(str(stream)) + done) / len(streams)
        self._line = f"{stream}: read to {format_utc(step.span.end)}, {self._report.found} products"
        if step.records:
            run_logger().info("%s, published in %s: %d products", stream, step.span, len(step.records))
            states = [*self._states, StreamState(str(stream), began, end, step.watermark)]
            await self.show(SystematicVerdict(self._report, states, self._order.source))

    async def show(self, verdict: SystematicVerdict) -> None:
        """Show the table of all that was looked at so far; there is one, however many slices there are."""
        place = self._stager.place
        folder = self._flow_env.storage.href(f"{place.owner}/{place.collection}")
        outcome = with_report(followed(verdict), self._report, self._table)
        await show(_KEY, outcome, link=Link("products", folder, "Staged products"), part=_KEY)


def followed(verdict: SystematicVerdict) -> Outcome[dict[str, Any]]:
    """Give the outcome of a systematic run, named after how it ended."""
    error = None if verdict.succeeded else verdict.error()
    return Outcome(name=verdict.name, sentence=verdict.sentence, result=verdict.to_dict(), error=error)
