"""Items as public catalogues serve them, through search, staging and catalogue; their bytes are made up."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pystac
import pytest
from pystac.validation import validate_dict
from station_worlds import Station
from test_station_worlds import staged

pytestmark = pytest.mark.anyio

PRODUCTS = Path(__file__).parents[4] / "shared/data/folder_products"


def items() -> Iterator[tuple[str, dict[str, Any]]]:
    """The items of all files, by file."""
    for path in sorted(PRODUCTS.glob("*.json")):
        document = json.loads(path.read_text())
        found = document if isinstance(document, list) else document.get("features", [document])
        yield from ((path.name, item) for item in found if isinstance(item, dict) and "assets" in item)


def served(station: Station, item: dict[str, Any]) -> dict[str, Any]:
    """The item with bytes of the station's behind each asset; what it promised of its own is left out."""
    assets = {}
    for number, (key, asset) in enumerate(item["assets"].items()):
        path = f"/files/{item['id']}/{number}"
        station.files[path] = f"{item['id']} {key}".encode()
        kept = {name: value for name, value in asset.items() if name not in ("alternate", "file:size")}
        kept.pop("file:checksum", None)
        assets[key] = kept | {"href": station.url + path}
    return {**item, "assets": assets}


def bytes_at(href: str) -> bytes:
    return Path(unquote(urlsplit(href).path)).read_bytes()


def is_valid(item: dict[str, Any]) -> bool | None:
    """Whether an item follows the core schema of its version; None if that one is not at hand."""
    if item["stac_version"] != pystac.get_stac_version():
        return None
    try:
        validate_dict(item, extensions=[])
    except pystac.STACValidationError:
        return False
    return True


@pytest.mark.skipif(not PRODUCTS.is_dir(), reason="the recorded items are not beside this checkout")
async def test_real_items_are_staged_and_published_as_valid_as_they_came(tmp_path: Path) -> None:
    station = Station(0)
    station.trouble, station.method, station.paging, station.counts = "", "POST", "merge", True
    found = dict(items())
    assert len(found) > 5
    station.files.clear()
    station.kept = [("as it should be", item["id"], served(station, item)) for item in found.values()]
    cut, records = await staged(station, tmp_path)
    assert not cut
    assert set(records) == {item["id"] for item in found.values()}
    checked = 0
    for _, name, item in station.kept:
        record = records[name]
        assert set(record["assets"]) == set(item["assets"])
        for key, asset in record["assets"].items():
            assert bytes_at(asset["href"]) == f"{name} {key}".encode()
        pystac.Item.from_dict(record, preserve_dict=True)
        if is_valid(item):
            checked += 1
            # As it is served: the catalogue's own links are added then.
            link = {"rel": "collection", "href": "https://here.example/collections/demo:c"}
            assert is_valid(record | {"links": [*record["links"], link]})
    assert checked
