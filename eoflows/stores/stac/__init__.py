"""STAC: what a search asks, how an API answers, and how an item is read."""

from eoflows.stores.stac.client import StacClient
from eoflows.stores.stac.items import ItemDict, product_type, validity
from eoflows.stores.stac.request import SearchRequest

__all__ = ["ItemDict", "SearchRequest", "StacClient", "product_type", "validity"]
