"""Writes items to a remote catalogue so that a repetition, a twin or a lost answer does no harm.

New items are the rule, so a batch is first sent as one insert, which the server stores whole or not at all.
A conflict, a 500 or a lost connection tells nothing about single items: what is stored is read back, equal
items are done, absent ones are inserted, others are replaced. After a conflict the next batch is looked up
first, until one is all new.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import anyio
from anyio.lowlevel import RunVar

from eoflows.base.errors import (
    AbsentError,
    CatalogError,
    ChangedError,
    ConflictError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from eoflows.base.http import RetryPolicy
from eoflows.stores.catalog.interface import Item, KnownItem, changed
from eoflows.stores.catalog.remote_api import BulkUnsupportedError, TransactionsApi
from eoflows.stores.catalog.remote_dialects import Dialect
from eoflows.stores.catalog.remote_items import checked, known_item, same, stamped_for

__all__ = ["PATIENCE", "RemoteWriter"]

PATIENCE = RetryPolicy(attempts=8, base=0.25, longest=30.0)
"""Writers that widen one partition at once fail until one of them is through."""

_TOO_LARGE = 413
_locks: RunVar[dict[tuple[str, str], anyio.Lock]] = RunVar("eoflows_catalogue_writers")

Batch = Mapping[str, Item]
"""Checked items by id."""

Seen = Mapping[str, KnownItem | None]
"""What was known of items when they were made."""

Read = Callable[[str, Sequence[str]], Awaitable[Mapping[str, Item]]]
"""Gives the stored items of a collection that have these ids."""


class RemoteWriter:
    """Writes to one catalogue, one batch per collection at a time.

    Two transactions of pgstac that widen one partition at once fail, so this event loop has one writer per
    collection. Writers elsewhere are not excluded; what they cause is repaired.

    Args:
        api: The catalogue.
        dialect: Its rules.
        read: Reads items back.
        batch: Items per request.
        clock: Gives now, aware UTC.
        retry: How often a batch is tried.
        sleep: Waits the seconds it is given.
    """

    def __init__(
        self,
        api: TransactionsApi,
        dialect: Dialect,
        read: Read,
        *,
        batch: int,
        clock: Callable[[], datetime],
        retry: RetryPolicy = PATIENCE,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._api, self._dialect, self._read = api, dialect, read
        self._batch, self._clock, self._retry, self._sleep = batch, clock, retry, sleep
        self._there: set[str] = set()
        self._met: set[str] = set()
        """Collections whose last batch had items that exist: the next one is looked up first."""
        self._in_bulk = True

    async def upsert(
        self, collection: str, items: Iterable[Mapping[str, Any]], seen: Seen | None = None
    ) -> None:
        """Create or replace items; see `RemoteCatalog.upsert`."""
        latest = {str(item["id"]): item for item in map(checked, items)}
        for item in latest.values():
            # Whatever is wrong with one of them is said before any of them is sent.
            self._dialect.outgoing(self._stamped(item, collection, None), collection)
        for batch in _batches(latest, self._batch):
            async with self._lock(collection):
                await self._settle(collection, batch, seen)

    async def _settle(self, collection: str, batch: Batch, seen: Seen | None) -> None:
        attempt, left = 0, batch
        while True:
            attempt += 1
            try:
                await self._ensure(collection)
                if left:
                    await self._store(collection, left, seen)
                return
            except (UnreachableError, ConflictError, AbsentError) as error:
                asked = error.retry_after if isinstance(error, ThrottledError) else None
                pause = self._retry.delay(attempt, asked)
                if pause is None:
                    raise
            await self._sleep(pause)
            # A collection that is gone answers 500 on pgstac.
            self._there.discard(collection)
            left = await self._lacking(collection, left)

    async def _ensure(self, collection: str) -> None:
        if collection in self._there:
            return
        if not await self._api.has_collection(collection):
            name = self._dialect.search_name(collection)
            for other, _ in await self._api.collections():
                if other != collection and other.replace(":", "_", 1) == name:
                    raise CatalogError(
                        f"collections {collection} and {other} are both {name!r} to this catalogue, which "
                        "joins owner and collection by _; name one of them differently"
                    )
            await self._api.create_collection(collection)
        self._there.add(collection)

    async def _store(self, collection: str, items: Batch, seen: Seen | None) -> None:
        if self._in_bulk:
            try:
                await self._store_in_bulk(collection, items, seen, look=collection in self._met)
            except BulkUnsupportedError as error:
                if not await self._api.has_collection(collection):
                    raise UnreachableError(
                        f"collection {collection} was removed while it was written"
                    ) from error
                self._in_bulk = False
            else:
                return
        for item in items.values():
            await self._store_one(collection, item, seen)

    async def _store_in_bulk(
        self, collection: str, items: Batch, seen: Seen | None, *, look: bool = False
    ) -> None:
        if not look:
            try:
                await self._insert(collection, items, seen)
            except ConflictError:
                self._met.add(collection)
            else:
                return
        stored = await self._read(collection, list(items))
        if not stored:
            self._met.discard(collection)
            if not look:
                raise ConflictError(
                    f"{collection} refuses {len(items)} items as known, and shows none", status=409
                )
        other = {name: there for name, there in stored.items() if not same(items[name], there)}
        self._compare(collection, seen, other)
        absent = {name: item for name, item in items.items() if name not in stored}
        if absent:
            await self._store_in_bulk(collection, absent, seen)
        differing = [self._stamped(items[name], collection, there) for name, there in other.items()]
        if differing and self._dialect.replaces_in_bulk:
            await self._api.bulk(collection, differing, replace=True)
        elif differing:
            for item in differing:
                await self._replace(collection, item)

    def _compare(self, collection: str, seen: Seen | None, stored: Batch) -> None:
        known = {name: known_item(there) for name, there in stored.items()}
        if others := changed(seen, known, known):
            raise ChangedError(collection, others)

    async def _insert(self, collection: str, items: Batch, seen: Seen | None) -> None:
        new = [self._stamped(item, collection, None) for item in items.values()]
        try:
            await self._api.bulk(collection, new, replace=False)
        except RefusedError as error:
            if error.status != _TOO_LARGE or len(items) == 1:
                raise
            for half in _batches(items, (len(items) + 1) // 2):
                await self._store_in_bulk(collection, half, seen)

    async def _store_one(self, collection: str, item: Item, seen: Seen | None) -> None:
        try:
            await self._api.create(collection, self._stamped(item, collection, None))
        except ConflictError:
            there = await self._api.item(collection, item["id"])
            if there is None or not same(item, there):
                self._compare(collection, seen, {} if there is None else {item["id"]: there})
                await self._replace(collection, self._stamped(item, collection, there))

    async def _replace(self, collection: str, item: Item) -> None:
        try:
            await self._api.replace(collection, item)
        except AbsentError:
            await self._api.create(collection, item)

    async def _lacking(self, collection: str, items: Batch) -> Batch:
        """Read back, and give what is not stored as it should be."""
        stored = await self._read(collection, list(items))
        return {
            name: item for name, item in items.items() if name not in stored or not same(item, stored[name])
        }

    def _stamped(self, item: Item, collection: str, before: Item | None) -> Item:
        now = None if self._dialect.stamps else self._clock()
        return stamped_for(item, collection, before=before, now=now)

    def _lock(self, collection: str) -> anyio.Lock:
        locks = _locks.get({})
        _locks.set(locks)
        return locks.setdefault((self._api.url, collection), anyio.Lock())


def _batches(items: Batch, size: int) -> Iterator[Batch]:
    """Cut into batches; nothing is one empty batch, which creates the collection."""
    names = list(items)
    for first in range(0, max(1, len(names)), size):
        yield {name: items[name] for name in names[first : first + size]}
