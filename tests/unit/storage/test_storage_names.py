import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eoflows.base.errors import UnsafeNameError
from eoflows.stores.storage import LocalStorage, asset_key, check_key, check_twins

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
@pytest.mark.parametrize("place", range(4))
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
    assert key.split("/") == parts
    assert check_key(key) == tuple(parts)
    root = Path("/data/root")
    assert os.path.normpath(root / key) == str(root / key)
    assert LocalStorage(root).spool(key) == root.joinpath(*parts)
    assert not parts[3].startswith(".")


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
