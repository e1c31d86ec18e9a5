"""The verb `stage`: what is found and lacking becomes verified files and catalogue records.

| service | |
|---|---|
| RS-Server, any STAC API | `aux_staging_task`; `stage_batch_task` stages items that are known |
| RS-Server's staging service | `staging_task`, loaded with its first use |
"""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run, task_run
from pystac import ItemCollection

from eoflows.base.errors import InvalidInputError, PartialError
from eoflows.base.lazy import lazily
from eoflows.base.tracing import span
from eoflows.products.environment import (
    AuxiliarySource,
    FlowEnv,
    FlowEnvArgs,
    select_search_client_and_kwargs,
)
from eoflows.products.selection import Selection, Wanted, complete_pages, partial_pages
from eoflows.products.staging import ItemPlan, ItemRecord, Place, Stager, StagingReport, stage_pages
from eoflows.products.staging import Outcome as ItemOutcome
from eoflows.products.staging.pipeline import PipelineSettings
from eoflows.products.staging.provenance import REASON, Provenance
from eoflows.products.staging.sieve import Sieve
from eoflows.products.staging.verdict import Ending, StagingVerdict
from eoflows.stores.stac import SearchRequest
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.storage import asset_key
from eoflows.tasks.earlier import failed_items, table_key
from eoflows.tasks.environment import opened
from eoflows.tasks.items import item_collection
from eoflows.tasks.logs import run_logger
from eoflows.tasks.outcome import OnFailure, Outcome
from eoflows.tasks.progress import Link, show, shown_progress
from eoflows.tasks.publish import human_bytes, with_report
from eoflows.tasks.spread import Spread, spread

if TYPE_CHECKING:
    from eoflows.tasks.stage_by_service import staging_task
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "Order",
    "Staged",
    "Verdict",
    "answer",
    "aux_staging_task",
    "ended",
    "make_stager",
    "search_limit",
    "stage_aux",
    "stage_batch_task",
    "staged",
    "staging_task",
    "usual_assets",
]

Staged = tuple[bool, ItemCollection | None]
"""Whether nothing failed, and the catalogue's items."""


Result = TypeVar("Result")


class Verdict(Protocol):
    """How something that was staged ended: one search, or all that a scene needs."""

    @property
    def ending(self) -> Ending:
        """How it ended."""
        ...

    @property
    def succeeded(self) -> bool:
        """Whether nothing went wrong."""
        ...

    @property
    def sentence(self) -> str:
        """The counts, for people."""
        ...

    @property
    def items(self) -> Sequence[ItemDict]:
        """The catalogue's items."""
        ...

    def error(self) -> PartialError:
        """Give what went wrong as one error."""
        ...


@dataclass(frozen=True)
class Order:
    """What to stage, as one value that the steps hand on.

    Attributes:
        request: The search.
        collection: Collection in the catalogue, without its owner.
        source: Where to search.
        timeout: Seconds that the search may wait for the source, or None.
        selected: Asset keys wanted; None takes all.
        wanted: The exact choice among the items found; None takes all.
        plan_only: Show what would be done, and touch nothing.
        from_run: An earlier run; only what failed in it is looked at.
        dask: Where batches are staged: empty for this process, or as `tasks.spread` reads it.
    """

    request: SearchRequest
    collection: str
    source: AuxiliarySource = AuxiliarySource.AUXIP
    timeout: float | None = None
    selected: Collection[str] | None = None
    wanted: Wanted | None = None
    plan_only: bool = False
    from_run: str | None = None
    dask: str = ""

    @classmethod
    def read(
        cls,
        search: dict[str, Any],
        collection: str,
        timeout_seconds: int,
        source: AuxiliarySource,
        selected_assets: list[str] | None,
        plan_only: bool,
        wanted: Wanted | None = None,
        from_run: str | None = None,
        dask: str = "",
    ) -> "Order":
        """Read the arguments of a staging flow.

        Raises:
            InvalidInputError: One of them cannot be understood.
        """
        return cls(
            SearchRequest.from_envelope(search),
            collection,
            AuxiliarySource(source),
            search_limit(timeout_seconds),
            selected_assets or usual_assets(source),
            wanted,
            plan_only,
            from_run,
            dask,
        )


def search_limit(timeout_seconds: int) -> float | None:
    """Read the limit of a search: seconds, or None.

    Raises:
        InvalidInputError: It is less than -1.
    """
    if timeout_seconds < -1:
        raise InvalidInputError(f"timeout_seconds is {timeout_seconds}; give seconds, or -1 or 0 for none")
    return timeout_seconds if timeout_seconds > 0 else None


def usual_assets(source: AuxiliarySource) -> list[str] | None:
    """Give the assets that are staged if none are named; None is all."""
    # CDSE items also list every file inside the product, which is spelt in either way.
    return ["product", "Product"] if source == AuxiliarySource.CDSE else None


