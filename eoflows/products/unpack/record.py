"""The catalogue record of an item whose archives are unpacked."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eoflows.products.staging.provenance import ITEM, derived_from
from eoflows.products.unpack.kinds import media_type, without_suffix
from eoflows.products.unpack.layout import Product
from eoflows.stores.catalog.interface import UNPACKED_FROM
from eoflows.stores.stac.items import FILE_EXTENSION, ItemDict
from eoflows.stores.storage import check_twins

__all__ = ["Change", "changed_item", "new_assets", "unpacked_hrefs"]

_OF_THE_ARCHIVE = ("alternate", "type")
_ZARR = "application/vnd.zarr"


@dataclass(frozen=True)
class Change:
    """One archive asset and the assets that take its place.

    Attributes:
        key: Asset key of the archive.
        href: Where the archive is.
        assets: What takes its place, by asset key.
    """

    key: str
    href: str
    assets: Mapping[str, Mapping[str, Any]]


def new_assets(
    key: str, asset: Mapping[str, Any], products: Sequence[tuple[Product, str]]
) -> dict[str, dict[str, Any]]:
    """Describe the products of an archive.

    One product has the archive's key without its suffix, several have their own names. `file:size`
    is the bytes of all files of a product. `file:checksum` and `type` are those of a single file; a
    folder has neither, a Zarr store has a type.

    Args:
        key: The archive's asset key.
        asset: The archive's asset.
        products: Products and their hrefs.
    """
    origin = {"key": key, "href": asset.get("href")}
    origin |= {name: asset[name] for name in ("file:size", "file:checksum") if asset.get(name) is not None}
    stays = {
        name: value
        for name, value in asset.items()
        if not name.startswith("file:") and name not in _OF_THE_ARCHIVE
    }
    keys = [without_suffix(key)] if len(products) == 1 else [product.name for product, _ in products]
    return {
        new: copy.deepcopy(stays) | _facts(product) | {"href": href, UNPACKED_FROM: origin}
        for new, (product, href) in zip(keys, products, strict=True)
    }


def _facts(product: Product) -> dict[str, Any]:
    facts: dict[str, Any] = {"file:size": product.size}
    if not product.folder:
        facts["file:checksum"] = product.files[""].checksum.multihash()
        facts["type"] = media_type(product.name)
    elif product.name.lower().endswith(".zarr"):
        facts["type"] = _ZARR
    return facts


def changed_item(item: ItemDict, changes: Sequence[Change]) -> ItemDict:
    """Put new assets in the places of their archives; the item itself stays as it is.

    A change whose archive the item no longer has, or has at another href, changes nothing: another run
    was faster. Assets that came from an earlier archive of the same key go. The item is now derived from the
    one that has the archive: its source's, where its `via` link says which that is.

    Raises:
        InvalidInputError: Two assets would have one key.
    """
    applied = {
        change.key: change
        for change in changes
        if (item["assets"].get(change.key) or {}).get("href") == change.href
    }
    assets: dict[str, Any] = {}
    keys: list[str] = []
    for key, asset in item["assets"].items():
        if _replaced(asset, applied):
            continue
        there = applied[key].assets if key in applied else {key: asset}
        keys += there
        assets |= there
    check_twins(keys, item=item["id"])
    record = {name: copy.deepcopy(value) for name, value in item.items() if name != "assets"}
    record["assets"] = assets
    record["links"] = _links(item, changed=bool(applied))
    extensions = [name for name in item.get("stac_extensions") or () if isinstance(name, str)]
    record["stac_extensions"] = list(dict.fromkeys([*extensions, FILE_EXTENSION]))
    return record


def _links(item: ItemDict, *, changed: bool) -> list[Any]:
    links = copy.deepcopy(list(item.get("links") or ()))
    known = [link for link in links if isinstance(link, Mapping)]
    sources = [link for link in known if link.get("rel") == "via" and link.get("type") == ITEM]
    made_from = {link.get("href") for link in known if link.get("rel") == "derived_from"}
    if changed and sources and sources[-1].get("href") not in made_from:
        links.append(derived_from(str(sources[-1].get("href"))))
    return links


def _replaced(asset: Any, applied: Mapping[str, Change]) -> bool:
    origin = asset.get(UNPACKED_FROM) if isinstance(asset, Mapping) else None
    return isinstance(origin, Mapping) and origin.get("key") in applied


def unpacked_hrefs(item: ItemDict) -> list[str]:
    """Give the hrefs of archives that an item's assets were unpacked from and that it no longer has."""
    assets = [asset for asset in item["assets"].values() if isinstance(asset, Mapping)]
    still = {asset.get("href") for asset in assets}
    origins = [asset.get(UNPACKED_FROM) for asset in assets]
    hrefs = [str(origin.get("href") or "") for origin in origins if isinstance(origin, Mapping)]
    return [href for href in dict.fromkeys(hrefs) if href and href not in still]
