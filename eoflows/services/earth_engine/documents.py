"""Tracking documents and image metadata: CEDAR's format, and what it lacked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from eoflows.base.digest import json_digest
from eoflows.base.errors import InvalidInputError
from eoflows.jobs.ledger import JobRecord
from eoflows.jobs.models import JobState, Phase
from eoflows.jobs.submission import request_token
from eoflows.services.earth_engine.collections import CollectionSpec
from eoflows.services.earth_engine.operations import eecu_seconds, failure_of
from eoflows.services.earth_engine.request import EarthEngineRequest
from eoflows.services.earth_engine.scenes import Scene, millis_of
from eoflows.services.earth_engine.tiles import Tile

__all__ = [
    "DONE",
    "ENDED",
    "check_tracking",
    "image_metadata",
    "is_complete",
    "is_ended",
    "is_settled",
    "order_id",
    "order_of",
    "outcomes",
    "plan_hash",
    "program",
    "progress",
    "status_of",
]

_STATES = {
    Phase.PLANNED: "UNSUBMITTED",
    Phase.SENDING: "UNSUBMITTED",
    Phase.UNKNOWN: "UNSUBMITTED",
    Phase.SUBMITTED: "UNSUBMITTED",
    Phase.QUEUED: "READY",
    Phase.RUNNING: "RUNNING",
    Phase.CANCELLING: "CANCEL_REQUESTED",
    Phase.SUCCEEDED: "COMPLETED",
    Phase.FAILED: "FAILED",
    Phase.REJECTED: "FAILED",
    Phase.CANCELLED: "CANCELLED",
    Phase.LOST: "LOST",
    Phase.UNREACHABLE: "LOST",
    Phase.OVERDUE: "LOST",
    Phase.ABANDONED: "LOST",
}
DONE = frozenset({"COMPLETED", "EMPTY"})
"""States of orders of which everything is there that can be."""
ENDED = DONE | {"FAILED", "CANCELLED", "LOST"}
"""States that nothing follows by itself."""


def program() -> dict[str, str]:
    """Say who writes."""
    return {"name": "eoflows", "version": _version("eoflows"), "ee": _version("earthengine-api")}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "0"


def plan_hash(submission: Mapping[str, Any]) -> str:
    """Name what a submission asks for, not when: 64 hex digits."""
    asked = {key: value for key, value in submission.items() if key not in ("submitted", "plan")}
    return json_digest(asked)


def _millis(moment: datetime | None) -> int | str:
    return "" if moment is None else millis_of(moment)


def status_of(state: JobState | None, phase: Phase, remote_id: str | None = None) -> dict[str, Any]:
    """Write where a job stands, as CEDAR does; its phase as well.

    Args:
        state: The job, as the service described it last, or None.
        phase: Where it stands.
        remote_id: The service's id, where it is known.
    """
    status: dict[str, Any] = {"id": remote_id, "state": _STATES[phase], "phase": str(phase)}
    document = {} if state is None else state.document
    about = document.get("metadata") or {}
    return status | {
        "creation_timestamp_ms": _millis(state.created if state else None),
        "update_timestamp_ms": _millis((state.updated or state.finished or state.started) if state else None),
        "start_timestamp_ms": _millis(state.started if state else None),
        "output_url": list(about.get("destinationUris") or ()),
    }


def order_of(record: JobRecord) -> dict[str, Any]:
    """Write what the ledger knows of an order; what only the store knows is not in it."""
    request = EarthEngineRequest.model_validate(record.request)
    state = record.state if record.remote_id else None
    document = record.document or {}
    failure = failure_of(document)
    prefix, _, name = request.name.rpartition("/")
    error: dict[str, Any] | None = None
    if record.phase is Phase.FAILED and failure is not None:
        error = {"code": failure.code, "message": failure.message, "kind": str(failure.kind)}
        error["advice"] = failure.advice
    elif record.phase in (Phase.REJECTED, Phase.LOST, Phase.UNREACHABLE, Phase.OVERDUE, Phase.ABANDONED):
        error = {"code": None, "message": record.message, "kind": str(record.phase), "advice": ""}
    return {
        "name": name,
        "prefix": prefix,
        "status": status_of(state, record.phase, record.remote_id),
        "key": record.key,
        "request_id": request_token(record.key),
        "body_sha256": request.body_hash,
        "attempts": _attempt(record.run_key),
        "error": error,
        "message": record.message,
        "eecu_seconds": eecu_seconds(document),
    }


def _attempt(run_key: str) -> int:
    number = run_key.rpartition("#")[2]
    return int(number) if number.isdecimal() else 1


def order_id(order: Mapping[str, Any]) -> str:
    """Name an order in results: the operation's id, or its own name where it never had one."""
    return str((order.get("status") or {}).get("id") or order.get("name"))


