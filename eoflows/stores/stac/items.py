"""Reading a STAC item as the plain document that services send.

Items stay dictionaries on their way through a search: building pystac objects costs seven times
more than fetching them. `pystac` is what flows give back to people.
"""

from typing import Any

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.base.times import Interval

__all__ = ["FILE_EXTENSION", "ItemDict", "checked_item", "created", "is_new", "product_type", "validity"]

ItemDict = dict[str, Any]

FILE_EXTENSION = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
"""Of `file:size` and `file:checksum`."""


def checked_item(item: Any, url: str) -> ItemDict:
    """Make sure that a document can be worked with as an item.

    Raises:
        ContractError: It has no id, no properties or no assets object.
    """
    if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not item["id"]:
        raise ContractError(f"a search result is no item: {str(item)[:80]!r}", url=url)
    for key in ("properties", "assets"):
        if not isinstance(item.get(key), dict):
            raise ContractError(f"item {item['id'][:80]!r} has no {key} object", url=url)
    if not isinstance(item.get("links") or [], list):
        raise ContractError(f"item {item['id'][:80]!r} has links that are no list", url=url)
    return item


def validity(item: ItemDict) -> Interval:
    """Give the validity of a product: `start_datetime` to `end_datetime`, else the instant `datetime`.

    A null or absent end beside a known start is open, and so is any time in the year 9999.

    Raises:
        InvalidInputError: It has no time, one that cannot be read, or it ends before it starts.
    """
    properties = item["properties"]
    start, end = properties.get("start_datetime"), properties.get("end_datetime")
    if start is None and end is None:
        if properties.get("datetime") is None:
            raise InvalidInputError("it has neither datetime nor start_datetime and end_datetime")
        return Interval.parse(properties["datetime"], properties["datetime"])
    return Interval.parse(start, end)


def product_type(item: ItemDict) -> str | None:
    """Give `product:type`, or None."""
    value = item["properties"].get("product:type")
    return value if isinstance(value, str) else None


def created(item: ItemDict) -> str:
    """Give the creation time as it stands, or an empty text."""
    return str(item["properties"].get("created") or "")


def is_new(item: ItemDict, seen: set[int]) -> bool:
    """Note that an item was seen, and tell whether it is new; one id in two collections is two items."""
    key = hash((item.get("collection"), item["id"]))
    if key in seen:
        return False
    seen.add(key)
    return True
