"""A STAC API of a few lines, at httpx's transport."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from eoflows.base.http import HttpClient, RetryPolicy
from eoflows.stores.stac import StacClient

HOME = "https://station.example/auxip/"
SEARCH_LINK = {"rel": "search", "href": HOME + "search", "method": "POST"}


def item(name: str, **properties: Any) -> dict[str, Any]:
    times = {"datetime": "2025-08-07T00:00:00Z", **properties}
    return {"type": "Feature", "id": name, "properties": times, "assets": {}, "links": []}


def page(items: list[dict[str, Any]], *following: dict[str, Any]) -> dict[str, Any]:
    links = [{"rel": "root", "href": HOME}, *({"rel": "next", **link} for link in following)]
    return {"type": "FeatureCollection", "features": items, "links": links}


class StacServer:
    """Answers the landing page itself, and searches by a function of the request."""

    def __init__(
        self,
        search: Callable[[httpx.Request, dict[str, Any]], Any],
        links: list[Any] | None = None,
    ) -> None:
        self.search = search
        self.landing: Any = {"type": "Catalog", "links": [SEARCH_LINK] if links is None else links}
        self.landings = 0
        self.bodies: list[dict[str, Any]] = []
        self.urls: list[str] = []
        self.headers: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url == HOME:
            self.landings += 1
            return httpx.Response(200, json=self.landing, headers=self.headers)
        if request.url == HOME.rstrip("/"):
            return httpx.Response(404, json={"detail": "Not Found"})
        self.urls.append(str(request.url))
        body = json.loads(request.content) if request.content else {}
        self.bodies.append(body)
        answer = self.search(request, body)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def client(self, **options: Any) -> StacClient:
        http = HttpClient(transport=httpx.MockTransport(self), retry=RetryPolicy(attempts=1))
        return StacClient(HOME, http, **options)


def numbered(total: int) -> Callable[[httpx.Request, dict[str, Any]], Any]:
    """Pages by a token in the body, which is to be merged with the request's."""

    def search(request: httpx.Request, body: dict[str, Any]) -> Any:
        first = int(body.get("token", 0))
        last = min(total, first + body["limit"])
        following = {"href": HOME + "search", "method": "POST", "merge": True, "body": {"token": str(last)}}
        return page([item(f"i{n}") for n in range(first, last)], *([following] if last < total else []))

    return search


async def gathered(pages: Any) -> list[list[str]]:
    return [[one["id"] for one in page] async for page in pages]
