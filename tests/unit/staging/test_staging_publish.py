import copy
from pathlib import Path

from staging_items import MD5, MULTIHASH, asset, item

from eoflows.products.staging.publish import catalog_item
from eoflows.stores.transfer import Checksum, Receipt

RECEIPT = Receipt(Path("/x"), 9, (Checksum.parse(MD5), Checksum("blake3", b"0" * 32)), "", 9, 0, 1, 0.1)
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"


def record(source, kept=None, url="https://station.example/", **staged):
    return catalog_item(source, {key: (href, RECEIPT) for key, href in staged.items()}, kept or {}, url)


def test_an_asset_says_where_its_bytes_are_and_what_they_are():
    alternate = {"s3": {"href": "s3://b/f"}}
    source = item(assets={"a": asset(alternate=alternate, title="Orbit", type="application/xml")})
    before = copy.deepcopy(source)
    made = record(source, a="file:///store/a")
    assert made["assets"] == {
        "a": {
            "href": "file:///store/a",
            "title": "Orbit",
            "type": "application/xml",
            "file:size": 9,
            "file:checksum": MULTIHASH,
        }
    }
    assert source == before


def test_kept_assets_stay_and_unstaged_ones_do_not_appear():
    source = item(assets={"a": asset(), "b": asset(), "c": asset()})
    made = record(source, {"b": {"href": "file:///store/b", "file:size": 1}}, a="file:///store/a")
    assert set(made["assets"]) == {"a", "b"}
    assert made["assets"]["b"] == {"href": "file:///store/b", "file:size": 1}


def test_links_of_the_source_become_one_via_link():
    source = item()
    source["links"] += [
        {"rel": rel, "href": "x"} for rel in ("root", "parent", "collection", "next", "prev", "derived_from")
    ] + ["junk"]
    links = record(source, **{"i1.EOF": "file:///x"})["links"]
    assert [link["rel"] for link in links] == ["derived_from", "via"]
    assert links[0]["href"] == "https://station.example/items/x"
    assert links[1]["href"] == "https://station.example/items/i1"


def test_without_a_self_link_the_api_is_the_origin():
    source = item() | {"links": None}
    assert record(source)["links"] == [
        {"rel": "via", "href": "https://station.example/", "type": "application/json"}
    ]
    assert record(source, url=None)["links"] == []


def test_extensions_once_each():
    source = item() | {"stac_extensions": ["https://x/1", FILE, "https://x/1", FILE]}
    assert record(source)["stac_extensions"] == ["https://x/1", FILE]
    assert record(item() | {"stac_extensions": None})["stac_extensions"] == [FILE]
    assert record(item() | {"stac_extensions": [{}, 5]})["stac_extensions"] == [FILE]


def test_an_expired_item_is_published_again():
    made = record(item(unpublished="2025-08-08T00:00:00Z"))
    assert "unpublished" not in made["properties"]


def test_what_an_item_must_have_is_there():
    source = item()
    del source["geometry"], source["type"]
    made = record(source)
    assert made["geometry"] is None
    assert made["type"] == "Feature"
