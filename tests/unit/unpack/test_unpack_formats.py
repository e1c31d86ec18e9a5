"""Every format there and back, what becomes of it, and what the record says."""

import gzip
import random
from pathlib import Path
from typing import Any

import blake3
import pytest
from hostile_archives import tarred, zipped
from test_unpack_hostile import everything, item_with

from eoflows.base.errors import InvalidInputError
from eoflows.products.unpack import ArchiveKind, Unpacker, archive_kind, changed_item, without_suffix
from eoflows.products.unpack.archives import archives_of
from eoflows.stores.catalog.interface import UNPACKED_FROM
from eoflows.stores.storage import LocalStorage

pytestmark = pytest.mark.anyio

BODY = random.Random(5).randbytes(200_000) + bytes(100_000)
SAFE = (("P.SAFE/manifest.safe", b"<m/>"), ("P.SAFE/measurement/a.nc", BODY), ("P.SAFE/empty", b""))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def unpacked(
    tmp_path: Path, name: str, body: bytes, *, use_extension: bool = False, **facts: Any
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Unpack one archive, record it and clean up; gives the files of the item and its assets."""
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{name: body})
    item["assets"][name] |= facts
    unpacker = Unpacker(storage, "o")
    record = changed_item(item, await unpacker.unpack(item, use_extension=use_extension))
    assert await unpacker.clean(record) == 1
    assert await unpacker.clean(record) == 0
    return everything(tmp_path / "o" / "c" / "i"), record["assets"]


def forms() -> dict[str, bytes]:
    return {
        "P.SAFE.zip": zipped(*SAFE),
        "P.SAFE.ZIP": zipped(*SAFE),
        "P.SAFE.stored.zip": zipped(*SAFE, method=0),
        "P.SAFE.bzip2.zip": zipped(*SAFE, method=12),
        "P.SAFE.lzma.zip": zipped(*SAFE, method=14),
        "P.SAFE.tar": tarred(*SAFE),
        "P.SAFE.pax.tar": tarred(*SAFE, format=1),
        "P.tgz": gzip.compress(tarred(*SAFE)),
        "P.TGZ": gzip.compress(tarred(*SAFE)),
        "P.Tar.Gz": gzip.compress(tarred(*SAFE)),
        "really-a-tar.tgz": tarred(*SAFE),
        "tar-in-zip.zip": zipped(("P.SAFE.tar", tarred(*SAFE))),
        "zip-in-tar.TGZ": gzip.compress(tarred(("P.SAFE.zip", zipped(*SAFE)))),
        "zip-in-tar-in-zip.zip": zipped(("x/y.TAR", tarred(("P.ZIP", zipped(*SAFE))))),
        "in-a-folder.zip": zipped(*((f"delivery/{name}", body) for name, body in SAFE)),
        "dotted.tar": tarred(*((f"./{name}", body) for name, body in SAFE)),
    }


@pytest.mark.parametrize("name", forms())
async def test_product_folder_keeps_its_name(tmp_path: Path, name: str):
    files, assets = await unpacked(tmp_path, name, forms()[name], roles=["data"], type="application/zip")
    assert files == dict(SAFE)
    assert list(assets) == [without_suffix(name)]
    (asset,) = assets.values()
    assert asset["href"] == (tmp_path / "o/c/i/P.SAFE").as_uri() + "/"
    assert asset["file:size"] == sum(len(body) for _, body in SAFE)
    assert asset["roles"] == ["data"]
    assert "file:checksum" not in asset
    assert "type" not in asset
    assert asset[UNPACKED_FROM]["key"] == name


async def test_double_suffix_without_a_top_folder(tmp_path: Path):
    files, assets = await unpacked(tmp_path, "S3A.SEN3.zip", zipped(("a.nc", BODY), ("b.xml", b"<b/>")))
    assert files == {"S3A.SEN3/a.nc": BODY, "S3A.SEN3/b.xml": b"<b/>"}
    assert assets["S3A.SEN3"]["href"].endswith("/i/S3A.SEN3/")


async def test_zarr_store(tmp_path: Path):
    files, assets = await unpacked(tmp_path, "x.zarr.zip", zipped((".zattrs", b"{}"), ("v/0.0", BODY)))
    assert files == {"x.zarr/.zattrs": b"{}", "x.zarr/v/0.0": BODY}
    assert assets["x.zarr"]["href"] == (tmp_path / "o/c/i/x.zarr").as_uri()
    assert assets["x.zarr"]["type"] == "application/vnd.zarr"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("orbit.EOF.zip", zipped(("orbit.EOF", b"<xml/>"))),
        ("other.tgz", gzip.compress(tarred(("deep/orbit.EOF", b"<xml/>")))),
        ("orbit.EOF.gz", gzip.compress(b"<xml/>", mtime=0)),
        ("orbit.EOF.GZ", gzip.compress(b"<xm", mtime=0) + gzip.compress(b"l/>", mtime=0)),
    ],
    ids=["zip", "tgz", "gz", "gz-of-two"],
)
async def test_single_file(tmp_path: Path, name: str, body: bytes):
    files, assets = await unpacked(tmp_path, name, body)
    assert files == {"orbit.EOF": b"<xml/>"}
    asset = assets[without_suffix(name)]
    assert asset["href"] == (tmp_path / "o/c/i/orbit.EOF").as_uri()
    assert (asset["file:size"], asset["type"]) == (6, "application/xml")
    assert asset["file:checksum"] == "1e20" + blake3.blake3(b"<xml/>").hexdigest()


async def test_several_files_are_a_folder_and_not_the_largest_of_them(tmp_path: Path):
    files, assets = await unpacked(
        tmp_path, "S2.TGZ", gzip.compress(tarred(("S2.HDR", b"h"), ("S2.DBL", BODY)))
    )
    assert files == {"S2/S2.HDR": b"h", "S2/S2.DBL": BODY}
    assert assets["S2"]["href"].endswith("/i/S2/")


async def test_several_products_are_an_asset_each(tmp_path: Path):
    body = zipped(("A.SAFE/m", b"1"), ("B.SEN3.zip", zipped(("B.SEN3/n", b"22"))))
    files, assets = await unpacked(tmp_path, "both.zip", body)
    assert files == {"A.SAFE/m": b"1", "B.SEN3/n": b"22"}
    assert {key: asset["file:size"] for key, asset in assets.items()} == {"A.SAFE": 1, "B.SEN3": 2}


async def test_one_top_folder_is_left_out(tmp_path: Path):
    files, _ = await unpacked(tmp_path, "aux.zip", zipped(("in.DATA/a", b"1"), ("in.DATA/d/b", b"2")))
    assert files == {"aux/a": b"1", "aux/d/b": b"2"}


async def test_use_extension(tmp_path: Path):
    body = zipped(("in.DATA/a", b"1"), ("in.DATA/d/b", b"2"))
    files, assets = await unpacked(tmp_path, "aux.zip", body, use_extension=True)
    assert files == {"aux.DATA/a": b"1", "aux.DATA/d/b": b"2"}
    assert list(assets) == ["aux"]


async def test_nested_archives_give_place_to_their_content(tmp_path: Path):
    inner = gzip.compress(tarred(("m", b"2"), ("n", b"3")))
    body = zipped(
        ("f.xml", b"1"), ("content.tar.gz", inner), ("d/g.csv.gz", gzip.compress(b"4")), ("odd.zip", b"no")
    )
    files, _ = await unpacked(tmp_path, "adf.zip", body)
    assert {path: body for path, body in files.items() if not path.endswith(".gz")} == {
        "adf/f.xml": b"1",
        "adf/content/m": b"2",
        "adf/content/n": b"3",
        "adf/odd.zip": b"no",
    }
    assert gzip.decompress(files["adf/d/g.csv.gz"]) == b"4"


async def test_found_by_href_path_or_media_type(tmp_path: Path):
    for number, facts in enumerate(
        ({"type": "application/zip"}, {"file:local_path": "S1.SAFE.zip"}, {"type": "application/zip; x=y"})
    ):
        files, assets = await unpacked(
            tmp_path / str(number), "product", zipped(("a", b"1"), ("b", b"2")), **facts
        )
        assert set(assets) == {"product"}
        assert set(files) in ({"i/a", "i/b"}, {"S1.SAFE/a", "S1.SAFE/b"})


@pytest.mark.parametrize("inner", ["X.SAFE", "x.safe"])
async def test_an_archive_that_is_named_like_the_folder_in_it(tmp_path: Path, inner: str):
    """Sentinel-1 delivers AUX_PP2 so."""
    body = zipped((f"{inner}/manifest.safe", b"1"), (f"{inner}/data/p.xml", b"2"))
    files, assets = await unpacked(tmp_path, "X.SAFE", body, type="application/zip")
    assert files == {f"unpacked/{inner}/manifest.safe": b"1", f"unpacked/{inner}/data/p.xml": b"2"}
    assert assets["X.SAFE"]["href"].endswith(f"/o/c/i/unpacked/{inner}/")
    assert archives_of({"id": "i", "assets": assets}) == []


async def test_a_single_file_of_the_name_of_its_archive(tmp_path: Path):
    files, assets = await unpacked(tmp_path, "a.nc", zipped(("a.nc", b"1")), type="application/zip")
    assert files == {"unpacked/a.nc": b"1"}
    assert assets["a.nc"]["href"].endswith("/o/c/i/unpacked/a.nc")


async def test_item_without_archives_stays(tmp_path: Path):
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{"a.xml": b"x"})
    assert await Unpacker(storage, "o").unpack(item) == []


async def test_two_archives_of_one_name(tmp_path: Path):
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{"a.zip": zipped(("x", b"1")), "a.tar": tarred(("y", b"1"))})
    before = everything(tmp_path)
    with pytest.raises(InvalidInputError):
        await Unpacker(storage, "o").unpack(item)
    assert everything(tmp_path) == before


async def test_a_new_archive_of_the_same_key_replaces_what_the_old_one_gave(tmp_path: Path):
    storage = LocalStorage(tmp_path)
    unpacker = Unpacker(storage, "o")
    old = item_with(storage, **{"p.zip": zipped(("p.SAFE/a", b"1"), ("p.SAFE/b", b"2"))})
    record = changed_item(old, await unpacker.unpack(old))
    await unpacker.clean(record)
    new = item_with(storage, **{"p.zip": zipped(("p.SAFE/a", b"3"))})
    new["assets"] |= record["assets"]
    record = changed_item(new, await unpacker.unpack(new))
    await unpacker.clean(record)
    assert list(record["assets"]) == ["p"]
    assert everything(tmp_path / "o/c/i") == {"p.SAFE/a": b"3"}


async def test_a_change_that_was_made_already_changes_nothing(tmp_path: Path):
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{"p.zip": zipped(("p.SAFE/a", b"1")), "q.xml": b"x"})
    changes = await Unpacker(storage, "o").unpack(item)
    record = changed_item(item, changes)
    assert changed_item(record, changes) == record
    moved = item | {"assets": {"p.zip": {"href": "s3://else/where"}}}
    assert changed_item(moved, changes)["assets"] == moved["assets"]


async def test_what_is_unpacked_is_derived_from_the_item_that_has_the_archive(tmp_path: Path):
    storage = LocalStorage(tmp_path)
    item = item_with(storage, **{"p.zip": zipped(("p.SAFE/a", b"1"))})
    via = {"rel": "via", "href": "https://station.example/items/i", "type": "application/geo+json"}
    item["links"] = [{"rel": "via", "href": "https://else.example", "type": "text/html"}, via]
    changes = await Unpacker(storage, "o").unpack(item)
    record = changed_item(item, changes)
    assert record["links"] == [*item["links"], via | {"rel": "derived_from"}]
    assert changed_item(record | {"assets": item["assets"]}, changes)["links"] == record["links"]
    assert changed_item(item, [])["links"] == item["links"]
    nowhere = changed_item(item | {"links": item["links"][:1]}, changes)
    assert [link["rel"] for link in nowhere["links"]] == ["via"]


def test_suffixes():
    names = {
        "a.ZIP": "a",
        "a.SEN3.zip": "a.SEN3",
        "a.tar.GZ": "a",
        "a.tgz": "a",
        "a.nc.gz": "a.nc",
        ".zip": ".zip",
    }
    assert {name: without_suffix(name) for name in names} == names
    assert archive_kind("a.tar.gz") is ArchiveKind.TAR
    assert archive_kind("a.nc") is None
