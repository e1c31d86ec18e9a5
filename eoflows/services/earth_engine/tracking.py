"""Following of orders, and the document that tells of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio

from eoflows.base.concurrency import one_error
from eoflows.base.errors import AbsentError, ConflictError, ContractError, LateError
from eoflows.jobs.ledger import Intent, JobFilter, JobRecord, Ledger
from eoflows.jobs.models import Phase
from eoflows.jobs.service import OpenServer
from eoflows.jobs.tracker import EndpointRound, Pace, track_round
from eoflows.services.earth_engine.documents import check_tracking, order_of, status_of
from eoflows.services.earth_engine.failures import FailureKind
from eoflows.services.earth_engine.manifests import listed_by_prefix, metadata_name, order_manifest
from eoflows.services.earth_engine.project import EarthEngineServer
from eoflows.services.earth_engine.request import EarthEngineRequest, destination_of
from eoflows.services.earth_engine.stores import OpenStore, Versioned

__all__ = ["Session", "change_document", "document_name", "refresh", "update_tracking"]

_CONCURRENT = 8
_TRIES = 8


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
        pace: How often the project is asked.
    """

    server: EarthEngineServer
    server_name: str
    open_server: OpenServer
    ledger: Ledger
    store: OpenStore
    kind: str
    pace: Pace = field(default_factory=Pace)

    async def round(self) -> list[EndpointRound]:
        """Let the tracker look at the project now, unless it has asked for patience; it also sends."""
        return await track_round(
            self.ledger, self.open_server, pace=self.pace, only=[self.here], older_than=0.0
        )

    @property
    def here(self) -> tuple[str, str]:
        """Service and endpoint, as the tracker takes them."""
        return self.server.service.name, self.server.endpoint


def document_name(prefix: str, name: str) -> str:
    """Give the whole name of a tracking document."""
    return f"{prefix}/{name}.json" if prefix else f"{name}.json"


async def update_tracking(session: Session, name: str, *, attempts: int = 3) -> dict[str, Any]:
    """Ask where all orders of a document stand, and write it down there.

    Orders that failed by no fault of theirs are ordered again. One that the service has no memory of is
    complete if all its files are in the store.

    Args:
        session: What is open.
        name: Whole name of the document.
        attempts: How often an order is sent at the most.

    Returns:
        The document as it is now.

    Raises:
        AbsentError: There is no such document.
    """
    await session.round()
    return await refresh(session, name, attempts=attempts)


async def refresh(session: Session, name: str, *, attempts: int) -> dict[str, Any]:
    """Write into a document what the ledger and the store know; see `update_tracking`."""

    async def change(document: dict[str, Any]) -> dict[str, Any]:
        orders = check_tracking(document)["orders"]
        records = await _records(session.ledger, orders)
        again = await _again(session, records, document["tracking"].get("name", ""), attempts)
        fresh = [_merged(order, records, again) for order in orders]
        await _ask_foreign(session, fresh)
        await _find_files(session.store, fresh)
        return {**document, "orders": fresh}

    document = await change_document(session.store, name, change)
    await _note_results(session.ledger, document)
    return document


async def _note_results(ledger: Ledger, document: Mapping[str, Any]) -> None:
    """Tell the ledger where the results of completed orders are: in their bucket, where they stay."""
    manifests = {str(order.get("key") or ""): order.get("manifest") for order in document["orders"]}
    keys = [key for key, manifest in manifests.items() if key and manifest]
    for record in await ledger.hold_wanted(len(keys), keys) if keys else ():
        bucket = destination_of(record.process)[0]
        outputs = {
            one["name"].rpartition("/")[2]: {
                "href": f"gs://{bucket}/{one['name']}",
                "size": one["size"],
                "checksum": f"crc32c:{one['crc32c']}",
                "media_type": "image/tiff",
            }
            for one in manifests[record.key] or ()
        }
        # Whoever took it over meanwhile comes to the same end.
        with suppress(LateError):
            await ledger.collected(record, outputs)


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
    """Write down the files of completed orders; one that was forgotten is complete if all are there."""
    ended = [order for order in orders if order["status"].get("state") in ("COMPLETED", "LOST")]
    unknown = [order for order in ended if not order.get("manifest") and not order.get("cleaned")]
    objects = await listed_by_prefix(store, unknown) if unknown else []
    for order in unknown:
        try:
            found = order_manifest(objects, order)
        except ContractError as error:
            order["manifest_error"] = str(error)
            continue
        order.pop("manifest_error", None)
        order["manifest"] = [one.to_dict() for one in found]
        order["metadata"] = metadata_name(order)
    for order in ended:
        if order.get("manifest"):
            order["status"] = {**order["status"], "state": "COMPLETED"}