def check_tracking(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check that a document is one of tracking, CEDAR's or ours.

    Raises:
        InvalidInputError: It is none.
    """
    orders = document.get("orders")
    if not isinstance(orders, list) or not isinstance(document.get("tracking"), Mapping):
        raise InvalidInputError("this is no tracking document: it has no orders")
    for one in orders:
        if not isinstance(one, Mapping) or not isinstance(one.get("status"), Mapping) or "name" not in one:
            raise InvalidInputError("this is no tracking document: an order has no name or no status")
    return document


def _states(document: Mapping[str, Any]) -> list[str]:
    return [str(one["status"].get("state")) for one in check_tracking(document)["orders"]]


def outcomes(document: Mapping[str, Any]) -> dict[str, int]:
    """Count orders by state."""
    states = _states(document)
    return {state: states.count(state) for state in sorted(set(states))}


def progress(document: Mapping[str, Any]) -> float:
    """Give the part of the orders that have ended, whatever the outcome; from 0 to 1."""
    states = _states(document)
    return sum(state in ENDED for state in states) / len(states) if states else 1.0


def is_ended(document: Mapping[str, Any]) -> bool:
    """Tell whether all orders have ended."""
    return all(state in ENDED for state in _states(document))


def is_settled(document: Mapping[str, Any]) -> bool:
    """Tell whether all orders have ended, and of all completed ones the files are known."""
    return is_ended(document) and all(
        one["status"].get("state") != "COMPLETED" or one.get("manifest") or one.get("cleaned")
        for one in document["orders"]
    )


def is_complete(document: Mapping[str, Any]) -> bool:
    """Tell whether everything is there that can be: all orders are completed or empty."""
    return all(state in DONE for state in _states(document))


def image_metadata(
    *,
    spec: CollectionSpec,
    tile: Tile,
    start: datetime,
    end: datetime,
    filters: Sequence[Any],
    name: str,
    prefix: str,
    key: str,
    store: str,
    options: Mapping[str, Any],
    layers: Sequence[Mapping[str, Any]],
    scenes: Iterable[Scene],
    now: datetime,
    order: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write what the files of an order hold.

    Args:
        spec: The collection.
        tile: Where.
        start: Start of its period.
        end: End of its period, no part of it.
        filters: Filters as JSON values.
        name: Its name.
        prefix: Its folder.
        key: Its key in the ledger: what is asked for.
        store: Kind of store.
        options: Keywords of the export.
        layers: Layers in the files' order.
        scenes: Images; those of the layers are described, as far as they are still there.
        now: Aware UTC.
        order: What the ledger knows of it; None for one without images.
    """
    known = {scene.name: scene for scene in scenes}
    kwds = {**options, "crs": tile.crs, "crs_transform": list(tile.transform)}
    return {
        "program": program(),
        "order": {
            "collection": spec.id,
            "date_start": _naive(start),
            "date_end": _naive(end),
            "filters": list(filters),
            "submitted": _naive(now),
        },
        "tile": tile.to_dict(),
        "store": {
            "service": store,
            "export_image_kwds": {**kwds, "dimensions": f"{tile.width}x{tile.height}"},
        },
        "task": {
            "name": name,
            "prefix": prefix,
            "status": {"state": "EMPTY"} if order is None else order["status"],
            "key": key,
            **({} if order is None else {name: order[name] for name in ("request_id", "body_sha256")}),
        },
        "image": {
            "bands": spec.names,
            "nodata": spec.bands[0].nodata,
            "dtype": spec.dtype,
            "band_info": {
                band.name: {
                    "source": band.source,
                    "nodata": band.nodata,
                    "scale": band.scale,
                    "offset": band.offset,
                    "unit": band.unit,
                    "bits": band.bits,
                }
                for band in spec.bands
            },
            "layers": [{"date": layer["date"], "time": layer["time"]} for layer in layers],
            "images": [[_described(spec, known, one) for one in layer["scenes"]] for layer in layers],
        },
    }


def _described(spec: CollectionSpec, known: Mapping[str, Scene], name: str) -> dict[str, Any]:
    described: dict[str, Any] = {"system:index": name, "system:id": f"{spec.id}/{name}"}
    scene = known.get(name)
    if scene is None:
        return described
    return {**scene.properties, **described, "system:time_start": millis_of(scene.time)}


def _naive(moment: datetime) -> str:
    """Write UTC without its zone, as CEDAR does."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()
