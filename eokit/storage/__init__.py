"""Where assets end up: names that are safe, and places that hold whole objects only."""

from eokit.storage.base import Existing, Storage, StoredObject
from eokit.storage.factory import storage_from_url
from eokit.storage.local import LocalStorage
from eokit.storage.names import asset_key, check_key, check_twins
from eokit.storage.objects import ObjectStorage

__all__ = [
    "Existing",
    "LocalStorage",
    "ObjectStorage",
    "Storage",
    "StoredObject",
    "asset_key",
    "check_key",
    "check_twins",
    "storage_from_url",
]