async def stage_aux(env: FlowEnvArgs, order: Order) -> StagingVerdict:
    """Search, stage what is missing, and show it: the body that flows and tasks share.

    Raises:
        InvalidInputError: The order or the environment cannot be used.
        DeadlineError: The search took longer than its limit.
        ServiceError: The search failed. What was found before the failure is staged or known again
            when the run is repeated.
    """
    with span(env.service_name, "aux-staging", env.calling_span) as here:
        env = env.model_copy(update={"calling_span": here})
        writable = not order.plan_only and order.source is not AuxiliarySource.CATALOG
        async with opened(env, writable=writable) as flow_env:
            if order.source is AuxiliarySource.CATALOG:
                return await _already_catalogued(flow_env, order)
            return await _stage(env, flow_env, order)


async def _already_catalogued(flow_env: FlowEnv, order: Order) -> StagingVerdict:
    report, items = StagingReport(), []
    sieve = Sieve(report, None, Selection(order.wanted) if order.wanted else None)
    pages = _pages(flow_env, order, report)
    async for page in sieve.wanted(sieve.watched(pages)):
        items += page
        sieve.add(
            [ItemRecord(item["id"], ItemOutcome.ALREADY, "found in the catalogue itself") for item in page]
        )
    run_logger().info("%d items found in the catalogue; there is nothing to stage", len(items))
    return StagingVerdict(report, items, [], order.source)


def _pages(flow_env: FlowEnv, order: Order, report: StagingReport) -> AsyncIterator[list[ItemDict]]:
    """Search; an answer that the source cut is noted, and refused where products compete."""
    client, options = select_search_client_and_kwargs(flow_env, order.source)
    pages = client.pages(order.request, timeout=order.timeout, **options)
    if order.wanted and order.wanted.rule.ranks:
        return complete_pages(pages, order.request.limit)
    return partial_pages(pages, report.was_cut)


async def _stage(env: FlowEnvArgs, flow_env: FlowEnv, order: Order) -> StagingVerdict:
    only = order.from_run and await failed_items(flow_env.storage, flow_env.owner_id, order.from_run)
    key = table_key(flow_env.owner_id)
    # A plan leaves no trace but its artifact.
    table = None if order.plan_only else flow_env.storage.spool(key)
    with StagingReport(table, keep_present=True) as report:
        pages = _pages(flow_env, order, report)
        with _counted() as moved:
            async with (
                spread(order.dask) as room,
                shown_progress("aux-staging-progress", lambda: _reading(report, moved)),
            ):
                await stage_pages(
                    _only(pages, only) if only else pages,
                    make_stager(flow_env, order),
                    report,
                    chooser=Selection(order.wanted) if order.wanted else None,
                    plan_only=order.plan_only,
                    stage=lambda batch: room.run(stage_batch_task, env, order, batch),
                    settings=_pipeline(room),
                )
    stored = "" if table is None else await flow_env.storage.put(table, key, table.stat().st_size, None)
    verdict = await _verdict(flow_env, order, report)
    products = flow_env.storage.href(asset_key(flow_env.owner_id, order.collection, "item", "asset"))
    link = Link("products", products.removesuffix("/item/asset"), "Staged products")
    await show("aux-staging", with_report(staged(verdict), report, stored), link=link)
    return verdict


def _pipeline(room: Spread) -> PipelineSettings:
    """Say how many batches are under way: a worker has the next one before it has ended one."""
    usual = PipelineSettings()
    return replace(usual, batches=max(usual.batches, 2 * room.workers))


async def _only(pages: AsyncIterator[list[ItemDict]], ids: frozenset[str]) -> AsyncIterator[list[ItemDict]]:
    async for page in pages:
        yield [item for item in page if item["id"] in ids]


async def _verdict(flow_env: FlowEnv, order: Order, report: StagingReport) -> StagingVerdict:
    """Read back what should be in the catalogue, and compare it with what is."""
    collection = Place(flow_env.owner_id, order.collection).catalog_collection
    items = await flow_env.catalog.get_many(collection, report.present)
    there = {item["id"] for item in items}
    lost = [item_id for item_id in report.present if item_id not in there]
    return StagingVerdict(report, items, lost, order.source)


def make_stager(flow_env: FlowEnv, order: Order) -> Stager:
    """Give what stages items of the order's source in its collection, and says in their records why."""
    source, run = flow_env.source(order.source), str(flow_run.id or "")

    def chosen(item: ItemDict) -> Provenance:
        if order.wanted is None:
            return Provenance(run=run)
        return Provenance(str(order.wanted.policy), item["properties"].get(REASON), run)

    return Stager(
        Place(flow_env.owner_id, order.collection, source.schemes),
        flow_env.catalog,
        flow_env.storage,
        flow_env.engine,
        selected=order.selected,
        source_url=source.url,
        chosen=chosen,
        moved=_moved.get() or flow_env.moved,
    )


