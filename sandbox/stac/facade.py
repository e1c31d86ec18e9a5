"""A STAC API over anything that can name its collections and its records."""

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eoflows.sandbox.stac.cql2 import FilterError
from eoflows.sandbox.stac.documents import (
    collection_document,
    geojson,
    item_links,
    json_response,
    landing_document,
    next_link,
    with_fields,
)
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.stac.search import Record, Search, SearchRules, read_body, read_query, select

__all__ = ["StacFacade"]

_KEPT_RESULTS = 8


class StacFacade(ABC):
    """Routes and documents common to all STAC services of the sandbox."""

    def __init__(self, prefix: str, description: str, rules: SearchRules, conformance: list[str]) -> None:
        self.prefix = prefix
        """First part of the path, as `/auxip`."""
        self.description = description
        self.rules = rules
        self.conformance = conformance
        self.version = 0
        """Grows with each change of the records."""
        self._results: OrderedDict[Any, list[tuple[str, Record]]] = OrderedDict()
        self._results_lock = threading.Lock()

    @abstractmethod
    def admit(self, request: Request) -> None:
        """Raise Refusal if the caller may not see the service at all."""

    @abstractmethod
    def scopes(self, request: Request, asked: Iterable[str] | None) -> list[str]:
        """Return the keys of the collections to search: those asked for, or all that the caller may read."""

    @abstractmethod
    def records(self, scope: str) -> Iterable[Record]:
        """Return the records of a collection."""

    @abstractmethod
    def stored_collection(self, scope: str) -> Mapping[str, Any]:
        """Return a collection's own fields."""

    @abstractmethod
    def queryables(self) -> Mapping[str, Any]:
        """Return name to JSON schema."""

    def record(self, scope: str, item_id: str) -> Record | None:
        """Return one record."""
        return next((record for record in self.records(scope) if record.id == item_id), None)

    def public_id(self, scope: str) -> str:
        """Return a collection's identifier in paths."""
        return scope

    def identity(self, scope: str, record: Record) -> Any:
        """Return what makes a record the same in two collections."""
        return record.id

    def routes(self) -> list[Route]:
        """Return the routes of the read interface."""
        here = self.prefix
        return [
            Route(here, self._landing),
            Route(f"{here}/", self._landing),
            Route(f"{here}/conformance", self._conformance),
            Route(f"{here}/queryables", self._queryables),
            Route(f"{here}/search", self._search, methods=["GET", "POST"]),
            Route(f"{here}/collections", self._collections),
            Route(f"{here}/collections/{{collection}}", self._collection),
            Route(f"{here}/collections/{{collection}}/queryables", self._queryables),
            Route(f"{here}/collections/{{collection}}/items", self._items),
            Route(f"{here}/collections/{{collection}}/items/{{item}}", self._item),
        ]

    def root(self, request: Request) -> str:
        """Return the address of the service as the caller wrote it."""
        return f"{str(request.base_url).rstrip('/')}{self.prefix}"

    async def _landing(self, request: Request) -> Response:
        self.admit(request)
        name = self.prefix.strip("/")
        return json_response(landing_document(self.root(request), name, self.description, self.conformance))

    async def _conformance(self, request: Request) -> Response:
        self.admit(request)
        return json_response({"conformsTo": self.conformance})

    async def _queryables(self, request: Request) -> Response:
        self.admit(request)
        if "collection" in request.path_params:
            self.scopes(request, [request.path_params["collection"]])
        document = {
            "$schema": "https://json-schema.org/draft/2019-09/schema",
            "$id": str(request.url),
            "type": "object",
            "title": f"Queryables of {self.prefix.strip('/')}",
            "properties": dict(self.queryables()),
            "additionalProperties": False,
        }
        return json_response(document, media_type="application/schema+json")

    async def _collections(self, request: Request) -> Response:
        self.admit(request)
        root = self.root(request)
        found = [
            collection_document(root, self.public_id(scope), self.stored_collection(scope))
            for scope in self.scopes(request, None)
        ]
        links = [{"rel": "self", "href": f"{root}/collections", "type": "application/json"}]
        return json_response({"collections": found, "links": links})

    async def _collection(self, request: Request) -> Response:
        self.admit(request)
        (scope,) = self.scopes(request, [request.path_params["collection"]])
        return json_response(
            collection_document(self.root(request), self.public_id(scope), self.stored_collection(scope))
        )

    async def _items(self, request: Request) -> Response:
        self.admit(request)
        search = read_query(request.query_params, self.rules)
        return self._page(request, search, self.scopes(request, [request.path_params["collection"]]))

    async def _item(self, request: Request) -> Response:
        self.admit(request)
        (scope,) = self.scopes(request, [request.path_params["collection"]])
        record = self.record(scope, request.path_params["item"])
        if record is None:
            raise Refusal(404, f"Item {request.path_params['item']} not found")
        return geojson(self._document(request, scope, record))

    async def _search(self, request: Request) -> Response:
        self.admit(request)
        if request.method == "POST":
            search = read_body(await request.body(), self.rules)
        else:
            search = read_query(request.query_params, self.rules)
        return self._page(request, search, self.scopes(request, search.collections))

    def _page(self, request: Request, search: Search, scopes: list[str]) -> Response:
        found = self._found(search, scopes)
        given = found[: self.rules.most_results]
        page = given[search.offset : search.offset + search.limit]
        features = [
            with_fields(self._document(request, scope, record), search.include, search.exclude)
            for scope, record in page
        ]
        document: dict[str, Any] = {
            "type": "FeatureCollection",
            "features": features,
            "links": [{"rel": "root", "href": f"{self.root(request)}/", "type": "application/json"}],
            "numberReturned": len(features),
        }
        if search.offset + search.limit < len(given):
            document["links"].append(next_link(request, search, merges=self.rules.next_link_merges))
        if self.rules.number_matched:
            document["numberMatched"] = len(found)
        return geojson(document)

    def _found(self, search: Search, scopes: list[str]) -> list[tuple[str, Record]]:
        key = (self.version, tuple(scopes), search.key)
        with self._results_lock:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key]
        try:
            found = select(self._distinct(scopes), search)
        except FilterError as error:
            raise Refusal(422, str(error)) from error
        with self._results_lock:
            self._results[key] = found
            while len(self._results) > _KEPT_RESULTS:
                self._results.popitem(last=False)
        return found

    def _distinct(self, scopes: list[str]) -> Iterable[tuple[str, Record]]:
        seen = set()
        for scope in scopes:
            for record in self.records(scope):
                identity = self.identity(scope, record)
                if identity not in seen:
                    seen.add(identity)
                    yield scope, record

    def _document(self, request: Request, scope: str, record: Record) -> dict[str, Any]:
        document = record.document(str(request.base_url).rstrip("/"), scope)
        document["links"] = item_links(self.root(request), self.public_id(scope), record.id)
        return document
