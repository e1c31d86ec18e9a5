"""What pystac-client asks, and how it goes out."""

import asyncio

import anyio
import httpx
import pytest
from pydantic import SecretStr
from stac_server import HOME, SEARCH_LINK, StacServer, gathered, item, page

from eoflows.base.errors import ContractError, DeadlineError, InvalidInputError, RefusedError
from eoflows.base.http import ApiKey, HttpClient, Keyring, Origin, RetryPolicy
from eoflows.base.http.witness import witnessed
from eoflows.stores.stac import SearchRequest, StacClient

pytestmark = pytest.mark.anyio

EXPRESSION = {"op": "=", "args": [{"property": "product:type"}, "AUX_POEORB"]}
GET_LINK = SEARCH_LINK | {"method": "GET"}
UNTOLD = {"rel": "search", "href": HOME + "search"}
NO_POST = httpx.Response(405, json={"detail": "Method Not Allowed"})


def by_get(request: httpx.Request, body):
    if request.method != "GET":
        return NO_POST
    if "token" in request.url.params:
        return page([item("b")])
    return page([item("a")], {"href": f"{request.url}&token=2"})


async def test_an_api_that_is_searched_by_get_only():
    server = StacServer(by_get, [GET_LINK])
    asked = SearchRequest.from_envelope(
        {
            "filter": EXPRESSION,
            "collections": ["a", "b"],
            "sortby": ["-created", "id"],
            "timestamp": "2025-01-01/..",
        }
    )
    assert await gathered(server.client(page_size=10).pages(asked)) == [["a"], ["b"]]
    first, second = map(httpx.URL, server.urls)
    assert dict(first.params) == {
        "limit": "10",
        "filter": "product:type = 'AUX_POEORB'",
        "filter-lang": "cql2-text",
        "collections": "a,b",
        "sortby": "-created,+id",
        "datetime": "2025-01-01T00:00:00.000Z/..",
    }
    assert dict(second.params) == dict(first.params) | {"token": "2"}


async def test_the_query_of_a_search_link_stays():
    server = StacServer(by_get, [GET_LINK | {"href": "search?f=json"}])
    await gathered(server.client(page_size=5).pages(SearchRequest()))
    assert server.urls[0] == HOME + "search?f=json&limit=5"


async def test_a_link_that_tells_no_method_is_asked_by_post_and_then_by_get():
    server = StacServer(by_get, [UNTOLD])
    client = server.client()
    assert await gathered(client.pages(SearchRequest())) == [["a"], ["b"]]
    assert await gathered(client.pages(SearchRequest())) == [["a"], ["b"]]
    assert server.urls.count(HOME + "search") == 1


@pytest.mark.parametrize(
    ("links", "asked"),
    [([SEARCH_LINK], ["POST"]), ([GET_LINK], ["GET"]), ([UNTOLD], ["POST", "GET"])],
)
async def test_a_method_that_is_told_is_not_doubted(links, asked):
    methods = []

    def search(request, _):
        methods.append(request.method)
        return NO_POST

    with pytest.raises(RefusedError, match="answered 405"):
        await gathered(StacServer(search, links).client().pages(SearchRequest()))
    assert methods == asked


@pytest.mark.parametrize("expression", [{"op": "=", "args": [{"property": "a"}]}, {"op": "x", "args": [{}]}])
async def test_a_filter_that_cannot_be_written_as_text(expression):
    server = StacServer(by_get, [GET_LINK])
    with pytest.raises(InvalidInputError, match="cannot be asked by GET"):
        await gathered(server.client().pages(SearchRequest(filter=expression)))
    assert server.urls == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("merge", "third"), [(True, "2"), (False, None)])
async def test_headers_of_a_next_link(method, merge, third):
    heard = []

    def search(request, _):
        heard.append((request.headers.get("x-page"), request.headers.get("x-also")))
        links = [
            {"href": "search?page=2", "method": method, "headers": {"X-Page": "2"}},
            {"href": "search?page=3", "method": method, "headers": {"X-Also": "3"}, "merge": merge},
        ]
        return page([item(f"i{len(heard)}")], *links[len(heard) - 1 : len(heard)])

    assert await gathered(StacServer(search).client().pages(SearchRequest())) == [["i1"], ["i2"], ["i3"]]
    assert heard == [(None, None), ("2", None), (third, "3")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": {"Host": "evil.example"}},
        {"headers": {"authorization": "Basic eA=="}},
        {"headers": {"x-page": 2}},
        {"headers": ["x-page"]},
        {"body": ["token"]},
        {"body": "token"},
    ],
)
async def test_a_next_link_that_asks_for_what_may_not_be_sent(wrong):
    server = StacServer(lambda *_: page([item("a")], {"href": "search?page=2", "method": "POST", **wrong}))
    with pytest.raises(ContractError, match="not what may be sent"):
        await gathered(server.client().pages(SearchRequest()))
    assert len(server.urls) == 1


