import itertools
import sqlite3
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from catalog_items import aux

from eoflows.base.errors import CatalogError, InvalidInputError, UnsafeNameError
from eoflows.base.times import OPEN_END, Interval
from eoflows.stores.catalog import KnownAsset, LocalCatalog

pytestmark = pytest.mark.anyio
START = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[LocalCatalog]:
    minutes = itertools.count()
    async with LocalCatalog(
        tmp_path / "c.sqlite", clock=lambda: START + timedelta(minutes=next(minutes))
    ) as found:
        yield found


async def found(pages: AsyncIterator[list[dict[str, Any]]]) -> list[str]:
    return [item["id"] async for page in pages for item in page]


async def test_what_is_known(catalog: LocalCatalog) -> None:
    await catalog.upsert(
        "o:c",
        [
            aux("a", "2020-01-01T00:00:00Z"),
            aux("b", "2020-01-01T00:00:00Z", unpublished="2024-01-01T00:00:00Z"),
        ],
    )
    known = await catalog.known("o:c", ["a", "x", "b"])
    assert set(known) == {"a", "b"}
    assert known["a"].assets == {"a.EOF": KnownAsset("file:///data/a.EOF", 7, "d501aa")}
    assert [known[name].unpublished for name in "ab"] == [False, True]
    assert await catalog.known("other", ["a"]) == {}


async def test_get_in_the_order_asked(catalog: LocalCatalog) -> None:
    await catalog.upsert("o:c", [aux(name, "2020-01-01T00:00:00Z") for name in "abc"])
    assert [item["id"] for item in await catalog.get_many("o:c", ["c", "x", "a"])] == ["c", "a"]
    stored = await catalog.get("o:c", "b")
    assert stored is not None
    assert stored["collection"] == "o:c"
    assert await catalog.get("o:c", "x") is None


async def test_owner_and_collection_never_collide(catalog: LocalCatalog) -> None:
    await catalog.upsert("a:b_c", [aux("x", "2020-01-01T00:00:00Z", n=1)])
    await catalog.upsert("a_b:c", [aux("x", "2020-01-01T00:00:00Z", n=2)])
    assert [
        item["properties"]["n"] for page in [await catalog.get_many("a:b_c", ["x"])] for item in page
    ] == [1]
    assert [summary.id for summary in await catalog.collections()] == ["a:b_c", "a_b:c"]


async def test_timestamps(catalog: LocalCatalog) -> None:
    given = aux("a", "2020-01-01T00:00:00Z", created="2019-01-01T00:00:00Z")
    for _ in range(2):
        await catalog.upsert("c", [given, aux("b", "2020-01-01T00:00:00Z", published="2020-02-02T00:00:00Z")])
    times = [
        [item["properties"].get(key) for key in ("created", "published", "updated")]
        for item in await catalog.get_many("c", ["a", "b"])
    ]
    assert times == [
        ["2019-01-01T00:00:00Z", "2025-01-01T00:00:00.000Z", "2025-01-01T00:01:00.000Z"],
        [None, "2020-02-02T00:00:00Z", "2025-01-01T00:01:00.000Z"],
    ]
    assert "published" not in given["properties"]


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        ({"properties": {}}, UnsafeNameError, "None"),
        ({"id": "../x", "properties": {}}, UnsafeNameError, "../x"),
        ({"id": "..", "properties": {}}, UnsafeNameError, ".."),
        ({"id": "a\n", "properties": {}}, UnsafeNameError, "a"),
        ({"id": "x"}, InvalidInputError, "properties"),
        ({"id": "x", "properties": {"datetime": "soon"}}, InvalidInputError, "datetime of item 'x': 'soon'"),
        ({"id": "x", "properties": {"updated": 5}}, InvalidInputError, "updated of item 'x' is 5"),
        ({"id": "x", "properties": {"n": object()}}, InvalidInputError, "'x'"),
        ({"id": "x", "properties": {}, "assets": []}, None, ""),
        ({"id": "x", "properties": {}, "assets": ["a"]}, InvalidInputError, "assets of item 'x'"),
    ],
)
async def test_one_bad_item_stores_none(
    catalog: LocalCatalog, bad: dict[str, Any], error: type[Exception] | None, says: str
) -> None:
    batch = [aux("good", "2020-01-01T00:00:00Z"), bad]
    if error is None:
        await catalog.upsert("c", batch)
        return
    with pytest.raises(error) as caught:
        await catalog.upsert("c", batch)
    assert says in str(caught.value)
    assert await catalog.known("c", ["good"]) == {}
    assert await catalog.collections() == []