class _Bytes:
    """Counts the bytes of one staging, whatever else its run moves."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, size: int) -> None:
        self.count += size


_moved: ContextVar[_Bytes | None] = ContextVar("eoflows_bytes", default=None)


@contextmanager
def _counted() -> Iterator[_Bytes]:
    token = _moved.set(moved := _Bytes())
    try:
        yield moved
    finally:
        _moved.reset(token)


def _reading(report: StagingReport, moved: _Bytes) -> tuple[float, str]:
    waiting = report.found - sum(
        map(report.count, (ItemOutcome.ALREADY, ItemOutcome.STAGED, ItemOutcome.FAILED))
    )
    done = report.found - waiting
    percent = 100.0 * done / report.found if report.found else 0.0
    # Workers of a cluster tell of their bytes when a batch is done.
    size = human_bytes(max(moved.count, report.bytes_staged))
    return percent, f"{done} of {report.found} products, {size} moved"


def _batch_name() -> str:
    return f"stage {len(task_run.parameters['batch'])} products"


@task(name="stage-batch", task_run_name=_batch_name, cache_policy=NO_CACHE, persist_result=False)
async def stage_batch_task(env: FlowEnvArgs, order: Order, batch: list[ItemPlan]) -> list[ItemRecord]:
    """Stage and publish one batch of items (50 to 200 are a good size), as the environment wants it done.

    Args:
        env: Who for, and in which environment.
        order: What to stage; its search is not repeated.
        batch: The items, and what each of them lacks.

    Returns:
        The outcome of each item.
    """
    async with opened(env) as flow_env:
        if flow_env.service is not None and flow_env.service.stages_all:
            # Only here is the machinery of remote jobs loaded.
            from eoflows.tasks.stage_by_service import stage_by_service  # noqa: PLC0415

            items = [plan.item for plan in batch]
            return (await stage_by_service(flow_env, order.collection, items, order.selected)).records
        return await make_stager(flow_env, order).stage(batch)


@task(name="stage-aux", cache_policy=NO_CACHE, persist_result=False)
async def aux_staging_task(
    env: FlowEnvArgs,
    cql2_filter: dict[str, Any],
    catalog_collection_identifier: str,
    timeout_seconds: int = -1,
    source: AuxiliarySource = AuxiliarySource.AUXIP,
    selected_assets: list[str] | None = None,
    *,
    on_failure: OnFailure = "return",
    plan_only: bool = False,
    from_run: str | None = None,
) -> Staged:
    """Search and stage as the flow `aux_staging` does, as a task of another flow.

    Args:
        env: Who for, and in which environment.
        cql2_filter: Envelope or bare CQL2 expression.
        catalog_collection_identifier: Collection in the catalogue, without its owner.
        timeout_seconds: Limit of the search in seconds; -1 and 0 are none.
        source: Where to search.
        selected_assets: Asset keys to stage; None takes all (of CDSE, `product`).
        on_failure: `fail` raises when an item failed, `return` gives False.
        plan_only: Show what would be staged, and touch nothing.
        from_run: Id of an earlier flow run; only what failed in it is staged.

    Returns:
        Whether nothing failed, and the catalogue's items (None when nothing was found or only planned, none
        when all failed).

    Raises:
        PartialError: An item failed and `on_failure` is `fail`.
        InvalidInputError: An argument cannot be used.
        DeadlineError: The search took longer than its limit.
        ServiceError: The search failed.
    """
    order = Order.read(
        cql2_filter,
        catalog_collection_identifier,
        timeout_seconds,
        source,
        selected_assets,
        plan_only,
        from_run=from_run,
    )
    verdict = await stage_aux(env, order)
    if on_failure == "fail" and not verdict.succeeded:
        raise verdict.error()
    return answer(verdict)


def answer(verdict: Verdict) -> Staged:
    """Give a verdict in the form that RS-Server's flows document."""
    if verdict.succeeded and not verdict.items:
        return True, None
    return verdict.succeeded, item_collection(verdict.items)


def staged(verdict: Verdict) -> Outcome[Staged]:
    """Give a verdict as the outcome of a run, named after its ending."""
    return ended(verdict, answer(verdict))


def ended(verdict: Verdict, result: Result) -> Outcome[Result]:
    """Give a verdict as the outcome of a run that returns something of its own."""
    error = None if verdict.succeeded else verdict.error()
    return Outcome(name=str(verdict.ending), sentence=verdict.sentence, result=result, error=error)
