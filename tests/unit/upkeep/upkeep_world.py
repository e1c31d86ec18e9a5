"""A source, a catalogue and a storage of thousands of small products, without any network."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from eoflows.base.times import format_utc, parse_utc
from eoflows.products.staging import ItemPlan, ItemRecord, Outcome, Place, Stager
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.stac import SearchRequest
from eoflows.stores.storage import LocalStorage, asset_key
from eoflows.stores.transfer import Checksum

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
PLACE = Place("demo", "aux")


def body(name: str) -> bytes:
    return f"the bytes of {name}".encode()


def product(name: str, when: datetime, **properties: Any) -> dict[str, Any]:
    data = body(name)
    times = {"start_datetime": format_utc(when), "end_datetime": format_utc(when + timedelta(hours=1))}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "geometry": None,
        "links": [],
        "properties": {"published": format_utc(when), "datetime": None, **times, **properties},
        "assets": {
            f"{name}.EOF": {
                "href": f"https://station.example/{name}",
                "file:size": len(data),
                "file:checksum": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            }
        },
    }


@dataclass
class Station:
    """Gives what it has, by publication."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, items: Iterable[dict[str, Any]]) -> None:
        self.items |= {item["id"]: item for item in items}

    def pages(self, request: SearchRequest, *, timeout: float | None = None) -> AsyncIterator[list[dict]]:
        return self._pages(request)

    async def _pages(self, request: SearchRequest) -> AsyncIterator[list[dict]]:
        assert request.filter is not None
        start, end = request.filter["args"][1]["interval"]
        found = sorted(
            (item["properties"]["published"], name)
            for name, item in self.items.items()
            if parse_utc(start) <= parse_utc(item["properties"]["published"]) <= parse_utc(end)
        )
        size, left = 100, request.limit or len(found)
        for first in range(0, len(found), size):
            page = [self.items[name] for _, name in found[first : first + size]]
            yield page[:left]
            left -= len(page)
            if left <= 0:
                return


class MakingStager(Stager):
    """Makes the bytes instead of fetching them."""

    def __init__(self, catalog: LocalCatalog, storage: LocalStorage) -> None:
        super().__init__(PLACE, catalog, storage, None)  # type: ignore[arg-type]

    async def stage_all(self, items: Any) -> list[ItemRecord]:
        """Plan and stage."""
        plans, records = await self.plan(items)
        return records + await self.stage(plans)

    async def stage(self, plans: Sequence[ItemPlan]) -> list[ItemRecord]:
        made = []
        for plan in plans:
            item = {**plan.item, "properties": {**plan.item["properties"]}, "assets": {}}
            item["properties"].pop("unpublished", None)
            for asset in plan.assets:
                data = body(plan.item["id"])
                path = self._storage.spool(asset.storage_key)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                checksum = Checksum("md5", hashlib.md5(data, usedforsecurity=False).digest())
                item["assets"][asset.key] = {
                    **plan.item["assets"][asset.key],
                    "href": self._storage.href(asset.storage_key),
                    "file:size": len(data),
                    "file:checksum": checksum.multihash(),
                }
            made.append(item)
        await self._catalog.upsert(PLACE.catalog_collection, made)
        return [ItemRecord(item["id"], Outcome.STAGED) for item in made]


def key_of(name: str) -> str:
    return asset_key("demo", "aux", name, f"{name}.EOF")


def file_of(root: Path, name: str) -> Path:
    return root / key_of(name)
