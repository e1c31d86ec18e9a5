"""Makes the catalogue say what is true, so that staging can make true what it should say.

Records first, objects second: at no moment does a record name an object that is about to go. A repair that
is killed leaves objects without a record, which the next audit finds.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from eoflows.base.times import Interval, parse_utc
from eoflows.completeness.audit.census import Scope, slices
from eoflows.completeness.audit.findings import BROKEN, Finding, Kind
from eoflows.completeness.audit.inventory import Inventory
from eoflows.products.expiry import unpublished
from eoflows.products.staging import ItemRecord
from eoflows.products.systematic import Publications, Settler
from eoflows.stores.catalog import Catalog
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.storage import Storage, StoredObject

__all__ = ["Repairer", "Unregistered"]


class Unregistered(StrEnum):
    """What to do with objects that no record names and that staging cannot take up."""

    KEEP = "keep"
    REMOVE = "remove"


@dataclass(frozen=True)
class Repairer:
    """Repairs what an audit found.

    Attributes:
        catalog: What records.
        storage: What holds.
        scope: What was audited.
        clock: Gives now, aware UTC.
    """

    catalog: Catalog
    storage: Storage
    scope: Scope
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def own_up(self, findings: Sequence[Finding]) -> int:
        """Take broken assets out of their records, then remove the wrong objects.

        A record that has no asset left is unpublished. Each finding is looked at again first: what was
        repaired meanwhile stays.

        Args:
            findings: Of all kinds, sorted by item; a page of them.

        Returns:
            Number of assets taken out.
        """
        broken = [one for one in findings if one.kind in BROKEN]
        by_item = {item: list(some) for item, some in groupby(broken, key=lambda one: one.item)}
        records = await self.catalog.get_many(self._collection, list(by_item))
        changed, doomed, taken = [], set[str](), 0
        for record in records:
            gone = set[str]()
            for one in by_item[record["id"]]:
                objects = await self._objects(one.key)
                if _still(one, objects) and self._names(record, one):
                    gone.add(one.asset)
                    doomed |= {stored.key for stored in objects}
            if gone:
                changed.append(_without(record, gone, self.clock()))
                taken += len(gone)
        if changed:
            await self.catalog.upsert(self._collection, changed)
        await self.storage.delete(doomed)
        return taken

    def _names(self, record: ItemDict, finding: Finding) -> bool:
        asset = record["assets"].get(finding.asset)
        return asset is not None and str(asset.get("href")).rstrip("/") == self.storage.href(finding.key)

    async def _objects(self, key: str) -> list[StoredObject]:
        """Give the object of this name, or all objects in the folder of this name."""
        folder = key.rpartition("/")[0] + "/"
        return [
            stored
            async for page in self.storage.list(folder)
            for stored in page
            if stored.key == key or stored.key.startswith(f"{key}/")
        ]

    async def restage(
        self,
        inventory: Inventory,
        sources: Iterable[Publications],
        settler: Callable[[frozenset[str]], Settler],
    ) -> AsyncIterator[list[ItemRecord]]:
        """Stage what is missing, outdated or was broken, and nothing else.

        Args:
            inventory: What was found.
            sources: Streams of the source.
            settler: Gives what stages the items with these ids.

        Yields:
            What became of the items, slice by slice.
        """
        streams = list(sources)
        for day, _ in inventory.wanted():
            only, start = inventory.wanted_on(day), parse_utc(day)
            for source in streams:
                async for found in slices(source, self._within(start)):
                    settled = await settler(only).settle(found.items, None)
                    if settled.records:
                        yield settled.records

    def _within(self, day: datetime) -> Interval:
        span = self.scope.span
        return Interval(max(day, span.start), min(day + timedelta(days=1), span.end))

    async def remove_unregistered(self, findings: Sequence[Finding]) -> int:
        """Remove objects that no record names and that staging cannot take up.

        What the source offers is taken up when it is staged, unless its record has other objects already:
        then these were replaced.

        Returns:
            Number of objects removed; those that were registered meanwhile stay.
        """
        found = [one for one in findings if one.kind is Kind.UNREGISTERED]
        known = await self.catalog.known(self._collection, sorted({one.item for one in found}))
        doomed = []
        for one in found:
            record = known.get(one.item)
            if one.offered and (record is None or record.unpublished or not record.assets):
                continue
            hrefs = {asset.href for asset in record.assets.values()} if record else set()
            if self.storage.href(one.key) not in hrefs:
                doomed.append(one.key)
        await self.storage.delete(doomed)
        return len(doomed)

    @property
    def _collection(self) -> str:
        return self.scope.place.catalog_collection


def _still(finding: Finding, objects: Sequence[StoredObject]) -> bool:
    """Whether it is as it was found; bytes that were read are not read again."""
    if finding.kind is Kind.ORPHANED:
        return not objects
    if finding.kind is Kind.WRONG_SIZE:
        return bool(objects) and str(sum(stored.size for stored in objects)) == finding.found
    return bool(objects)


def _without(record: ItemDict, gone: set[str], now: datetime) -> ItemDict:
    left = {key: asset for key, asset in record["assets"].items() if key not in gone}
    return {**record, "assets": left} if left else unpublished(record, now)
