"""Where assets end up: names that are safe, and places that hold whole objects only."""

from eoflows.stores.storage.base import Existing, Storage, StoredObject, checksum_of, key_of
from eoflows.stores.storage.factory import storage_from_url
from eoflows.stores.storage.local import LocalStorage
from eoflows.stores.storage.names import asset_key, asset_of, asset_top, check_key, check_twins, file_names
from eoflows.stores.storage.objects import ObjectStorage

__all__ = [
    "Existing",
    "LocalStorage",
    "ObjectStorage",
    "Storage",
    "StoredObject",
    "asset_key",
    "asset_of",
    "asset_top",
    "check_key",
    "check_twins",
    "checksum_of",
    "file_names",
    "key_of",
    "storage_from_url",
]
