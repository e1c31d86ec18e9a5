"""What becomes of an item on its way to a server and back: checks, timestamps, and when two are equal."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_END
from eoflows.stores.catalog.interface import Item, KnownItem, known_assets
from eoflows.stores.catalog.remote_dialects import check_item_id
from eoflows.stores.catalog.rows import stamped
from eoflows.stores.catalog.validity import TIME_PROPERTIES, instant
from eoflows.stores.stac.items import fault_of, unreadable

__all__ = ["checked", "known_item", "lasting_links", "readable", "same", "stamped_for"]

_STRUCTURE = frozenset({"self", "root", "parent", "collection", "items", "next", "prev"})
_SERVERS_OWN = frozenset({"expires", "owner", "published", "updated"})
_OURS = "eoflows:"
_FORMS: Mapping[str, type] = {"properties": dict, "assets": dict, "links": list}


def checked(item: Mapping[str, Any]) -> Item:
    """Make sure that an item can be stored, before anything is sent; gives it without structural links.

    Raises:
        InvalidInputError: Its id, properties, times or assets are wrong, or it is no JSON that a
            database can hold.
    """
    name = check_item_id(item.get("id"))
    assets = item.get("assets") or {}
    if not isinstance(assets, Mapping) or not all(isinstance(asset, Mapping) for asset in assets.values()):
        raise InvalidInputError(f"assets of item {name!r} must be an object of objects")
    try:
        text = orjson.dumps(item)
    except TypeError as error:
        raise InvalidInputError(f"item {name!r} cannot be written as JSON: {error}") from error
    if b"\\u0000" in text:
        raise InvalidInputError(f"item {name!r} has the character U+0000, which no database of text holds")
    return {**item, "assets": assets, "links": lasting_links(item)}


def lasting_links(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give an item's links without those that a server writes anew in each answer."""
    given = item.get("links")
    links = [dict(link) for link in given if isinstance(link, Mapping)] if isinstance(given, list) else []
    return [link for link in links if str(link.get("rel")) not in _STRUCTURE]


def stamped_for(
    item: Mapping[str, Any], collection: str, *, before: Mapping[str, Any] | None, now: datetime | None
) -> Item:
    """Give an item with its timestamps.

    Args:
        item: What is to be stored.
        collection: Where.
        before: What is stored under its id, or None.
        now: Aware UTC; None leaves the timestamps to the server.

    Raises:
        InvalidInputError: A time cannot be read.
    """
    published = ((before or {}).get("properties") or {}).get("published")
    made = stamped(item, collection, published=published, now=now or OPEN_END)
    return made if now else {**item, "collection": collection}


def readable(feature: Mapping[str, Any]) -> Item:
    """Give what a server keeps as an item; of what cannot be worked with, one that says so (`fault_of`).

    What a server was asked to leave out is no fault.
    """
    item = {key: value for key, value in feature.items() if value is not None or key not in _FORMS}
    for key, form in _FORMS.items():
        if not isinstance(item.get(key, form()), form):
            return unreadable(feature, f"its {key} are a {type(item[key]).__name__}, not a {form.__name__}")
    if not all(isinstance(asset, dict) for asset in item.get("assets", {}).values()):
        return unreadable(feature, "one of its assets is no object")
    return item


def known_item(item: Item) -> KnownItem:
    """Give the light view of an item, as `readable` gives it."""
    unpublished = bool(item.get("properties", {}).get("unpublished"))
    return KnownItem(known_assets(item.get("assets", {})), unpublished, fault_of(item))


def same(ours: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Tell whether a stored item says what ours says.

    What the server writes (its timestamps, owner, structural links, bbox) does not count, nor does
    where an item came from (`eoflows:` properties, `via` links): of two runs that stage one product, the
    first stays on record. Times are compared as times, and null is absent: servers rewrite the one and
    drop the other.
    """
    return (
        ours["id"] == stored.get("id")
        and _plain(ours.get("geometry")) == _plain(stored.get("geometry"))
        and _plain(ours.get("assets") or {}) == _plain(stored.get("assets") or {})
        and not fault_of(dict(stored))
        and _properties(ours) == _properties(stored)
        and _links(ours) <= _links(stored)
    )


def _properties(item: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        name: _time(value) if name in TIME_PROPERTIES else _plain(value)
        for name, value in (item.get("properties") or {}).items()
        if value is not None and name not in _SERVERS_OWN and not name.startswith(_OURS)
    }
    if found.get("end_datetime") == OPEN_END:
        del found["end_datetime"]
    return found


def _time(value: Any) -> Any:
    return instant(value) or value


def _plain(value: Any) -> Any:
    """Drop what is null, and make tuples lists."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def _links(item: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {
        (str(link.get("rel")), str(link.get("href")))
        for link in lasting_links(item)
        if link.get("rel") != "via"
    }
