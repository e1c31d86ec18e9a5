"""STAC items as the stations' facades write them, out of OData products and sessions."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from eoflows.sandbox.products import Chunk, Product, Session, mixed_case, timestamp
from eoflows.sandbox.settings import StationSettings

__all__ = ["QUERYABLES", "ProductRecord", "SessionRecord", "StationRecord", "item_id"]

_FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_TIMESTAMPS = "https://stac-extensions.github.io/timestamps/v1.1.0/schema.json"

_LEVEL0_NAME = re.compile(r"S1._(?P<mode>..)_RAW__.*_(?P<orbit>\d{6})_(?P<datatake>[0-9A-F]{6})_")

_COMMON = (
    "id",
    "platform",
    "constellation",
    "created",
    "datetime",
    "start_datetime",
    "end_datetime",
    "published",
)
_PRODUCT = (*_COMMON, "Name", "product:type", "processing:datetime", "processing:facility")
QUERYABLES: Mapping[str, frozenset[str]] = {
    "auxip": frozenset({*_PRODUCT, "auxip:id"}),
    "prip": frozenset({*_PRODUCT, "prip:id", "sat:absolute_orbit", "sat:orbit_state"}),
    "cadip": frozenset(
        {
            *_COMMON,
            "cadip:id",
            "cadip:station_id",
            "cadip:num_channels",
            "cadip:retransfer",
            "sat:absolute_orbit",
        }
    ),
}
"""Properties that each station accepts in filters and sorts."""


def item_id(name: str, *, keep_inner_suffix: bool) -> str:
    """Return a file's name without its extension."""
    stem = name.rpartition(".")[0] or name
    return stem if keep_inner_suffix else stem.partition(".")[0]


@dataclass(frozen=True)
class StationRecord:
    """What product and session records share."""

    settings: StationSettings

    @property
    def id(self) -> str:
        """Item identifier."""
        raise NotImplementedError

    @functools.cached_property
    def properties(self) -> Mapping[str, Any]:
        """The item's properties."""
        raise NotImplementedError

    def files(self) -> list[Product | Chunk]:
        """Return what can be downloaded."""
        raise NotImplementedError

    def value(self, name: str) -> Any:
        """Return a property as the station's OData filters see it: `created` is the publication."""
        if name == "id":
            return self.id
        return self.properties.get("published" if name == "created" else name)

    def matches(self, query: Mapping[str, str]) -> bool:
        """Tell whether it belongs to a collection with this query."""
        return all(fnmatchcase(str(self.value(name)), pattern) for name, pattern in query.items())


@dataclass(frozen=True)
class ProductRecord(StationRecord):
    """An auxiliary or level-0 product."""

    product: Product
    station: str

    @functools.cached_property
    def id(self) -> str:
        """Item identifier."""
        return item_id(self.product.name, keep_inner_suffix=self.settings.keep_inner_suffix)

    @functools.cached_property
    def properties(self) -> Mapping[str, Any]:
        """The item's properties."""
        product = self.product
        start, published = timestamp(product.start), timestamp(product.published)
        found = {
            f"{self.station}:id": product.uuid,
            "datetime": start,
            "start_datetime": start,
            "end_datetime": timestamp(product.end),
            "created": start if self.settings.created_shows == "content_date" else published,
            "published": published,
            "product:type": product.product_type,
            "processing:datetime": timestamp(product.created),
            "processing:facility": product.facility,
            "constellation": product.constellation,
            "platform": product.platform,
        }
        return {**found, **_level0_properties(product)} if self.station == "prip" else found

    def value(self, name: str) -> Any:
        """Return a property as the station's OData filters see it."""
        return self.product.name if name == "Name" else super().value(name)

    def files(self) -> list[Product | Chunk]:
        """Return what can be downloaded."""
        return [self.product]

    def document(self, base_url: str, collection: str) -> dict[str, Any]:
        """Return the STAC item, without links."""
        product = self.product
        own = f"https://rs-python.github.io/{self.station}-stac-extension/v1.0.0/schema.json"
        extensions = [own, _FILE, _TIMESTAMPS, *([_FILE] if product.duplicate_extensions else [])]
        document: dict[str, Any] = {
            "type": "Feature",
            "stac_version": "1.0.0",
            "stac_extensions": extensions,
            "id": self.id,
            "collection": collection,
            "geometry": None,
            "properties": dict(self.properties),
            "assets": {product.name: self._asset(base_url)},
        }
        if product.geometry is not None:
            document["geometry"] = {"type": "Polygon", "coordinates": [[list(p) for p in product.geometry]]}
            xs, ys = zip(*product.geometry, strict=True)
            document["bbox"] = [min(xs), min(ys), max(xs), max(ys)]
        return document

    def _asset(self, base_url: str) -> dict[str, Any]:
        product = self.product
        return {
            "href": f"{base_url}/{self.station}/Products({product.uuid})/$value",
            "type": "application/zip" if self.station == "prip" else "application/octet-stream",
            "file:size": product.content.size,
            "file:checksum": mixed_case(product.content.md5),
            "eviction_datetime": timestamp(product.evicted),
        }


