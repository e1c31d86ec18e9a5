from datetime import UTC, datetime

import pystac_client
import pytest
from httpx import Client

from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.settings import ApiKey, CatalogueSettings

HERE = "/catalog/collections/demo:s1-aux"


def item(name, **more):
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "geometry": None,
        "properties": {"datetime": "2025-01-01T00:00:00Z", "kind": name[-1:]},
        "assets": {"a": {"href": "s3://bucket/a"}},
        "links": [],
        **more,
    }


@pytest.fixture
def catalogue(http):
    assert http.post("/catalog/collections", json={"id": "s1-aux", "description": "x"}).status_code == 201
    return http


def search(http, **body):
    answer = http.post("/catalog/search", json=body)
    assert answer.status_code == 200, answer.text
    return [feature["id"] for feature in answer.json()["features"]]


def test_the_life_of_an_item(catalogue):
    created = catalogue.post(f"{HERE}/items", json=item("a"))
    assert created.status_code == 201
    properties = created.json()["properties"]
    assert created.json()["collection"] == "s1-aux"
    assert properties["owner"] == "demo"
    assert properties["published"] == properties["updated"] < properties["expires"]
    assert catalogue.post(f"{HERE}/items", json=item("a")).json() == {
        "code": "ConflictError",
        "description": "",
    }
    replaced = catalogue.put(f"{HERE}/items/a", json=item("a", bbox=[0, 0, 1, 1])).json()["properties"]
    assert replaced["published"] == properties["published"]
    assert replaced["updated"] >= properties["updated"]
    patched = catalogue.patch(f"{HERE}/items/a", json={"properties": {"kind": None, "new": 1}}).json()
    assert "kind" not in patched["properties"]
    assert patched["properties"]["new"] == 1
    assert catalogue.delete(f"{HERE}/items/a").status_code == 200
    absent = [
        catalogue.request(verb, f"{HERE}/items/a", json=item("a")) for verb in ("PUT", "PATCH", "DELETE")
    ]
    assert [answer.status_code for answer in absent] == [404, 404, 404]
    assert catalogue.get(f"{HERE}/items/a").status_code == 404


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (item("a", collection="other"), 400),
        (item("a", collection="demo_s1-aux"), 201),
        (item("bad:id"), 400),
        (item("a b(c)"), 400),
        (item(""), 400),
        ({"type": "Nonsense"}, 400),
        ([], 400),
    ],
)
def test_what_an_item_must_be(catalogue, document, status):
    assert catalogue.post(f"{HERE}/items", json=document).status_code == status


def test_collections(catalogue):
    assert catalogue.post("/catalog/collections", json={"id": "s1-aux"}).status_code == 409
    assert catalogue.post("/catalog/collections", json={"id": "c", "owner": "alice"}).status_code == 201
    assert catalogue.get("/catalog/collections/alice:c").json()["owner"] == "alice"
    assert catalogue.put(HERE, json={"id": "s1-aux", "title": "T"}).json()["title"] == "T"
    assert catalogue.patch(HERE, json={"title": "U"}).json()["title"] == "U"
    listed = catalogue.get("/catalog/collections").json()["collections"]
    assert [(one["owner"], one["id"]) for one in listed] == [("demo", "s1-aux"), ("alice", "c")]
    assert catalogue.get("/catalog/collections/s1-aux").status_code == 200
    assert catalogue.delete("/catalog/collections/alice:c").status_code == 200
    assert catalogue.get("/catalog/collections/alice:c").status_code == 404
    assert catalogue.post("/catalog/collections/alice:c/items", json=item("a")).status_code == 404


def test_many_at_once(catalogue):
    two = {"type": "FeatureCollection", "features": [item("a"), item("b")]}
    answer = catalogue.post(f"{HERE}/items", json=two)
    assert (answer.status_code, answer.content) == (201, b"")
    half = {"type": "FeatureCollection", "features": [item("b"), item("c")]}
    assert catalogue.post(f"{HERE}/items", json=half).status_code == 409
    assert sorted(search(catalogue)) == ["a", "b"]
    items = {name: item(name) for name in ("b", "c")}
    insert = catalogue.post(f"{HERE}/bulk_items", json={"items": items, "method": "insert"})
    assert insert.status_code == 409
    upsert = catalogue.post(f"{HERE}/bulk_items", json={"items": items, "method": "upsert"})
    assert upsert.json() == {"received": 2, "success": 2, "skipped": 0, "errors": []}
    assert sorted(search(catalogue)) == ["a", "b", "c"]


