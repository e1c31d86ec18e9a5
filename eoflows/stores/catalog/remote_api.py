"""The requests of a STAC API with transactions, one method each."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from eoflows.base.errors import AbsentError, ConflictError, ContractError, InvalidInputError, RefusedError
from eoflows.base.http import HttpClient
from eoflows.stores.catalog.interface import Item
from eoflows.stores.catalog.remote_dialects import Dialect
from eoflows.stores.catalog.remote_items import lasting_links, readable
from eoflows.stores.stac.items import Seen, is_new
from eoflows.stores.stac.listing import Listing
from eoflows.stores.stac.steps import links_of

__all__ = ["BulkUnsupportedError", "TransactionsApi"]

_NO_SUCH_ROUTE = (404, 405)
_BAD_REQUEST = (400, 422)
_Step = tuple[str, str, dict[str, Any]]
"""Method, URL and body of the request for a page."""


class BulkUnsupportedError(RefusedError):
    """The server has no `bulk_items`, or no such collection: it answers both alike."""


class TransactionsApi:
    """Speaks to one catalogue, in the terms of callers: public collection ids, items as they know them.

    Writes are sent once; whoever writes decides what a lost answer means.

    Args:
        url: The API's landing page.
        http: Client with the credentials of this API.
        dialect: The server's rules.
    """

    def __init__(self, url: str, http: HttpClient, dialect: Dialect) -> None:
        self.url = url.rstrip("/")
        self._http, self._dialect = http, dialect
        self._picks_fields = True

    async def pages(
        self, body: Mapping[str, Any], collections: Sequence[str] | None
    ) -> AsyncGenerator[list[Item], None]:
        """Search, and give each page that is not empty.

        Raises:
            TruncatedError: Empty pages lead on to others without end.
            ContractError: An answer is no item collection, or pages run in a circle.
            CatalogError: An item is of another collection than those asked for.
        """
        request = dict(body)
        if collections is not None:
            request["collections"] = [self._dialect.search_name(name) for name in collections]
        step: _Step | None = ("POST", f"{self.url}/search", request)
        listing, seen = Listing(self.url), Seen()
        while step is not None:
            listing.ask(*step)
            method, url, request = step
            page = await self._page(method, url, request if method == "POST" else None)
            new = sum(is_new(feature, seen) for feature in page["features"])
            listing.take(new, len(page["features"]) - new)
            if page["features"]:
                yield [self._read(feature, collections) for feature in page["features"]]
            step = self._next(page, request)

    async def _page(self, method: str, url: str, body: dict[str, Any] | None) -> dict[str, Any]:
        if body is not None and not self._picks_fields:
            body = {key: value for key, value in body.items() if key != "fields"}
        try:
            page = await self._http.json(method, url, json=body)
        except AbsentError:
            # Some servers say so of a collection that does not exist.
            return {"features": []}
        except RefusedError as error:
            if body is None or "fields" not in body or error.status not in _BAD_REQUEST:
                raise
            page = await self._http.json(
                method, url, json={key: value for key, value in body.items() if key != "fields"}
            )
            self._picks_fields = False
        features = page.get("features") if isinstance(page, dict) else None
        if not isinstance(features, list):
            raise ContractError("the answer to a search is no item collection", url=url)
        # What has no id is nobody's record.
        named = [one for one in features if isinstance(one, dict) and isinstance(one.get("id"), str)]
        return {**page, "features": [readable(one) for one in named]}

    def _next(self, page: Mapping[str, Any], body: Mapping[str, Any]) -> "_Step | None":
        link = next(links_of(page, "next"), None)
        if link is None:
            return None
        # The address is ours whatever the link says: a proxy may have changed scheme, host or path.
        if str(link.get("method", "GET")).upper() == "POST":
            given = dict(link["body"]) if isinstance(link.get("body"), Mapping) else {}
            return "POST", f"{self.url}/search", {**body, **given} if link.get("merge") else given
        return "GET", f"{self.url}/search?{urlsplit(str(link.get('href'))).query}", dict(body)

    async def count(self, collection: str) -> int | None:
        """Give the number of items in a collection, or None where the server does not tell."""
        body = {
            "collections": [self._dialect.search_name(collection)],
            "limit": 1,
            "fields": {"include": ["id"], "exclude": ["assets", "geometry", "links", "properties"]},
            # pgstac counts only when it is asked to, and else gives the number of yesterday.
            "conf": {"context": "on", "context_stats_ttl": "0 seconds"},
        }
        matched = (await self._page("POST", f"{self.url}/search", body)).get("numberMatched")
        return matched if isinstance(matched, int) else None

    async def item(self, collection: str, item_id: str) -> Item | None:
        """Fetch one item, or None."""
        try:
            feature = await self._http.json("GET", self.item_url(collection, item_id))
        except AbsentError:
            return None
        if not isinstance(feature, dict) or feature.get("id") != item_id:
            raise ContractError(f"the answer is not item {item_id!r}", url=self.url)
        return self._read(readable(feature), [collection])

    async def has_collection(self, collection: str) -> bool:
        """Tell whether a collection exists."""
        try:
            await self._http.request("GET", self._collection_url(collection))
        except AbsentError:
            return False
        return True

    async def collections(self) -> list[tuple[str, dict[str, Any]]]:
        """Give the public id and the document of every collection."""
        url, found, asked = f"{self.url}/collections", list[tuple[str, dict[str, Any]]](), set[str]()
        while url not in asked:
            asked.add(url)
            page = await self._http.json("GET", url)
            documents = page.get("collections") if isinstance(page, dict) else None
            if not isinstance(documents, list):
                raise ContractError("the answer is no list of collections", url=url)
            found += [(self._dialect.collection_name(document), document) for document in documents]
            link = next(links_of(page, "next"), None)
            if link is None:
                return found
            url = f"{self.url}/collections?{urlsplit(str(link.get('href'))).query}"
        raise ContractError("the pages of the collections run in a circle", url=url)

    async def create_collection(self, collection: str) -> None:
        """Create a collection; that a twin was faster is success."""
        document = self._dialect.collection_document(collection)
        try:
            await self._http.request("POST", f"{self.url}/collections", json=document, repeatable=False)
        except ConflictError:
            return

    async def bulk(self, collection: str, items: Iterable[Mapping[str, Any]], *, replace: bool) -> None:
        """Store many items, all or none.

        Raises:
            ConflictError: One of them exists, and `replace` is not set.
            BulkUnsupportedError: The server cannot do this, or the collection does not exist.
            InvalidInputError: The server refuses an item.
        """
        sent = {str(item["id"]): self._dialect.outgoing(item, collection) for item in items}
        url = f"{self._collection_url(collection)}/bulk_items"
        body = {"items": sent, "method": "upsert" if replace else "insert"}
        try:
            answer = await self._http.json("POST", url, json=body, repeatable=False)
        except RefusedError as error:
            if error.status in _NO_SUCH_ROUTE:
                raise BulkUnsupportedError(str(error), status=error.status) from error
            raise _refusal(error) from error
        # The status is 200 also when items were refused.
        faults = answer.get("errors") if isinstance(answer, dict) else None
        if faults:
            raise InvalidInputError(f"the catalogue refused {len(faults)} of {len(sent)} items: {faults[0]}")

    async def create(self, collection: str, item: Mapping[str, Any]) -> None:
        """Store one item that does not exist.

        Raises:
            ConflictError: It exists.
            InvalidInputError: The server refuses it.
        """
        await self._write("POST", f"{self._collection_url(collection)}/items", collection, item)

    async def replace(self, collection: str, item: Mapping[str, Any]) -> None:
        """Replace one item.

        Raises:
            AbsentError: It does not exist.
            InvalidInputError: The server refuses it.
        """
        await self._write("PUT", self.item_url(collection, str(item["id"])), collection, item)

    async def delete(self, collection: str, item_id: str) -> None:
        """Remove one item; that it is gone already is success."""
        try:
            await self._http.request("DELETE", self.item_url(collection, item_id))
        except AbsentError:
            return

    async def _write(self, method: str, url: str, collection: str, item: Mapping[str, Any]) -> None:
        body = self._dialect.outgoing(item, collection)
        try:
            await self._http.request(method, url, json=body, repeatable=False)
        except RefusedError as error:
            raise _refusal(error) from error

    def _collection_url(self, collection: str) -> str:
        return f"{self.url}/collections/{quote(self._dialect.path_name(collection), safe=':')}"

    def item_url(self, collection: str, item_id: str) -> str:
        """Give the address of an item."""
        return f"{self._collection_url(collection)}/items/{quote(item_id, safe='')}"

    def _read(self, feature: Mapping[str, Any], collections: Sequence[str] | None) -> Item:
        item = self._dialect.incoming(feature, self._dialect.collection_of(feature, collections))
        return item if "links" not in item else {**item, "links": lasting_links(item)}


def _refusal(error: RefusedError) -> Exception:
    """Tell a bad item, which spoils only itself, from other refusals."""
    return InvalidInputError(str(error)) if error.status in _BAD_REQUEST else error
