"""The archives among an item's assets, and where they are in the storage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eoflows.base.errors import InvalidInputError
from eoflows.products.unpack.kinds import ArchiveKind, archive_kind, asset_archive, without_suffix
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.storage import Storage, key_of
from eoflows.stores.storage.names import folded

__all__ = ["Archive", "archives_of", "find_archive", "in_place", "own_key"]


_APART = "unpacked"


@dataclass(frozen=True)
class Archive:
    """One archive asset of an item.

    Attributes:
        asset_key: Asset key.
        asset: The asset.
        name: File name.
        kind: How it is read.
        key: Its name in the storage.
        stem: Name for a folder with its content.
    """

    asset_key: str
    asset: Mapping[str, Any]
    name: str
    kind: ArchiveKind
    key: str
    stem: str

    def place_of(self, name: str) -> str:
        """Give the key of what was in it: in the same folder, or in one that keeps it from the archive.

        Some archives are named like the folder in them, `X.SAFE`.
        """
        folder = self.key.rpartition("/")[0]
        key = f"{folder}/{name}"
        return f"{folder}/{_APART}/{name}" if folded(key) == folded(self.key) else key


def archives_of(item: ItemDict) -> list[str]:
    """Give the keys of an item's assets that are archives."""
    return [
        key
        for key, asset in item["assets"].items()
        if isinstance(asset, Mapping) and asset_archive(key, asset) is not None
    ]


def find_archive(item: ItemDict, asset_key: str, storage: Storage, owner: str) -> Archive:
    """Locate an archive asset.

    Raises:
        InvalidInputError: It is not in the item's folder of this storage.
    """
    asset = item["assets"][asset_key]
    found, key = asset_archive(asset_key, asset), own_key(item, str(asset.get("href") or ""), storage, owner)
    if key is None or found is None:
        raise InvalidInputError(
            f"asset {asset_key!r} of item {item['id']!r} is not in the item's folder of this storage; "
            "stage it first"
        )
    name, kind = found
    # An archive without a suffix (CDSE's `product`) says nothing about its content.
    stem = without_suffix(name) if archive_kind(name) else str(item["id"])
    return Archive(asset_key, asset, name, kind, key, stem)


def own_key(item: ItemDict, href: str, storage: Storage, owner: str) -> str | None:
    """Give the key of an href, or None if it is not in the folder of this owner's item."""
    key = key_of(storage, href)
    collection = str(item.get("collection") or "").removeprefix(f"{owner}:")
    start = [owner, collection, str(item["id"])]
    parts = [] if key is None else key.split("/")
    return key if len(parts) > len(start) and parts[: len(start)] == start else None


def in_place(storage: Storage, key: str) -> bool:
    """Whether the storage is a local folder, where a file is spooled to its final path."""
    return storage.spool(key).as_uri() == storage.href(key)
