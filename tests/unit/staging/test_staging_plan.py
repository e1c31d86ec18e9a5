import re

import pytest
from staging_items import MD5, MULTIHASH, asset, item

from eoflows.base.errors import InvalidInputError, UnsafeNameError
from eoflows.products.staging import Outcome, Place, plan_item
from eoflows.stores.catalog import KnownAsset, KnownItem
from eoflows.stores.stac.items import read_item
from eoflows.stores.storage import asset_of
from eoflows.stores.transfer import Checksum

PLACE = Place("demo", "s1-aux")
OTHER = "0" * 32


def known(unpublished: bool = False, **assets: tuple[int | None, str | None]) -> KnownItem:
    return KnownItem(
        {key: KnownAsset("file:///x", size, checksum) for key, (size, checksum) in assets.items()},
        unpublished,
    )


def two() -> dict:
    return item(assets={"a": asset("a"), "b": asset("b")})


def test_an_unknown_item():
    plan = plan_item(item(), None, PLACE)
    (only,) = plan.assets
    assert only.key == "i1.EOF"
    assert only.storage_key == "demo/s1-aux/i1/i1.EOF"
    assert only.urls == ("https://station.example/i1",)
    assert only.size == 7
    assert only.checksums == (Checksum.parse(MD5),)
    assert plan.keep == ()
    assert plan.record(Outcome.PLANNED).bytes == 7
    assert plan.reason == "not in the catalogue"


@pytest.mark.parametrize(
    ("there", "fetched", "kept"),
    [
        (known(a=(7, MULTIHASH), b=(7, MULTIHASH)), [], ["a", "b"]),
        (known(a=(7, MD5.upper()), b=(7, None)), [], ["a", "b"]),
        (known(a=(None, None), b=(None, MULTIHASH)), [], ["a", "b"]),
        (known(a=(7, "1220" + "00" * 32), b=(7, MULTIHASH)), [], ["a", "b"]),
        (known(a=(7, MULTIHASH), b=(7, OTHER)), ["b"], ["a"]),
        (known(a=(8, MULTIHASH), b=(7, MULTIHASH)), ["a"], ["b"]),
        (known(a=(7, MULTIHASH)), ["b"], ["a"]),
        (known(a=(7, MULTIHASH), b=(7, MULTIHASH), c=(1, None)), [], ["a", "b", "c"]),
        (known(a=(7, MULTIHASH), c=(1, None)), ["b"], ["a", "c"]),
        (known(), ["a", "b"], []),
        (known(True, a=(7, MULTIHASH), b=(7, MULTIHASH)), ["a", "b"], []),
    ],
)
def test_a_known_item(there, fetched, kept):
    plan = plan_item(two(), there, PLACE)
    assert [one.key for one in plan.assets] == fetched
    assert list(plan.keep) == kept


def test_reasons():
    assert plan_item(two(), known(a=(7, None), b=(7, None)), PLACE).reason == "in the catalogue"
    assert plan_item(two(), known(a=(7, None)), PLACE).reason == "catalogued without: b"
    assert "unpublished" in plan_item(two(), known(True), PLACE).reason


@pytest.mark.parametrize(("selected", "keys"), [(None, ["a", "b"]), (["b"], ["b"]), ({"b", "z"}, ["b"])])
def test_selected_assets(selected, keys):
    assert [one.key for one in plan_item(two(), None, PLACE, selected).assets] == keys


def test_a_selected_asset_that_is_known_needs_no_other():
    plan = plan_item(two(), known(b=(7, MULTIHASH)), PLACE, ["b"])
    assert plan.assets == ()


@pytest.mark.parametrize(
    ("selected", "message"), [(["z"], "none of z; its assets are: a, b"), ([], "none of")]
)
def test_none_of_the_selected(selected, message):
    with pytest.raises(InvalidInputError, match=message):
        plan_item(two(), None, PLACE, selected)


