"""Searches of a STAC API, page by page, as plain documents."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from eoflows.base.errors import AbsentError, ContractError, RefusedError
from eoflows.base.http import HttpClient, Origin
from eoflows.stores.stac.items import ItemDict, checked_item, is_new
from eoflows.stores.stac.listing import links_of
from eoflows.stores.stac.request import SearchRequest
from eoflows.stores.stac.waiting import within

__all__ = ["MatchedCount", "StacClient"]

MatchedCount = Literal["exact", "estimate"]
"""Whether a server counts what matches (`numberMatched`), or only estimates it."""


_NO_SUCH_METHOD = 405


class StacClient:
    """Reads from one STAC API.

    Args:
        url: The API's landing page.
        http: Client for the requests, with the credentials of this API.
        page_size: Items to ask for per page.
        matched: What its `numberMatched` is. Where it is exact, fewer items than that are an answer that
            was cut; an estimate, as pgstac may give it, tells nothing. Many servers give none.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        url: str,
        http: HttpClient,
        *,
        page_size: int = 1000,
        matched: MatchedCount = "exact",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url.rstrip("/") + "/"
        self._home = Origin.of(self.url)
        self._http, self._page_size, self._clock = http, page_size, clock
        self._counts = matched == "exact"
        self._search: tuple[str, tuple[str, ...]] | None = None

    async def landing_page(self) -> dict[str, Any]:
        """Fetch the landing page.

        Raises:
            ContractError: It is no STAC landing page.
        """
        try:
            page = await self._http.json("GET", self.url)
        except AbsentError:
            # Some servers know it by one of the two spellings only.
            page = await self._http.json("GET", self.url.rstrip("/"))
        if not isinstance(page, dict) or not isinstance(page.get("links"), list):
            raise ContractError("this is no STAC landing page: it has no links", url=self.url)
        return page

    async def pages(
        self, request: SearchRequest, *, timeout: float | None = None
    ) -> AsyncIterator[list[ItemDict]]:
        """Give the items found, page by page, none of them empty; an item that comes twice is given once.

        One id in two collections is two items.
        Remembers a number per item, about 80 bytes each; the items themselves are not kept.

        Args:
            request: What to search.
            timeout: Seconds that may be spent waiting for this API, over all pages. The time that
                the caller takes between pages does not count.

        Raises:
            DeadlineError: The API took longer than `timeout`.
            TruncatedError: The pages ended, and the server has more: `numberMatched` is greater than the
                number of items that came, or empty pages still lead on to others. It is raised after the
                last page, so who can use a part of the answer has it.
            ContractError: The answer is no item collection, or its pages run in a circle.
            ServiceError: As `HttpClient.request`.
        """
        seen, left = set[int](), request.limit
        async with aclosing(self._found(**request.arguments(self._page_size))) as pages:
            async for page in within(pages, timeout, self._clock):
                items = [item for item in page if is_new(checked_item(item, self.url), seen)][:left]
                if items:
                    yield items
                left = None if left is None else left - len(items)
                if left is not None and left <= 0:
                    return

    async def item(self, collection: str, item_id: str) -> ItemDict:
        """Fetch one item.

        Raises:
            AbsentError: The API has no such item.
        """
        async with aclosing(self._found(collections=[collection], ids=[item_id], limit=1)) as pages:
            async for items in pages:
                return checked_item(items[0], self.url)
        raise AbsentError(f"there is no item {item_id!r} in {collection!r}", url=self.url, status=404)

    async def known_ids(self, collection: str, ids: Sequence[str], *, batch: int = 500) -> set[str]:
        """Tell which items exist, asking in batches.

        Args:
            collection: Where to look.
            ids: What to look for.
            batch: Ids per request; servers cut answers above 10,000 without a word.

        Raises:
            TruncatedError: The server gives fewer items than it says it has.
        """
        found: set[str] = set()
        for first in range(0, len(ids), batch):
            some = list(ids[first : first + batch])
            brief = {"include": ["id"], "exclude": ["geometry", "bbox", "links", "assets", "properties"]}
            async for page in self._found(collections=[collection], ids=some, limit=len(some), fields=brief):
                found |= {str(feature.get("id")) for feature in page}
        return found

    async def _found(self, **asked: Any) -> AsyncGenerator[list[dict[str, Any]]]:
        """Follow the pages of a search to their end; whoever has enough stops asking."""
        # It takes 0.1 s, and much imports this module that never searches.
        from eoflows.stores.stac.paging import Paging  # noqa: PLC0415

        url, methods = self._search = self._search or await self._search_link()
        for method in methods:
            try:
                pages = Paging(self.url, self._http, self._resolve, counts=self._counts)
                async with aclosing(pages.search(url, method, asked)) as found:
                    async for features in found:
                        yield features
                return
            except RefusedError as error:
                if error.status != _NO_SUCH_METHOD or method == methods[-1]:
                    raise
                self._search = url, methods[1:]

    async def _search_link(self) -> tuple[str, tuple[str, ...]]:
        """Give the address of searches, and the methods to try: a link that tells none may mean either."""
        links = links_of(await self.landing_page(), "search")
        posts = [link for link in links if str(link.get("method")).upper() == "POST"]
        targets = {self._resolve(str(link.get("href")), self.url) for link in posts or links}
        if len(targets) != 1:
            raise ContractError(f"the landing page has {len(targets)} search links, not one", url=self.url)
        telling = posts or all(link.get("method") for link in links)
        methods = ("POST" if posts else "GET",) if telling else ("POST", "GET")
        return targets.pop(), methods

    def _resolve(self, href: str, base: str) -> str:
        """Resolve a link; where a proxy changed scheme or port, the configured origin is kept."""
        target = urljoin(base, href)
        origin = Origin.of(target)
        if origin.host != self._home.host:
            raise ContractError(
                f"a link leads to another host, {origin}; configure that host's API if it is meant", url=base
            )
        parts = urlsplit(target)
        return str(self._home) + parts.path + (f"?{parts.query}" if parts.query else "")