async def test_search_by_each_argument(catalog: LocalCatalog) -> None:
    west = {"type": "Polygon", "coordinates": [[[-179, 0], [-178, 0], [-178, 1], [-179, 1], [-179, 0]]]}
    triangle = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [0, 10], [0, 0]]]}
    await catalog.upsert(
        "c",
        [
            aux("jan", "2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z", product__type="A", geometry=triangle),
            aux("feb", "2020-02-01T00:00:00Z", "2020-03-01T00:00:00Z", product__type="B", geometry=west),
            aux("open", "2020-03-01T00:00:00Z", "9999-12-31T23:59:59.999Z", product__type="A"),
            {"id": "instant", "properties": {"datetime": "2020-01-15T00:00:00Z"}},
        ],
    )
    await catalog.upsert("d", [aux("jan", "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z")])
    in_c = catalog.search

    assert await found(in_c(["c"])) == ["feb", "instant", "jan", "open"]
    assert await found(in_c()) == ["feb", "instant", "jan", "open", "jan"]
    assert await found(in_c([])) == []
    assert await found(in_c(["c"], ids=[])) == []
    assert await found(in_c(ids=["jan", "x"])) == ["jan", "jan"]
    assert await found(in_c(["c"], datetime="2020-02-01T00:00:00Z")) == ["feb", "jan"]
    assert await found(in_c(["c"], datetime="2020-02-15T00:00:00Z/..")) == ["feb", "open"]
    assert await found(in_c(["c"], datetime=Interval.parse(None, "2020-01-20"))) == ["instant", "jan"]
    assert await found(in_c(["c"], datetime="2300-01-01")) == ["open"]
    assert await found(in_c(["c"], bbox=[1, 1, 2, 2])) == ["jan"]
    assert await found(in_c(["c"], bbox=[9, 9, 10, 10])) == []
    assert await found(in_c(["c"], bbox=[170, -10, -170, 10])) == ["feb"]
    assert await found(in_c(["c"], bbox=[-180, -90, -5, 180, 90, 5])) == ["feb", "jan"]
    assert await found(in_c(["c"], filter="product:type = 'A'", sortby="-start_datetime")) == ["open", "jan"]
    assert await found(
        in_c(["c"], sortby=[{"field": "properties.product:type", "direction": "desc"}, "+id"])
    ) == [
        "feb",
        "jan",
        "open",
        "instant",
    ]
    assert await found(in_c(["c"], max_items=0)) == []


