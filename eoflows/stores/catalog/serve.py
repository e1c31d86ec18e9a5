"""A small read-only STAC API over a local catalogue, and a page for people."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from eoflows.base.errors import EoError, InvalidInputError
from eoflows.stores.catalog.browse import page_for_people
from eoflows.stores.catalog.interface import CollectionSummary
from eoflows.stores.catalog.local import LocalCatalog
from eoflows.stores.catalog.query import build
from eoflows.stores.catalog.search_request import SearchRequest, from_body, from_parameters
from eoflows.stores.catalog.stac_documents import GEOJSON, Documents, picked

__all__ = ["create_app"]

_LARGEST_BODY = 8 * 2**20
_LATEST = 25


def create_app(catalog: LocalCatalog) -> Starlette:
    """Make the application; it opens the catalogue when it starts and closes it when it stops."""
    api = _Api(catalog)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with catalog:
            yield

    collection = "/collections/{collection}"
    routes = [
        Route("/", api.landing),
        Route("/conformance", api.conformance),
        Route("/queryables", api.queryables),
        Route("/search", api.search, methods=["GET", "POST"]),
        Route("/collections", api.collections),
        Route(collection, api.collection),
        Route(f"{collection}/queryables", api.queryables),
        Route(f"{collection}/items", api.items),
        Route(f"{collection}/items/{{item}}", api.item),
    ]
    handlers: dict[Any, Callable[[Request, Any], Any]] = {
        InvalidInputError: lambda _, error: _refusal(400, "InvalidParameterValue", str(error)),
        EoError: lambda _, error: _refusal(500, type(error).__name__, str(error)),
        HTTPException: _http_refusal,
    }
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)


class _Api:
    """The endpoints."""

    def __init__(self, catalog: LocalCatalog) -> None:
        self._catalog = catalog

    async def landing(self, request: Request) -> Response:
        summaries = await self._catalog.collections()
        if "text/html" in request.headers.get("accept", ""):
            latest = await self._catalog.page(build(sortby="-updated"), limit=_LATEST)
            return HTMLResponse(page_for_people(_documents(request), summaries, latest.items))
        return _json(_documents(request).landing(summaries))

    async def conformance(self, request: Request) -> Response:
        return _json(_documents(request).conformance())

    async def queryables(self, request: Request) -> Response:
        if "collection" in request.path_params:
            await self._summary(request)
        return _json(_documents(request).queryables(request.url.path), "application/schema+json")

    async def collections(self, request: Request) -> Response:
        return _json(_documents(request).collections(await self._catalog.collections()))

    async def collection(self, request: Request) -> Response:
        return _json(_documents(request).collection(await self._summary(request)))

    async def items(self, request: Request) -> Response:
        summary = await self._summary(request)
        search = from_parameters(request.query_params, summary.id)
        return await self._found(request, search, lambda token: _next_get(request, token))

    async def item(self, request: Request) -> Response:
        collection, name = request.path_params["collection"], request.path_params["item"]
        found = await self._catalog.get(collection, name)
        if found is None:
            raise HTTPException(404, f"no item {name!r} in collection {collection!r}")
        return _json(_documents(request).item(found), GEOJSON)

    async def search(self, request: Request) -> Response:
        if request.method != "POST":
            search = from_parameters(request.query_params)
            return await self._found(request, search, lambda token: _next_get(request, token))
        body = await _body(request)
        return await self._found(request, from_body(body), lambda token: _next_post(request, body, token))

    async def _found(
        self, request: Request, search: SearchRequest, following: Callable[[str], dict[str, Any]]
    ) -> Response:
        page = await self._catalog.page(search.query, limit=search.limit, token=search.token)
        documents = _documents(request)
        items = [documents.item(item) for item in page.items]
        if search.include or search.exclude:
            items = [picked(item, search.include, search.exclude) for item in items]
        links = [{"rel": "self", "type": GEOJSON, "href": str(request.url)}]
        links += [following(page.next)] if page.next else []
        return _json(documents.features(items, links), GEOJSON)

    async def _summary(self, request: Request) -> CollectionSummary:
        name = request.path_params["collection"]
        for summary in await self._catalog.collections():
            if summary.id == name:
                return summary
        raise HTTPException(404, f"no collection {name!r}")


def _documents(request: Request) -> Documents:
    return Documents(str(request.base_url).rstrip("/"))


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise HTTPException(
                413, f"the body is larger than {_LARGEST_BODY} bytes; ask for fewer ids at once"
            )
    return bytes(body)


def _next_get(request: Request, token: str) -> dict[str, Any]:
    href = str(request.url.include_query_params(token=token))
    return {"rel": "next", "type": GEOJSON, "method": "GET", "href": href}


def _next_post(request: Request, body: bytes, token: str) -> dict[str, Any]:
    following = {**orjson.loads(body or b"{}"), "token": token}
    return {"rel": "next", "type": GEOJSON, "method": "POST", "href": str(request.url), "body": following}


def _json(document: object, kind: str = "application/json", status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type=kind)


def _refusal(status: int, code: str, description: str) -> Response:
    return _json({"code": code, "description": description}, status=status)


def _http_refusal(request: Request, error: HTTPException) -> Response:
    codes = {404: "NotFound", 405: "MethodNotAllowed", 413: "RequestTooLarge"}
    description = error.detail
    if error.status_code == 405:
        description = f"{request.method} is not allowed: this catalogue is read-only here"
    found = _refusal(error.status_code, codes.get(error.status_code, "Error"), description)
    found.headers.update(error.headers or {})
    return found
