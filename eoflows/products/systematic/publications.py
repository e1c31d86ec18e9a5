"""What a source published, in slices that are complete.

Pages that are counted from the first product shift when a product is withdrawn, and a product is lost.
Here each slice is the first page of a search of its own, which begins at the publication where the slice
before ended: nothing can shift, and where reading goes on is a time, which can be kept.
"""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.base.times import format_utc, parse_utc
from eoflows.products.environment import Searcher
from eoflows.stores.stac import SearchRequest
from eoflows.stores.stac.items import ItemDict, fault_of, product_type, unreadable

__all__ = ["Publications", "Slice", "Stream", "published"]

_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_READINGS = 8
_SOME = 10


@dataclass(frozen=True)
class Stream:
    """Products that are followed together.

    Attributes:
        collection: Collection of the source; None is all that may be read.
        product_type: Value of `product:type`; None is all.
    """

    collection: str | None = None
    product_type: str | None = None

    def __str__(self) -> str:
        return f"{self.collection or '*'}/{self.product_type or '*'}"

    def filter(self, start: datetime, end: datetime) -> dict[str, Any]:
        """Give the CQL2 filter that every station accepts, for publications from `start` to `end`.

        It is inclusive, and drawn out by a millisecond: some stations take a bound as excluded.
        """
        span = [format_utc(start - _MILLISECOND), format_utc(end + _MILLISECOND)]
        when = {"op": "t_intersects", "args": [{"property": "published"}, {"interval": span}]}
        if self.product_type is None:
            return when
        kind = {"op": "=", "args": [{"property": "product:type"}, self.product_type]}
        return {"op": "and", "args": [kind, when]}


@dataclass(frozen=True)
class Slice:
    """All that was published in `[start, end)` when it was read, by publication."""

    start: datetime
    end: datetime
    items: list[ItemDict]


@dataclass(frozen=True)
class Publications:
    """Reads the publications of a stream.

    Attributes:
        searcher: The source.
        stream: Which products.
        page: Products to ask for at once; what a slice holds at the most, unless more were published
            within one millisecond.
        timeout: Seconds that one search may wait for the source, or None.
        options: Further keyword arguments of the source's `pages`.
    """

    searcher: Searcher
    stream: Stream
    page: int = 1000
    timeout: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> datetime | None:
        """What time it was by the source's clock at its last answer, aware UTC; None if it did not say."""
        found: datetime | None = getattr(self.searcher, "told", None)
        return found

    async def time(self) -> datetime | None:
        """Ask the source what time it is by its own clock, aware UTC; None if it does not say."""
        ask = getattr(self.searcher, "time", None)
        found: datetime | None = await ask() if ask is not None else None
        return found

    async def next(self, start: datetime, end: datetime) -> Slice:
        """Read the next slice.

        Args:
            start: First publication, aware UTC.
            end: Excluded; the slice ends earlier where there is more than one page.

        Raises:
            ContractError: No item has a publication time, the source does not look at it, the order is
                not that of publication, or more products of one moment come and go than can be read.
            ServiceError: As the source's search.
        """
        items, more = await self._first_page(start, end)
        if not more:
            return Slice(start, end, [item for item in items if start <= published(item) < end])
        if published(items[0]) < start - _SECOND:
            raise ContractError(
                f"asked for publications from {format_utc(start)}, the source gave one of "
                f"{format_utc(published(items[0]))}: it does not select by `published`"
            )
        last = min(published(items[-1]), end)
        if last > start:
            return Slice(start, last, [item for item in items if start <= published(item) < last])
        return await self._moment(start, min(start + _MILLISECOND, end))

    async def check(self) -> None:
        """Make sure that the source finds a product by its publication, before nothing found means nothing.

        Raises:
            ContractError: It does not find one that it has.
        """
        for last in (False, True):
            item = await self._any()
            if item is None:
                return
            when, kind = _told_published(item), product_type(item)
            stream = replace(self.stream, product_type=self.stream.product_type and kind)
            async with aclosing(replace(self, stream=stream)._pages(when, when, None)) as pages:
                async for page in pages:
                    if any(one["id"] == item["id"] for one in page):
                        return
            if last:
                names = "product:type and published" if stream.product_type else "published"
                raise ContractError(
                    f"the source has {item['id'][:80]!r}, published {format_utc(when)}, and does not find it "
                    f"by {names}: it cannot be followed by that"
                )

    async def _any(self) -> ItemDict | None:
        """Give any product that can be read, or None."""
        collections = (self.stream.collection,) if self.stream.collection else ()
        request = SearchRequest(collections=collections, limit=_SOME)
        async with aclosing(self._search(request)) as pages:
            async for page in pages:
                readable: list[ItemDict] = [item for item in page if not fault_of(item)]
                if readable:
                    return readable[0]
        return None

    async def _first_page(self, start: datetime, end: datetime) -> tuple[list[ItemDict], bool]:
        """Give the first page, and whether there is more."""
        async with aclosing(self._pages(start, end, self.page)) as pages:
            items = _placed(await anext(pages, []), start)
            more = len(items) >= self.page or bool(await anext(pages, []))
        for one, other in pairwise(map(published, items)):
            if other < one:
                raise ContractError(
                    f"asked for the order of publication, a product of {format_utc(one)} came before one of "
                    f"{format_utc(other)}"
                )
        return items, more

    async def _moment(self, start: datetime, end: datetime) -> Slice:
        """Read a moment that fills more than a page: as often as it takes to see the same twice."""
        found: dict[str, ItemDict] = {}
        for reading in range(_READINGS):
            before = set(found)
            async with aclosing(self._pages(start, end, None)) as pages:
                async for page in pages:
                    placed = _placed(page, start)
                    found |= {item["id"]: item for item in placed if start <= published(item) < end}
            if reading and set(found) == before:
                break
        else:
            raise ContractError(f"{_READINGS} readings of {format_utc(start)} found more and more products")
        return Slice(start, end, sorted(found.values(), key=published))

    def _pages(self, start: datetime, end: datetime, limit: int | None) -> Any:
        request = SearchRequest(
            filter=self.stream.filter(start, end),
            collections=(self.stream.collection,) if self.stream.collection else (),
            sortby=({"field": "published", "direction": "asc"},),
            limit=limit,
        )
        return self._search(request)

    def _search(self, request: SearchRequest) -> Any:
        return self.searcher.pages(request, timeout=self.timeout, **self.options)


def _placed(page: list[ItemDict], start: datetime) -> list[ItemDict]:
    """Give the items of a page with a time of publication: that of its neighbour to what lacks one.

    Raises:
        ContractError: No item that can be read has one.
    """
    last, placed, lacking = start, list[ItemDict](), list[str]()
    for item in page:
        try:
            last = published(item)
        except ContractError as error:
            if not fault_of(item):
                lacking.append(str(error))
            item = unreadable(item, fault_of(item) or str(error))  # noqa: PLW2901
            item["properties"]["published"] = format_utc(last)
        placed.append(item)
    if lacking and len(lacking) == sum(not fault_of(item) for item in page):
        raise ContractError(lacking[0])
    return placed


def _told_published(item: ItemDict) -> datetime:
    try:
        return published(item)
    except ContractError as error:
        raise ContractError(f"{error}; a source that does not tell it cannot be followed by it") from error


def published(item: ItemDict) -> datetime:
    """Give the time of publication, aware UTC.

    Raises:
        ContractError: The item has none, though it was found by it.
    """
    try:
        return parse_utc(item["properties"].get("published") or "")
    except InvalidInputError as error:
        raise ContractError(f"item {item['id'][:80]!r} has no time of publication: {error}") from error
