"""What a job has made, as files to fetch."""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import orjson

from eoflows.base.errors import InvalidInputError
from eoflows.jobs.service import Output
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.transfer import Checksum

__all__ = ["outputs_of"]

_SUFFIXES = {
    "image/tiff": ".tif",
    "image/jp2": ".jp2",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "application/json": ".json",
    "application/geo+json": ".geojson",
    "application/geopackage+sqlite3": ".gpkg",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "text/plain": ".txt",
    "application/pdf": ".pdf",
}
_GEOJSON = "application/geo+json"


def outputs_of(item: ItemDict) -> list[Output]:
    """Give the files of an item: the item itself, `{id}.json`, and its assets, `{id}_{key}.tif`.

    In the file the item's assets point at the files beside it; its `self` link says where it came from.

    Args:
        item: The STAC item, as storage shows it.
    """
    here = next((link["href"] for link in item.get("links", ()) if link.get("rel") == "self"), "")
    names = {key: _name(item["id"], key, asset) for key, asset in item["assets"].items()}
    moved = {key: {**asset, "href": f"./{names[key]}"} for key, asset in item["assets"].items()}
    document = Output(
        f"{item['id']}.json", content=orjson.dumps({**item, "assets": moved}), media_type=_GEOJSON
    )
    return [document, *(_output(names[key], asset, here) for key, asset in item["assets"].items())]


def _output(name: str, asset: Mapping[str, Any], here: str) -> Output:
    size = asset.get("file:size")
    return Output(
        name,
        (urljoin(here, str(asset.get("href") or "")),),
        media_type=str(asset.get("type") or ""),
        size=size if isinstance(size, int) and size >= 0 else None,
        checksums=_checksums(name, asset.get("file:checksum")),
    )


def _checksums(name: str, promised: object) -> tuple[Checksum, ...]:
    """Read a checksum. One that nobody can read protects nothing, and the results are paid for."""
    if not promised:
        return ()
    try:
        return (Checksum.parse(str(promised)),)
    except InvalidInputError as error:
        logging.getLogger(__name__).warning("%s is not verified by its checksum: %s", name, error)
        return ()


def _name(item_id: str, key: str, asset: Mapping[str, Any]) -> str:
    kind = str(asset.get("type") or "").partition(";")[0].strip().lower()
    suffix = _SUFFIXES.get(kind, "")
    return f"{item_id}_{key}" + ("" if key.lower().endswith(suffix) else suffix)
