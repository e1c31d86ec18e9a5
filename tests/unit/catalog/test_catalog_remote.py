"""Servers that lack something, lie, or break: a transport in place of the network."""

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from catalog_items import aux

from eoflows.base.errors import (
    CatalogError,
    ContractError,
    InvalidInputError,
    RefusedError,
    UnreachableError,
    UnsafeNameError,
)
from eoflows.base.http import HttpClient, RetryPolicy
from eoflows.stores.catalog.remote import CatalogProfile, RemoteCatalog

pytestmark = pytest.mark.anyio
DAY = "2020-01-01T00:00:00Z"
Answer = Callable[[httpx.Request, Any], httpx.Response | None]


class Server:
    """A catalogue with one collection, `o~c` or `o:c`, whose behaviour a test may replace in part."""

    def __init__(self, special: Answer = lambda request, body: None) -> None:
        self.special, self.items, self.log = special, dict[str, Any](), list[str]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        body = orjson.loads(request.content) if request.content else None
        self.log.append(f"{request.method} {path}")
        given = self.special(request, body)
        if given is not None:
            return given
        if path.endswith("/search"):
            found = [self.items[name] for name in body.get("ids", self.items) if name in self.items]
            return httpx.Response(200, json={"type": "FeatureCollection", "features": found, "links": []})
        if path.endswith("/bulk_items"):
            if body["method"] == "insert" and set(body["items"]) & set(self.items):
                return httpx.Response(409, json={"code": "ConflictError"})
            self.items |= body["items"]
            return httpx.Response(200, json={"received": len(body["items"]), "errors": []})
        name = path.rpartition("/items/")[2] if "/items/" in path else None
        if request.method == "POST" and path.endswith("/items"):
            name = body["id"]
            if name in self.items:
                return httpx.Response(409, json={})
        if request.method in ("POST", "PUT") and name is not None:
            self.items[name] = body
            return httpx.Response(200, json=body)
        if name is not None:
            there = self.items.get(name)
            return httpx.Response(200, json=there) if there else httpx.Response(404, json={})
        return httpx.Response(200, json={"id": "c", "collections": [], "links": []})


def opened(server: Server, profile: str = "pgstac", **options: Any) -> RemoteCatalog:
    async def no_wait(_: float) -> None:
        return

    http = HttpClient(transport=httpx.MockTransport(server), sleep=no_wait, retry=RetryPolicy(attempts=2))
    options = {"retry": RetryPolicy(attempts=3), "sleep": no_wait} | options
    return RemoteCatalog("https://cat.example/stac", http, profile=CatalogProfile(profile), **options)


def features(*found: Any, **more: Any) -> httpx.Response:
    return httpx.Response(
        200, json={"type": "FeatureCollection", "features": list(found), "links": [], **more}
    )


async def test_without_bulk_items_each_goes_by_itself() -> None:
    server = Server(lambda request, body: httpx.Response(405) if "bulk" in request.url.path else None)
    catalog = opened(server)
    await catalog.upsert("o:c", [aux(name, DAY, n=1) for name in "abc"])
    await catalog.upsert("o:c", [aux("a", DAY, n=1), aux("b", DAY, n=2), aux("d", DAY)])
    assert {name: item["properties"].get("n") for name, item in server.items.items()} == {
        "a": 1,
        "b": 2,
        "c": 1,
        "d": None,
    }
    assert sum("bulk_items" in line for line in server.log) == 1
    assert [line for line in server.log if line.startswith("PUT")] == ["PUT /stac/collections/o~c/items/b"]


async def test_an_equal_item_is_not_sent_again() -> None:
    server = Server()
    catalog = opened(server)
    await catalog.upsert("o:c", [aux("a", DAY)])
    server.log.clear()
    again = aux("a", "2020-01-01T00:00:00.000Z", eoflows__run="another", eoflows__reason="x", gone=None)
    await catalog.upsert("o:c", [again])
    assert server.log == ["POST /stac/collections/o~c/bulk_items", "POST /stac/search"]


async def test_rs_server_replaces_by_put() -> None:
    server = Server()
    catalog = opened(server, "rs-server")
    await catalog.upsert("o:c", [aux("a", DAY, n=1), aux("b", DAY, n=1)])
    server.items["a"] |= {"assets": {}, "properties": server.items["a"]["properties"] | {"unpublished": DAY}}
    known = await catalog.known("o:c", ["a", "b"])
    assert [known[name].unpublished for name in "ab"] == [True, False]
    await catalog.upsert("o:c", [aux("a", DAY, n=1), aux("b", DAY, n=1)])
    assert [line for line in server.log if line.startswith("PUT")] == ["PUT /stac/collections/o:c/items/a"]
    assert "published" not in server.items["b"]["properties"]


