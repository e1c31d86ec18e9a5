"""Pre-ARD of Earth Engine: planned, ordered through the ledger, and followed."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import anyio
from prefect import task
from prefect.cache_policies import NO_CACHE

from eoflows.base.concurrency import one_error
from eoflows.base.errors import AbsentError, InvalidInputError
from eoflows.blocks import PreArdStore, TileGrid
from eoflows.jobs.ledger import JobFilter
from eoflows.jobs.tracker import EndpointRound
from eoflows.services.earth_engine.documents import ENDED, check_tracking, is_settled, outcomes
from eoflows.services.earth_engine.orders import Layout, Order, Wanted, plan_orders
from eoflows.services.earth_engine.project import EarthEngineServer
from eoflows.services.earth_engine.submission import send_planned, submission_of, submit_orders, tracking_name
from eoflows.services.earth_engine.tiles import Index
from eoflows.services.earth_engine.tracking import Session, document_name, refresh
from eoflows.tasks.job_tracking import track_jobs_once
from eoflows.tasks.limits import host_slots
from eoflows.tasks.load import load_block
from eoflows.tasks.logs import run_logger
from eoflows.tasks.progress import shown_progress
from eoflows.tasks.servers import Desk, open_desk, open_server

if TYPE_CHECKING:
    from eoflows.services.earth_engine.stores import OpenStore
    from eoflows.services.earth_engine.stores import PreArdStore as Store

__all__ = [
    "PreArdBlocks",
    "PreArdOrder",
    "PreArdPlan",
    "Tracked",
    "open_store",
    "plan_pre_ard_task",
    "read_tracking",
    "submit_pre_ard_task",
    "track_pre_ard_task",
]

Document = dict[str, Any]
_PROJECT = "earth-engine-project"
_CONCURRENT = 4


@dataclass(frozen=True)
class PreArdBlocks:
    """Names of the blocks that orders need.

    Attributes:
        project: Earth Engine Project.
        store: Pre-ARD Store.
        ledger: Job Ledger.
        tracking_prefix: Folder of tracking documents in the store.
    """

    project: str
    store: str
    ledger: str
    tracking_prefix: str


@dataclass(frozen=True, kw_only=True)
class PreArdOrder:
    """What is ordered, as one value; see `eoflows.services.earth_engine.Tracker`.

    Attributes:
        grid: Tile Grid block.
        collections: Image collections.
        tile_indices: Row and column of each tile.
        region: GeoJSON geometry in longitude and latitude whose tiles are meant as well.
        period_start: Start, aware UTC.
        period_end: End, no part of it, aware UTC.
        period_freq: Cuts the span into periods.
        filters: Filters by collection.
        export_image_kwds: Keywords of exports.
        name_template: Template of files' names.
        prefix_template: Template of their folder.
        tracking_template: Template of the tracking document's name.
        save_empty_metadata: Whether metadata of orders without images is written.
        error_if_empty: Whether an order without images is an error.
        run_key: Another one asks for the same once more, on purpose.
    """

    grid: str
    collections: Sequence[str]
    tile_indices: Sequence[Index]
    region: Mapping[str, Any] | None
    period_start: datetime
    period_end: datetime
    period_freq: str | None
    filters: Mapping[str, Sequence[Mapping[str, Any]]]
    export_image_kwds: Mapping[str, Any]
    name_template: str
    prefix_template: str
    tracking_template: str
    save_empty_metadata: bool = True
    error_if_empty: bool = False
    run_key: str = ""


@dataclass(frozen=True)
class PreArdPlan:
    """Orders, worked out; nothing of it is written or sent.

    Attributes:
        order: What was asked for.
        layout: How they are named.
        wanted: What is asked for.
        orders: One per collection, tile and period.
        name: Name of the tracking document, unless another one has it.
        known: Where those stand that were ordered before, by key.
    """

    order: PreArdOrder
    layout: Layout
    wanted: Wanted
    orders: Sequence[Order]
    name: str
    known: Mapping[str, str]


@dataclass(frozen=True)
class Tracked:
    """What a round has found.

    Attributes:
        documents: Tracking documents as they are now, by name.
        rounds: The tracker's rounds; none where another one was at it.
        error: Why the project could not be asked; empty if it could.
    """

    documents: Mapping[str, Document]
    rounds: Sequence[EndpointRound] = field(default_factory=tuple)
    error: str = ""


@asynccontextmanager
async def open_store(name: str) -> AsyncIterator[tuple[PreArdStore, "Store"]]:
    """Give a store by its block, and the block.

    Raises:
        InvalidInputError: There is no such block.
    """
    block = await load_block(PreArdStore, name)
    async with host_slots() as slot:
        yield block, await anyio.to_thread.run_sync(lambda: block.open(slot=slot))


@asynccontextmanager
async def _open_session(blocks: PreArdBlocks) -> AsyncIterator[tuple[Desk, Session, "Store"]]:
    server_name = f"{_PROJECT}/{blocks.project}"
    async with (
        open_desk(blocks.ledger) as desk,
        open_server("earth_engine", server_name) as server,
        open_store(blocks.store) as (_, store),
        store.open() as opened,
    ):
        project = cast(EarthEngineServer, server)
        yield desk, Session(project, server_name, open_server, desk.ledger, opened, store.service), store


@task(name="plan", cache_policy=NO_CACHE, persist_result=False)
async def plan_pre_ard_task(blocks: PreArdBlocks, order: PreArdOrder) -> PreArdPlan:
    """Work out all orders, with one question per collection and tile; nothing is written or sent.

    Raises:
        EmptyCollectionError: An order has no images, and that is an error.
        InvalidInputError: Something cannot be ordered, or a block is missing.
    """
    block = await load_block(TileGrid, order.grid)
    grid = block.open()
    indices = list(order.tile_indices)
    if order.region is not None:
        found = await anyio.to_thread.run_sync(lambda: grid.roi_to_tiles(order.region, crs="EPSG:4326"))
        indices += [tile.index for tile in found if tile.index not in indices]
    wanted = Wanted.of(order.collections, indices, order.period_start, order.period_end, order.period_freq)
    layout = Layout(
        grid=grid,
        name_template=order.name_template,
        prefix_template=order.prefix_template,
        filters=order.filters,
        options=order.export_image_kwds,
    )
    async with _open_session(blocks) as (desk, session, store):
        now = desk.ledger.now()
        orders = await plan_orders(
            layout,
            wanted,
            session.server,
            store.bucket,
            now=now,
            run_key=order.run_key,
            error_if_empty=order.error_if_empty,
        )
        known = await desk.ledger.jobs(JobFilter(keys=[one.key for one in orders]))
    name = tracking_name(order.tracking_template, grid, wanted, now)
    run_logger().info("%d orders planned, %d are known already", len(orders), len(known))
    return PreArdPlan(order, layout, wanted, orders, name, {one.key: str(one.phase) for one in known})


@task(name="submit", retries=0, cache_policy=NO_CACHE, persist_result=False)
async def submit_pre_ard_task(blocks: PreArdBlocks, plan: PreArdPlan) -> Tracked:
    """Write orders down, then send those that there is room for; the others wait for the tracker.

    Raises:
        ConflictError: Another order has the files of one of these.
        LedgerError: The ledger cannot be used; nothing is sent.
    """
    sent, most = [0], sum(one.request is not None and one.key not in plan.known for one in plan.orders)

    def told(number: int) -> None:
        sent[0] += number

    def reading() -> tuple[float, str]:
        return 100.0 * sent[0] / max(1, most), f"{sent[0]} of {most} orders sent"

    async with shown_progress("pre-ard-progress", reading), _open_session(blocks) as (_, session, store):
        name, whole = await submit_orders(
            session,
            plan.layout,
            plan.orders,
            submission_of(plan.layout, plan.wanted, store.bucket, plan.order.run_key),
            name=plan.name,
            prefix=blocks.tracking_prefix,
            run_key=plan.order.run_key,
            save_empty_metadata=plan.order.save_empty_metadata,
            send=False,
        )
        error = await send_planned(session, told)
        document = await refresh(session, whole, attempts=1)
    run_logger().info("%s: %d orders sent%s", name, sent[0], f"; then: {error}" if error else "")
    return Tracked({name: document}, error=error)


@task(name="track", cache_policy=NO_CACHE, persist_result=False)
async def track_pre_ard_task(blocks: PreArdBlocks, names: Sequence[str] | None, attempts: int) -> Tracked:
    """Look once at a project's exports, send what there is room for, and write all that into the documents.

    Args:
        blocks: Where.
        names: Names of tracking documents; None: all that have not ended and were ordered by this ledger.
        attempts: How often an order is sent at the most, when it fails by no fault of its own.

    Raises:
        AbsentError: There is no document of such a name.
    """
    documents: dict[str, Document] = {}

    def reading() -> tuple[float, str]:
        states = Counter[str]()
        for document in documents.values():
            states.update(outcomes(document))
        ended = sum(states[state] for state in ENDED)
        return 100.0 * ended / max(1, states.total()), f"{ended} of {states.total()} orders have ended"

    async with shown_progress("pre-ard-progress", reading), _open_session(blocks) as (desk, session, _):
        rounds = await track_jobs_once(desk, only=[session.here], older_than=0.0)
        wanted = await _open_documents(session.store, blocks.tracking_prefix) if names is None else names

        async def look(some: Sequence[str]) -> None:
            limiter = anyio.CapacityLimiter(_CONCURRENT)

            async def one(name: str) -> None:
                async with limiter:
                    whole = document_name(blocks.tracking_prefix, name)
                    documents[name] = await refresh(session, whole, attempts=attempts)

            async with one_error(), anyio.create_task_group() as group:
                for name in some:
                    group.start_soon(one, name)

        await look([name.removesuffix(".json") for name in wanted])
        error = next((one.error for one in rounds if one.error), "")
        waiting = [name for name, found in documents.items() if "UNSUBMITTED" in outcomes(found)]
        if waiting and not error:
            error = await send_planned(session)
            await look(waiting)
    return Tracked({name: documents[name] for name in sorted(documents)}, rounds, error)


async def _open_documents(store: "OpenStore", prefix: str) -> list[str]:
    """Name the documents of which something is still to be found out, and whose orders are in a ledger."""
    start = f"{prefix}/" if prefix else ""
    listed = [one.name for one in await store.list(start) if one.name.endswith(".json")]
    # Without a folder there is more than documents.
    names = [name for name in listed if "/" not in name.removeprefix(start)]
    found: list[str] = []
    limiter = anyio.CapacityLimiter(_CONCURRENT)

    async def look(name: str) -> None:
        async with limiter:
            read = await store.read(name)
        if read is not None and _is_open(read.document):
            found.append(name.removeprefix(start))

    async with one_error(), anyio.create_task_group() as group:
        for name in names:
            group.start_soon(look, name)
    return found


def _is_open(document: Document) -> bool:
    try:
        return not is_settled(document) and any(order.get("key") for order in document["orders"])
    except InvalidInputError:
        return False


async def read_tracking(store: "Store", prefix: str, name: str) -> Document:
    """Give a tracking document.

    Raises:
        AbsentError: There is none of that name.
    """
    async with store.open() as opened:
        found = await opened.read(document_name(prefix, name.removesuffix(".json")))
    if found is None:
        raise AbsentError(f"the store has no tracking document {name!r} in {prefix!r}", status=404)
    return dict(check_tracking(found.document))
