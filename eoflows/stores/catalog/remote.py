"""A catalogue behind a STAC API with transactions: RS-Server's, or any stac-fastapi-pgstac."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC
from datetime import datetime as Time
from typing import Any, TypeVar

import anyio

from eoflows.base.concurrency import one_error
from eoflows.base.errors import CatalogError, InvalidInputError, public_url
from eoflows.base.http import HttpClient, RetryPolicy
from eoflows.base.times import Interval
from eoflows.stores.catalog import query as queries
from eoflows.stores.catalog.interface import CollectionSummary, FilterLike, Item, KnownItem, SortLike
from eoflows.stores.catalog.remote_api import TransactionsApi
from eoflows.stores.catalog.remote_dialects import CatalogProfile, dialect_of
from eoflows.stores.catalog.remote_items import known_item
from eoflows.stores.catalog.remote_search import search_body
from eoflows.stores.catalog.remote_writer import PATIENCE, RemoteWriter
from eoflows.stores.catalog.validity import validity
from eoflows.stores.stac.items import Seen, is_new

__all__ = ["CatalogProfile", "RemoteCatalog"]

_T = TypeVar("_T")
_KNOWN_BATCH, _ITEM_BATCH = 500, 200
_IN_FLIGHT = 3
_EVERYWHERE = (-180, -90, 180, 90)
_BRIEF = {
    "include": ["id", "collection", "assets", "properties.unpublished", "properties.owner"],
    "exclude": ["bbox", "geometry", "links"],
}
_ID_ONLY = {
    "include": ["id", "collection", "properties.owner"],
    "exclude": ["assets", "bbox", "geometry", "links"],
}
_TIMES_ONLY = {
    "include": [
        *("id", "collection", "properties.owner"),
        *("properties.datetime", "properties.start_datetime", "properties.end_datetime"),
    ],
    "exclude": ["assets", "bbox", "geometry", "links"],
}


class RemoteCatalog:
    """Items behind a STAC API with transactions; `Catalog` says what each method promises.

    Where a server cannot keep such a promise, this is what holds instead:

    - `upsert` stores batch by batch; each batch whole or not at all. Broken off and run again, it goes on.
    - An item that is stored already, equal but for timestamps and provenance, stays untouched.
    - `delete` removes one item after the other. RS-Server removes their files too.
    - Items come back without links to the API itself, and may gain what the server adds.

    Args:
        url: The API's landing page.
        http: Client with the API's credentials. Large batches want a time-out of minutes.
        profile: Which rules the server has.
        writable: Whether it may be written.
        batch: Items per write request; None takes what suits the profile (100 for RS-Server, else 500).
        clock: Gives now, aware UTC.
        retry: How often a batch is tried.
        sleep: Waits the seconds it is given; replaced in tests.
    """

    def __init__(
        self,
        url: str,
        http: HttpClient,
        *,
        profile: CatalogProfile = CatalogProfile.RS_SERVER,
        writable: bool = True,
        batch: int | None = None,
        clock: Callable[[], Time] = lambda: Time.now(UTC),
        retry: RetryPolicy = PATIENCE,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.url, self.profile, self._writable = url, CatalogProfile(profile), writable
        self._dialect = dialect_of(self.profile)
        self._api = TransactionsApi(url, http, self._dialect)
        size = self._dialect.batch if batch is None else batch
        if not 1 <= size <= queries.MOST_PER_PAGE:
            raise InvalidInputError(f"batch is {size}; give 1 to {queries.MOST_PER_PAGE} items")
        self._writer = RemoteWriter(
            self._api, self._dialect, self._read, batch=size, clock=clock, retry=retry, sleep=sleep
        )

    async def known(self, collection: str, ids: Sequence[str]) -> dict[str, KnownItem]:
        """Tell which of some items exist; see `Catalog.known`."""
        return await self._by_ids(collection, ids, known_item, _KNOWN_BATCH, {"fields": _BRIEF})

    async def upsert(
        self,
        collection: str,
        items: Sequence[Mapping[str, Any]],
        seen: Mapping[str, KnownItem | None] | None = None,
    ) -> None:
        """Create or replace items, each batch whole or not at all; of two with one id the last counts.

        An item that is stored and equal is left alone. Another one is replaced: whoever writes last wins.
        Where `seen` says what may be replaced, it is compared with what is read just before.

        Raises:
            ChangedError: Something else is there than was seen; the batches before are stored.
            InvalidInputError: An item cannot be stored; nothing was sent, unless the server said so.
            UnreachableError: A batch could not be stored after all attempts; those before it are.
            CatalogError: Another collection has the same name for this server, or this was opened for
                reading only.
            RefusedError: The server does not allow it.
        """
        self._check_writable()
        await self._writer.upsert(collection, items, seen)

    async def get(self, collection: str, item_id: str) -> Item | None:
        """Give one item, or None."""
        return await self._api.item(collection, item_id)

    async def get_many(self, collection: str, ids: Sequence[str]) -> list[Item]:
        """Give the items that exist, in the order asked."""
        found = await self._read(collection, ids)
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
        """Give the matching items page by page; see `Catalog.search`. Bad arguments raise at once.

        Remembers a number per item, so that none comes twice. That none is missed while others are added
        is up to the server's pages; pgstac's go on after the last item.
        """
        if max_items is not None and max_items < 0:
            raise InvalidInputError(f"max_items is {max_items}; give 0 or more, or None for no limit")
        query = queries.build(
            collections=collections, ids=ids, datetime=datetime, bbox=bbox, filter=filter, sortby=sortby
        )
        limit = queries.read_limit(limit)
        if max_items == 0 or (collections is not None and not collections) or (ids is not None and not ids):
            return _nothing()
        body = search_body(
            ids=ids,
            datetime=datetime,
            bbox=bbox,
            filter=filter,
            sortby=sortby,
            limit=limit,
            one_collection=collections is not None and len(collections) == 1,
        )
        return self._matching(body, collections, query, max_items)

    async def _matching(
        self,
        body: Mapping[str, Any],
        collections: Sequence[str] | None,
        query: queries.Query,
        left: int | None,
    ) -> AsyncIterator[list[Item]]:
        seen = Seen()
        async with aclosing(self._api.pages(body, collections)) as pages:
            async for page in pages:
                items = [
                    item
                    for item in page
                    if (query.filter is None or query.filter.matches(item)) and is_new(item, seen)
                ]
                items = items if left is None else items[:left]
                if items:
                    yield items
                left = None if left is None else left - len(items)
                if left == 0:
                    return

    async def delete(self, collection: str, ids: Sequence[str]) -> int:
        """Remove items one after the other, and give how many there were; the collection stays."""
        self._check_writable()
        there = await self._by_ids(collection, ids, str, _KNOWN_BATCH, {"fields": _ID_ONLY})
        for name in there:
            await self._api.delete(collection, name)
        return len(there)

    async def collections(self) -> list[CollectionSummary]:
        """Give all collections, by id.

        The number of items is asked for, or counted item by item where the server does not tell; their
        times are those of the first and the last; the box is the one that the collection declares.
        """
        found = await self._api.collections()
        return [
            await self._summary(name, document) for name, document in sorted(found, key=lambda one: one[0])
        ]

    def link_to(self, collection: str, item_id: str) -> str:
        """Give an item's address."""
        return self._api.item_url(collection, item_id)

    def _check_writable(self) -> None:
        if not self._writable:
            raise CatalogError(f"the catalogue {public_url(self.url)} was opened for reading only")

    async def _summary(self, name: str, document: Mapping[str, Any]) -> CollectionSummary:
        items = await self._api.count(name)
        if items is None:
            items = sum(
                [len(page) async for page in self._api.pages({"limit": 1000, "fields": _ID_ONLY}, [name])]
            )
        first = await self._extreme(name, "start_datetime", "asc") if items else None
        last = await self._extreme(name, "end_datetime", "desc") if items else None
        return CollectionSummary(name, items, first and first[0], last and last[1], _box(document))

    async def _extreme(self, name: str, field: str, direction: str) -> tuple[Time, Time] | None:
        order = [{"field": field, "direction": direction}]
        body = {"limit": 1, "sortby": order, "fields": _TIMES_ONLY}
        async with aclosing(self._api.pages(body, [name])) as pages:
            async for page in pages:
                return validity(page[0].get("properties") or {})
        return None

    async def _read(self, collection: str, ids: Sequence[str]) -> dict[str, Item]:
        return await self._by_ids(collection, ids, dict, _ITEM_BATCH, {})

    async def _by_ids(
        self,
        collection: str,
        ids: Sequence[str],
        read: Callable[[Item], _T],
        batch: int,
        options: Mapping[str, Any],
    ) -> dict[str, _T]:
        """Ask for items by id, some batches at a time."""
        wanted, found = list(dict.fromkeys(ids)), dict[str, _T]()
        gate = anyio.CapacityLimiter(_IN_FLIGHT)

        async def ask(some: list[str]) -> None:
            async with gate:
                body = {"ids": some, "limit": len(some), **options}
                async for page in self._api.pages(body, [collection]):
                    found.update((item["id"], read(item)) for item in page)

        async with one_error(), anyio.create_task_group() as group:
            for some in _cut(wanted, batch):
                group.start_soon(ask, some)
        return {name: found[name] for name in wanted if name in found}


def _cut(names: list[str], size: int) -> Iterator[list[str]]:
    return (names[first : first + size] for first in range(0, len(names), size))


async def _nothing() -> AsyncIterator[list[Item]]:
    for page in list[list[Item]]():
        yield page


def _box(document: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """Read a declared box; the whole world is what is declared where nothing is known."""
    try:
        box = [float(value) for value in document["extent"]["spatial"]["bbox"][0]]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    half = len(box) // 2
    if len(box) not in (4, 6) or (flat := (*box[:2], *box[half : half + 2])) == _EVERYWHERE:
        return None
    return flat[0], flat[1], flat[2], flat[3]
