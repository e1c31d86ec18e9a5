"""Expires items as RS-Server does: their assets go, `properties.unpublished` says when, the item stays.

The record changes first and says that its objects are being removed, then the objects go, then the record
says no more. So no record ever names an object that is gone, and whatever moment a run is killed at, the
next one finds in the records what is left to remove.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_START, format_utc, parse_utc
from eoflows.products.selection.generation import generation
from eoflows.products.staging import Place
from eoflows.stores.catalog import Catalog
from eoflows.stores.stac.items import ItemDict, product_type, validity
from eoflows.stores.storage import Storage, asset_key

__all__ = ["AgeOf", "Expirer", "Expiry", "Reason", "Rules", "plan_expiry", "unpublished"]

AgeOf = Literal["published", "updated", "created", "end_datetime"]
"""The time from which an item's age is counted."""
REMOVING = "expiry:removing"
_PENDING = {"op": "=", "args": [{"property": REMOVING}, True]}


class Reason(StrEnum):
    """Why an item expires."""

    AGE = "age"
    SUPERSEDED = "superseded"
    EVICTED = "evicted"
    UNFINISHED = "unfinished"
    """An earlier run marked it and was ended before its objects were gone."""


@dataclass(frozen=True)
class Rules:
    """What expires.

    Attributes:
        older_than: Items of a greater age; None spares the old.
        age_of: The time from which the age is counted.
        superseded: Items of whose type, platform and validity a newer one is staged.
        evicted: Items that their source has evicted: the `eviction_datetime` of all assets, or the
            item's `expires`, has passed.
    """

    older_than: timedelta | None = None
    age_of: AgeOf = "published"
    superseded: bool = False
    evicted: bool = False

    def __post_init__(self) -> None:
        if self.older_than is None and not self.superseded and not self.evicted:
            raise InvalidInputError("no rule says what expires; give an age, superseded or evicted")
        if self.older_than is not None and self.older_than <= timedelta(0):
            raise InvalidInputError(f"the age is {self.older_than}; give more than nothing")


@dataclass(frozen=True)
class Expiry:
    """An item that expires.

    Attributes:
        item: Its id.
        reason: Why.
        detail: The same in words.
        bytes: Bytes that its assets have according to the record.
    """

    item: str
    reason: Reason
    detail: str
    bytes: int = 0


async def plan_expiry(
    catalog: Catalog, collection: str, rules: Rules, now: datetime
) -> AsyncIterator[list[Expiry]]:
    """Say which items expire, page by page; memory is that of the items whose validity starts together.

    Args:
        catalog: What to read.
        collection: Its id in the catalogue.
        rules: What expires.
        now: Aware UTC.

    Raises:
        CatalogError: The catalogue cannot be read.
    """
    group: list[ItemDict] = []
    async for page in catalog.search([collection], sortby="start_datetime"):
        found: list[Expiry] = []
        for item in page:
            if item["properties"].get("unpublished"):
                continue
            if group and _start(group[0]) != _start(item):
                found += _expired(group, rules, now)
                group = []
            group.append(item)
        yield found
    yield list(_expired(group, rules, now))


def _start(item: ItemDict) -> datetime:
    try:
        return validity(item).start
    except InvalidInputError:
        return OPEN_START


def _expired(group: Sequence[ItemDict], rules: Rules, now: datetime) -> Iterator[Expiry]:
    newest = _newest(group) if rules.superseded else {}
    for item in group:
        found = _judge(item, newest.get(_kind(item)), rules, now)
        if found:
            size = sum(int(asset.get("file:size") or 0) for asset in item["assets"].values())
            yield Expiry(item["id"], *found, size)


def _judge(item: ItemDict, newest: ItemDict | None, rules: Rules, now: datetime) -> tuple[Reason, str] | None:
    evicted = _evicted(item) if rules.evicted else None
    if evicted is not None and evicted <= now:
        return Reason.EVICTED, f"its source evicted it {format_utc(evicted)}"
    if newest is not None and newest["id"] != item["id"]:
        return Reason.SUPERSEDED, f"{newest['id']} is newer"
    since = _time(item["properties"].get(rules.age_of))
    if rules.older_than is not None and since is not None and now - since > rules.older_than:
        return Reason.AGE, f"{rules.age_of} is {format_utc(since)}, {(now - since).days} days ago"
    return None


