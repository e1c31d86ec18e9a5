"""A real server process, asked by pystac-client and by plain HTTP."""

import json
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pystac
import pystac_client
import pytest

from eoflows.stores.catalog import LocalCatalog

COLLECTION = "me:s1-aux"


def item(number: int) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"S1A_AUX_{number:03d}.EOF",
        "geometry": {"type": "Point", "coordinates": [number, 10]} if number < 10 else None,
        "bbox": [number, 10, number, 10] if number < 10 else None,
        "links": [
            {"rel": "self", "href": "https://station.example/x"},
            {"rel": "via", "href": "https://station.example/y"},
        ],
        "properties": {
            "datetime": f"2020-01-{1 + number % 28:02d}T00:00:00Z",
            "start_datetime": f"2020-01-{1 + number % 28:02d}T00:00:00Z",
            "end_datetime": f"2020-01-{1 + number % 28:02d}T12:00:00Z",
            "product:type": f"AUX_{number % 3}",
            "title": "<script>alert(1)</script>",
        },
        "assets": {"file": {"href": f"file:///data/{number}.EOF", "file:size": 5}},
    }


def start(path: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "eoflows.stores.catalog", "serve", str(path), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    process.send_signal(number)
    said = process.communicate(timeout=15)[1]
    assert process.returncode == 0, said
    return said


async def fill(path: Path, collection: str, items: list[dict[str, Any]]) -> None:
    async with LocalCatalog(path) as catalog:
        await catalog.upsert(collection, items)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("served")
    anyio.run(fill, folder / "c.sqlite", COLLECTION, [item(number) for number in range(60)])
    process = start(folder / "c.sqlite", "--ready-file", str(folder / "ready.json"))
    assert process.stdout is not None
    line = process.stdout.readline()
    url = json.loads(line)["url"]
    yield url, folder / "c.sqlite"
    assert stop(process) == ""
    assert json.loads((folder / "ready.json").read_text()) == {"url": url}


@pytest.fixture(scope="module")
def url(served: tuple[str, Path]) -> str:
    return served[0]


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[pystac_client.Client]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pystac_client.Client.open(url)
        yield found
        found._stac_io.session.close()  # type: ignore[union-attr]


def test_the_collections(client: pystac_client.Client) -> None:
    (collection,) = client.get_collections()
    assert collection.id == COLLECTION
    interval = collection.extent.temporal.intervals[0]
    assert [str(end)[:10] for end in interval] == ["2020-01-01", "2020-01-28"]
    assert collection.extent.spatial.bboxes == [[0, 10, 9, 10]]
    one = client.get_collection(COLLECTION).get_item("S1A_AUX_007.EOF")
    assert one is not None
    assert one.assets["file"].href == "file:///data/7.EOF"
    assert {link.rel for link in one.links} == {"self", "root", "parent", "collection", "via"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_paging_finds_all(client: pystac_client.Client, method: str) -> None:
    search = client.search(method=method, collections=[COLLECTION], limit=7)
    pages = list(search.pages_as_dicts())
    assert [len(page["features"]) for page in pages] == [7] * 8 + [4]
    assert [page["numberReturned"] for page in pages] == [7] * 8 + [4]
    assert len({feature["id"] for page in pages for feature in page["features"]}) == 60


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_argument(client: pystac_client.Client, method: str) -> None:
    def ids(**asked: Any) -> list[str]:
        return [
            str(found["id"])[8:11]
            for found in client.search(method=method, limit=5, **asked).items_as_dicts()
        ]

    assert ids(ids=["S1A_AUX_003.EOF", "x"]) == ["003"]
    assert ids(datetime="2020-01-05T06:00:00Z") == ["004", "032"]
    assert ids(bbox=[2.5, 0, 4.5, 20]) == ["003", "004"]
    assert ids(sortby="-id", max_items=2) == ["059", "058"]
    assert ids(
        sortby=[
            {"field": "properties.product:type", "direction": "desc"},
            {"field": "id", "direction": "asc"},
        ],
        max_items=2,
    ) == ["002", "005"]
    assert ids(filter={"op": "=", "args": [{"property": "product:type"}, "AUX_1"]}, max_items=6) == [
        "001",
        "004",
        "007",
        "010",
        "013",
        "016",
    ]
    assert ids(filter="\"product:type\" = 'AUX_1' AND id > 'S1A_AUX_054'", filter_lang="cql2-text") == [
        "055",
        "058",
    ]
    if method == "POST":
        assert ids(intersects={"type": "Point", "coordinates": [4, 10]}) == ["004"]
    (page,) = client.search(method=method, fields=["id"], max_items=1).pages_as_dicts()
    assert "properties" not in page["features"][0]
    assert "assets" not in page["features"][0]


def test_items_are_valid_stac(client: pystac_client.Client) -> None:
    for found in client.search(max_items=3).items():
        assert isinstance(found, pystac.Item)
        assert found.get_collection().id == COLLECTION


def test_the_items_of_a_collection(url: str) -> None:
    address = f"{url}/collections/{COLLECTION}/items?limit=25&sortby=-id"
    seen: list[str] = []
    while address:
        page = httpx.get(address).json()
        seen += [feature["id"] for feature in page["features"]]
        address = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert len(seen) == len(set(seen)) == 60
    assert seen == sorted(seen, reverse=True)
    assert (
        httpx.get(f"{url}/collections/{COLLECTION.replace(':', '%3A')}/items/{seen[0]}").json()["id"]
        == seen[0]
    )


def test_the_documents(url: str) -> None:
    landing = httpx.get(url).json()
    assert {"self", "root", "data", "conformance", "search", "child"} <= {
        link["rel"] for link in landing["links"]
    }
    assert httpx.get(f"{url}/conformance").json()["conformsTo"] == landing["conformsTo"]
    assert "product:type" in httpx.get(f"{url}/collections/{COLLECTION}/queryables").json()["properties"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/search?limit=0", 400, "limit is 0"),
        ("/search?limit=many", 400, "'many'"),
        ("/search?filter=foo(a)=1", 400, "'foo'"),
        ("/search?filter={&filter-lang=cql2-json", 400, "no JSON"),
        ("/search?filter-lang=xml", 400, "'xml'"),
        ("/search?query=x", 400, "query is not supported"),
        ("/search?datetime=today", 400, "'today'"),
        ("/search?bbox=1,2,x,4", 400, "'x'"),
        ("/search?token=nonsense", 400, "token"),
        ("/search?limit=inf", 400, "limit"),
        ("/collections/none", 404, "no collection 'none'"),
        ("/collections/none/items", 404, "no collection 'none'"),
        (f"/collections/{COLLECTION}/items/none", 404, "no item 'none'"),
        ("/nowhere", 404, "Not Found"),
    ],
)
def test_errors(url: str, path: str, status: int, says: str) -> None:
    answer = httpx.get(url + path)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "description"}
    assert says in answer.json()["description"]


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{", b'{"ids": "a"}', b'{"token": 5}', b'{"fields": 5}', b'{"limit": 1e300}', b'{"sortby": {}}'],
)
def test_bad_bodies(url: str, body: bytes) -> None:
    answer = httpx.post(f"{url}/search", content=body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "description"}


