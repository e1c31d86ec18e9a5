import hashlib
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pystac_client
import pytest

from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.settings import ApiKey, CollectionSettings, StationSettings

KEY = {"x-api-key": "sandbox-demo-key"}
POEORB = Path(__file__).parents[4] / "shared" / "data" / "aux_orbits" / "poeorb.jsonl.gz"
VALIDITY = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}


def valcover(product_type, start, stop):
    equal = {"op": "=", "args": [{"property": "product:type"}, product_type]}
    return {
        "op": "and",
        "args": [equal, {"op": "t_contains", "args": [VALIDITY, {"interval": [start, stop]}]}],
    }


def found(client, **search):
    return {item["id"] for item in client.search(method="POST", **search).items_as_dicts()}


@pytest.fixture
def auxip(box):
    return pystac_client.Client.open(f"{box.url}/auxip/", headers=KEY)


@pytest.mark.parametrize("product_type", ["AX___OSF_AX", "AUX_POEORB", "OPER_MPL_ORBPRE"])
def test_a_cover_search_finds_what_brute_force_finds(box, auxip, product_type):
    start, stop = datetime(2025, 8, 7, 11, 51, 12, tzinfo=UTC), datetime(2025, 8, 7, 14, tzinfo=UTC)
    expected = {
        product.name.rpartition(".")[0]
        for product in box.stations["auxip"].products
        if product.product_type == product_type and product.start < start and product.end > stop
    }
    window = (f"{start:%Y-%m-%dT%H:%M:%SZ}", f"{stop:%Y-%m-%dT%H:%M:%SZ}")
    assert found(auxip, filter=valcover(product_type, *window)) == expected
    assert len(expected) > 1


def test_the_boundary_is_strict(box, auxip, orbit):
    exact = f"{orbit.start:%Y-%m-%dT%H:%M:%S.%fZ}"
    later = f"{orbit.start:%Y-%m-%dT%H:%M:%S}.001Z"
    name = orbit.name.rpartition(".")[0]
    assert name not in found(auxip, filter=valcover("AUX_POEORB", exact, later))
    assert name in found(auxip, filter=valcover("AUX_POEORB", later, f"{orbit.start:%Y-%m-%dT%H:%M:%S}.002Z"))


@pytest.mark.parametrize("station", ["auxip", "prip", "cadip", "cdse"])
def test_pystac_client_walks_every_facade(box, station):
    client = pystac_client.Client.open(f"{box.url}/{station}", headers=KEY)
    collections = [collection.id for collection in client.get_collections()]
    collection = client.get_collection(collections[0])
    items = list(collection.get_items())
    assert items
    assert collection.get_item(items[0].id).id == items[0].id
    assert collection.get_item("nothing") is None
    paged = client.search(method="POST", limit=7, max_items=20)
    assert [len(page["features"]) for page in paged.pages_as_dicts()] == [7, 7, 6]
    everything = client.search(method="POST", limit=10_000).item_collection()
    by_pages = [item["id"] for item in client.search(method="GET", limit=60).items_as_dicts()]
    assert [item.id for item in everything] == by_pages
    assert found(client, ids=[everything[0].id, "nothing"]) == {everything[0].id}
    assert len(client.search(collections=[collections[0]], max_items=3).item_collection()) == 3
    assert client.get_collection("nothing") is None


