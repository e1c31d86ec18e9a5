"""Results as files, and signed transfers."""

import logging
from contextlib import asynccontextmanager

import orjson
import pystac
import pytest

from eoflows.base.errors import AbsentError, CredentialsError, RefusedError
from eoflows.services.up42.results import outputs_of
from eoflows.services.up42.signing import SigningEngine
from eoflows.stores.transfer import Checksum, Download, TransferEngine

MD5 = "d50110" + 32 * "a"
SELF = "https://api.up42.com/v2/assets/stac/collections/c/items/i"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def item(**assets):
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "i",
        "geometry": None,
        "properties": {"datetime": "2025-01-01T00:00:00Z"},
        "links": [{"rel": "self", "href": SELF}],
        "assets": assets,
    }


def test_an_item_and_its_assets_are_files():
    tiff = {"href": "https://api.up42.com/v2/assets/1", "type": "image/tiff; application=geotiff"}
    document, data, other = outputs_of(
        item(data={**tiff, "file:size": 5, "file:checksum": MD5}, other={"href": "../../assets/2"})
    )
    assert (document.name, document.media_type, document.urls) == ("i.json", "application/geo+json", ())
    assert (data.name, data.urls, data.size) == ("i_data.tif", (tiff["href"],), 5)
    assert data.checksums == (Checksum("md5", bytes.fromhex(32 * "a")),)
    assert (other.name, other.size, other.checksums) == ("i_other", None, ())
    assert other.urls == ("https://api.up42.com/v2/assets/stac/collections/assets/2",)
    found = pystac.Item.from_dict(orjson.loads(document.content or b""))
    assert {key: asset.href for key, asset in found.assets.items()} == {
        "data": "./i_data.tif",
        "other": "./i_other",
    }
    assert found.get_self_href() == SELF


@pytest.mark.parametrize(
    ("key", "kind", "name"),
    [
        ("data", "image/TIFF", "i_data.tif"),
        ("IMG_001.TIF", "image/tiff", "i_IMG_001.TIF"),
        ("scene.tif", "", "i_scene.tif"),
        ("metadata", "application/json", "i_metadata.json"),
        ("report", "application/unheard-of", "i_report"),
    ],
)
def test_names_end_as_their_kind(key, kind, name):
    assert outputs_of(item(**{key: {"href": SELF, "type": kind}}))[1].name == name


@pytest.mark.parametrize("promised", ["md5:aa", "zz", 7, ["x"]])
def test_a_checksum_that_nobody_can_read_is_told_and_no_obstacle(caplog, promised):
    with caplog.at_level(logging.WARNING):
        found = outputs_of(item(data={"href": SELF, "file:checksum": promised, "file:size": "big"}))[1]
    assert (found.checksums, found.size) == ((), None)
    assert "i_data is not verified" in caplog.text


@pytest.fixture
def fetches(monkeypatch):
    """Put a script in place of the transfers: an error is raised, anything else is the receipt."""
    seen, script = [], []

    async def fetch(self, download, progress=None):
        seen.append(download.urls)
        step = script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    monkeypatch.setattr(TransferEngine, "fetch", fetch)
    return seen, script


@asynccontextmanager
async def engine(signed):
    async def sign(href):
        signed.append(href)
        return f"{href}?signature={len(signed)}"

    async with SigningEngine(sign) as opened:
        yield opened


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_signature_that_is_over_is_renewed(fetches, tmp_path, status):
    seen, script = fetches
    script += [RefusedError("over", status=status), RefusedError("over", status=status), "receipt"]
    signed: list[str] = []
    async with engine(signed) as opened:
        assert await opened.fetch(Download(("https://a/1",), tmp_path / "1")) == "receipt"
    assert seen == [(f"https://a/1?signature={number}",) for number in (1, 2, 3)]


@pytest.mark.anyio
async def test_what_is_refused_again_and_again_is_refused(fetches, tmp_path):
    _, script = fetches
    script += [CredentialsError(f"no {number}", status=403) for number in range(10)]
    signed: list[str] = []
    async with engine(signed) as opened:
        with pytest.raises(CredentialsError, match="no 4"):
            await opened.fetch(Download(("https://a/1",), tmp_path / "1"))
    assert len(signed) == 5


@pytest.mark.anyio
async def test_what_is_gone_is_not_signed_again(fetches, tmp_path):
    _, script = fetches
    script += [AbsentError("gone", status=404)]
    signed: list[str] = []
    async with engine(signed) as opened:
        with pytest.raises(AbsentError):
            await opened.fetch(Download(("https://a/1",), tmp_path / "1"))
    assert len(signed) == 1