def test_it_is_read_only(url: str) -> None:
    for method, path in (
        ("POST", "/collections"),
        ("PUT", f"/collections/{COLLECTION}/items/x"),
        ("DELETE", f"/collections/{COLLECTION}"),
        ("POST", f"/collections/{COLLECTION}/items"),
    ):
        answer = httpx.request(method, url + path, json={})
        assert answer.status_code == 405
        assert answer.json()["code"] == "MethodNotAllowed"
        assert "GET" in answer.headers["allow"]


def test_people_get_a_page(url: str) -> None:
    answer = httpx.get(url, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.headers["content-type"].startswith("text/html")
    assert COLLECTION in answer.text
    assert "S1A_AUX_059.EOF" in answer.text
    assert "<script" not in answer.text
    outside = [
        part for part in answer.text.split('"') if part.startswith("http") and not part.startswith(url)
    ]
    assert outside == []


def test_what_is_written_meanwhile_is_seen(served: tuple[str, Path]) -> None:
    url, path = served
    anyio.run(fill, path, "me:other", [item(1)])
    try:
        assert httpx.get(f"{url}/collections/me:other/items").json()["numberReturned"] == 1
    finally:
        anyio.run(forget, path, "me:other")


async def forget(path: Path, collection: str) -> None:
    async with LocalCatalog(path) as catalog:
        await catalog.delete(collection, [item(1)["id"]])
        with catalog._database.writing() as writer:
            writer.execute("DELETE FROM collections WHERE id = ?", (collection,))


def test_an_unusable_path_is_one_line(tmp_path: Path) -> None:
    process = start(tmp_path / "none" / "c.sqlite")
    _, said = process.communicate(timeout=15)
    assert process.returncode == 2
    assert said.startswith("error: the catalogue")
    assert said.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(tmp_path: Path, number: int) -> None:
    process = start(tmp_path / "c.sqlite")
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    with httpx.Client() as open_connection:
        assert "Nothing yet" in open_connection.get(url, headers={"accept": "text/html"}).text
        assert stop(process, number) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["c.sqlite"]