@pytest.mark.parametrize("links", [5, "next", {"rel": "next"}, None, [5, None]])
async def test_links_that_are_none(links):
    server = StacServer(lambda *_: page([item("a")]) | {"links": links})
    assert await gathered(server.client().pages(SearchRequest())) == [["a"]]


@pytest.mark.parametrize("content", [b"<html>", b'{"features": ["\xff"]}', b""])
async def test_an_answer_that_is_no_json(content):
    server = StacServer(lambda *_: httpx.Response(200, content=content))
    with pytest.raises(ContractError, match="not JSON"):
        await gathered(server.client().pages(SearchRequest()))


async def test_a_landing_page_without_the_slash():
    server = StacServer(lambda *_: page([item("a")]))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url == HOME:
            return httpx.Response(404)
        if request.url == HOME.rstrip("/"):
            return httpx.Response(200, json={"links": [SEARCH_LINK | {"href": "search"}]})
        return server(request)

    client = StacClient(HOME, HttpClient(transport=httpx.MockTransport(answer)))
    assert await gathered(client.pages(SearchRequest())) == [["a"]]
    assert server.urls == [HOME + "search"]


class HoldingBack:
    """Holds back every search until it is let go; knows who is waiting."""

    def __init__(self, waiters: int = 1) -> None:
        self.waiters, self.waiting, self.ended = waiters, 0, 0
        self.all_there, self.go = asyncio.Event(), asyncio.Event()
        self.keys: set[str | None] = set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url == HOME:
            return httpx.Response(200, json={"links": [SEARCH_LINK]})
        self.keys.add(request.headers.get("x-api-key"))
        self.waiting += 1
        if self.waiting == self.waiters:
            self.all_there.set()
        try:
            await self.go.wait()
        finally:
            self.ended += 1
        return httpx.Response(200, json=page([item("a")]))

    def client(self) -> StacClient:
        keyring = Keyring([(Origin.of(HOME), ApiKey(SecretStr("a key")))])
        transport = httpx.MockTransport(self)
        return StacClient(
            HOME, HttpClient(transport=transport, keyring=keyring, retry=RetryPolicy(attempts=1))
        )


async def test_who_is_cancelled_ends_the_request():
    server = HoldingBack()
    search = asyncio.ensure_future(gathered(server.client().pages(SearchRequest())))
    await server.all_there.wait()
    search.cancel()
    with pytest.raises(asyncio.CancelledError):
        await search
    assert server.ended == 1


async def test_a_time_that_is_over_ends_the_request():
    server = HoldingBack()
    with pytest.raises(DeadlineError, match=r"its limit of 0\.05 s"):
        await gathered(server.client().pages(SearchRequest(), timeout=0.05))
    assert server.ended == server.waiting


async def test_a_scope_that_is_cancelled_ends_the_request():
    server = HoldingBack()
    async with anyio.create_task_group() as group:
        group.start_soon(gathered, server.client().pages(SearchRequest()))
        await server.all_there.wait()
        group.cancel_scope.cancel()
    assert server.ended == 1


async def test_searches_that_wait_take_no_thread_from_others():
    """More of them than anyio has threads for everybody."""
    number = int(anyio.to_thread.current_default_thread_limiter().total_tokens) + 5
    server = HoldingBack(waiters=number)
    client, found = server.client(), []

    async def search() -> None:
        found.extend(await gathered(client.pages(SearchRequest())))

    async with anyio.create_task_group() as group:
        for _ in range(number):
            group.start_soon(search)
        await server.all_there.wait()
        await anyio.to_thread.run_sync(server.waiting.__index__)
        server.go.set()
    assert found == [["a"]] * number


async def test_searches_are_sent_with_the_credentials_and_the_context_of_the_caller():
    server = HoldingBack()
    server.go.set()
    with witnessed() as answers:
        await gathered(server.client().pages(SearchRequest()))
    assert [answer.request.url.path for answer in answers] == ["/auxip/", "/auxip/search"]
    assert server.keys == {"a key"}
