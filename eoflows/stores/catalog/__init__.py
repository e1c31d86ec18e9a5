"""The catalogue of what was staged: an interface, a local one in SQLite, and one behind a STAC API."""

from eoflows.stores.catalog.cql2 import Filter
from eoflows.stores.catalog.interface import Catalog, CollectionSummary, Item, KnownAsset, KnownItem
from eoflows.stores.catalog.local import LocalCatalog, Page
from eoflows.stores.catalog.remote import CatalogProfile, RemoteCatalog

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
