"""Searches of a STAC API, page by page, as plain documents.

pystac-client is the reference for what an API must accept; its requests block a thread that no
time-out can interrupt and its POST is never retried, so the pages are read here.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import orjson

from eoflows.base.errors import AbsentError, ContractError, RefusedError, TruncatedError, UnreachableError
from eoflows.base.http import HttpClient, Origin
from eoflows.stores.stac.items import ItemDict, Meeting, Seen, checked_item
from eoflows.stores.stac.listing import Listing
from eoflows.stores.stac.page import Page, read_page
from eoflows.stores.stac.request import SearchRequest
from eoflows.stores.stac.steps import Step, by_get, links_of, next_step, resolve
from eoflows.stores.stac.waiting import Patience

__all__ = ["MatchedCount", "StacClient", "matched_count"]

MatchedCount = Literal["exact", "estimate"]
"""Whether a server counts what matches (`numberMatched`), or only estimates it."""

_LASTING_ORDERS = ({"field": "id", "direction": "asc"}, {"field": "datetime", "direction": "asc"})
"""Orders in which what is published or withdrawn meanwhile moves few others."""


class StacClient:
    """Reads from one STAC API.

    Args:
        url: The API's landing page.
        http: Client for the requests, with the credentials of this API.
        page_size: Items to ask for per page.
        matched: What its `numberMatched` is. Where it is exact, fewer items than that are an answer that
            was cut; an estimate, as pgstac may give it, tells nothing. Many servers give none.
        clock: Monotonic seconds.

    Attributes:
        told: What time it was by the source's own clock at its last answer, aware UTC; None if it did not
            say.
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
        self.told: datetime | None = None
        self._home = Origin.of(self.url)
        self._http, self._page_size, self._clock = http, page_size, clock
        self._counts, self._fitting = matched == "exact", False
        self._search: _Search | None = None

    async def landing_page(self) -> dict[str, Any]:
        """Fetch the landing page, with the slash at its end or without it, whichever there is.

        Raises:
            ContractError: It is no STAC landing page.
        """
        try:
            return await self._landing_at(self.url)
        except (AbsentError, ContractError) as error:
            try:
                return await self._landing_at(self.url.rstrip("/"))
            except (AbsentError, ContractError):
                raise error from None

    async def _landing_at(self, url: str) -> dict[str, Any]:
        answer = await self._http.request("GET", url)
        self._note(answer)
        try:
            page = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            page = None
        if not isinstance(page, dict) or not isinstance(page.get("links"), list):
            raise ContractError("this is no STAC landing page: it has no links", url=url)
        return page

    async def time(self) -> datetime | None:
        """Ask what time it is by the API's own clock, aware UTC; None if it does not say.

        Raises:
            ContractError: It has no STAC landing page.
        """
        await self.landing_page()
        return self.told

    async def pages(
        self, request: SearchRequest, *, timeout: float | None = None
    ) -> AsyncIterator[list[ItemDict]]:
        """Give the items found, page by page, none of them empty; an item that comes twice is given once.

        One id in two collections is two items, and so are two of one id that promise different bytes. What
        cannot be read is an item that says so (`fault_of`). Remembers two numbers per item; the items
        themselves are not kept.

        Where fewer different items came than the server counts, or the list shifted while it was read, the
        search is made once more, in an order that does not shift. Where pages are too large for the server,
        smaller ones are asked for from then on.

        Args:
            request: What to search.
            timeout: Seconds that may be spent waiting for this API, over all pages. The time that
                the caller takes between pages does not count.

        Raises:
            DeadlineError: The API took longer than `timeout`.
            TruncatedError: The pages ended, and the server has more: `numberMatched` is greater than the
                number of different items that came, pages overlapped also the second time, or pages with
                nothing new still lead on to others. It is raised after the last page, so who can use a part
                of the answer has it.
            ContractError: The answer is no item collection, or its pages run in a circle.
            ServiceError: As `HttpClient.request`.
        """
        patience, seen, left = Patience(timeout, self._clock), Seen(), request.limit
        async with aclosing(self._whole(request, patience)) as pages:
            async for page in pages:
                items = [item for item in page if seen.meet(item) is not Meeting.AGAIN][:left]
                if items:
                    yield items
                left = None if left is None else left - len(items)
                if left is not None and left <= 0:
                    return

    async def _whole(self, request: SearchRequest, patience: Patience) -> AsyncGenerator[list[ItemDict]]:
        """Read a search, and if something shows that not all of it came, once more in a lasting order."""
        lacking = ""
        for order in (None, *_LASTING_ORDERS, None):
            body = request.body(self._page_size) | ({"sortby": [order]} if order else {})
            listing = Listing(self.url)
            try:
                async with aclosing(self._raw_pages(body, patience, listing)) as pages:
                    async for page in pages:
                        yield page.items
            except RefusedError:
                if order is None:
                    raise
                # It does not sort by that.
                continue
            before, lacking = lacking, listing.lacking()
            if before or not lacking:
                break
        if lacking:
            raise TruncatedError(lacking, url=self.url)

    async def item(self, collection: str, item_id: str) -> ItemDict:
        """Fetch one item.

        Raises:
            AbsentError: The API has no such item.
            ContractError: It cannot be read.
        """
        body = {"collections": [collection], "ids": [item_id], "limit": 1}
        async with aclosing(self._raw_pages(body, Patience(None), Listing(self.url))) as pages:
            async for page in pages:
                for item in page.items:
                    return checked_item(item, self.url)
        raise AbsentError(f"there is no item {item_id!r} in {collection!r}", url=self.url, status=404)

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
            listing = Listing(self.url)
            async for page in self._raw_pages(body, Patience(None, self._clock), listing):
                found |= {item["id"] for item in page.items}
            if listing.lacking():
                raise TruncatedError(listing.lacking(), url=self.url)
        return found

    async def _raw_pages(
        self, body: dict[str, Any], patience: Patience, listing: Listing
    ) -> AsyncGenerator[Page]:
        """Follow the pages of a search to their end; whoever has enough stops asking."""
        step: Step | None = await patience.spend(self._first(body))
        seen = Seen()
        while step is not None:
            listing.ask(step)
            try:
                page = await patience.spend(self._fitted(step, body))
            except _OtherwiseError as error:
                # From the first page on: where pages are counted, another size would leave some out.
                body, seen = {**body, "limit": error.size}, Seen()
                listing.begin_again()
                step = await patience.spend(self._first(body))
                continue
            again = sum(map(seen.has, page.items))
            new = sum(seen.meet(item) is Meeting.NEW for item in page.items)
            on = listing.take(new, again, matched_count(page.document) if self._counts else -1)
            # Before the page is handed out: the caller may change it.
            step = next_step(page.document, step, self._home) if on else None
            yield page

    async def _fitted(self, step: Step, body: Mapping[str, Any]) -> Page:
        """Ask for a page; where that fails, find out whether it was the method or the size.

        Raises:
            _OtherwiseError: It was; from now on this client asks otherwise.
        """
        size: int = step.size or body["limit"]
        try:
            return await self._send(step)
        except (RefusedError, UnreachableError) as error:
            if step.method == "POST" and self._refuses_posts(error):
                raise _OtherwiseError(size) from None
            if not _may_be_too_large(error) or size < 2 or not await self._answers(step.sized(1)):
                raise
        while size > 1:
            size //= 2
            if await self._answers(step.sized(size)):
                break
        self._page_size = min(self._page_size, size)
        raise _OtherwiseError(size)

    def _refuses_posts(self, error: RefusedError | UnreachableError) -> bool:
        """Tell whether an API takes searches by GET only, and remember it."""
        search, status = self._search, _status(error)
        if search is None or status not in ((405, 501) if search.declared else (404, 405, 501)):
            return False
        self._search = replace(search, method="GET")
        return True

    async def _answers(self, step: Step) -> bool:
        try:
            await self._send(step, repeatable=False)
        except (RefusedError, UnreachableError):
            return False
        return True

    async def _send(self, step: Step, *, repeatable: bool = True) -> Page:
        answer = await self._http.request(
            step.method, step.url, json=step.body, headers=step.headers, repeatable=repeatable
        )
        self._note(answer)
        return read_page(answer.content, step.url)

    def _note(self, answer: httpx.Response) -> None:
        """Remember what time it is by the source's clock."""
        try:
            told = parsedate_to_datetime(answer.headers.get("date", ""))
        except ValueError:
            return
        self.told = told if told.tzinfo else told.replace(tzinfo=UTC)

    async def _first(self, body: dict[str, Any]) -> Step:
        """Give the first request of a search, by POST where the API takes that."""
        if self._search is None:
            self._search = await self._found_search()
        if self._search.method == "GET":
            return by_get(self._search.url, body)
        return Step("POST", self._search.url, body)

    async def _found_search(self) -> "_Search":
        page = await self.landing_page()
        links = sorted(links_of(page, "search"), key=_preference)
        faults = list[ContractError]()
        for link in links:
            try:
                target = resolve(str(link.get("href")), self.url, self._home)
            except ContractError as error:
                faults.append(error)
                continue
            method = str(link.get("method") or "").upper()
            return _Search(target, "GET" if method == "GET" else "POST", method == "POST")
        raise faults[0] if faults else ContractError("the landing page has no search link", url=self.url)


