import gzip
import hashlib
import io
import tarfile
import time
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eoflows.sandbox.bodies import SyntheticContent
from eoflows.sandbox.generated import auxiliary_products, level0_products, sessions
from eoflows.sandbox.loaded import load_products
from eoflows.sandbox.products import OPEN_END, mixed_case, parse_name
from eoflows.sandbox.rs_server.station_items import item_id

POEORB = Path(__file__).parents[4] / "shared" / "data" / "aux_orbits" / "poeorb.jsonl.gz"
START, DAYS = date(2025, 8, 1), 21
PRODUCTS = auxiliary_products(START, DAYS)


def whole(content):
    return content.read(0, content.size)


def test_every_type_is_there():
    assert {product.product_type for product in PRODUCTS} == {
        "OPER_AUX_ECMWFD_PDMC",
        "OPER_AUX_OBMEMC_PDMC",
        "OPER_MPL_ORBSCT",
        "OPER_MPL_ORBPRE",
        "OPER_AUX_RESORB_OPOD",
        "OPER_AUX_PREORB_OPOD",
        "AUX_PP2",
        "AX___OSF_AX",
        "AUX_POEORB",
    }


def test_generation_is_deterministic_and_seeded():
    assert auxiliary_products(START, DAYS) == PRODUCTS
    assert {one.uuid for one in PRODUCTS}.isdisjoint(
        one.uuid for one in auxiliary_products(START, DAYS, seed=1)
    )
    assert len({one.uuid for one in PRODUCTS}) == len({one.name for one in PRODUCTS}) == len(PRODUCTS)


def test_the_traps_are_set():
    parts = {one.name: parse_name(one.name) for one in PRODUCTS}
    agree = [one for one in PRODUCTS if parts[one.name].start == one.start]
    assert 0 < len(PRODUCTS) - len(agree) < len(PRODUCTS) / 5
    assert any(one.end == OPEN_END and "99999999T999999" in one.name for one in PRODUCTS)
    assert any(one.end == OPEN_END and "99991231T235959" in one.name for one in PRODUCTS)
    assert any(one.evicted == one.published for one in PRODUCTS)
    assert any(one.duplicate_extensions for one in PRODUCTS)
    assert any("PREORB" in one.name and one.product_type == "AUX_PP2" for one in PRODUCTS)
    assert {Path(one.name).suffix for one in PRODUCTS} >= {".TGZ", ".zip", ".EOF", ".SAFE", ".xml"}


@pytest.mark.parametrize(
    ("name", "start", "stop", "created"),
    [
        (
            "S1A_OPER_AUX_POEORB_OPOD_20210203T122423_V20210113T225942_20210115T005942.EOF",
            "20210113T225942",
            "20210115T005942",
            "20210203T122423",
        ),
        ("S1A_OPER_AUX_OBMEMC_PDMC_20210123T000000.xml", "20210123T000000", None, None),
        ("S1A_AUX_PP2_V20230403T080000_G20230404T080000.SAFE", "20230403T080000", None, "20230404T080000"),
    ],
)
def test_name_grammars(name, start, stop, created):
    def text(moment):
        return None if moment is None else f"{moment:%Y%m%dT%H%M%S}"

    parts = parse_name(name)
    assert (text(parts.start), text(parts.stop), text(parts.created)) == (start, stop, created)


def test_open_ends_in_names():
    assert parse_name("S1A_OPER_MPL_ORBSCT_20200829T150704_99999999T999999_0025.EOF").stop == OPEN_END
    scenario = "S3A_AX___OSF_AX_20160216T192404_99991231T235959_20220330T090651"
    assert parse_name(f"{scenario}___________________EUM_O_AL_001.SEN3.zip").stop == OPEN_END
    with pytest.raises(ValueError, match="grammar"):
        parse_name("README.md")


