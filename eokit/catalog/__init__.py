"""The catalogue of what was staged: an interface, a local one in SQLite, and a read-only STAC API over it."""

from eokit.catalog.cql2 import Filter
from eokit.catalog.interface import Catalog, CollectionSummary, Item, KnownAsset, KnownItem
from eokit.catalog.local import LocalCatalog, Page

__all__ = [
    "Catalog",
    "CollectionSummary",
    "Filter",
    "Item",
    "KnownAsset",
    "KnownItem",
    "LocalCatalog",
    "Page",
]
