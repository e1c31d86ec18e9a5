"""STAC: what a search asks, how an API answers, and how an item is read."""

from eokit.stac.client import StacClient
from eokit.stac.items import ItemDict, product_type, validity
from eokit.stac.request import SearchRequest

__all__ = ["ItemDict", "SearchRequest", "StacClient", "product_type", "validity"]
