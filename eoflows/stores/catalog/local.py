"""A catalogue in one SQLite file, for one host."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import datetime as Time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import anyio.to_thread
import orjson

from eoflows.base.errors import ChangedError, InvalidInputError
from eoflows.base.times import OPEN_END, Interval
from eoflows.stores.catalog import query as queries
from eoflows.stores.catalog import rows
from eoflows.stores.catalog.database import Database
from eoflows.stores.catalog.interface import (
    CollectionSummary,
    FilterLike,
    Item,
    KnownItem,
    SortLike,
    changed,
)
from eoflows.stores.catalog.validity import NO_TIME

__all__ = ["LocalCatalog", "Page"]

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REPLACE = ", ".join(f"{name} = excluded.{name}" for name in rows.COLUMNS[2:])
_UPSERT = (
    f"INSERT INTO items ({', '.join(rows.COLUMNS)}) VALUES ({', '.join('?' * len(rows.COLUMNS))}) "  # noqa: S608
    f"ON CONFLICT (collection, id) DO UPDATE SET {_REPLACE}"
)
_BY_IDS = "FROM json_each(?) AS asked CROSS JOIN items ON items.collection = ? AND items.id = asked.value"
_PUBLISHED = "json_extract(CAST(doc AS TEXT), '$.properties.published')"


@dataclass(frozen=True)
class Page:
    """Some items of a search, and where the next page begins (None after the last)."""

    items: list[Item]
    next: str | None


class LocalCatalog:
    """Items in a SQLite file; `Catalog` says what each method promises.

    **For one host.** Any number of processes of that host may read and write at once; the file must be
    on a local disk, and a network file system is refused. All work is done in worker threads. The file is
    opened when it is first used; close it with `aclose`, or use `async with`.

    Args:
        path: The file; created when absent, in a folder that exists.
        clock: Gives now, aware UTC.
        create: Whether the file may be created and written; else an absent file reads as an empty one.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        create: bool = True,
    ) -> None:
        self.path = Path(path)
        self._clock = clock
        self._database = Database(self.path, create=create)

    @property
    def database(self) -> Database:
        """The file, for what is kept beside the items."""
        return self._database

    async def __aenter__(self) -> Self:
        if not self._database.absent:
            await _threaded(self._database.open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the file, also when the caller is being cancelled."""
        with anyio.CancelScope(shield=True):
            await _threaded(self._database.close)

    async def known(self, collection: str, ids: Sequence[str]) -> dict[str, KnownItem]:
        """Tell which of some items exist; see `Catalog.known`."""
        return await _threaded(self._select_by_ids, "brief", rows.known_item, collection, ids)

    async def upsert(
        self,
        collection: str,
        items: Sequence[Mapping[str, Any]],
        seen: Mapping[str, KnownItem | None] | None = None,
    ) -> None:
        """Create or replace items, all or none; see `Catalog.upsert`."""
        rows.check_name("collection", collection)
        await _threaded(self._upsert, collection, items, seen)

    async def get(self, collection: str, item_id: str) -> Item | None:
        """Give one item, or None."""
        return next(iter(await self.get_many(collection, [item_id])), None)

    async def get_many(self, collection: str, ids: Sequence[str]) -> list[Item]:
        """Give the items that exist, in the order asked."""
        found: dict[str, Item] = await _threaded(self._select_by_ids, "doc", orjson.loads, collection, ids)
        return [found[name] for name in ids if name in found]

    def search(
        self,
        collections: Sequence[str] | None = None,
        *,
        ids: Sequence[str] | None = None,
        datetime: str | Interval | None = None,
        bbox: Sequence[float] | None = None,
        filter: FilterLike | None = None,
        sortby: SortLike | None = None,
        limit: int = 1000,
        max_items: int | None = None,
    ) -> AsyncIterator[list[Item]]:
        """Give the matching items page by page; see `Catalog.search`. Bad arguments raise at once."""
        if max_items is not None and max_items < 0:
            raise InvalidInputError(f"max_items is {max_items}; give 0 or more, or None for no limit")
        query = queries.build(
            collections=collections, ids=ids, datetime=datetime, bbox=bbox, filter=filter, sortby=sortby
        )
        return self._pages(query, queries.read_limit(limit), max_items)

    async def _pages(self, query: queries.Query, limit: int, left: int | None) -> AsyncIterator[list[Item]]:
        token: str | None = None
        while left is None or left > 0:
            page = await self.page(query, limit=limit if left is None else min(limit, left), token=token)
            if page.items:
                yield page.items
            left = None if left is None else left - len(page.items)
            token = page.next
            if token is None:
                return

    async def page(self, query: queries.Query, *, limit: int, token: str | None = None) -> Page:
        """Give one page of a search.

        Args:
            query: What to search, from `eoflows.stores.catalog.query.build`.
            limit: Items on the page, 1 to 10,000.
            token: `Page.next` of the page before, or None for the first.

        Raises:
            InvalidInputError: The token is not of this search.
        """
        return await _threaded(self._page, query, queries.read_limit(limit), token)

    async def delete(self, collection: str, ids: Sequence[str]) -> int:
        """Remove items, all or none, and give how many there were."""
        return await _threaded(self._delete, collection, ids)

    async def collections(self) -> list[CollectionSummary]:
        """Give all collections, by id, with what their items span."""
        return await _threaded(self._collections)

    def link_to(self, collection: str, item_id: str) -> str:
        """Give a relative href: a file has no address, and whoever serves it resolves the links."""
        return f"../../{quote(collection, safe=':')}/items/{quote(item_id, safe='')}"

    def _select_by_ids(
        self, column: str, read: Callable[[bytes], _T], collection: str, ids: Sequence[str]
    ) -> dict[str, _T]:
        asked = orjson.dumps(list(ids)).decode()
        with self._database.reading() as reader:
            found = reader.execute(f"SELECT items.id, {column} {_BY_IDS}", (asked, collection))
            return {name: read(document) for name, document in found}

    def _upsert(
        self,
        collection: str,
        items: Sequence[Mapping[str, Any]],
        seen: Mapping[str, KnownItem | None] | None = None,
    ) -> None:
        latest = {rows.check_name("item", item.get("id")): item for item in items}
        asked = orjson.dumps(list(latest)).decode()
        with self._database.writing() as writer:
            now = self._clock()
            found = writer.execute(f"SELECT items.id, brief, {_PUBLISHED} {_BY_IDS}", (asked, collection))
            stored = {name: (rows.known_item(brief), published) for name, brief, published in found}
            if others := changed(seen, {name: known for name, (known, _) in stored.items()}, latest):
                raise ChangedError(collection, others)
            writer.execute("INSERT OR IGNORE INTO collections VALUES (?)", (collection,))
            writer.executemany(
                _UPSERT,
                (
                    rows.row(
                        rows.stamped(item, collection, published=stored.get(name, (None, None))[1], now=now)
                    )
                    for name, item in latest.items()
                ),
            )

    def _delete(self, collection: str, ids: Sequence[str]) -> int:
        asked = orjson.dumps(list(ids)).decode()
        with self._database.writing() as writer:
            return writer.execute(
                "DELETE FROM items WHERE collection = ? AND id IN (SELECT value FROM json_each(?))",
                (collection, asked),
            ).rowcount

    def _page(self, query: queries.Query, limit: int, token: str | None) -> Page:
        statement = query.statement(token, limit + 1)
        items: list[Item] = []
        last: tuple[object, ...] = ()
        with self._database.reading() as reader:
            for keys, item in _matching(query, reader.execute(statement.sql, statement.values)):
                if len(items) == limit:
                    return Page(items, query.token(last))
                items.append(item)
                last = keys
        return Page(items, None)

    def _collections(self) -> list[CollectionSummary]:
        with self._database.reading() as reader:
            names = [name for (name,) in reader.execute("SELECT id FROM collections ORDER BY id")]
            spans = {name: span for name, *span in reader.execute(_SPANS, (NO_TIME, NO_TIME))}
            boxes = {name: tuple(box) for name, *box in reader.execute(_BOXES)}
        return [
            CollectionSummary(name, count or 0, _time(start), _time(end), boxes.get(name))
            for name in names
            for count, start, end in [spans.get(name, (0, None, None))]
        ]


_SPANS = """
SELECT collection, count(*), min(nullif(start_us, ?)), max(nullif(end_us, ?)) FROM items
INDEXED BY items_validity GROUP BY collection
"""
_BOXES = """
SELECT collection, min(west), min(south), max(east), max(north) FROM items INDEXED BY items_bounds
WHERE west IS NOT NULL GROUP BY collection
"""


async def _threaded(call: Callable[..., _T], *args: object) -> _T:
    return await anyio.to_thread.run_sync(partial(call, *args))


def _matching(
    query: queries.Query, found: Iterator[tuple[Any, ...]]
) -> Iterator[tuple[tuple[object, ...], Item]]:
    for *keys, document in found:
        item = orjson.loads(document)
        if query.filter is None or query.filter.matches(item):
            yield tuple(keys), item


def _time(value: int | None) -> Time | None:
    if value is None:
        return None
    return min(_EPOCH + timedelta(microseconds=value), OPEN_END)
