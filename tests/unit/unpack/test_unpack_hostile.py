"""Hostile and damaged archives: one clear error, and nothing is left."""

from pathlib import Path
from typing import Any

import pytest
from hostile_archives import DAMAGED, HOSTILE, zipped

from eoflows.base.errors import IntegrityError, InvalidInputError
from eoflows.products.unpack import ArchiveError, Limits, Unpacker
from eoflows.stores.storage import LocalStorage

pytestmark = pytest.mark.anyio

LIMITS = Limits(members=50, bytes=10 << 20, ratio=50, free=1 << 20)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def item_with(storage: LocalStorage, **archives: bytes) -> dict[str, Any]:
    assets = {}
    for name, body in archives.items():
        path = storage.spool(f"o/c/i/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        assets[name] = {"href": path.as_uri(), "file:size": len(body)}
    return {
        "type": "Feature",
        "id": "i",
        "collection": "o:c",
        "properties": {},
        "assets": assets,
        "links": [],
    }


def everything(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def snapshot(folder: Path) -> tuple[dict[str, bytes], set[str]]:
    return everything(folder), {str(path) for path in folder.rglob("*")}


@pytest.mark.parametrize("case", HOSTILE)
async def test_refused_and_nothing_left(case: str, tmp_path: Path):
    make, name, message = HOSTILE[case]
    storage = LocalStorage(tmp_path / "a" / "b")
    item = item_with(storage, **{name: make()})
    before = snapshot(tmp_path)
    with pytest.raises(ArchiveError, match=message) as refusal:
        await Unpacker(storage, "o", limits=LIMITS).unpack(item)
    assert repr(name)[1:-1] in str(refusal.value)
    assert "\0" not in str(refusal.value)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("case", DAMAGED)
async def test_damage_is_found_and_nothing_left(case: str, tmp_path: Path):
    make, name, message = DAMAGED[case]
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{name: make()})
    before = snapshot(tmp_path)
    with pytest.raises(IntegrityError, match=message) as refusal:
        await Unpacker(storage, "o").unpack(item)
    assert name in str(refusal.value)
    assert snapshot(tmp_path) == before


async def test_a_good_archive_waits_for_a_bad_one_of_the_same_item(tmp_path: Path):
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{"a.zip": zipped(("x", b"1")), "b.zip": zipped(("../x", b"1"))})
    before = snapshot(tmp_path)
    with pytest.raises(ArchiveError, match=r"b\.zip"):
        await Unpacker(storage, "o").unpack(item)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "href",
    [
        "https://station/Products(1)/$value",
        "file:///etc/evil.zip",
        "{root}/other/c/i/x.zip",
        "{root}/o/c/other/x.zip",
        "{root}/o/other/i/x.zip",
        "{root}/o/c/i/../../../x.zip",
        "{root}/o/c/i/%2e%2e/x.zip",
    ],
)
async def test_archives_of_others_are_not_touched(tmp_path: Path, href: str):
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{"x.zip": zipped(("x", b"1"))})
    item["assets"]["x.zip"]["href"] = href.format(root=tmp_path.as_uri())
    with pytest.raises(InvalidInputError, match="not in the item's folder"):
        await Unpacker(storage, "o").unpack(item)


@pytest.mark.parametrize(
    "members",
    [[("other", b"1")], [("OTHER", b"1")]],
    ids=["asset", "asset-by-case"],
)
async def test_content_never_falls_upon_another_asset(tmp_path: Path, members):
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{"a.zip": zipped(*members), "other": b"precious"})
    before = snapshot(tmp_path)
    with pytest.raises(InvalidInputError, match="something else of this item"):
        await Unpacker(storage, "o").unpack(item)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", ["a.zip", "A.ZIP"])
async def test_content_never_falls_upon_its_own_archive(tmp_path: Path, name: str):
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{"a.zip": zipped((name, b"1"))})
    before = everything(tmp_path)
    await Unpacker(storage, "o").unpack(item)
    after = everything(tmp_path)
    assert {path: after.get(path) for path in before} == before
    new = after.keys() - before.keys()
    assert [after[path] for path in new if path.endswith(f"unpacked/{name}")] == [b"1"], new


async def test_size_that_is_not_the_promised_one(tmp_path: Path):
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{"a.zip": zipped(("x", b"1"))})
    item["assets"]["a.zip"]["file:size"] = 5
    with pytest.raises(IntegrityError, match="size"):
        await Unpacker(storage, "o").unpack(item)