async def test_the_boundary_of_t_contains_is_strict(catalog: LocalCatalog) -> None:
    await catalog.upsert("c", [aux("a", "2020-01-01T00:00:00Z", "2020-01-10T00:00:00Z")])
    item = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}
    for start, expected in (("2020-01-01T00:00:00Z", []), ("2020-01-01T00:00:00.001Z", ["a"])):
        contains = {"op": "t_contains", "args": [item, {"interval": [start, "2020-01-02T00:00:00Z"]}]}
        assert await found(catalog.search(filter=contains)) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": 10_001},
        {"max_items": -1},
        {"bbox": [1, 2, 3]},
        {"bbox": [0, 10, 1, 5]},
        {"bbox": ["a", 2, 3, 4]},
        {"datetime": "a/b/c"},
        {"datetime": "2021-01-01/2020-01-01"},
        {"datetime": 5},
        {"sortby": "-bad'name"},
        {"sortby": [{"field": "id", "direction": "up"}]},
        {"sortby": {"field": "id"}},
        {"collections": "c"},
        {"ids": [1]},
        {"filter": "foo(a) = 1"},
    ],
)
async def test_a_wrong_search_is_refused_at_once(catalog: LocalCatalog, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        catalog.search(**wrong)


@pytest.mark.parametrize(
    "sortby", [None, "-updated", "+platform", "-platform,id", "-n,+id", "product:type,-n"]
)
async def test_pages_neither_repeat_nor_drop_while_items_are_added(
    catalog: LocalCatalog, sortby: str | None
) -> None:
    old = [f"m{number:03d}" for number in range(57)]
    for third in range(3):
        names = old[third::3]
        await catalog.upsert(
            "c",
            [aux(name, "2020-01-01T00:00:00Z", n=int(name[1:]) % 5, platform=f"s{third}") for name in names],
        )
    seen: list[str] = []
    new = itertools.count()
    async for page in catalog.search(sortby=sortby, limit=5):
        seen += [item["id"] for item in page]
        await catalog.upsert(
            "c", [aux(f"{prefix}{next(new)}", "2020-01-01T00:00:00Z", n=2) for prefix in "az"]
        )
        if len(seen) > 500:
            break
    assert len(seen) == len(set(seen))
    assert set(old) <= set(seen)


async def test_max_items_cuts_the_last_page(catalog: LocalCatalog) -> None:
    await catalog.upsert("c", [aux(f"i{number}", "2020-01-01T00:00:00Z") for number in range(9)])
    pages = [len(page) async for page in catalog.search(limit=3, max_items=7)]
    assert pages == [3, 3, 1]


async def test_delete_and_summaries(catalog: LocalCatalog) -> None:
    point = {"type": "Point", "coordinates": [3, 4]}
    await catalog.upsert(
        "c",
        [
            aux("a", "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z", geometry=point),
            aux("b", "2021-01-01T00:00:00Z", "9999-12-31T00:00:00Z"),
            {"id": "timeless", "properties": {}},
        ],
    )
    (summary,) = await catalog.collections()
    assert (summary.id, summary.items, summary.bbox) == ("c", 3, (3, 4, 3, 4))
    assert (summary.start, summary.end) == (datetime(2020, 1, 1, tzinfo=UTC), OPEN_END)
    assert await catalog.delete("c", ["a", "b", "x", "timeless"]) == 3
    (summary,) = await catalog.collections()
    assert (summary.items, summary.start, summary.end, summary.bbox) == (0, None, None, None)


async def test_a_reader_does_not_wait_for_the_writer(catalog: LocalCatalog) -> None:
    await catalog.upsert("c", [aux("a", "2020-01-01T00:00:00Z")])
    with catalog._database.writing() as writer, anyio.fail_after(120):
        writer.execute("DELETE FROM items")
        assert set(await catalog.known("c", ["a"])) == {"a"}


async def test_a_second_writer_waits(catalog: LocalCatalog) -> None:
    await catalog.upsert("c", [])
    other = sqlite3.connect(catalog.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
    await catalog.upsert("c", [aux("a", "2020-01-01T00:00:00Z")])
    other.close()
    assert set(await catalog.known("c", ["a"])) == {"a"}


async def test_it_can_be_closed_and_used_again(tmp_path: Path) -> None:
    catalog = LocalCatalog(tmp_path / "c.sqlite")
    await catalog.upsert("c", [aux("a", "2020-01-01T00:00:00Z")])
    await catalog.aclose()
    assert set(await catalog.known("c", ["a"])) == {"a"}
    await catalog.aclose()
    assert [path.name async for path in anyio.Path(tmp_path).iterdir()] == ["c.sqlite"]


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(CatalogError, match=r"schema 99.*update eoflows"):
        await LocalCatalog(path).known("c", ["a"])


async def test_what_is_no_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").write_bytes(b"this is a text and no database at all" * 100)
    with pytest.raises(CatalogError, match=r"c\.sqlite"):
        await LocalCatalog(tmp_path / "c.sqlite").known("c", ["a"])
    with pytest.raises(CatalogError, match="does not exist, make it"):
        await LocalCatalog(tmp_path / "no" / "c.sqlite").known("c", ["a"])


async def test_a_strange_token_is_refused(catalog: LocalCatalog) -> None:
    from eoflows.stores.catalog.query import build

    await catalog.upsert("c", [aux(name, "2020-01-01T00:00:00Z") for name in "ab"])
    page = await catalog.page(build(), limit=1)
    for token, query in (("?", build()), ("eHg", build()), (page.next, build(sortby="-updated"))):
        with pytest.raises(InvalidInputError, match="token"):
            await catalog.page(query, limit=1, token=token)