@pytest.mark.parametrize("took_effect", [True, False])
async def test_a_lost_answer_is_read_back(took_effect: bool) -> None:
    server = Server()

    def special(request: httpx.Request, body: Any) -> httpx.Response | None:
        if "bulk" in request.url.path and sum("bulk" in line for line in server.log) == 1:
            if took_effect:
                server.items.update(body["items"])
            raise httpx.ReadError("reset")
        return None

    server.special = special
    await opened(server).upsert("o:c", [aux(name, DAY) for name in "ab"])
    assert set(server.items) == {"a", "b"}
    assert sum("bulk" in line for line in server.log) == (1 if took_effect else 2)


async def test_what_stays_broken_is_said() -> None:
    server = Server(lambda request, body: httpx.Response(500) if "bulk" in request.url.path else None)
    with pytest.raises(UnreachableError, match="500"):
        await opened(server).upsert("o:c", [aux("a", DAY)])
    assert sum("bulk" in line for line in server.log) == 3


async def test_items_refused_with_status_200() -> None:
    refused = {"received": 1, "success": 0, "errors": [{"id": "a", "msg": "no good"}]}
    server = Server(
        lambda request, body: httpx.Response(200, json=refused) if "bulk" in request.url.path else None
    )
    with pytest.raises(InvalidInputError, match="no good"):
        await opened(server).upsert("o:c", [aux("a", DAY)])


@pytest.mark.parametrize(("status", "error"), [(422, InvalidInputError), (403, RefusedError)])
async def test_refusals(status: int, error: type[Exception]) -> None:
    server = Server(lambda request, body: httpx.Response(status) if "bulk" in request.url.path else None)
    with pytest.raises(error):
        await opened(server).upsert("o:c", [aux("a", DAY)])


async def test_a_batch_that_is_too_large_is_halved() -> None:
    def special(request: httpx.Request, body: Any) -> httpx.Response | None:
        return httpx.Response(413) if "bulk" in request.url.path and len(body["items"]) > 3 else None

    server = Server(special)
    await opened(server).upsert("o:c", [aux(f"i{number}", DAY) for number in range(10)])
    assert len(server.items) == 10


async def test_a_server_without_fields() -> None:
    def special(request: httpx.Request, body: Any) -> httpx.Response | None:
        return httpx.Response(400) if "search" in request.url.path and "fields" in body else None

    server = Server(special)
    catalog = opened(server)
    await catalog.upsert("o:c", [aux("a", DAY)])
    for _ in range(2):
        assert set(await catalog.known("o:c", ["a", "x"])) == {"a"}
    assert sum("search" in line for line in server.log) == 3


@pytest.mark.parametrize("profile", ["pgstac", "rs-server"])
@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ({"properties": 5}, "properties"),
        ({"assets": ["x"]}, "assets"),
        ({"links": "x"}, "links"),
        ({"assets": {"f": 5}}, "assets"),
        ({"properties": None, "assets": None, "links": None}, ""),
        ({"links": [5, None, {"rel": ["self"]}]}, ""),
    ],
)
async def test_a_record_that_cannot_be_read_harms_itself_only(
    profile: str, broken: dict[str, Any], fault: str
) -> None:
    def special(request: httpx.Request, body: Any) -> httpx.Response | None:
        if "search" not in request.url.path or request.method != "POST":
            return None
        name = body["collections"][0]
        good = {**aux("a", DAY), "collection": name}
        return features(good | {"id": "bad"} | broken, good, 5, None, {"id": None})

    catalog = opened(Server(special), profile)
    known = await catalog.known("o:c", ["a", "bad"])
    assert not known["a"].fault
    assert bool(known["bad"].fault) == bool(fault)
    assert fault in known["bad"].fault
    found = await catalog.get_many("o:c", ["a", "bad"])
    assert [item["id"] for item in found] == ["a", "bad"]


async def test_pages_by_post_and_by_get() -> None:
    def special(request: httpx.Request, body: Any) -> httpx.Response | None:
        if "search" not in request.url.path:
            return None
        item = {**aux("x", DAY), "collection": "o~c"}
        if body and "token" not in body:
            link = {
                "rel": "next",
                "method": "POST",
                "href": "http://inside:80/search",
                "merge": True,
                "body": {"token": "2"},
            }
            return features(item | {"id": "a"}, links=[link])
        if body:
            assert body["sortby"]
            return features(
                item | {"id": "b"}, links=[{"rel": "next", "href": "http://inside/search?token=3"}]
            )
        assert request.url == "https://cat.example/stac/search?token=3"
        return features(item | {"id": "c"})

    pages = [[item["id"] for item in page] async for page in opened(Server(special)).search(["o:c"])]
    assert pages == [["a"], ["b"], ["c"]]


async def test_pages_in_a_circle() -> None:
    def special(request: httpx.Request, body: Any) -> httpx.Response | None:
        link = {"rel": "next", "method": "POST", "merge": True, "body": {"token": "1"}, "href": ""}
        return features({**aux("a", DAY), "collection": "o~c"}, links=[link])

    with pytest.raises(ContractError, match="earlier page"):
        _ = [page async for page in opened(Server(special)).search(["o:c"])]


