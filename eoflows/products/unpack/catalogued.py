"""Items of a catalogue: unpack, tell the catalogue, and only then remove the archive."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import anyio

from eoflows.base.concurrency import one_error
from eoflows.base.errors import CatalogError, ChangedError, EoError, InvalidInputError
from eoflows.products.unpack.archives import archives_of
from eoflows.products.unpack.record import Change, changed_item, unpacked_hrefs
from eoflows.products.unpack.unpacker import Unpacker
from eoflows.stores.catalog import Catalog
from eoflows.stores.catalog.interface import known_of
from eoflows.stores.stac.items import ItemDict

__all__ = ["CataloguedUnpacking", "UnpackOutcome", "UnpackRecord"]

_AT_ONCE = 2


class UnpackOutcome(StrEnum):
    """What became of one item."""

    UNPACKED = "unpacked"
    NOTHING = "nothing to unpack"
    FAILED = "failed"


@dataclass(frozen=True)
class UnpackRecord:
    """The outcome of one item.

    Attributes:
        item: Item id.
        outcome: What became of it.
        reason: Why, in a sentence.
        bytes: Bytes that came out.
        assets: Number of assets that took the place of archives.
    """

    item: str
    outcome: UnpackOutcome
    reason: str = ""
    bytes: int = 0
    assets: int = 0


class CataloguedUnpacking:
    """Unpacks items of one collection.

    A run that is killed is completed by the next: before the record is written it finds the finished
    content, after that it finds the archive by the record.

    Args:
        catalog: Has the records.
        collection: The collection's id in the catalogue, `owner:collection`.
        unpacker: Unpacks.
        use_extension: See `Unpacker.unpack`.
    """

    def __init__(
        self, catalog: Catalog, collection: str, unpacker: Unpacker, *, use_extension: bool = False
    ) -> None:
        self._catalog, self._collection = catalog, collection
        self._unpacker, self._use_extension = unpacker, use_extension

    async def candidates(self, ids: Sequence[str] | None = None) -> AsyncIterator[list[str]]:
        """Give the ids of items to look at, in batches.

        Args:
            ids: Those asked for, whatever they are; None looks for all of the collection that have an
                archive, or whose archive has not been removed yet.
        """
        if ids is not None:
            yield list(dict.fromkeys(ids))
            return
        async for page in self._catalog.search([self._collection]):
            yield [item["id"] for item in page if archives_of(item) or unpacked_hrefs(item)]

    async def unpack(self, ids: Sequence[str]) -> list[UnpackRecord]:
        """Unpack items; one item's failure does not touch the others.

        Returns:
            A record per item, in the order of the ids.

        Raises:
            CatalogError: The catalogue cannot be used; run again.
        """
        records: dict[str, UnpackRecord] = {}
        limiter = anyio.CapacityLimiter(_AT_ONCE)

        async def one(item_id: str) -> None:
            async with limiter:
                records[item_id] = await self._try(item_id)

        async with one_error(), anyio.create_task_group() as group:
            for item_id in dict.fromkeys(ids):
                group.start_soon(one, item_id)
        return [records[item_id] for item_id in dict.fromkeys(ids)]

    async def _try(self, item_id: str) -> UnpackRecord:
        item = await self._catalog.get(self._collection, item_id)
        if item is None:
            return UnpackRecord(item_id, UnpackOutcome.FAILED, f"it is not in {self._collection}")
        try:
            return await self._one(item)
        except CatalogError:
            raise
        except EoError as error:
            now = await self._catalog.get(self._collection, item_id)
            if now is not None and now != item and not archives_of(now):
                return UnpackRecord(item_id, UnpackOutcome.NOTHING, "another run has unpacked it")
            kind = type(error).__name__.removesuffix("Error")
            return UnpackRecord(item_id, UnpackOutcome.FAILED, f"{kind}: {error}")

    async def _one(self, item: ItemDict) -> UnpackRecord:
        if not archives_of(item):
            removed = await self._unpacker.clean(item)
            reason = "it was unpacked before; its archive is removed now" if removed else "it has no archive"
            return UnpackRecord(item["id"], UnpackOutcome.NOTHING, reason)
        changes = await self._unpacker.unpack(item, use_extension=self._use_extension)
        await self._unpacker.clean(await self._write(item["id"], changes))
        assets = [asset for change in changes for asset in change.assets.values()]
        size = sum(int(asset["file:size"]) for asset in assets)
        names = ", ".join(change.key for change in changes)
        return UnpackRecord(item["id"], UnpackOutcome.UNPACKED, names, size, len(assets))

    async def _write(self, item_id: str, changes: Sequence[Change]) -> ItemDict:
        """Apply the changes to the record as it is now: it may have changed while this took its time."""
        now = await self._catalog.get(self._collection, item_id)
        if now is None:
            raise InvalidInputError(f"item {item_id!r} was taken out of {self._collection} meanwhile")
        record = changed_item(now, changes)
        try:
            await self._catalog.upsert(self._collection, [record], {item_id: known_of(now)})
        except ChangedError:
            return await self._write(item_id, changes)
        await self._unpacker.remove_replaced(now, record)
        return record
