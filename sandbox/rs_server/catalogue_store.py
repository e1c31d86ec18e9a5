"""Collections and items of the catalogue, in memory, safe for threads."""

import threading
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from eoflows.sandbox.settings import SandboxSettings
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.stac.times import FOREVER, parse_instant

__all__ = ["CatalogueRecord", "CatalogueStore", "conflict", "not_found"]

_TOP_LEVEL = ("id", "geometry", "bbox", "collection", "assets", "stac_version")


def conflict() -> Refusal:
    """Return the answer to something that exists already."""
    return Refusal(409, "conflict", document={"code": "ConflictError", "description": ""})


def not_found(what: str) -> Refusal:
    """Return the answer to something that does not exist."""
    return Refusal(404, what, document={"code": "NotFoundError", "description": f"{what} does not exist."})


@dataclass(frozen=True)
class CatalogueRecord:
    """An item, as searches see it."""

    item: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Item identifier."""
        return str(self.item["id"])

    def value(self, name: str) -> Any:
        """Return a property, or one of the item's own fields."""
        if name in _TOP_LEVEL:
            return self.item.get(name)
        return self.item["properties"].get(name.removeprefix("properties."))

    def document(self, base_url: str, collection: str) -> dict[str, Any]:
        """Return the STAC item, without links."""
        return deepcopy(dict(self.item))


@dataclass
class _Shelf:
    collection: dict[str, Any]
    items: dict[str, CatalogueRecord]


class CatalogueStore:
    """What the catalogue holds. Keys of collections are `owner:collection`."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._shelves: dict[str, _Shelf] = {}
        self.version = 0
        """Grows with each change."""
        self._next_expiry = FOREVER

    def collections(self) -> list[str]:
        """Return the keys of all collections."""
        with self._lock:
            return list(self._shelves)

    def collection(self, key: str) -> Mapping[str, Any]:
        """Return a collection."""
        return self._shelf(key).collection

    def put_collection(self, key: str, document: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
        """Create a collection, or replace its description."""
        owner, _, name = key.partition(":")
        stored = {**document, "id": name, "owner": owner, "type": "Collection"}
        stored.pop("links", None)
        with self._lock:
            if new and key in self._shelves:
                raise conflict()
            if not new:
                self._shelf(key)
            kept = self._shelves[key].items if key in self._shelves else {}
            self._shelves[key] = _Shelf(stored, kept)
            self.version += 1
        return stored

    def delete_collection(self, key: str) -> None:
        """Remove a collection and its items."""
        with self._lock:
            self._shelf(key)
            del self._shelves[key]
            self.version += 1

    def records(self, key: str) -> list[CatalogueRecord]:
        """Return all items of a collection, expired ones without their assets."""
        with self._lock:
            self.expire()
            return list(self._shelf(key).items.values())

    def record(self, key: str, item_id: str) -> CatalogueRecord | None:
        """Return one item."""
        with self._lock:
            self.expire()
            return self._shelf(key).items.get(item_id)

    def items(self, key: str) -> list[dict[str, Any]]:
        """Return copies of all items of a collection, for an oracle."""
        return [record.document("", key) for record in self.records(key)]

    def insert(self, key: str, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Add items, all or none."""
        with self._lock:
            shelf = self._shelf(key)
            made = [self._stamped(key, item, None) for item in items]
            names = [item["id"] for item in made]
            if len(set(names)) < len(names) or any(name in shelf.items for name in names):
                raise conflict()
            self._store(shelf, made)
            return made

    def upsert(self, key: str, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Add or replace items."""
        with self._lock:
            shelf = self._shelf(key)
            made = [self._stamped(key, item, shelf.items.get(str(item["id"]))) for item in items]
            self._store(shelf, made)
            return made

    def replace(self, key: str, item: Mapping[str, Any]) -> dict[str, Any]:
        """Replace an item, which must exist; published and expires stay."""
        with self._lock:
            shelf = self._shelf(key)
            if item["id"] not in shelf.items:
                raise not_found(f"Item {item['id']} in collection {key}")
            made = self._stamped(key, item, shelf.items[item["id"]])
            self._store(shelf, [made])
            return made

    def delete(self, key: str, item_id: str) -> None:
        """Remove an item."""
        with self._lock:
            if self._shelf(key).items.pop(item_id, None) is None:
                raise not_found(f"Item {item_id} in collection {key}")
            self.version += 1

    def unpublish(self, key: str, item_id: str) -> None:
        """Take an item's assets away, as happens when it expires."""
        with self._lock:
            shelf = self._shelf(key)
            shelf.items[item_id] = _unpublished(shelf.items[item_id], self._settings.clock())
            self.version += 1

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._shelves.clear()
            self.version += 1

    def _shelf(self, key: str) -> _Shelf:
        with self._lock:
            if key not in self._shelves:
                raise not_found(f"Collection {key}")
            return self._shelves[key]

    def _store(self, shelf: _Shelf, items: Iterable[dict[str, Any]]) -> None:
        for item in items:
            shelf.items[item["id"]] = CatalogueRecord(item)
            self._next_expiry = min(self._next_expiry, _expiry(item))
        self.version += 1

    def _stamped(self, key: str, item: Mapping[str, Any], before: CatalogueRecord | None) -> dict[str, Any]:
        owner, _, name = key.partition(":")
        now = self._settings.clock()
        lifetime = self._settings.catalogue.item_lifetime_days
        times: dict[str, Any] = {"owner": owner, "published": _text(now), "updated": _text(now)}
        if lifetime is not None:
            times["expires"] = _text(now + timedelta(days=lifetime))
        if before is not None and "unpublished" not in before.item["properties"]:
            kept = before.item["properties"]
            times.update({part: kept[part] for part in ("published", "expires") if part in kept})
        made = deepcopy(dict(item))
        made.pop("links", None)
        properties = {**(made.get("properties") or {}), **times}
        return {
            "stac_version": "1.1.0",
            "geometry": None,
            "assets": {},
            **made,
            "type": "Feature",
            "collection": name,
            "properties": properties,
        }

    def expire(self) -> None:
        """Take away the assets of the items whose time is over."""
        now = self._settings.clock()
        with self._lock:
            if now <= self._next_expiry:
                return
            for shelf in self._shelves.values():
                for name, record in shelf.items.items():
                    if _expiry(record.item) < now:
                        shelf.items[name] = _unpublished(record, now)
            held = (record for shelf in self._shelves.values() for record in shelf.items.values())
            self._next_expiry = min((_expiry(record.item) for record in held), default=FOREVER)
            self.version += 1


def _expiry(item: Mapping[str, Any]) -> datetime:
    if "unpublished" in item["properties"]:
        return FOREVER
    return parse_instant(item["properties"].get("expires")) or FOREVER


def _unpublished(record: CatalogueRecord, now: datetime) -> CatalogueRecord:
    properties = {**record.item["properties"], "unpublished": _text(now), "updated": _text(now)}
    return CatalogueRecord({**record.item, "assets": {}, "properties": properties})


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