def matched_count(page: Mapping[str, Any]) -> int:
    """Give the number of items that match as a page tells it (`numberMatched`, `context` of old), or -1."""
    context = page.get("context")
    count = page.get("numberMatched", context.get("matched") if isinstance(context, Mapping) else None)
    return count if isinstance(count, int) and not isinstance(count, bool) else -1


@dataclass(frozen=True)
class _Search:
    """Where and how an API is searched.

    Attributes:
        url: Where.
        method: POST or GET.
        declared: Whether the API says that it takes POST.
    """

    url: str
    method: str
    declared: bool


class _OtherwiseError(Exception):
    """The search is to be begun again, by another method or with pages of this size."""

    def __init__(self, size: int) -> None:
        self.size = size


def _preference(link: Mapping[str, Any]) -> tuple[bool, int, bool]:
    """Sort search links: those to items; by method, POST first and undeclared before GET; `.../search`."""
    method = str(link.get("method") or "").upper()
    path = urlsplit(str(link.get("href"))).path if "[" not in str(link.get("href")) else ""
    return (
        link.get("type") not in ("application/geo+json", None),
        ["POST", "", "GET"].index(method) if method in ("POST", "", "GET") else 3,
        not path.endswith("/search"),
    )


def _status(error: RefusedError | UnreachableError) -> int | None:
    return error.status if isinstance(error, RefusedError) else error.answered


def _may_be_too_large(error: RefusedError | UnreachableError) -> bool:
    """Whether servers answer so if they are asked for too many items at once."""
    return _status(error) in (400, 413, 414, 422, 500, 502, 504, 507)
