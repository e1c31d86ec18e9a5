"""Submission of orders: written down first, then sent; whatever dies in between, none is sent twice."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import anyio

from eoflows.base.concurrency import one_error
from eoflows.base.errors import ConflictError, InvalidInputError
from eoflows.jobs.ledger import Intent, JobFilter, JobRecord
from eoflows.services.earth_engine.documents import order_of, plan_hash, program
from eoflows.services.earth_engine.grid import TileGrid
from eoflows.services.earth_engine.manifests import listed_by_prefix
from eoflows.services.earth_engine.orders import Layout, Order, Wanted
from eoflows.services.earth_engine.request import EarthEngineRequest
from eoflows.services.earth_engine.stores import OpenStore
from eoflows.services.earth_engine.templates import fill
from eoflows.services.earth_engine.tracking import Session, document_name, refresh
from eoflows.stores.storage.names import check_key

__all__ = ["send_planned", "submission_of", "submit_orders", "tracking_name"]

_CONCURRENT = 8
_ENDING = re.compile(r"(-\d{10}-\d{10})?\.tif$|\.json$")
_MOST_NAMES = 1000


def tracking_name(template: str, grid: TileGrid, wanted: Wanted, now: datetime) -> str:
    """Name the tracking document of a submission.

    Args:
        template: See `Tracker`.
        grid: The tiles.
        wanted: What is asked for.
        now: Aware UTC.

    Raises:
        InvalidInputError: The template cannot be filled in, or makes no name.
    """
    start, end = wanted.span
    fields = {
        "date_start": f"{start:%Y-%m-%d}",
        "date_end": f"{end:%Y-%m-%d}",
        "period_start": f"{start:%Y-%m-%dT%H:%M:%S}",
        "period_end": f"{end:%Y-%m-%dT%H:%M:%S}",
        "period_freq": wanted.freq or "",
        "today": f"{now:%Y-%m-%d}",
        "now": now,
        "collections": "_".join(name.replace("/", "_") for name in wanted.collections),
        "tile_indices": "_".join(grid[index].name for index in wanted.indices),
    }
    name = fill(template, fields)
    check_key(f"{name}.json")
    if "/" in name:
        raise InvalidInputError(
            f"tracking_template makes {name!r}, which has a slash; folders are tracking_prefix"
        )
    return name


def submission_of(layout: Layout, wanted: Wanted, bucket: str, run_key: str) -> dict[str, Any]:
    """Write what is asked for as JSON values; the same whenever it is asked."""
    start, end = (moment.replace(tzinfo=None).isoformat() for moment in wanted.span)
    return {
        "collections": list(wanted.collections),
        "tile_grid": layout.grid.to_dict(),
        "tile_indices": [list(index) for index in wanted.indices],
        "period_start": start,
        "period_end": end,
        "period_freq": wanted.freq or "",
        "filters": {name: layout.graphs(name) for name in wanted.collections},
        "export_image_kwds": dict(layout.options),
        "bucket": bucket,
        "run_key": run_key,
    }


async def submit_orders(
    session: Session,
    layout: Layout,
    orders: Sequence[Order],
    submission: Mapping[str, Any],
    *,
    name: str,
    prefix: str,
    run_key: str = "",
    who: str = "",
    save_empty_metadata: bool = True,
    send: bool = True,
) -> tuple[str, str]:
    """Write down what is wanted, then have it sent.

    First the tracking document with the key of every order, then the ledger with every request, then
    metadata; only then is anything sent. Whatever dies in between, the same call goes on where it ended,
    and no order is exported twice.

    Args:
        session: What is open.
        layout: How orders are named.
        orders: As planned.
        submission: As from `submission_of`.
        name: Name of the tracking document; with a number if another submission has that name.
        prefix: Its folder.
        run_key: Another one asks for the same thing once more, on purpose.
        who: Who asks.
        save_empty_metadata: Whether metadata of orders without images is written.
        send: Whether to send now what there is room for; else the next round of the tracker does.

    Returns:
        Name of the tracking document, and its whole name in the store.

    Raises:
        ConflictError: Another order has the files of one of these.
    """
    await _check_free(session, orders)
    now = session.ledger.now()
    name = await _begin(session.store, layout, orders, submission, now, name, prefix)
    records = {
        record.key: record
        for record in await session.ledger.plan(_intents(session, orders, name, run_key, who))
    }
    await _write_metadata(session, orders, records, now, save_empty=save_empty_metadata)
    if send:
        await send_planned(session)
    await refresh(session, document_name(prefix, name), attempts=1)
    return name, document_name(prefix, name)


def _intents(session: Session, orders: Sequence[Order], label: str, run_key: str, who: str) -> list[Intent]:
    return [
        Intent(
            request=order.request,
            endpoint=session.server.endpoint,
            server=session.server_name,
            run_key=run_key,
            label=label,
            who=who,
        )
        for order in orders
        if order.request is not None
    ]


async def _check_free(session: Session, orders: Sequence[Order]) -> None:
    """Refuse names that other orders have: one would overwrite the other's files."""
    listed = await listed_by_prefix(session.store, [order.document() for order in orders])
    there = {_ENDING.sub("", one.name) for one in listed}
    in_doubt = [order for order in orders if order.path in there]
    known = await session.ledger.jobs(JobFilter(keys=[order.key for order in in_doubt]))
    ours, taken = {record.key for record in known}, []
    limiter = anyio.CapacityLimiter(_CONCURRENT)

    async def look(order: Order) -> None:
        async with limiter:
            found = await session.store.read(f"{order.path}.json")
        # Images alone are ours if they were ordered by us: their metadata may not have been written.
        key = (found.document.get("task") or {}).get("key") if found else order.key in ours and order.key
        if key != order.key:
            taken.append(order.path)

    async with one_error(), anyio.create_task_group() as group:
        for order in in_doubt:
            group.start_soon(look, order)
    if taken:
        raise ConflictError(
            f"{len(taken)} names belong to other orders, the first is {min(taken)}: clean those first, or "
            "change name_template or prefix_template",
            status=409,
        )


