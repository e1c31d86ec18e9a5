"""Searches of a STAC API, page by page, as plain documents.

pystac-client is the reference for what an API must accept; its requests block a thread that no
time-out can interrupt and its POST is never retried, so the pages are read here.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from eoflows.base.errors import AbsentError, ContractError
from eoflows.base.http import HttpClient, Origin
from eoflows.stores.stac.items import ItemDict, checked_item, is_new
from eoflows.stores.stac.listing import Listing
from eoflows.stores.stac.request import SearchRequest
from eoflows.stores.stac.waiting import Patience

__all__ = ["MatchedCount", "StacClient", "matched_count"]

MatchedCount = Literal["exact", "estimate"]
"""Whether a server counts what matches (`numberMatched`), or only estimates it."""


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
        self._search_url: str | None = None

    async def landing_page(self) -> dict[str, Any]:
        """Fetch the landing page.

        Raises:
            ContractError: It is no STAC landing page.
        """
        page = await self._http.json("GET", self.url)
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
        patience, seen, left = Patience(timeout, self._clock), set[int](), request.limit
        async with aclosing(self._raw_pages(request.body(self._page_size), patience)) as pages:
            async for page in pages:
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
        request = {"collections": [collection], "ids": [item_id], "limit": 1}
        page = await self._http.json("POST", await self._search(), json=request)
        items = self._features(page, self.url)
        if not items:
            raise AbsentError(f"there is no item {item_id!r} in {collection!r}", url=self.url, status=404)
        return checked_item(items[0], self.url)

    async def known_ids(self, collection: str, ids: Sequence[str], *, batch: int = 500) -> set[str]:
        """Tell which items exist, asking by POST in batches.

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
            body = {
                "collections": [collection],
                "ids": some,
                "limit": len(some),
                "fields": {
                    "include": ["id"],
                    "exclude": ["geometry", "bbox", "links", "assets", "properties"],
                },
            }
            async for page in self._raw_pages(body, Patience(None, self._clock)):
                found |= {str(feature.get("id")) for feature in page}
        return found

    async def _raw_pages(
        self, body: dict[str, Any], patience: Patience
    ) -> AsyncGenerator[list[dict[str, Any]]]:
        """Follow the pages of a search to their end; whoever has enough stops asking."""
        step: _Step | None = ("POST", await patience.spend(self._search()), body)
        listing = Listing(self.url)
        while step is not None:
            listing.ask(*step)
            method, url, sent = step
            page = await patience.spend(self._http.json(method, url, json=sent))
            features = self._features(page, url)
            on = listing.take(len(features), matched_count(page) if self._counts else -1)
            # Before the page is handed out: the caller may change it.
            step = self._next(page, url, sent) if on else None
            yield features
        listing.end()

    async def _search(self) -> str:
        if self._search_url is None:
            links = _links(await self.landing_page(), "search")
            posts = [link for link in links if str(link.get("method", "GET")).upper() == "POST"]
            targets = {self._resolve(str(link.get("href")), self.url) for link in posts or links}
            if len(targets) != 1:
                raise ContractError(
                    f"the landing page has {len(targets)} search links, not one", url=self.url
                )
            self._search_url = targets.pop()
        return self._search_url

    def _resolve(self, href: str, base: str) -> str:
        """Resolve a link; where a proxy changed scheme or port, the configured origin is kept."""
        target = urljoin(base, href)
        origin = Origin.of(target)
        if origin == self._home:
            return target
        if origin.host != self._home.host:
            raise ContractError(
                f"a link leads to another host, {origin}; configure that host's API if it is meant", url=base
            )
        parts = urlsplit(target)
        return str(self._home) + parts.path + (f"?{parts.query}" if parts.query else "")

    def _features(self, page: Any, url: str) -> list[dict[str, Any]]:
        features = page.get("features") if isinstance(page, dict) else None
        if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
            raise ContractError("the answer to a search is no item collection", url=url)
        return features

    def _next(self, page: Mapping[str, Any], url: str, body: Mapping[str, Any] | None) -> "_Step | None":
        links = _links(page, "next")
        if not links:
            return None
        if len(links) > 1:
            raise ContractError(f"a page has {len(links)} next links, not one", url=url)
        link = links[0]
        method = str(link.get("method", "GET")).upper()
        target = self._resolve(str(link.get("href")), url)
        if method == "GET":
            return method, target, None
        if method != "POST":
            raise ContractError(f"the next page is to be asked for by {method}", url=url)
        following = link.get("body") or {}
        return method, target, {**(body or {}), **following} if link.get("merge") else following


_Step = tuple[str, str, dict[str, Any] | None]
"""Method, URL and body of the request for a page."""


def matched_count(page: Mapping[str, Any]) -> int:
    """Give the number of items that match as a page tells it (`numberMatched`, `context` of old), or -1."""
    context = page.get("context")
    count = page.get("numberMatched", context.get("matched") if isinstance(context, Mapping) else None)
    return count if isinstance(count, int) and not isinstance(count, bool) else -1


def _links(document: Mapping[str, Any], rel: str) -> list[dict[str, Any]]:
    links = document.get("links") or ()
    return [link for link in links if isinstance(link, dict) and link.get("rel") == rel]
