import os
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eoflows.base.errors import UnsafeNameError
from eoflows.stores.storage import (
    LocalStorage,
    asset_key,
    asset_of,
    asset_top,
    check_key,
    check_twins,
    file_names,
)
from eoflows.stores.storage.names import folded

GOOD = [
    "product",
    "manifest.safe",
    "S3A_AX___OSF_AX_20210123T000000_20210124T000000_20210123T010000___________________EUM_O_AL_001.SEN3.zip",
    "S1A_IW_SLC__1SDV.SAFE",
    "a b (1)+~=@,:;",
    "été",
    "B02_10m",
    "x" * 255,
]
BAD = [
    "",
    ".",
    "..",
    "../evil",
    "../../evil",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "..\\evil",
    "C:\\x",
    "a\0b",
    "a\nb",
    "\x7f",
    "a\u202eb",
    "a\u200bb",
    "\ud800",
    "a\u2028b",
    " a",
    "a ",
    "a.",
    ".hidden",
    ".x.part",
    "x" * 256,
    "é" * 128,
]


@pytest.mark.parametrize("name", GOOD)
def test_real_names_stay_as_they_are(name):
    assert asset_key("copernicus", "sentinel-3", "item", name) == f"copernicus/sentinel-3/item/{name}"


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("place", range(3))
def test_unsafe_parts_are_refused_wherever_they_are(name, place):
    parts = ["owner", "collection", "the-item", "the-asset"]
    parts[place] = name
    with pytest.raises(UnsafeNameError) as caught:
        asset_key(*parts)
    text = str(caught.value)
    assert text.isprintable()
    if place < 2:
        assert "the-item" in text
        assert "the-asset" in text
    with pytest.raises(UnsafeNameError):
        check_key(f"a/{name}/b" if "/" not in name else "a//b")


PLACED = {
    ".": "~2E",
    "..": "~2E~2E",
    "../evil": "~2E.~2Fevil",
    "/etc/passwd": "~2Fetc~2Fpasswd",
    "002/GEDI02_A/GEDI02_A": "002~2FGEDI02_A~2FGEDI02_A",
    "C:\\x": "C:~5Cx",
    "a\0b": "a~00b",
    "a\u202eb": "a~E2~80~AEb",
    " a ": "~20a~20",
    "a.": "a~2E",
    ".hidden": "~2Ehidden",
    ".x.part": "~2Ex.part",
    "a~2Fb": "a~7E2Fb",
    "gen-0123456789ab": "~67en-0123456789ab",
}


@pytest.mark.parametrize(("asset", "place"), PLACED.items())
def test_an_asset_key_that_is_no_file_name_gets_a_place(asset, place):
    key = asset_key("o", "c", "i", asset)
    assert key == f"o/c/i/{place}"
    assert check_key(key)
    assert asset_of(place) == asset
    assert asset_key("o", "c", "i", asset, "0123456789ab") == f"o/c/i/gen-0123456789ab/{place}"


@pytest.mark.parametrize("name", ["", "\ud800", "a\ud800/b", "x" * 256, "é" * 128, "/" * 86])
def test_an_asset_key_that_has_no_place_is_refused(name):
    with pytest.raises(UnsafeNameError) as caught:
        asset_key("owner", "collection", "the-item", name)
    assert str(caught.value).isprintable()
    assert "the-item" in str(caught.value)


@given(st.lists(st.text(min_size=1, max_size=12) | st.sampled_from(list(PLACED)), max_size=6, unique=True))
def test_places_are_told_apart_and_lead_back(assets):
    places = {}
    for asset in assets:
        with suppress(UnsafeNameError):
            places[asset] = asset_key("o", "c", "i", asset).removeprefix("o/c/i/")
    assert len(set(places.values())) == len(places)
    for asset, place in places.items():
        assert asset_of(place) == asset
        assert "/" not in place
        assert check_key(f"o/c/i/{place}")


def test_what_belongs_to_an_asset():
    assert asset_top("o/c/i/a") == asset_top("o/c/i/a/b/c") == "o/c/i/a"
    made = "o/c/i/gen-0123456789ab"
    assert asset_top(f"{made}/a") == asset_top(f"{made}/a/b/c") == f"{made}/a"
    assert asset_top(made) == made
    assert asset_top("o/c/i/gen-0123456789abc/b/c") == "o/c/i/gen-0123456789abc"


