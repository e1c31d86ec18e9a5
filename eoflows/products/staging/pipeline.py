"""Search pages, known-items check, transfer and registration as one pipeline.

Every queue is bounded: a slow destination slows the search down instead of filling the memory.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from eoflows.base.concurrency import one_error
from eoflows.products.staging.outcomes import ItemRecord, Outcome, StagingReport
from eoflows.products.staging.plan import ItemPlan
from eoflows.products.staging.sieve import Batch, Chooser, Judge, Sieve
from eoflows.products.staging.stager import Stager
from eoflows.products.staging.twins import Twins

__all__ = ["Chooser", "Judge", "PipelineSettings", "StageBatch", "stage_pages"]


StageBatch = Callable[[list[ItemPlan]], Awaitable[Sequence[ItemRecord]]]
"""Stages and publishes a batch of planned items."""


@dataclass(frozen=True)
class PipelineSettings:
    """How much is under way at once.

    Attributes:
        batch: Items per batch.
        batches: Batches staged at the same time; the next ones fill the gaps that the slowest
            items of the others leave.
        pages: Pages of the search read ahead.
    """

    batch: int = 100
    batches: int = 3
    pages: int = 1


async def stage_pages(
    pages: AsyncIterator[Batch],
    stager: Stager,
    report: StagingReport,
    *,
    judge: Judge | None = None,
    chooser: Chooser | None = None,
    plan_only: bool = False,
    stage: StageBatch | None = None,
    settings: PipelineSettings | None = None,
) -> None:
    """Stage what the pages hold.

    Args:
        pages: Pages of items, from a search.
        stager: Plans and stages.
        report: Takes note of every item.
        judge: Passes over items that are not wanted; None wants all.
        chooser: The same, in place of `judge`, for choices that need all pages; why an item was chosen
            is then part of its record.
        plan_only: Take note of what would be done and do nothing.
        stage: Runs in place of `stager.stage` for each batch (as a task run, say).
        settings: How much is under way at once.

    Raises:
        ServiceError: The search failed; what was found before is staged or known again next time.
        DeadlineError: The search took too long.
        CatalogError: The catalogue cannot be used.
        InvalidInputError: The chooser cannot choose.
    """
    settings, work = settings or PipelineSettings(), stage or stager.stage
    sieve, twins = Sieve(report, judge, chooser), Twins()
    read, found = anyio.create_memory_object_stream[Batch](settings.pages)
    ready, batches = anyio.create_memory_object_stream[list[ItemPlan]](1)

    async def search() -> None:
        async with read:
            async for page in sieve.watched(pages):
                await read.send(page)

    async def check() -> None:
        async with ready, found:
            waiting: list[ItemPlan] = []
            async for wanted in sieve.wanted(found):
                plans, settled = await stager.plan(wanted, twins) if wanted else ([], [])
                sieve.add(settled)
                if plan_only:
                    sieve.add([plan.record(Outcome.PLANNED) for plan in plans])
                    continue
                waiting += plans
                while len(waiting) >= settings.batch:
                    await ready.send(waiting[: settings.batch])
                    del waiting[: settings.batch]
            if waiting:
                await ready.send(waiting)

    async def work_off(batches: MemoryObjectReceiveStream[list[ItemPlan]]) -> None:
        async with batches:
            async for batch in batches:
                sieve.add(await work(batch))

    async with one_error(), anyio.create_task_group() as group:
        group.start_soon(search)
        group.start_soon(check)
        with batches:
            for _ in range(settings.batches):
                group.start_soon(work_off, batches.clone())
