"""What people see of pre-ARD: plans, tables of tiles and periods, the grid as a picture, and how runs end."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from eoflows.services.earth_engine.documents import ENDED
from eoflows.services.earth_engine.orders import Order
from eoflows.services.earth_engine.overview import BAD, grid_svg, period_rows, shown_state
from eoflows.services.earth_engine.request import EarthEngineRequest
from eoflows.tasks.earth_engine import PreArdPlan, Tracked
from eoflows.tasks.outcome import Outcome
from eoflows.tasks.pictures import publish_image
from eoflows.tasks.progress import show
from eoflows.tasks.publish import human_bytes

__all__ = ["artifact_key", "planned", "publish_tracked", "tracked"]

_DOCUMENTS = 20
_BYTES = {"uint8": 1, "int16": 2, "uint16": 2, "int32": 4}


def artifact_key(start: str, name: str) -> str:
    """Make a key of a name: each tracking document has pages of its own."""
    return f"{start}-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}"


def planned(plan: PreArdPlan) -> Outcome[dict[str, Any]]:
    """Give what would be ordered, orders without images first."""
    orders = sorted(plan.orders, key=lambda order: order.request is not None)
    counts = Counter(_outcome(plan, order) for order in orders)
    words = ", ".join(f"{count} {what}" for what, count in counts.items())
    return Outcome(
        name="Planned",
        sentence=f"{len(orders)} orders: {words}.",
        result={"orders": len(orders)},
        rows=[_planned(plan, order) for order in orders],
        attention=counts["without images"],
    )


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
        table = Outcome(sentence=title, result=None, rows=period_rows(document))
        await show(artifact_key("pre-ard", name), table)
        picture = grid_svg(document, title).encode()
        await publish_image(artifact_key("pre-ard-grid", name), picture, "svg+xml", title)


def _counted(documents: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter(shown_state(order) for document in documents for order in document["orders"])
    return ", ".join(f"{count} {state}" for state, count in counts.most_common()) or "no orders"


def tracked(found: Tracked) -> Outcome[dict[str, Any]]:
    """Give the outcome of a run, named after where its orders stand.

    Orders that failed are told as failures by every run that looks at them.
    """
    documents = list(found.documents.values())
    states = Counter(order["status"]["state"] for document in documents for order in document["orders"])
    words = f"{', '.join(found.documents) or 'no open documents'}: {_counted(documents)}"
    result = {"tracking": list(found.documents), "states": dict(states)}
    if found.error:
        return Outcome.failed("NotReached", f"{words}; {found.error}", result)
    if not states:
        words = "no tracking document has open orders"
        return Outcome(name="NothingOpen", sentence=words, result=result)
    if set(states) - ENDED:
        words = f"{words}; track-pre-ard follows them"
        return Outcome(name="StillRunning", sentence=words, result=result)
    if bad := sum(states[state] for state in BAD):
        return Outcome.failed("Failed" if bad == states.total() else "Partial", words, result)
    name = "NoImages" if states["EMPTY"] == states.total() else "Completed"
    return Outcome(name=name, sentence=words, result=result)
