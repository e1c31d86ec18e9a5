"""Submission and following of orders, and the document that tells of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anyio

from eokit.concurrency import one_error
from eokit.earth_engine.documents import check_tracking, order_of, plan_hash, program, status_of
from eokit.earth_engine.failures import FailureKind
from eokit.earth_engine.manifests import listed_by_prefix, metadata_name, order_manifest
from eokit.earth_engine.orders import Layout, Order, Wanted
from eokit.earth_engine.project import EarthEngineServer
from eokit.earth_engine.request import EarthEngineRequest
from eokit.earth_engine.stores import OpenStore, Versioned
from eokit.errors import AbsentError, ConflictError, ContractError, InvalidInputError
from eokit.jobs.models import Phase
from eokit.jobs.service import OpenServer
from eokit.jobs.tracker import track_round
from eokit.ledger import Intent, JobFilter, JobRecord, Ledger

__all__ = ["Session", "change_document", "document_name", "submission_of", "submit_orders", "update_tracking"]

_CONCURRENT = 8
_TRIES = 8
_MOST_NAMES = 1000


@dataclass(frozen=True)
class Session:
    """Everything that is open while orders are submitted or followed.

    Attributes:
        server: The project.
        server_name: Name under which its settings are kept.
        open_server: Opens it for the tracker.
        ledger: Remembers what was sent.
        store: Where documents are.
        kind: Kind of store.
    """

    server: EarthEngineServer
    server_name: str
    open_server: OpenServer
    ledger: Ledger
    store: OpenStore
    kind: str

    @property
    def here(self) -> tuple[str, str]:
        """Service and endpoint, as the tracker takes them."""
        return self.server.service.name, self.server.endpoint


def document_name(prefix: str, name: str) -> str:
    """Give the whole name of a tracking document."""
    return f"{prefix}/{name}.json" if prefix else f"{name}.json"


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

    First the tracking document with the key of every order, then the ledger with every request, then metadata; only
    then is anything sent. Whatever dies in between, the same call goes on where it ended, and no order
    is exported twice.

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
    await _check_free(session.store, orders)
    now = session.ledger.now()
    name = await _begin(session.store, layout, orders, submission, now, name, prefix)
    records = {
        record.key: record
        for record in await session.ledger.plan(_intents(session, orders, name, run_key, who))
    }
    await _write_metadata(session, orders, records, now, save_empty=save_empty_metadata)
    if send:
        await _send(session)
    await _refresh(session, document_name(prefix, name), attempts=1)
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


async def _check_free(store: OpenStore, orders: Sequence[Order]) -> None:
    """Refuse names that other orders have: one would overwrite the other's files."""
    documents = [order.document() for order in orders]
    listed = {one.name for one in await listed_by_prefix(store, documents)}
    taken: list[str] = []
    limiter = anyio.CapacityLimiter(_CONCURRENT)

    async def look(order: Order) -> None:
        async with limiter:
            found = await store.read(f"{order.path}.json")
        if found is not None and (found.document.get("task") or {}).get("key") != order.key:
            taken.append(order.path)

    async with one_error(), anyio.create_task_group() as group:
        for order in orders:
            if f"{order.path}.json" in listed:
                group.start_soon(look, order)
    if taken:
        raise ConflictError(
            f"{len(taken)} names belong to other orders, the first is {min(taken)}: clean those first, or change "
            "name_template or prefix_template",
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


async def _send(session: Session) -> None:
    """Let the tracker send what there is room for."""
    while True:
        rounds = await track_round(session.ledger, session.open_server, only=[session.here], older_than=0.0)
        if not any(one.sent for one in rounds) or any(one.error for one in rounds):
            return


async def update_tracking(session: Session, name: str, *, attempts: int = 3) -> dict[str, Any]:
    """Ask where all orders of a document stand, and write it down there.

    Orders that failed by no fault of theirs are ordered again. One that the service has no memory of is complete
    if all its files are in the store.

    Args:
        session: What is open.
        name: Whole name of the document.
        attempts: How often an order is sent at the most.

    Returns:
        The document as it is now.

    Raises:
        AbsentError: There is no such document.
    """
    await track_round(session.ledger, session.open_server, only=[session.here], older_than=0.0)
    return await _refresh(session, name, attempts=attempts)


async def _refresh(session: Session, name: str, *, attempts: int) -> dict[str, Any]:
    async def change(document: dict[str, Any]) -> dict[str, Any]:
        orders = check_tracking(document)["orders"]
        records = await _records(session.ledger, orders)
        again = await _again(session, records, document["tracking"].get("name", ""), attempts)
        fresh = [_merged(order, records, again) for order in orders]
        await _ask_foreign(session, fresh)
        await _find_files(session.store, fresh)
        return {**document, "orders": fresh}

    return await change_document(session.store, name, change)


async def change_document(
    store: OpenStore, name: str, change: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """Change a document; if somebody else was faster, once more what they have written.

    Args:
        store: Where it is.
        name: Its whole name.
        change: Gives the new document for the one that is there.

    Raises:
        AbsentError: There is none.
        ConflictError: Others were faster again and again.
    """
    for _ in range(_TRIES):
        found = await _existing(store, name)
        changed = await change(found.document)
        if changed == found.document:
            return changed
        try:
            await store.write(name, changed, found.generation)
        except ConflictError:
            continue
        return changed
    raise ConflictError(f"{name} was changed by others {_TRIES} times in a row; try again", status=412)


async def _existing(store: OpenStore, name: str) -> Versioned:
    found = await store.read(name)
    if found is None:
        raise AbsentError(f"the store has no {name}", status=404)
    return found


async def _records(ledger: Ledger, orders: Sequence[Mapping[str, Any]]) -> dict[str, JobRecord]:
    keys = [str(order["key"]) for order in orders if order.get("key")]
    return {record.key: record for record in await ledger.jobs(JobFilter(keys=keys))}


async def _again(
    session: Session, records: Mapping[str, JobRecord], label: str, attempts: int
) -> dict[str, JobRecord]:
    """Order again what failed by no fault of its own; give the new rows by the old ones' keys."""
    wanted: dict[str, Intent] = {}
    for record in records.values():
        seen = order_of(record)
        kind = (seen["error"] or {}).get("kind")
        if record.phase is Phase.FAILED and kind == FailureKind.TRANSIENT and seen["attempts"] < attempts:
            wanted[record.key] = Intent(
                request=EarthEngineRequest.model_validate(record.request),
                endpoint=record.endpoint,
                server=record.server,
                run_key=f"{record.run_key.partition('#')[0]}#{seen['attempts'] + 1}",
                label=label,
                who=record.who,
            )
    if not wanted:
        return {}
    planned = await session.ledger.plan(list(wanted.values()))
    return dict(zip(wanted, planned, strict=True))


def _merged(
    order: Mapping[str, Any], records: Mapping[str, JobRecord], again: Mapping[str, JobRecord]
) -> dict[str, Any]:
    key = str(order.get("key") or "")
    if key in again:
        failed = {"key": key, "id": records[key].remote_id, "error": order_of(records[key])["error"]}
        return {**order, **order_of(again[key]), "failed": [*order.get("failed", ()), failed]}
    record = records.get(key)
    if record is None:
        return dict(order)
    return {**order, **order_of(record)}


async def _ask_foreign(session: Session, orders: Sequence[dict[str, Any]]) -> None:
    """Ask for operations that other programs have ordered: their documents name them, our ledger does not."""
    limiter = anyio.CapacityLimiter(_CONCURRENT)

    async def ask(order: dict[str, Any], remote_id: str) -> None:
        async with limiter:
            try:
                state = await session.server.state(remote_id)
            except AbsentError:
                order["status"] = {**order["status"], "state": "LOST", "phase": str(Phase.LOST)}
                return
        order["status"] = {**order["status"], **status_of(state, state.phase, remote_id)}

    async with one_error(), anyio.create_task_group() as group:
        for order in orders:
            remote_id = order["status"].get("id")
            if remote_id and not order.get("key") and order["status"].get("state") not in _FINAL:
                group.start_soon(ask, order, str(remote_id))


_FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "LOST"})


async def _find_files(store: OpenStore, orders: Sequence[dict[str, Any]]) -> None:
    """Write down the files of completed orders, and of those that the service has forgotten."""
    open_ones = [
        order
        for order in orders
        if order["status"].get("state") in ("COMPLETED", "LOST")
        and not (order.get("manifest") or order.get("cleaned"))
    ]
    if not open_ones:
        return
    objects = await listed_by_prefix(store, open_ones)
    for order in open_ones:
        try:
            found = order_manifest(objects, order)
        except ContractError as error:
            order["manifest_error"] = str(error)
            continue
        order.pop("manifest_error", None)
        order["manifest"] = [one.to_dict() for one in found]
        order["metadata"] = metadata_name(order)
        if order["status"]["state"] == "LOST":
            order["status"] = {**order["status"], "state": "COMPLETED"}