def test_the_whole_has_a_limit():
    assert check_key(asset_key(*["x" * 255] * 4))
    with pytest.raises(UnsafeNameError, match="1024"):
        check_key("/".join(["x" * 255] * 5))


@pytest.mark.parametrize(
    "names",
    [
        ["A.tif", "a.tif"],
        ["é", unicodedata.normalize("NFD", "é")],
        ["straße", "STRASSE"],
        ["x", "x"],
        ["ǅ", "ǆ"],
    ],
)
def test_twins_are_refused_with_item_and_asset(names):
    with pytest.raises(UnsafeNameError) as caught:
        check_twins(["other", *names], item="the-item")
    assert "the-item" in str(caught.value)
    assert ascii(names[1]) in str(caught.value)


def test_strangers_are_not_twins():
    check_twins(["a", "b", "a.tif", "a_tif"])


@given(st.lists(st.text(min_size=1, max_size=12), min_size=4, max_size=4))
def test_any_four_texts_give_a_key_inside_the_root_or_one_error(parts):
    try:
        key = asset_key(*parts)
    except UnsafeNameError:
        return
    *folders, place = key.split("/")
    assert folders == parts[:3]
    assert asset_of(place) == parts[3]
    assert check_key(key) == (*folders, place)
    root = Path("/data/root")
    assert os.path.normpath(root / key) == str(root / key)
    assert LocalStorage(root).spool(key) == root.joinpath(*folders, place)
    assert not place.startswith(".")


@given(st.text(max_size=40))
def test_any_key_is_checked(text):
    try:
        parts = check_key(text)
    except UnsafeNameError:
        return
    assert "/".join(parts) == text
    assert not {"", ".", ".."} & set(parts)


@given(st.text(min_size=1, max_size=8), st.sampled_from(["NFC", "NFD"]))
def test_every_form_of_a_name_is_its_twin(name, form):
    other = unicodedata.normalize(form, name.upper())
    assume(unicodedata.normalize("NFC", other).casefold() == unicodedata.normalize("NFC", name).casefold())
    with pytest.raises(UnsafeNameError):
        check_twins([name, other])


def test_two_different_assets_have_two_keys():
    assert asset_key("a", "b", "c", "d.e") != asset_key("a", "b", "c.d", "e")


ZARR = "o/c/i/P.zarr/measurements/.zattrs"


def test_names_inside_an_unpacked_folder_may_be_hidden():
    assert check_key(ZARR) == tuple(ZARR.split("/"))
    assert check_key("o/c/i/P.zarr/.zgroup/..a")[-1] == "..a"


@pytest.mark.parametrize(
    "name", [".", "..", " a", ".a ", ".a.", "a.", ".x.part", ".x.part2", ".x.unpack.part"]
)
def test_names_that_are_refused_there_too(name):
    with pytest.raises(UnsafeNameError):
        check_key(f"o/c/i/P.zarr/{name}")


@pytest.mark.parametrize("key", [".o/c/i/a", "o/.c/i/a", "o/c/.i/a", "o/c/i/.a", "_runs/.x", ".x"])
def test_hidden_names_at_the_top_stay_refused(key):
    with pytest.raises(UnsafeNameError, match="begins or ends with a dot"):
        check_key(key)


ODD = st.text(max_size=8) | st.sampled_from(
    [
        "step/out",
        "NDVI",
        "ndvi",
        ".a",
        "%2E",
        "~4e",
        "N",
        "n",
        "~4E",
        "",
        "..",
        "e\u0301",
        "\u00e9",
        "a" * 300,
    ]
)


@given(st.lists(ODD, max_size=6))
def test_any_names_become_names_of_files(names):
    made = file_names(names)
    assert list(made) == list(dict.fromkeys(names))
    assert len(set(map(folded, made.values()))) == len(made)
    for name, file_name in made.items():
        check_key(f"jobs/s/k/{file_name}")
        assert len(os.fsencode(f"{file_name}.part.json")) < 230
        if 0 < len(name) < 20:
            assert asset_of(file_name) == name


def test_names_that_files_can_have_stay():
    assert file_names(["a.tif", "B 02", "\u00e9t\u00e9"]) == {
        one: one for one in ("a.tif", "B 02", "\u00e9t\u00e9")
    }
    assert file_names(["step/out", "NDVI", "ndvi"]) == {
        "step/out": "step~2Fout",
        "NDVI": "~4E~44~56~49",
        "ndvi": "ndvi",
    }
