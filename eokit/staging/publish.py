"""The catalogue record of a staged item: it says where the bytes are and what they are."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from eokit.stac.items import ItemDict
from eokit.staging.provenance import PREFIX, Provenance
from eokit.transfer import Receipt

__all__ = ["StagedAsset", "catalog_item"]

_FILE_EXTENSION = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
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
        source_url: Where the item was found, for the `via` link (RFC 8288).
        provenance: Why it was staged and by which run; what its source says of another such run goes.
    """
    record = copy.deepcopy({key: value for key, value in item.items() if key not in ("links", "assets")})
    links = [link for link in item.get("links") or () if isinstance(link, Mapping)]
    record["links"] = [link for link in links if link.get("rel") not in _SOURCE_ONLY]
    via = _self_link(links) or source_url
    if via:
        record["links"].append({"rel": "via", "href": via, "type": "application/geo+json"})
    declared = [name for name in item.get("stac_extensions") or () if isinstance(name, str)]
    extensions = dict.fromkeys([*declared, _FILE_EXTENSION])
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
        known = {(link.get("rel"), link.get("href")) for link in record["links"]}
        record["links"] += [link for link in provenance.links if (link["rel"], link["href"]) not in known]
    record.setdefault("type", "Feature")
    record.setdefault("geometry", None)
    return record


def _self_link(links: Sequence[Mapping[str, Any]]) -> str | None:
    return next((str(link["href"]) for link in links if link.get("rel") == "self" and link.get("href")), None)


def _asset(asset: Mapping[str, Any], href: str, receipt: Receipt) -> dict[str, Any]:
    stays = {key: value for key, value in asset.items() if key != "alternate"}
    return stays | {
        "href": href,
        "file:size": receipt.size,
        "file:checksum": receipt.checksums[0].multihash(),
    }
