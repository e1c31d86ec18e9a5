"""What people see of pre-ARD: plans, tables of tiles and periods, the grid as a picture, and how runs end."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from eoflows.services.earth_engine.documents import ENDED
from eoflows.services.earth_engine.orders import Order
from eoflows.services.earth_engine.overview import BAD, grid_svg, period_rows, shown_state
from eoflows.services.earth_engine.request import EarthEngineRequest
from eoflows.tasks.earth_engine import PreArdPlan, Tracked
from eoflows.tasks.pictures import publish_image
from eoflows.tasks.publish import human_bytes

__all__ = ["artifact_key", "publish_plan", "publish_tracked", "tracked_state"]

_ROWS = 200
_DOCUMENTS = 20
_BYTES = {"uint8": 1, "int16": 2, "uint16": 2, "int32": 4}


def artifact_key(start: str, name: str) -> str:
    """Make a key of a name: each tracking document has pages of its own."""
    return f"{start}-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}"


async def publish_plan(plan: PreArdPlan) -> str:
    """Publish what would be ordered, orders without images first; give the sentence."""
    orders = sorted(plan.orders, key=lambda order: order.request is not None)
    rows = [_planned(plan, order) for order in orders[:_ROWS]]
    counts = Counter(_outcome(plan, order) for order in orders)
    more = f" The first {_ROWS} are shown." if len(orders) > _ROWS else ""
    words = ", ".join(f"{count} {what}" for what, count in counts.items())
    sentence = f"{len(orders)} orders: {words}"
    await acreate_table_artifact(rows, key="pre-ard-plan", description=f"**{sentence}.**{more}")
    return sentence


def _outcome(plan: PreArdPlan, order: Order) -> str:
    if order.request is None:
        return "without images"
    return "known" if order.key in plan.known else "to be sent"


def _planned(plan: PreArdPlan, order: Order) -> dict[str, Any]:
    start, end = order.period
    bands, tile = len(order.spec.bands) * len(order.layers), order.tile
    size = tile.width * tile.height * bands * _BYTES[order.spec.dtype]
    return {
        "collection": order.spec.id,
        "tile": tile.name,
        "period": f"{start:%Y-%m-%d} to {end:%Y-%m-%d}",
        "images": len(order.scenes),
        "dates": len(order.layers),
        "bands": bands,
        "files": _files(order.request),
        "uncompressed": human_bytes(size),
        "outcome": f"{_outcome(plan, order)} {plan.known.get(order.key, '')}".strip(),
    }


def _files(request: EarthEngineRequest | None) -> int:
    return 0 if request is None else len(request.shard_grid.suffixes())


async def publish_tracked(documents: Mapping[str, Mapping[str, Any]]) -> None:
    """Publish each document as a table of tiles and periods, and as a picture of the grid."""
    for name, document in list(documents.items())[:_DOCUMENTS]:
        title = f"{name}: {_counted([document])}."
        rows = period_rows(document)
        more = f" The first {_ROWS} of {len(rows)} rows are shown." if len(rows) > _ROWS else ""
        await acreate_table_artifact(
            rows[:_ROWS], key=artifact_key("pre-ard", name), description=f"**{title}**{more}"
        )
        picture = grid_svg(document, title).encode()
        await publish_image(artifact_key("pre-ard-grid", name), picture, "svg+xml", title)


def _counted(documents: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter(shown_state(order) for document in documents for order in document["orders"])
    return ", ".join(f"{count} {state}" for state, count in counts.most_common()) or "no orders"


def tracked_state(tracked: Tracked) -> State[dict[str, Any]]:
    """Give the state that a run ends in, named after where its orders stand.

    Orders that failed are told as failures by every run that looks at them.
    """
    documents = list(tracked.documents.values())
    states = Counter(order["status"]["state"] for document in documents for order in document["orders"])
    words = f"{', '.join(tracked.documents) or 'no open documents'}: {_counted(documents)}"
    data = {"tracking": list(tracked.documents), "states": dict(states)}
    if tracked.error:
        return Failed(name="NotReached", message=f"{words}; {tracked.error}")
    if not states:
        return Completed(name="NothingOpen", message="no tracking document has open orders", data=data)
    if set(states) - ENDED:
        words = f"{words}; track-pre-ard follows them"
        return Completed(name="StillRunning", message=words, data=data)
    if bad := sum(states[state] for state in BAD):
        name = "Failed" if bad == states.total() else "Partial"
        return Failed(name=name, message=words)
    if states["EMPTY"] == states.total():
        return Completed(name="NoImages", message=words, data=data)
    return Completed(message=words, data=data)
