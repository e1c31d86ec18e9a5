"""The catalogue of what was staged: an interface, a local one in SQLite, and one behind a STAC API."""

from eokit.catalog.cql2 import Filter
from eokit.catalog.interface import Catalog, CollectionSummary, Item, KnownAsset, KnownItem
from eokit.catalog.local import LocalCatalog, Page
from eokit.catalog.remote import CatalogProfile, RemoteCatalog

__all__ = [
    "Catalog",
    "CatalogProfile",
    "CollectionSummary",
    "Filter",
    "Item",
    "KnownAsset",
    "KnownItem",
    "LocalCatalog",
    "Page",
    "RemoteCatalog",
]