def test_sort_and_datetime(auxip, box):
    items = list(auxip.search(sortby="-published", max_items=40).items())
    published = [item.properties["published"] for item in items]
    assert published == sorted(published, reverse=True)
    by_created = [item.id for item in auxip.search(method="POST", max_items=40).items()]
    assert by_created == [item.id for item in items]
    day = found(auxip, datetime="2025-08-03T12:00:00Z", collections=["s1-aux"])
    assert day == {
        product.name.rpartition(".")[0]
        for product in box.stations["auxip"].products
        if product.start <= datetime(2025, 8, 3, 12, tzinfo=UTC) <= product.end
        and product.constellation == "sentinel-1"
    }


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"op": "or", "args": []}},
        {"filter": {"op": "=", "args": [{"property": "unknown"}, 1]}},
        {"sortby": [{"field": "created", "direction": "asc"}, {"field": "id", "direction": "asc"}]},
        {"sortby": "unknown"},
        {"fields": {"include": ["id"]}},
        {"bbox": [0, 0, 1, 1]},
        {"query": {"platform": {"neq": "x"}}},
        {"limit": 10_001},
        {"limit": 0},
        {"token": "x"},
        {"datetime": "yesterday"},
        [],
    ],
)
def test_what_a_station_refuses(http, body):
    answer = http.post("/auxip/search", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_query_extension_and_pages_by_number(http):
    query = {"query": {"platform": {"eq": "sentinel-3a"}}, "limit": 2}
    page = http.post("/auxip/search", json=query).json()
    assert {feature["properties"]["platform"] for feature in page["features"]} == {"sentinel-3a"}
    assert page["numberMatched"] > page["numberReturned"] == 2
    link = next(link for link in page["links"] if link["rel"] == "next")
    assert (link["method"], link["merge"], link["body"]) == ("POST", True, {"token": "next:2"})
    by_number = http.get("/auxip/search", params={"limit": 2, "page": 2}).json()
    by_token = http.get("/auxip/search", params={"limit": 2, "token": "next:2"}).json()
    assert by_number["features"] == by_token["features"]


def test_an_item_has_the_shape_of_the_real_ones(box, http, orbit):
    item = http.get(f"/auxip/collections/s1-aux/items/{orbit.name.removesuffix('.EOF')}").json()
    asset = item["assets"][orbit.name]
    assert asset["href"] == f"{box.url}/auxip/Products({orbit.uuid})/$value"
    assert asset["file:checksum"].lower() == orbit.content.md5 != asset["file:checksum"]
    assert item["geometry"] is None
    assert item["properties"]["created"] == item["properties"]["start_datetime"]


def test_keys_and_roles():
    keys = {
        "all": ApiKey(user="a"),
        "some": ApiKey(user="b", roles=("rs_auxip_s1-aux_read",)),
        "none": ApiKey(user="c", roles=()),
    }
    with Sandbox(SandboxSettings(days=1, keys=keys)) as box:

        def status(path, key):
            return httpx.get(box.url + path, headers={"x-api-key": key} if key else {}).status_code

        assert [status("/auxip/", key) for key in (None, "wrong", "none", "some", "all")] == [
            401,
            401,
            403,
            200,
            200,
        ]
        assert status("/auxip/collections/s2-aux", "some") == 403
        assert status("/prip/search", "some") == 403
        shown = httpx.get(f"{box.url}/auxip/collections", headers={"x-api-key": "some"}).json()["collections"]
        assert [collection["id"] for collection in shown] == ["s1-aux"]
        product = box.stations["auxip"].products[0]
        assert status(f"/auxip/Products({product.uuid})/$value", "some") == 403


def test_every_download_has_its_declared_size_and_checksum(box, http):
    seen = set()
    for station in ("auxip", "prip"):
        for product in box.stations[station].products:
            if product.product_type in seen:
                continue
            seen.add(product.product_type)
            body = http.get(f"/{station}/Products({product.uuid})/$value").content
            assert len(body) == product.content.size
            assert hashlib.md5(body, usedforsecurity=False).hexdigest() == product.content.md5
    chunk = box.stations["cadip"].sessions[0].chunks[0]
    assert len(http.get(f"/cadip/Files({chunk.uuid})/$value").content) == chunk.size
    assert http.get("/auxip/Products(nothing)/$value").status_code == 404


def test_ranges(http, address, orbit):
    body, size = http.get(address).content, orbit.size

    def part(span, **headers):
        return http.get(address, headers={"range": span, **headers})

    for span, expected in (
        ("bytes=0-0", body[:1]),
        ("bytes=100-199", body[100:200]),
        (f"bytes={size - 5}-", body[-5:]),
        ("bytes=-7", body[-7:]),
        (f"bytes=10-{size * 2}", body[10:]),
    ):
        answer = part(span)
        assert (answer.status_code, answer.content) == (206, expected)
        first = size - len(expected) if span == "bytes=-7" else int(span[6:].split("-")[0])
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{size}"
    beyond = part(f"bytes={size}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert (
        part("bytes=5-1").status_code
        == part("bytes=0-1,4-5").status_code
        == part("lines=1-2").status_code
        == 200
    )
    head = http.head(address)
    assert (int(head.headers["content-length"]), head.content) == (size, b"")
    current = part("bytes=1-2", **{"if-range": head.headers["etag"]})
    dated = part("bytes=1-2", **{"if-range": head.headers["last-modified"]})
    stale = part("bytes=1-2", **{"if-range": '"old"'})
    assert [answer.status_code for answer in (current, dated, stale)] == [206, 206, 200]


def test_tokens_expire():
    now = [datetime(2025, 1, 1, tzinfo=UTC)]
    settings = SandboxSettings(
        days=1,
        token_lifetime=60,
        refresh_lifetime=None,
        clock=lambda: now[0],
        stations={"auxip": StationSettings(download_auth="bearer")},
    )
    with Sandbox(settings) as box, httpx.Client(base_url=box.url) as http:
        address = f"/auxip/Products({box.stations['auxip'].products[0].uuid})/$value"

        def grant(**form):
            return http.post("/oauth2/token", data=form)

        def status(token):
            return http.get(address, headers={"authorization": f"Bearer {token}", **KEY}).status_code

        wrong = grant(grant_type="password", username="demo", password="no")
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_grant")
        assert grant(grant_type="magic").status_code == 400
        first = grant(grant_type="password", username="demo", password="demo-password").json()
        assert first["expires_in"] == 60
        assert "refresh_expires_in" not in first
        assert [status("nonsense"), status(first["access_token"])] == [401, 200]
        now[0] = now[0].replace(minute=2)
        assert status(first["access_token"]) == 401
        second = grant(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
        assert status(second["access_token"]) == 200
        assert grant(grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 400
        assert box.tokens.issued == 2


def test_cdse_needs_a_token_for_downloads_only(box):
    with httpx.Client(base_url=box.url) as http:
        body = {"filter-lang": "cql2-json", "filter": {"op": "like", "args": [{"property": "id"}, "S1A_%"]}}
        (item, *_) = http.post("/cdse/search", json=body).json()["features"]
        asset = item["assets"]["product"]
        assert asset["alternate"]["s3"]["href"].startswith("s3://eodata/")
        assert item["assets"]["safe_manifest"]["href"].startswith("s3://")
        assert http.get(asset["href"]).status_code == 401
        form = {"grant_type": "password", "username": "demo", "password": "demo-password"}
        token = http.post("/oauth2/token", data=form).json()["access_token"]
        for href in (asset["href"], item["assets"]["safe_manifest"]["alternate"]["https"]["href"]):
            answer = http.get(href, headers={"authorization": f"Bearer {token}"})
            assert answer.status_code == 200
        assert asset["file:checksum"].startswith("d50110")
        fields = http.post("/cdse/search", json={"fields": {"include": ["id"]}, "limit": 1}).json()[
            "features"
        ]
        assert fields[0].keys() == {"id", "collection", "links"}


@pytest.mark.skipif(not POEORB.exists(), reason="the shared data are not here")
def test_a_week_of_real_orbits():
    settings = SandboxSettings(days=0, load=(POEORB,), scale=0.001)
    with Sandbox(settings) as box:
        client = pystac_client.Client.open(f"{box.url}/auxip", headers=KEY)
        week = datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 2, 8, tzinfo=UTC)
        overlap = {
            "op": "t_intersects",
            "args": [VALIDITY, {"interval": [f"{end:%Y-%m-%dT%H:%M:%SZ}" for end in week]}],
        }
        expected = {
            product.name.removesuffix(".EOF")
            for product in box.stations["auxip"].products
            if product.start <= week[1] and product.end >= week[0]
        }
        assert found(client, filter=overlap) == expected
        assert len(expected) == 9
        assert len(found(client, limit=1000)) == 6239


def test_products_can_be_offered_while_it_runs(box, http, orbit):
    from dataclasses import replace

    extra = replace(
        orbit, name=orbit.name.replace("S1C", "S1D").replace("S1A", "S1D"), platform="sentinel-1d"
    )
    query = {"query": {"platform": {"eq": "sentinel-1d"}}}
    assert http.post("/auxip/search", json=query).json()["numberMatched"] == 0
    box.stations["auxip"].add(extra)
    assert http.post("/auxip/search", json=query).json()["numberMatched"] == 1
    assert CollectionSettings(id="x").query == {}