async def _begin(
    store: OpenStore,
    layout: Layout,
    orders: Sequence[Order],
    submission: Mapping[str, Any],
    now: datetime,
    wanted_name: str,
    prefix: str,
) -> str:
    """Write the tracking document, or find the one that an earlier call for the same has written."""
    plan, stamp = plan_hash(submission), now.replace(tzinfo=None).isoformat()
    tiles = {order.tile.index: order.tile.to_dict() for order in orders}
    for number in range(1, _MOST_NAMES):
        name = wanted_name if number == 1 else f"{wanted_name}_{number}"
        document = {
            "program": program(),
            "submission": {"submitted": stamp, **submission, "plan": plan},
            "tracking": {
                "submitted": stamp,
                "name": name,
                "prefix": prefix,
                "collections": list(submission["collections"]),
                "tiles": list(tiles.values()),
                "name_template": layout.name_template,
                "prefix_template": layout.prefix_template,
            },
            "orders": [order.document() for order in orders],
            "metadata": [f"{order.path}.json" for order in orders],
        }
        try:
            await store.write(document_name(prefix, name), document, 0)
        except ConflictError:
            found = await store.read(document_name(prefix, name))
            if found is not None and (found.document.get("submission") or {}).get("plan") == plan:
                return name
        else:
            return name
    raise InvalidInputError(
        f"{_MOST_NAMES} submissions are called {wanted_name}; let tracking_template tell them apart"
    )


async def _write_metadata(
    session: Session,
    orders: Sequence[Order],
    records: Mapping[str, JobRecord],
    now: datetime,
    *,
    save_empty: bool,
) -> None:
    limiter = anyio.CapacityLimiter(_CONCURRENT)

    async def write(order: Order) -> None:
        record = records.get(order.key)
        known = None if record is None else order_of(record)
        # What the ledger has was planned first: the files are made of its images.
        layers = [] if record is None else EarthEngineRequest.model_validate(record.request).layers
        async with limiter:
            await session.store.write(f"{order.path}.json", order.metadata(session.kind, now, known, layers))

    async with one_error(), anyio.create_task_group() as group:
        for order in orders:
            if order.request is not None or save_empty:
                group.start_soon(write, order)


async def send_planned(session: Session, told: Callable[[int], object] | None = None) -> str:
    """Let the tracker send what there is room for; what there is none for waits for a later round.

    Args:
        session: What is open.
        told: Is given the number of orders that each round has sent.

    Returns:
        Why the project could not be asked; empty if it could.
    """
    while True:
        rounds = await session.round()
        sent = sum(one.sent for one in rounds)
        if told is not None:
            told(sent)
        error = next((one.error for one in rounds if one.error), "")
        if error or not sent:
            return error