@pytest.mark.parametrize("size", [0, 1, 40, 300, 65_535, 65_536, 65_537, 200_000, 1_000_003])
@pytest.mark.parametrize("text", [False, True])
def test_a_body_has_its_size_and_md5_from_any_byte(size, text):
    content = SyntheticContent("S1A_X.EOF", size, text)
    body = whole(content)
    assert len(body) == size
    assert hashlib.md5(body, usedforsecurity=False).hexdigest() == content.md5
    for start, stop in ((0, 1), (size // 3, size // 2), (max(0, size - 70), size), (size, size + 5)):
        assert content.read(start, stop) == body[start:stop]


def test_bodies_differ_between_products_and_between_their_own_blocks():
    first, second = SyntheticContent("a", 300_000), SyntheticContent("b", 300_000)
    assert first.md5 != second.md5
    body = whole(first)
    assert len({body[at : at + 65_536] for at in range(0, 262_144, 65_536)}) == 4


def test_orbit_files_are_xml():
    product = next(one for one in PRODUCTS if one.name.endswith(".EOF"))
    root = ElementTree.fromstring(whole(product.content))
    assert root.tag == "Earth_Explorer_File"


def test_archives_are_archives():
    tgz = next(one for one in PRODUCTS if one.name.endswith(".TGZ"))
    with tarfile.open(fileobj=io.BytesIO(whole(tgz.content))) as archive:
        assert [Path(name).suffix for name in archive.getnames()] == [".HDR", ".DBL"]
    osf = next(one for one in PRODUCTS if one.name.endswith(".SEN3.zip"))
    level0 = level0_products(START, 1)[0]
    for product, top in ((osf, ".SEN3"), (level0, ".SAFE")):
        body = whole(product.content)
        assert len(body) == product.content.size
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.testzip() is None
            assert {Path(name).parts[0] for name in archive.namelist()} == {product.name.removesuffix(".zip")}
            assert product.name.endswith(f"{top}.zip")


def test_sessions_have_numbered_chunks():
    session = sessions(START, 1)[0]
    assert len(session.chunks) == 8
    assert sum(chunk.final for chunk in session.chunks) == 2
    assert all(session.id in chunk.name for chunk in session.chunks)


def test_mixed_case_keeps_the_digest():
    digest = hashlib.md5(b"x", usedforsecurity=False).hexdigest()
    mixed = mixed_case(digest)
    assert mixed.lower() == digest
    assert mixed not in (digest, digest.upper())


def test_item_ids():
    assert item_id("a.EOF", keep_inner_suffix=True) == "a"
    assert item_id("a.SEN3.zip", keep_inner_suffix=True) == "a.SEN3"
    assert item_id("a.SEN3.zip", keep_inner_suffix=False) == "a"


def test_a_list_is_loaded_at_full_or_reduced_size(tmp_path):
    line = (
        b'{"name": "S1B_OPER_AUX_POEORB_OPOD_20210203T122423_V20210113T225942_20210115T005942.EOF",'
        b' "size": 4409614, "last_modified": "2024-07-27T02:04:55.000Z", "etag": "x"}\n'
    )
    (tmp_path / "list.jsonl").write_bytes(line)
    (tmp_path / "list.jsonl.gz").write_bytes(gzip.compress(line))
    (full,) = load_products(tmp_path / "list.jsonl")
    (small,) = load_products(tmp_path / "list.jsonl.gz", scale=0.01, published_from="last_modified")
    assert (full.size, small.size) == (4409614, 44096)
    assert full.published == datetime(2021, 2, 3, 12, 24, 23, tzinfo=UTC)
    assert small.published == datetime(2024, 7, 27, 2, 4, 55, tzinfo=UTC)
    assert (full.platform, full.product_type) == ("sentinel-1b", "AUX_POEORB")


@pytest.mark.skipif(not POEORB.exists(), reason="the shared data are not here")
def test_all_real_orbits_are_loaded_quickly():
    # Of this thread: what others do on a busy machine does not count.
    began = time.thread_time()
    products = load_products(POEORB)
    assert len(products) == 6239
    assert time.thread_time() - began < 5
