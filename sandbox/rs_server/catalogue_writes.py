"""Transactions of the catalogue."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from eoflows.sandbox.rs_server.catalogue_store import CatalogueStore, not_found
from eoflows.sandbox.settings import CatalogueSettings
from eoflows.sandbox.stac.documents import collection_document, geojson, item_links, json_response
from eoflows.sandbox.stac.errors import Refusal

__all__ = ["CatalogueWrites"]

_BAD_ID = re.compile(r"[:/?#\[\]@!$&'()*+,;=]")


class CatalogueWrites:
    """The routes that change the catalogue."""

    def __init__(
        self,
        prefix: str,
        settings: CatalogueSettings,
        store: CatalogueStore,
        writable: Callable[[Request, str], str],
        root: Callable[[Request], str],
    ) -> None:
        self._prefix = prefix
        self._settings = settings
        self._store = store
        self._writable = writable
        self._root = root

    def routes(self) -> list[Route]:
        """Return the routes."""
        collections = f"{self._prefix}/collections"
        one = f"{collections}/{{collection}}"
        return [
            Route(collections, self._post_collection, methods=["POST"]),
            Route(one, self._put_collection, methods=["PUT"]),
            Route(one, self._patch_collection, methods=["PATCH"]),
            Route(one, self._delete_collection, methods=["DELETE"]),
            Route(f"{one}/items", self._post_items, methods=["POST"]),
            Route(f"{one}/bulk_items", self._post_bulk, methods=["POST"]),
            Route(f"{one}/items/{{item}}", self._put_item, methods=["PUT"]),
            Route(f"{one}/items/{{item}}", self._patch_item, methods=["PATCH"]),
            Route(f"{one}/items/{{item}}", self._delete_item, methods=["DELETE"]),
            Route(f"{one}/items/{{item}}/download/{{asset:path}}", self._download),
        ]

    async def _post_collection(self, request: Request) -> Response:
        document = await _body(request)
        prefix, _, name = str(document.get("id", "")).rpartition(":")
        _checked_id(name)
        owner = prefix or document.get("owner")
        key = self._writable(request, f"{owner}:{name}" if owner else name)
        return self._collection(request, key, self._store.put_collection(key, document, new=True), 201)

    async def _put_collection(self, request: Request) -> Response:
        key = self._writable(request, request.path_params["collection"])
        return self._collection(
            request, key, self._store.put_collection(key, await _body(request), new=False)
        )

    async def _patch_collection(self, request: Request) -> Response:
        key = self._writable(request, request.path_params["collection"])
        merged = _merged(self._store.collection(key), await _body(request))
        return self._collection(request, key, self._store.put_collection(key, merged, new=False))

    async def _delete_collection(self, request: Request) -> Response:
        self._store.delete_collection(self._writable(request, request.path_params["collection"]))
        return json_response({"deleted collection": request.path_params["collection"]})

    async def _post_items(self, request: Request) -> Response:
        key = self._existing(request)
        document = await _body(request)
        if document.get("type") == "FeatureCollection":
            self._store.insert(key, [self._checked(item, key) for item in document.get("features", [])])
            return Response(status_code=201)
        (item,) = self._store.insert(key, [self._checked(document, key)])
        return self._item(request, key, item, 201)

    async def _post_bulk(self, request: Request) -> Response:
        key = self._existing(request)
        document = await _body(request)
        items = [self._checked(item, key) for item in dict(document.get("items") or {}).values()]
        if document.get("method", "insert") == "upsert":
            self._store.upsert(key, items)
        else:
            self._store.insert(key, items)
        return json_response({"received": len(items), "success": len(items), "skipped": 0, "errors": []})

    async def _put_item(self, request: Request) -> Response:
        key = self._existing(request)
        document = self._checked(await _body(request), key)
        if document["id"] != request.path_params["item"]:
            raise Refusal(400, f"Item ID {document['id']} does not match the path")
        return self._item(request, key, self._store.replace(key, document))

    async def _patch_item(self, request: Request) -> Response:
        key, name = self._existing(request), request.path_params["item"]
        record = self._store.record(key, name)
        if record is None:
            raise not_found(f"Item {name} in collection {key}")
        merged = self._checked({**_merged(record.item, await _body(request)), "id": name}, key)
        return self._item(request, key, self._store.replace(key, merged))

    async def _delete_item(self, request: Request) -> Response:
        key = self._existing(request)
        self._store.delete(key, request.path_params["item"])
        return json_response({"deleted item": request.path_params["item"]})

    async def _download(self, request: Request) -> Response:
        key = self._existing(request)
        record = self._store.record(key, request.path_params["item"])
        assets = record.item["assets"] if record else {}
        if request.path_params["asset"] not in assets:
            raise not_found(f"Asset {request.path_params['asset']}")
        return RedirectResponse(assets[request.path_params["asset"]]["href"], 302)

    def _existing(self, request: Request) -> str:
        key = self._writable(request, request.path_params["collection"])
        if key not in self._store.collections():
            if self._settings.missing_collection == 500:
                raise Refusal(500, "Internal Server Error", close=True)
            raise not_found(f"Collection {key}")
        return key

    def _checked(self, item: Any, key: str) -> dict[str, Any]:
        if not isinstance(item, dict) or item.get("type") != "Feature":
            raise Refusal(400, "an item is a GeoJSON Feature")
        _checked_id(str(item.get("id", "")))
        owner, _, name = key.partition(":")
        if item.get("collection", name) not in (name, key, f"{owner}_{name}"):
            raise Refusal(400, f"Collection {item['collection']} does not match the path's {key}")
        return item

    def _collection(
        self, request: Request, key: str, stored: Mapping[str, Any], status: int = 200
    ) -> Response:
        return json_response(collection_document(self._root(request), key, stored), status)

    def _item(self, request: Request, key: str, item: Mapping[str, Any], status: int = 200) -> Response:
        return geojson({**item, "links": item_links(self._root(request), key, item["id"])}, status)


async def _body(request: Request) -> dict[str, Any]:
    try:
        document = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Refusal(400, f"no JSON: {error}") from error
    if not isinstance(document, dict):
        raise Refusal(400, "the body is no object")
    return document


def _checked_id(name: str) -> str:
    if not name or _BAD_ID.search(name):
        raise Refusal(400, f"ID {name!r} is empty or has one of : / ? # [ ] @ ! $ & ' ( ) * + , ; =")
    return name


def _merged(before: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(before) if isinstance(before, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