def _kind(item: ItemDict) -> tuple[Any, ...]:
    """What items share that supersede one another; one whose validity cannot be read shares it with none."""
    try:
        return product_type(item), item["properties"].get("platform"), validity(item)
    except InvalidInputError:
        return (item["id"],)


def _newest(group: Sequence[ItemDict]) -> dict[tuple[Any, ...], ItemDict]:
    found: dict[tuple[Any, ...], ItemDict] = {}
    for item in sorted(group, key=_rank):
        found[_kind(item)] = item
    return found


def _rank(item: ItemDict) -> tuple[datetime, datetime, str]:
    try:
        made = generation(item)[0]
    except InvalidInputError:
        made = OPEN_START
    return made, _time(item["properties"].get("published")) or OPEN_START, item["id"]


def _evicted(item: ItemDict) -> datetime | None:
    times = [_time(asset.get("eviction_datetime")) for asset in item["assets"].values()]
    known = [time for time in times if time is not None]
    if known and len(known) == len(times):
        return max(known)
    return _time(item["properties"].get("expires"))


def _time(value: Any) -> datetime | None:
    """Read a time of a record; what cannot be read expires nothing."""
    try:
        return parse_utc(value) if value else None
    except InvalidInputError:
        return None


def unpublished(record: ItemDict, now: datetime, *, removing: bool = False) -> ItemDict:
    """Give the record of an item whose assets are gone.

    Args:
        record: As it was.
        now: Aware UTC.
        removing: Whether its objects are still to be removed.
    """
    before = {key: value for key, value in record["properties"].items() if key != REMOVING}
    marks = {"unpublished": before.get("unpublished") or format_utc(now)}
    return {**record, "assets": {}, "properties": before | marks | ({REMOVING: True} if removing else {})}


@dataclass(frozen=True)
class Expirer:
    """Expires items.

    Attributes:
        catalog: What records them.
        storage: What holds their assets.
        place: Their collection.
        clock: Gives now, aware UTC.
    """

    catalog: Catalog
    storage: Storage
    place: Place
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def unfinished(self) -> list[Expiry]:
        """Give the items that an earlier run marked and did not come to the end of."""
        pages = self.catalog.search([self._collection], filter=_PENDING)
        detail = "an earlier run was ended before its objects were gone"
        return [Expiry(item["id"], Reason.UNFINISHED, detail) async for page in pages for item in page]

    async def expire(self, items: Sequence[str]) -> int:
        """Mark items and remove their objects; ids that are marked already are only cleared of objects.

        Returns:
            Number of objects removed.

        Raises:
            CatalogError: The catalogue cannot be written; nothing was removed, or what was is marked.
            StorageError: Objects cannot be removed; the next run tries again.
        """
        records = await self.catalog.get_many(self._collection, items)
        marked = [unpublished(record, self.clock(), removing=True) for record in records]
        if marked:
            await self.catalog.upsert(self._collection, marked)
        return await self._clear([record["id"] for record in marked])

    async def _clear(self, items: Sequence[str]) -> int:
        """Remove the objects of marked items; one that was staged again meanwhile keeps them."""
        removed, done = 0, []
        for record in await self.catalog.get_many(self._collection, items):
            if not record["properties"].get(REMOVING):
                continue
            keys = [stored.key async for page in self.storage.list(self._folder(record)) for stored in page]
            await self.storage.delete(keys)
            removed += len(keys)
            done.append(unpublished(record, self.clock()))
        if done:
            await self.catalog.upsert(self._collection, done)
        return removed

    def _folder(self, record: ItemDict) -> str:
        key = asset_key(self.place.owner, self.place.collection, record["id"], "asset")
        return key.removesuffix("asset")

    @property
    def _collection(self) -> str:
        return self.place.catalog_collection
