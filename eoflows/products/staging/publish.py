"""The catalogue record of a staged item: it says where the bytes are and what they are."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from eoflows.base.errors import InvalidInputError
from eoflows.base.secrets import hide
from eoflows.products.staging.provenance import ITEM, PREFIX, Provenance
from eoflows.stores.stac.items import FILE_EXTENSION, ItemDict
from eoflows.stores.transfer import Checksum, Receipt

__all__ = ["StagedAsset", "catalog_item"]

_SOURCE_ONLY = frozenset({"self", "root", "parent", "collection", "next", "prev"})

StagedAsset = tuple[str, Receipt]
"""An asset's href in the storage and the receipt of its transfer."""


def catalog_item(
    item: ItemDict,
    staged: Mapping[str, StagedAsset],
    kept: Mapping[str, Any],
    source_url: str | None,
    provenance: Provenance | None = None,
) -> ItemDict:
    """Build the record.

    Args:
        item: The item as its source describes it.
        staged: By asset key, what this run staged. Size and checksum are those of the bytes.
        kept: By asset key, the assets of the earlier record that stay.
        source_url: Where the item was found, for the `via` link (RFC 8288) of one that has no address.
        provenance: Why it was staged and by which run; what its source says of another such run goes.
    """
    # What is changed below is made anew; the rest is only read.
    record = {key: value for key, value in item.items() if key not in ("links", "assets")}
    links = [link for link in item.get("links") or () if isinstance(link, Mapping)]
    own = _self_link(links)
    record["links"] = [_absolute(link, own) for link in links if link.get("rel") not in _SOURCE_ONLY]
    if own or source_url:
        kind = ITEM if own else "application/json"
        record["links"].append({"rel": "via", "href": hide(own or str(source_url)), "type": kind})
    declared = [name for name in item.get("stac_extensions") or () if isinstance(name, str)]
    extensions = dict.fromkeys([*declared, FILE_EXTENSION])
    record["stac_extensions"] = list(extensions)
    record["assets"] = dict(kept) | {
        key: _asset(item["assets"][key], href, receipt) for key, (href, receipt) in staged.items()
    }
    record["properties"] = {
        name: value
        for name, value in record["properties"].items()
        if name != "unpublished" and not name.startswith(PREFIX)
    }
    if provenance is not None:
        record["properties"] |= provenance.properties
    record.setdefault("type", "Feature")
    record.setdefault("geometry", None)
    return record


def _self_link(links: Sequence[Mapping[str, Any]]) -> str | None:
    return next((str(link["href"]) for link in links if link.get("rel") == "self" and link.get("href")), None)


def _absolute(link: Mapping[str, Any], base: str | None) -> dict[str, Any]:
    """Give a link that also leads there from another place, like a `derived_from` beside its item."""
    href = link.get("href")
    return {**link, "href": hide(urljoin(base or "", href))} if isinstance(href, str) else dict(link)


def _asset(asset: Mapping[str, Any], href: str, receipt: Receipt) -> dict[str, Any]:
    stays = {key: value for key, value in asset.items() if key != "alternate"}
    carried = _unverified(asset.get("file:checksum"))
    return stays | {
        "href": href,
        "file:size": receipt.size,
        "file:checksum": carried or receipt.checksums[0].multihash(),
    }


def _unverified(told: Any) -> Any:
    """Give a promised checksum that nobody here can compute: it is carried as it is."""
    try:
        return told if told and Checksum.read(str(told)) is None else None
    except InvalidInputError:
        return None
