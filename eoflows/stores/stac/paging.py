"""pystac-client over our own HTTP client.

pystac-client forms the requests and reads page by page. It blocks, so it does that in a thread; what it asks
there comes back to the event loop and goes out through `HttpClient`. So credentials, redirects, addresses,
retries and errors are those of every other call, and who stops waiting for a page ends its request.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

import cql2
import orjson
from anyio import CapacityLimiter, to_thread
from anyio.from_thread import BlockingPortal
from pystac_client import ItemSearch
from pystac_client.stac_api_io import StacApiIO

from eoflows.base.concurrency import one_error
from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.base.http import HttpClient
from eoflows.stores.stac.listing import Listing, links_of, matched_count

__all__ = ["Paging"]

_OURS = frozenset({"authorization", "connection", "content-length", "cookie", "host", "transfer-encoding"})
"""Headers that a `next` link may not set: they say who asks, whom, and where the message ends."""


class _Step(NamedTuple):
    """The request for a page; what a GET has in place of a body goes into its query."""

    method: str
    url: str
    body: dict[str, Any]
    headers: dict[str, str]


class Paging(StacApiIO):
    """One search of a STAC API.

    Args:
        url: The API, for messages.
        http: Client for the requests, with the credentials of this API.
        place: Gives the address that a `next` link means, from its `href` and the address of the page.
        counts: Whether fewer items than `numberMatched` are an answer that was cut.
    """

    def __init__(
        self, url: str, http: HttpClient, place: Callable[[str, str], str], *, counts: bool = False
    ) -> None:
        super().__init__(max_retries=None)
        self._url, self._http, self._place, self._counts = url, http, place, counts
        self._portal: BlockingPortal

    async def search(
        self, url: str, method: str, arguments: Mapping[str, Any]
    ) -> AsyncGenerator[list[dict[str, Any]]]:
        """Give the items of each page that has any; the next page is asked for when it is wanted.

        Args:
            url: Where to search.
            method: GET or POST.
            arguments: What to search, as `ItemSearch` takes it.

        Raises:
            TruncatedError: The pages ended, and the server has more. It is raised after the last page.
            ContractError: The answer is no item collection, or its pages run in a circle.
            InvalidInputError: The filter cannot be written as text, as a search by GET has it.
            ServiceError: As `HttpClient.request`.
        """
        try:
            pages = ItemSearch(url, method=method, stac_io=self, **arguments).pages_as_dicts()
        except (ValueError, cql2.ParseError) as error:
            raise InvalidInputError(f"the search cannot be asked by {method}: {error}") from error
        # Not the thread that others wait for: a credential may need one of those to be renewed.
        thread = CapacityLimiter(1)
        while True:
            async with one_error(), BlockingPortal() as self._portal:
                page = await to_thread.run_sync(next, pages, None, abandon_on_cancel=True, limiter=thread)
            if page is None:
                return
            yield page["features"]

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Send a request in the event loop, and wait for the text of its answer."""
        if method == "POST":
            send = partial(self._http.request, method, href, json=parameters, headers=headers)
        else:
            target = href + ("&" if "?" in href else "?") + urlencode(parameters) if parameters else href
            send = partial(self._http.request, method or "GET", target, headers=headers)
        # What is no UTF-8 is no JSON either, and is refused as such.
        return self._portal.call(send).content.decode(errors="surrogateescape")

    def get_pages(
        self, url: str, method: str | None = None, parameters: dict[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Follow the pages of a search to their end; whoever has enough stops asking."""
        step: _Step | None = _Step(method or "GET", url, parameters or {}, {})
        listing = Listing(self._url)
        while step is not None:
            listing.ask(step)
            page = self._page(step)
            on = listing.take(len(page["features"]), matched_count(page) if self._counts else -1)
            # Before the page is handed out: the caller may change it.
            step = self._next(page, step) if on else None
            # pystac-client takes an empty page for the end.
            if page["features"]:
                yield page
        listing.end()

    def _page(self, step: _Step) -> dict[str, Any]:
        text = self.request(step.url, step.method, step.headers, step.body)
        try:
            page = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ContractError("the answer is not JSON", url=step.url) from error
        features = page.get("features") if isinstance(page, dict) else None
        if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
            raise ContractError("the answer to a search is no item collection", url=step.url)
        return dict(page)

    def _next(self, page: Mapping[str, Any], step: _Step) -> _Step | None:
        links = links_of(page, "next")
        if not links:
            return None
        if len(links) > 1:
            raise ContractError(f"a page has {len(links)} next links, not one", url=step.url)
        link = links[0]
        method, merged = str(link.get("method", "GET")).upper(), bool(link.get("merge"))
        target = self._place(str(link.get("href")), step.url)
        body, headers = link.get("body") or {}, _headers(link.get("headers") or {})
        if method not in ("GET", "POST"):
            raise ContractError(f"the next page is to be asked for by {method}", url=step.url)
        if headers is None or not isinstance(body, dict):
            raise ContractError("the next page's body or headers are not what may be sent", url=step.url)
        headers = {**step.headers, **headers} if merged else headers
        if method == "GET":
            return _Step(method, target, {}, headers)
        return _Step(
            method, target, {**step.body, **body} if merged and step.method == "POST" else body, headers
        )


def _headers(given: Any) -> dict[str, str] | None:
    """Read the headers of a link, in lower case as ours are, which win; None if it may not set them."""
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        return None
    headers = {name.lower(): value for name, value in given.items()}
    return None if _OURS & set(headers) else headers