@pytest.mark.parametrize(
    "stray",
    [
        {"collection": "c", "properties": {"datetime": DAY, "owner": "a_b"}},
        {
            "collection": "c",
            "links": [{"rel": "collection", "href": "https://cat.example/collections/a_b:c"}],
        },
        {"collection": "c"},
    ],
)
async def test_twin_names_on_rs_server(stray: dict[str, Any]) -> None:
    server = Server(
        lambda request, body: features({**aux("x", DAY), **stray}) if "search" in request.url.path else None
    )
    with pytest.raises(CatalogError, match=r"a:b_c.*same name"):
        await opened(server, "rs-server").known("a:b_c", ["x"])


@pytest.mark.parametrize(
    "fitting",
    [
        {"collection": "b_c", "properties": {"datetime": DAY, "owner": "a"}},
        {"collection": "a_b_c", "properties": {"datetime": DAY, "owner": "a"}},
        {"collection": "b_c"},
        {"collection": "a_b_c"},
        {"collection": "a:b_c"},
    ],
)
async def test_spellings_of_a_collection(fitting: dict[str, Any]) -> None:
    server = Server(
        lambda request, body: features({**aux("x", DAY), **fitting}) if "search" in request.url.path else None
    )
    (item,) = await opened(server, "rs-server").get_many("a:b_c", ["x"])
    assert item["collection"] == "a:b_c"


async def test_a_twin_is_found_before_the_collection_is_made() -> None:
    def special(request: httpx.Request, body: Any) -> httpx.Response | None:
        if request.url.path.endswith("a:b_c"):
            return httpx.Response(404)
        if request.url.path.endswith("/collections"):
            return httpx.Response(200, json={"collections": [{"id": "c", "owner": "a_b"}], "links": []})
        return None

    server = Server(special)
    with pytest.raises(CatalogError, match=r"a:b_c and a_b:c"):
        await opened(server, "rs-server").upsert("a:b_c", [aux("x", DAY)])
    assert not any(line.startswith("POST") for line in server.log)


@pytest.mark.parametrize(
    ("profile", "collection", "item"),
    [
        ("pgstac", "o:c", "a:b"),
        ("pgstac", "o:c", "a(b)"),
        ("pgstac", "o~x:c", "a"),
        ("pgstac", "o:c:d", "a"),
        ("rs-server", "c", "a"),
        ("rs-server", "o:", "a"),
        ("rs-server", "o:c", "a+b"),
    ],
)
async def test_names_are_refused_before_anything_is_sent(profile: str, collection: str, item: str) -> None:
    server = Server()
    with pytest.raises(UnsafeNameError):
        await opened(server, profile).upsert(collection, [aux("good", DAY), aux(item, DAY)])
    assert server.log == []


@pytest.mark.parametrize("bad", [{"text": "a\0b"}, {"datetime": None, "start_datetime": None}])
async def test_what_pgstac_would_answer_with_500(bad: dict[str, Any]) -> None:
    server = Server()
    item = aux("a", DAY)
    with pytest.raises(InvalidInputError, match="'a'"):
        await opened(server).upsert("o:c", [item | {"properties": item["properties"] | bad}])
    assert server.log == []


async def test_an_open_end_and_no_geometry_go_to_pgstac_and_back() -> None:
    server = Server()
    catalog = opened(server)
    await catalog.upsert("o:c", [aux("a", DAY, None)])
    assert server.items["a"]["properties"]["end_datetime"] == "9999-12-31T23:59:59.999Z"
    assert server.items["a"]["geometry"] == {"type": "GeometryCollection", "geometries": []}
    found = await catalog.get("o:c", "a")
    assert found is not None
    assert found["geometry"] is None
    assert "bbox" not in found


async def test_reading_only() -> None:
    server = Server()
    catalog = opened(server, writable=False)
    for write in (catalog.upsert("o:c", [aux("a", DAY)]), catalog.delete("o:c", ["a"])):
        with pytest.raises(CatalogError, match="reading only"):
            await write
    assert server.log == []


async def test_a_collection_that_goes_away_is_made_again() -> None:
    there = {"o~c": False}

    def special(request: httpx.Request, body: Any) -> httpx.Response | None:
        path = request.url.path
        if path.endswith("/collections") and request.method == "POST":
            there["o~c"] = True
            return httpx.Response(201)
        if "bulk" in path and not there["o~c"]:
            return httpx.Response(404)
        if path.endswith("/o~c"):
            return httpx.Response(200 if there["o~c"] else 404)
        return None

    server = Server(special)
    catalog = opened(server)
    await catalog.upsert("o:c", [aux("a", DAY)])
    there["o~c"] = False
    await catalog.upsert("o:c", [aux("b", DAY)])
    assert set(server.items) == {"a", "b"}
