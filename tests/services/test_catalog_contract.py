"""What every catalogue does, whatever keeps it."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eoflows.base.errors import InvalidInputError, UnsafeNameError
from eoflows.base.times import OPEN_END, parse_utc
from eoflows.stores.catalog import KnownAsset
from eoflows.stores.catalog.interface import Catalog
from eoflows.stores.catalog.remote import CatalogProfile

pytestmark = pytest.mark.anyio
DAY = "2020-01-01T00:00:00Z"
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}


def product(name: str, start: str | None = DAY, end: str | None = None, **more: Any) -> dict[str, Any]:
    properties = {key.replace("__", ":"): value for key, value in more.items()}
    geometry = properties.pop("geometry", None)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/file/v2.1.0/schema.json"],
        "id": name,
        "geometry": geometry,
        **({"bbox": [0, 0, 10, 10]} if geometry else {}),
        "links": [
            {"rel": "self", "href": "https://station.example/items/x"},
            {"rel": "via", "href": "https://station.example/y"},
        ],
        "properties": {
            "datetime": start,
            "start_datetime": start,
            "end_datetime": end or start,
            **properties,
        },
        "assets": {
            f"{name}.EOF": {"href": f"file:///data/{name}", "file:size": 7, "file:checksum": "d501aa"}
        },
    }


async def ids(pages: AsyncIterator[list[dict[str, Any]]]) -> list[str]:
    return [item["id"] async for page in pages for item in page]


async def test_what_is_known(catalog: Catalog, collection: str) -> None:
    assert await catalog.known(collection, ["a"]) == {}
    gone = product("b", unpublished="2024-01-01T00:00:00Z") | {"assets": {}}
    await catalog.upsert(collection, [product("a"), gone])
    known = await catalog.known(collection, ["a", "x", "b", "a"])
    assert list(known) == ["a", "b"]
    assert known["a"].assets == {"a.EOF": KnownAsset("file:///data/a", 7, "d501aa")}
    assert known["b"].assets == {}
    assert await catalog.known(collection, []) == {}


async def test_an_item_comes_back_as_it_went(catalog: Catalog, collection: str) -> None:
    given = [product("a", end="2020-02-01T00:00:00.5Z", geometry=SQUARE, product__type="A", n=1.5)]
    given += [product("b", nested={"list": [1, None, "x"]}, text='quote " and é')]
    await catalog.upsert(collection, given)
    for item in given:
        found = await catalog.get(collection, item["id"])
        assert found is not None
        assert found["collection"] == collection
        assert found["geometry"] == item["geometry"]
        assert found["assets"] == item["assets"]
        properties = found["properties"]
        assert {
            name: properties[name] for name in ("product:type", "n", "nested", "text") if name in properties
        } == {
            name: value
            for name, value in item["properties"].items()
            if name in ("product:type", "n", "nested", "text")
        }
        for name in ("datetime", "start_datetime", "end_datetime"):
            assert parse_utc(properties[name]) == parse_utc(item["properties"][name])
    assert await catalog.get(collection, "x") is None
    assert await catalog.get(collection + "z", "a") is None


async def test_links_to_elsewhere_stay(catalog: Catalog, collection: str) -> None:
    if getattr(catalog, "profile", None) is CatalogProfile.RS_SERVER:
        pytest.skip("the sandbox keeps no links")
    await catalog.upsert(collection, [product("a")])
    (found,) = await catalog.get_many(collection, ["a"])
    hrefs = {link["rel"]: link["href"] for link in found["links"]}
    assert hrefs["via"] == "https://station.example/y"


async def test_get_in_the_order_asked(catalog: Catalog, collection: str) -> None:
    await catalog.upsert(collection, [product(name) for name in "abc"])
    assert [item["id"] for item in await catalog.get_many(collection, ["c", "x", "a"])] == ["c", "a"]
    assert await catalog.get_many(collection, []) == []


async def test_the_last_of_two_counts(catalog: Catalog, collection: str) -> None:
    await catalog.upsert(collection, [product("a", n=1), product("b"), product("a", n=2)])
    found = await catalog.get(collection, "a")
    assert found is not None
    assert found["properties"]["n"] == 2


async def test_timestamps(catalog: Catalog, collection: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    await catalog.upsert(collection, [product("a", created="2019-01-01T00:00:00Z", n=1)])
    (first,) = await catalog.get_many(collection, ["a"])
    await catalog.upsert(collection, [product("a", created="2019-01-01T00:00:00Z", n=2), product("b")])
    (second,) = await catalog.get_many(collection, ["a"])
    times = [
        {key: parse_utc(item["properties"][key]) for key in ("created", "published", "updated")}
        for item in (first, second)
    ]
    assert times[0]["created"] == times[1]["created"] == parse_utc("2019-01-01T00:00:00Z")
    assert before <= times[0]["published"] == times[1]["published"]
    assert times[0]["updated"] <= times[1]["updated"]
    assert second["properties"]["n"] == 2


async def test_what_expired_is_published_again(catalog: Catalog, collection: str) -> None:
    await catalog.upsert(collection, [product("a", unpublished="2024-01-01T00:00:00Z") | {"assets": {}}])
    await catalog.upsert(collection, [product("a")])
    known = await catalog.known(collection, ["a"])
    assert known["a"].unpublished is False
    assert set(known["a"].assets) == {"a.EOF"}


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        ({"properties": {}}, UnsafeNameError, "None"),
        ({"id": "../x", "properties": {}}, UnsafeNameError, "../x"),
        ({"id": "x"}, InvalidInputError, "properties"),
        ({"id": "x", "properties": {"datetime": "soon"}}, InvalidInputError, "'soon'"),
        ({"id": "x", "properties": {"datetime": DAY, "n": object()}}, InvalidInputError, "'x'"),
        (
            {"id": "x", "properties": {"datetime": DAY}, "assets": ["a"]},
            InvalidInputError,
            "assets of item 'x'",
        ),
    ],
)
async def test_one_bad_item_stores_none(
    catalog: Catalog, collection: str, bad: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as caught:
        await catalog.upsert(collection, [product("good"), bad])
    assert says in str(caught.value)
    assert await catalog.known(collection, ["good"]) == {}


async def test_search_by_each_argument(catalog: Catalog, collection: str) -> None:
    west = {"type": "Polygon", "coordinates": [[[-179, 0], [-178, 0], [-178, 1], [-179, 1], [-179, 0]]]}
    triangle = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [0, 10], [0, 0]]]}
    items = [
        product("jan", DAY, "2020-02-01T00:00:00Z", product__type="A", geometry=triangle, created=DAY),
        product("feb", "2020-02-01T00:00:00Z", "2020-03-01T00:00:00Z", product__type="B", geometry=west),
        product("open", "2020-03-01T00:00:00Z", "9999-12-31T23:59:59.999Z", product__type="A"),
    ]
    items[1]["bbox"] = [-179, 0, -178, 1]
    await catalog.upsert(collection, items)

    async def found(**asked: Any) -> list[str]:
        return await ids(catalog.search([collection], **asked))

    assert await found() == ["feb", "jan", "open"]
    assert await found(ids=[]) == []
    assert await ids(catalog.search([])) == []
    assert await found(ids=["jan", "x"]) == ["jan"]
    assert await found(datetime="2020-02-01T00:00:00Z") == ["feb", "jan"]
    assert await found(datetime="2020-02-15T00:00:00Z/..") == ["feb", "open"]
    assert await found(datetime="../2020-01-20T00:00:00Z") == ["jan"]
    assert await found(datetime="2300-01-01") == ["open"]
    assert await found(bbox=[1, 1, 2, 2]) == ["jan"]
    assert await found(bbox=[9, 9, 10, 10]) == []
    assert await found(bbox=[170, -10, -170, 10]) == ["feb"]
    assert await found(bbox=[-180, -90, -5, 180, 90, 5]) == ["feb", "jan"]
    assert await found(filter="\"product:type\" = 'A'", sortby="-start_datetime") == ["open", "jan"]
    assert await found(sortby=[{"field": "properties.product:type", "direction": "desc"}, "+id"]) == [
        "feb",
        "jan",
        "open",
    ]
    assert await found(max_items=0) == []
    assert await found(max_items=2) == ["feb", "jan"]
    contains = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}
    for start, expected in ((DAY, []), ("2020-01-01T00:00:00.001Z", ["jan"])):
        inside = {"op": "t_contains", "args": [contains, {"interval": [start, "2020-01-02T00:00:00Z"]}]}
        assert await found(filter=inside) == expected


async def test_times_that_a_server_keeps_as_text(catalog: Catalog, collection: str) -> None:
    names = {"a": "2020-01-01T00:00:00Z", "b": "2020-01-01T00:00:00.500Z", "c": "2020-01-01T00:00:01.000Z"}
    await catalog.upsert(
        collection, [product(name, evicted__at=None, created=time) for name, time in names.items()]
    )
    await catalog.upsert(collection, [product("none")])

    async def found(op: str, time: str) -> list[str]:
        asked = {"op": op, "args": [{"property": "created"}, {"timestamp": time}]}
        return await ids(catalog.search([collection], filter=asked))

    assert await found(">=", "2020-01-01T00:00:00.000Z") == ["a", "b", "c"]
    assert await found(">", "2020-01-01T00:00:00.000Z") == ["b", "c"]
    assert await found("<=", "2020-01-01T00:00:00.500000Z") == ["a", "b"]
    assert await found("<", "2020-01-01T00:00:00.5Z") == ["a"]
    assert await found("=", "2020-01-01T01:00:01+01:00") == ["c"]
    late = {"op": ">", "args": [{"property": "created"}, {"timestamp": "2020-01-01T00:00:00Z"}]}
    assert await ids(catalog.search([collection], filter={"op": "not", "args": [late]})) == ["a"]
    either = {"op": "or", "args": [late, {"op": "=", "args": [{"property": "id"}, "none"]}]}
    assert await ids(catalog.search([collection], filter=either)) == ["b", "c", "none"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"max_items": -1},
        {"bbox": [1, 2, 3]},
        {"datetime": "a/b/c"},
        {"sortby": [{"field": "id", "direction": "up"}]},
        {"filter": "foo(a) = 1"},
    ],
)
async def test_a_wrong_search_is_refused_at_once(catalog: Catalog, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        catalog.search(**wrong)


async def test_pages(catalog: Catalog, collection: str) -> None:
    names = [f"i{number:03d}" for number in range(57)]
    chance = random.Random(0)
    await catalog.upsert(collection, [product(name, n=chance.randrange(5)) for name in names])
    pages = [page async for page in catalog.search([collection], limit=10, sortby="-n,id")]
    assert [len(page) for page in pages] == [10, 10, 10, 10, 10, 7]
    keys = [(-item["properties"]["n"], item["id"]) for page in pages for item in page]
    assert keys == sorted(keys)
    assert [len(page) async for page in catalog.search([collection], limit=10, max_items=25)] == [10, 10, 5]


async def test_delete_and_summaries(catalog: Catalog, collection: str) -> None:
    await catalog.upsert(
        collection,
        [
            product("a", DAY, "2020-01-02T00:00:00Z"),
            product("b", "2021-01-01T00:00:00Z", "9999-12-31T00:00:00Z"),
        ],
    )
    await catalog.upsert(collection + "x", [])
    found = {one.id: one for one in await catalog.collections()}
    summary = found[collection]
    assert (summary.items, summary.start, summary.end) == (2, datetime(2020, 1, 1, tzinfo=UTC), OPEN_END)
    assert summary.bbox is None
    assert found[collection + "x"].items == 0
    assert await catalog.delete(collection, ["a", "b", "x", "a"]) == 2
    found = {one.id: one for one in await catalog.collections()}
    assert (found[collection].items, found[collection].start) == (0, None)
    assert await catalog.delete("owner:never-there", ["a"]) == 0


async def test_many_items(catalog: Catalog, collection: str) -> None:
    items = [product(f"i{number:04d}", n=number) for number in range(1203)]
    await catalog.upsert(collection, items)
    names = [item["id"] for item in items]
    assert len(await catalog.known(collection, [*names, "x"])) == 1203
    assert [item["id"] for item in await catalog.get_many(collection, names[::-1])] == names[::-1]
    assert await ids(catalog.search([collection], limit=500)) == names