def _level0_properties(product: Product) -> dict[str, Any]:
    found = _LEVEL0_NAME.match(product.name)
    if found is None:
        return {"expires": timestamp(product.evicted)}
    orbit = int(found["orbit"])
    return {
        "expires": timestamp(product.evicted),
        "eopf:datatake_id": str(int(found["datatake"], 16)),
        "eopf:instrument_mode": found["mode"],
        "sat:absolute_orbit": orbit,
        "sat:relative_orbit": (orbit - 73) % 175 + 1,
        "sat:orbit_state": "ascending" if orbit % 2 else "descending",
        "sar:polarizations": ["VV", "VH"],
        "instruments": ["sar"],
    }


@dataclass(frozen=True)
class SessionRecord(StationRecord):
    """A CADIP session with its raw files."""

    session: Session

    @property
    def id(self) -> str:
        """Item identifier."""
        return self.session.id

    @functools.cached_property
    def properties(self) -> Mapping[str, Any]:
        """The item's properties."""
        session = self.session
        return {
            "cadip:id": session.uuid,
            "cadip:num_channels": len({chunk.channel for chunk in session.chunks}),
            "cadip:station_id": session.station,
            "cadip:retransfer": session.retransfer,
            "datetime": timestamp(session.start),
            "start_datetime": timestamp(session.start),
            "end_datetime": timestamp(session.end),
            "created": timestamp(session.published),
            "published": timestamp(session.published),
            "platform": session.platform,
            "constellation": session.platform[:-1],
            "sat:absolute_orbit": session.orbit,
        }

    def files(self) -> list[Product | Chunk]:
        """Return what can be downloaded."""
        return list(self.session.chunks)

    def document(self, base_url: str, collection: str) -> dict[str, Any]:
        """Return the STAC item, without links; the chunks carry no checksum, as CADIP gives none."""
        return {
            "type": "Feature",
            "stac_version": "1.0.0",
            "stac_extensions": ["https://rs-python.github.io/cadip-stac-extension/v1.0.0/schema.json", _FILE],
            "id": self.id,
            "collection": collection,
            "geometry": None,
            "properties": dict(self.properties),
            "assets": {chunk.name: _chunk_asset(chunk, base_url) for chunk in self.session.chunks},
        }


def _chunk_asset(chunk: Chunk, base_url: str) -> dict[str, Any]:
    return {
        "href": f"{base_url}/cadip/Files({chunk.uuid})/$value",
        "type": "application/octet-stream",
        "roles": ["cadu"],
        "file:size": chunk.size,
        "created": timestamp(chunk.published),
        "cadip:channel": chunk.channel,
        "cadip:block_number": chunk.block,
        "cadip:final_block": chunk.final,
    }