def test_no_assets_at_all():
    with pytest.raises(InvalidInputError, match="its assets are: none"):
        plan_item(item(assets={}), None, PLACE)


ALTERNATES = {
    "s3": {"href": "s3://eodata/f"},
    "http": {"href": "HTTP://station.example/f"},
    "again": {"href": "s3://eodata/f"},
    "broken": "text",
    "other": {"href": "ftp://station.example/f"},
}


@pytest.mark.parametrize(
    ("schemes", "urls"),
    [
        (("https", "http", "s3"), ("https://station.example/f", "HTTP://station.example/f", "s3://eodata/f")),
        (("s3", "https"), ("s3://eodata/f", "https://station.example/f")),
        (("http",), ("HTTP://station.example/f",)),
    ],
)
def test_alternates_in_the_order_of_the_schemes(schemes, urls):
    place = Place("demo", "s1-aux", schemes)
    plan = plan_item(item(assets={"a": asset("f", alternate=ALTERNATES)}), None, place)
    assert plan.assets[0].urls == urls


@pytest.mark.parametrize("alternate", [None, [], ["s3://x/y"], "s3://x/y", {}])
def test_alternates_that_are_none(alternate):
    assert plan_item(item(assets={"a": asset(alternate=alternate)}), None, PLACE).assets[0].urls


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"href": ""}, "none, and without an href a"),
        ({"href": None}, "none, and without an href a"),
        ({"href": ["f"]}, "only no scheme"),
        ({"href": "/etc/hostname"}, "only no scheme"),
        ({"href": "file:///etc/hostname"}, "only file"),
        ({"href": "http://[::1"}, "only not a URL"),
        ({"file:size": "many"}, "'many', which is no number of bytes"),
        ({"file:size": -7}, "'-7', which is no number of bytes"),
        ({"file:size": []}, "no number of bytes"),
        ({"file:checksum": "xyz"}, "not hexadecimal"),
        ({"file:checksum": "abcd"}, "no known multihash"),
        ({"file:checksum": 5.5}, "not hexadecimal"),
    ],
)
def test_assets_that_cannot_be_fetched(fields, message):
    with pytest.raises(InvalidInputError, match=message):
        plan_item(item(assets={"a": asset(**fields)}), None, PLACE)


@pytest.mark.parametrize(("size", "promised"), [("7", 7), (0, 0), (None, None)])
def test_sizes_as_services_write_them(size, promised):
    assert plan_item(item(assets={"a": asset(**{"file:size": size})}), None, PLACE).assets[0].size == promised


def test_what_has_no_href_is_passed_over_and_named_where_all_is_wanted():
    assets = {"f": asset("f"), "form": {"title": "form"}, "other": asset() | {"href": None}}
    plan = plan_item(item(assets=assets), None, PLACE)
    assert [one.key for one in plan.assets] == ["f"]
    assert plan.reason.endswith("passed over, having no href: form, other")
    with pytest.raises(InvalidInputError, match="'form' has no URL"):
        plan_item(item(assets=assets), None, PLACE, {"f", "form"})


@pytest.mark.parametrize("bad", [5, None, [], "http://h/f", {"href": 5}, {"href": ["f"]}])
def test_a_bad_asset_fails_its_item_only_if_it_is_wanted(bad):
    assets = {"f": asset("f"), "bad": bad}
    assert [one.key for one in plan_item(item(assets=assets), None, PLACE, {"f"}).assets] == ["f"]
    with pytest.raises(InvalidInputError, match="asset 'bad'"):
        plan_item(item(assets=assets), None, PLACE)


def test_what_cannot_be_read_is_not_planned():
    with pytest.raises(InvalidInputError, match="it has no assets object but a list of 0"):
        plan_item(read_item(item() | {"assets": []}, ""), None, PLACE)
    with pytest.raises(InvalidInputError, match="its record in the catalogue cannot be read: it is torn"):
        plan_item(item(), KnownItem({}, unpublished=False, fault="it is torn"), PLACE)


