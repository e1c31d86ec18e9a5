"""The documents of a read-only STAC API, from what the catalogue holds; every address is absolute."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urljoin

from eoflows.base.times import OPEN_END, format_utc
from eoflows.stores.catalog.interface import CollectionSummary, Item

__all__ = ["CONFORMANCE", "GEOJSON", "Documents", "picked"]

GEOJSON = "application/geo+json"
_JSON = "application/json"
_VERSION = "1.0.0"
_OURS = frozenset({"collection", "parent", "root", "self"})
_ALWAYS = frozenset({"collection", "id", "links", "type"})

CONFORMANCE = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#fields",
    "https://api.stacspec.org/v1.0.0/item-search#filter",
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
]

_TIMES = ("datetime", "start_datetime", "end_datetime", "created", "updated", "published")
_QUERYABLES: dict[str, Any] = {
    "id": {"type": "string"},
    "collection": {"type": "string"},
    "geometry": {"$ref": "https://geojson.org/schema/Geometry.json"},
    "product:type": {"type": "string"},
    **{name: {"type": "string", "format": "date-time"} for name in _TIMES},
}


class Documents:
    """Writes documents whose links begin with one address.

    Args:
        base: Where the API is, without a slash at the end.
    """

    def __init__(self, base: str) -> None:
        self.base = base

    def landing(self, summaries: Sequence[CollectionSummary]) -> dict[str, Any]:
        """Give the landing page."""
        search = f"{self.base}/search"
        links = [
            self._link("self", ""),
            self._link("root", ""),
            self._link("conformance", "/conformance"),
            self._link("data", "/collections"),
            self._link("http://www.opengis.net/def/rel/ogc/1.0/queryables", "/queryables"),
            {"rel": "search", "type": GEOJSON, "href": search, "method": "GET"},
            {"rel": "search", "type": GEOJSON, "href": search, "method": "POST"},
            *(self._link("child", _path(summary.id)) for summary in summaries),
        ]
        return {
            "type": "Catalog",
            "stac_version": _VERSION,
            "id": "eoflows",
            "title": "eoflows catalogue",
            "description": "Items that eoflows has staged. Read-only.",
            "conformsTo": CONFORMANCE,
            "links": links,
        }

    def collections(self, summaries: Sequence[CollectionSummary]) -> dict[str, Any]:
        """Give all collections."""
        links = [self._link("self", "/collections"), self._link("root", "")]
        return {"collections": [self.collection(summary) for summary in summaries], "links": links}

    def collection(self, summary: CollectionSummary) -> dict[str, Any]:
        """Give one collection."""
        path = _path(summary.id)
        start = format_utc(summary.start) if summary.start else None
        end = format_utc(summary.end) if summary.end and summary.end != OPEN_END else None
        return {
            "type": "Collection",
            "stac_version": _VERSION,
            "id": summary.id,
            "description": f"{summary.items} items staged by eoflows",
            "license": "proprietary",
            "extent": {
                "spatial": {"bbox": [list(summary.bbox or (-180.0, -90.0, 180.0, 90.0))]},
                "temporal": {"interval": [[start, end]]},
            },
            "links": [
                self._link("self", path),
                self._link("root", ""),
                self._link("parent", ""),
                self._link("items", f"{path}/items", GEOJSON),
                self._link("http://www.opengis.net/def/rel/ogc/1.0/queryables", f"{path}/queryables"),
            ],
        }

    def item(self, item: Item) -> Item:
        """Give an item with our links in place of those that it came with."""
        path = _path(str(item["collection"]))
        own = self._link("self", f"{path}/items/{quote(str(item['id']), safe='')}", GEOJSON)
        links = [
            {**link, "href": urljoin(own["href"], str(link.get("href") or ""))}
            for link in item.get("links") or ()
            if link.get("rel") not in _OURS
        ]
        links += [
            own,
            self._link("collection", path),
            self._link("parent", path),
            self._link("root", ""),
        ]
        return {
            "stac_version": _VERSION,
            "geometry": None,
            "assets": {},
            **item,
            "type": "Feature",
            "links": links,
        }

    def features(self, items: Sequence[Item], links: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Give a page of items."""
        return {
            "type": "FeatureCollection",
            "features": list(items),
            "numberReturned": len(items),
            "links": [self._link("root", ""), *links],
        }

    def queryables(self, path: str) -> dict[str, Any]:
        """Give the JSON Schema of what filters may name; other properties may be named too."""
        return {
            "$schema": "https://json-schema.org/draft/2019-09/schema",
            "$id": f"{self.base}{path}",
            "type": "object",
            "title": "Queryables",
            "properties": _QUERYABLES,
            "additionalProperties": True,
        }

    def conformance(self) -> dict[str, Any]:
        """Give the conformance classes."""
        return {"conformsTo": CONFORMANCE}

    def _link(self, rel: str, path: str, kind: str = _JSON) -> dict[str, Any]:
        return {"rel": rel, "type": kind, "href": f"{self.base}{path}" if path else f"{self.base}/"}


def _path(collection: str) -> str:
    return f"/collections/{quote(collection, safe=':')}"


def picked(item: Item, include: Sequence[str], exclude: Sequence[str]) -> Item:
    """Keep some fields of an item: `properties`, `properties.updated`, `assets`, ...; its id always stays."""
    chosen = {field.partition(".")[0] for field in include} | _ALWAYS if include else set(item)
    found = {name: value for name, value in item.items() if name in chosen and name not in exclude}
    inner = {field.removeprefix("properties.") for field in include if field.startswith("properties.")}
    hidden = {field.removeprefix("properties.") for field in exclude if field.startswith("properties.")}
    if isinstance(found.get("properties"), Mapping) and (inner or hidden):
        only = inner if inner and "properties" not in include else None
        found["properties"] = {
            name: value
            for name, value in found["properties"].items()
            if (only is None or name in only) and name not in hidden
        }
    return found | {name: item[name] for name in ("collection", "id", "type")}
