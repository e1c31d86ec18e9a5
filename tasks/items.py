"""Items as pystac has them, for those who get a flow's result."""

from collections.abc import Iterable
from typing import Any

from pystac import Item, ItemCollection

from eoflows.stores.stac.items import ItemDict, fault_of
from eoflows.tasks.logs import run_logger

__all__ = ["REFUSED", "item_collection"]

REFUSED = "eoflows:refused"
"""Member of an item collection that says by id which items are not in it, for they cannot be read."""


def item_collection(items: Iterable[ItemDict], **extra: Any) -> ItemCollection:
    """Give items as a collection; those that cannot be read are named in it, and harm no other.

    Args:
        items: From a search or a catalogue.
        extra: Further members of the collection.
    """
    read, refused = list[Item](), dict[str, str]()
    for item in items:
        fault = fault_of(item)
        if not fault:
            try:
                read.append(Item.from_dict(item, preserve_dict=True))
                continue
            except Exception as error:  # noqa: BLE001  # an item's boundary: pystac raises what it meets
                fault = f"{type(error).__name__}: {error}"[:300]
        refused[str(item["id"])] = fault
    for name, fault in refused.items():
        run_logger().warning("item %s cannot be read: %s", name, fault)
    members = extra | ({REFUSED: refused} if refused else {})
    return ItemCollection(read, extra_fields=members or None, clone_items=False)