def test_an_asset_that_is_no_object():
    with pytest.raises(InvalidInputError, match="not an object"):
        plan_item(item(assets={"a": "https://h/f"}), None, PLACE)


HOSTILE = [
    "../x",
    "..",
    ".",
    "a/b",
    "a\\b",
    "/etc",
    "a\x00b",
    "a\nb",
    ".hidden",
    "x" * 256,
    "\u202ea",
    "",
    " a",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused_and_never_repaired(name):
    with pytest.raises(UnsafeNameError):
        plan_item(item(name, {"a": asset()}), None, PLACE)
    with pytest.raises(InvalidInputError):
        plan_item(item(), None, Place(name, "s1-aux"))
    with pytest.raises(InvalidInputError):
        plan_item(item(), None, Place("demo", name))


@pytest.mark.parametrize("name", [name for name in HOSTILE if name and len(name) < 256])
def test_asset_keys_that_are_no_file_names_are_staged_inside_the_folder_of_their_item(name):
    (plan,) = plan_item(item(assets={name: asset()}), None, PLACE).assets
    assert plan.key == name
    folder, place = plan.storage_key.rsplit("/", 1)
    assert folder == "demo/s1-aux/i1"
    assert place not in (".", "..")
    assert asset_of(place) == name


def test_what_replaces_has_a_name_of_its_own():
    before = known(a=(7, OTHER), b=(7, MULTIHASH))
    plan = plan_item(two(), before, PLACE)
    (only,) = plan.assets
    assert plan.known == before
    assert re.fullmatch(r"demo/s1-aux/i1/gen-[0-9a-f]{12}/a", only.storage_key)
    assert plan_item(two(), before, PLACE).assets == plan.assets
    (other,) = plan_item(two(), known(a=(8, None), b=(7, MULTIHASH)), PLACE).assets
    assert other.storage_key == only.storage_key
    changed = two() | {"assets": {"a": asset("a", **{"file:size": 9}), "b": asset("b")}}
    (newer,) = plan_item(changed, before, PLACE).assets
    assert newer.storage_key != only.storage_key
    # One that was not there before takes no place of another's.
    (added,) = plan_item(two(), known(a=(7, MULTIHASH)), PLACE).assets
    assert added.storage_key == "demo/s1-aux/i1/b"


def test_two_keys_that_are_one_file_on_some_disks():
    with pytest.raises(UnsafeNameError, match="differ only in case"):
        plan_item(item(assets={"Data.EOF": asset(), "data.eof": asset()}), None, PLACE)


@pytest.mark.parametrize("collection", ["", "demo:s1-aux", "_runs"])
def test_collections_that_cannot_be_used(collection):
    with pytest.raises(InvalidInputError, match="without its owner"):
        Place("demo", collection)
    assert PLACE.catalog_collection == "demo:s1-aux"


def test_an_archive_that_was_unpacked_is_as_good_as_there() -> None:
    from eoflows.stores.catalog.interface import UNPACKED_FROM, KnownItem, known_assets

    md5 = "0" * 32
    archive = {"key": "P.zip", "href": "file:///P.zip", "file:size": 7, "file:checksum": f"d50110{md5}"}
    unpacked = {"P": {"href": "file:///s/P/", "file:size": 20, UNPACKED_FROM: archive}}
    offered = {"href": "https://station/P", "file:size": 7, "file:checksum": md5}
    item = {"id": "i", "properties": {}, "assets": {"P.zip": offered}}
    place = Place("demo", "aux")

    known = KnownItem(known_assets(unpacked), unpublished=False)
    assert plan_item(item, known, place).assets == ()
    republished = {**item, "assets": {"P.zip": {**offered, "file:size": 8}}}
    plan = plan_item(republished, known, place)
    assert [asset.key for asset in plan.assets] == ["P.zip"]
    assert plan.keep == ("P",)
