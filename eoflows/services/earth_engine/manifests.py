"""Which objects of a store are an order's."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.services.earth_engine.shards import ShardGrid, StoredObject, image_objects, manifest_of
from eoflows.services.earth_engine.stores import OpenStore

__all__ = [
    "listed_by_prefix",
    "manifest_in",
    "metadata_name",
    "metadata_object",
    "order_manifest",
    "order_path",
]


def order_path(order: Mapping[str, Any]) -> str:
    """Give the whole name of an order's files, without ending."""
    prefix = str(order.get("prefix") or "")
    return f"{prefix}/{order['name']}" if prefix else str(order["name"])


def metadata_name(order: Mapping[str, Any]) -> str:
    """Give the whole name of an order's metadata."""
    return f"{order_path(order)}.json"


def manifest_in(order: Mapping[str, Any]) -> list[StoredObject] | None:
    """Read the manifest that a tracking document has of an order; None if it has none."""
    listed = order.get("manifest")
    return None if listed is None else [StoredObject.from_dict(one) for one in listed]


def images_of(objects: Sequence[StoredObject], order: Mapping[str, Any]) -> list[StoredObject]:
    """Give an order's images: those of its manifest, or, if it is completed, those that are listed.

    Raises:
        ContractError: It is completed, and not all of them are there.
    """
    known = manifest_in(order)
    if known is not None:
        return known
    return order_manifest(objects, order) if order["status"].get("state") == "COMPLETED" else []


async def listed_by_prefix(store: OpenStore, orders: Sequence[Mapping[str, Any]]) -> list[StoredObject]:
    """List what is in the folders of some orders; one order is listed by its own name."""
    if len(orders) == 1:
        return await store.list(order_path(orders[0]))
    found: dict[str, StoredObject] = {}
    for prefix in sorted({str(order.get("prefix") or "") for order in orders}):
        names = [str(order["name"]) for order in orders if (order.get("prefix") or "") == prefix]
        start = f"{prefix}/{_common(names)}" if prefix else _common(names)
        found |= {one.name: one for one in await store.list(start)}
    return list(found.values())


def _common(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    length = next((at for at, sign in enumerate(first) if at >= len(last) or last[at] != sign), len(first))
    return first[:length]


def order_manifest(objects: Sequence[StoredObject], order: Mapping[str, Any]) -> list[StoredObject]:
    """Choose an order's images among listed objects, and check that all are there.

    Raises:
        ContractError: They are not.
    """
    path, grid = order_path(order), _grid(order)
    if grid is not None:
        return manifest_of(objects, path, grid)
    # CEDAR's documents do not say how many there are.
    found = image_objects(objects, path)
    if not found:
        raise ContractError(f"{path}: no image of it is there")
    return found


def _grid(order: Mapping[str, Any]) -> ShardGrid | None:
    if "size" not in order or "file_dimensions" not in order:
        return None
    try:
        (width, height), (edge_x, edge_y) = order["size"], order["file_dimensions"]
        return ShardGrid(int(width), int(height), int(edge_x), int(edge_y))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"order {order.get('name')} says no good size: {error}") from error


def metadata_object(objects: Iterable[StoredObject], order: Mapping[str, Any]) -> StoredObject | None:
    """Find an order's metadata among listed objects; None if there is none."""
    name = metadata_name(order)
    return next((one for one in objects if one.name == name), None)