def test_searches(catalogue):
    features = [item(name) for name in "abc"]
    catalogue.post(f"{HERE}/items", json={"type": "FeatureCollection", "features": features})
    catalogue.post("/catalog/collections", json={"id": "two"})
    catalogue.post("/catalog/collections/demo:two/items", json=item("a"))
    assert len(search(catalogue)) == 4
    assert sorted(search(catalogue, collections=["demo_s1-aux"])) == ["a", "b", "c"]
    assert sorted(search(catalogue, collections=["demo_s1-aux"], ids=["a", "z"])) == ["a"]
    assert search(catalogue, collections=["unknown"]) == []
    assert search(catalogue, filter={"op": "=", "args": [{"property": "unknown"}, 1]}) == []
    either = {"op": "or", "args": [{"op": "=", "args": [{"property": "kind"}, kind]} for kind in "ab"]}
    assert search(catalogue, filter=either, collections=["demo_s1-aux"], sortby=[{"field": "id"}]) == [
        "a",
        "b",
    ]
    text = {
        "filter-lang": "cql2-text",
        "filter": "id IN ('a','c')",
        "collections": "demo_s1-aux",
        "limit": 10,
    }
    got = catalogue.get("/catalog/search", params=text).json()
    assert sorted(feature["id"] for feature in got["features"]) == ["a", "c"]
    assert "numberMatched" not in got
    fields = {"include": ["id", "properties.kind"], "exclude": ["links"]}
    page = catalogue.post("/catalog/search", json={"fields": fields, "limit": 1}).json()
    assert page["features"][0].keys() == {"id", "collection", "properties"}
    link = next(link for link in page["links"] if link["rel"] == "next")
    assert link["body"] == {"fields": fields, "limit": 1, "token": "next:1"}
    assert catalogue.post("/catalog/search", json={"filter": {"op": "foo", "args": []}}).status_code == 500
    late = {"op": ">=", "args": [{"property": "published"}, {"timestamp": "2025-01-01T00:00:00Z"}]}
    assert catalogue.post("/catalog/search", json={"filter": late}).status_code == 500
    late["args"][1] = "2025-01-01T00:00:00Z"
    assert len(search(catalogue, filter=late)) == 4


def test_pystac_client(box, catalogue):
    features = [item(f"i{number}") for number in range(25)]
    catalogue.post(f"{HERE}/items", json={"type": "FeatureCollection", "features": features})
    client = pystac_client.Client.open(f"{box.url}/catalog/", headers={"x-api-key": "sandbox-demo-key"})
    found = client.search(
        collections=["demo_s1-aux"], limit=10, filter={"op": "like", "args": [{"property": "id"}, "i%"]}
    )
    assert len(found.item_collection()) == 25
    collection = client.get_collection("demo:s1-aux")
    assert len(list(collection.get_items())) == 25
    assert collection.get_item("i3").id == "i3"
    assert collection.get_item("nothing") is None


def test_an_unpublished_item_keeps_its_record(box, catalogue):
    catalogue.post(f"{HERE}/items", json=item("a"))
    box.catalogue.unpublish("demo:s1-aux", "a")
    gone = catalogue.get(f"{HERE}/items/a").json()
    assert gone["assets"] == {}
    assert gone["properties"]["unpublished"]
    back = catalogue.put(f"{HERE}/items/a", json=item("a")).json()
    assert back["assets"]
    assert "unpublished" not in back["properties"]


def test_items_expire_when_their_time_is_over():
    now = [datetime(2025, 1, 1, tzinfo=UTC)]
    settings = SandboxSettings(days=0, clock=lambda: now[0])
    with (
        Sandbox(settings) as box,
        Client(base_url=box.url, headers={"x-api-key": "sandbox-demo-key"}) as http,
    ):
        http.post("/catalog/collections", json={"id": "s1-aux"})
        http.post(f"{HERE}/items", json=item("a"))

        def assets():
            (found,) = http.post("/catalog/search", json={"ids": ["a"]}).json()["features"]
            return len(found["assets"])

        assert assets() == 1
        now[0] = now[0].replace(month=3)
        assert assets() == 0
        assert box.catalogue.items("demo:s1-aux")[0]["properties"]["unpublished"]


def test_expiry_owners_and_the_faults_of_pgstac():
    keys = {"a": ApiKey(user="alice", owners=()), "r": ApiKey(user="rita", roles=("rs_catalog_*_read",))}
    catalogue = CatalogueSettings(item_lifetime_days=0, missing_collection=500)
    settings = SandboxSettings(days=0, keys=keys, catalogue=catalogue)
    with Sandbox(settings) as box, Client(base_url=f"{box.url}/catalog", headers={"x-api-key": "a"}) as http:
        assert http.post("/collections", json={"id": "c"}).status_code == 201
        assert http.post("/collections", json={"id": "c", "owner": "bob"}).status_code == 403
        assert http.post("/collections/alice:c/items", json=item("a")).status_code == 201
        assert http.get("/collections/alice:c/items/a").json()["assets"] == {}
        reader = {"x-api-key": "r"}
        assert http.get("/collections/alice:c", headers=reader).status_code == 200
        assert http.delete("/collections/alice:c", headers=reader).status_code == 403
        missing = http.post("/collections/alice:d/items", json=item("a"))
        assert (missing.status_code, missing.headers["connection"]) == (500, "close")
        assert http.get("/", headers={"x-api-key": ""}).status_code == 401
