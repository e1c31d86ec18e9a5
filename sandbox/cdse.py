"""A STAC API like that of the Copernicus Data Space: open search, OAuth2 downloads, s3:// alternates."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eoflows.sandbox.access import Gate
from eoflows.sandbox.bodies import Content, SyntheticContent
from eoflows.sandbox.delivery import ContentResponse
from eoflows.sandbox.products import Product, timestamp
from eoflows.sandbox.settings import CdseSettings
from eoflows.sandbox.stac.documents import conformance_classes
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.stac.facade import StacFacade
from eoflows.sandbox.stac.pgstac_filters import PgstacFilterCheck
from eoflows.sandbox.stac.search import Record, SearchRules

__all__ = ["Cdse"]

_COLLECTIONS = {
    "sentinel-1-aux": ("sentinel-1", False),
    "sentinel-2-aux": ("sentinel-2", False),
    "sentinel-3-aux": ("sentinel-3", False),
    "sentinel-1-level-0": ("sentinel-1", True),
}
_QUERYABLES = (
    *("id", "collection", "datetime", "start_datetime", "end_datetime", "created", "updated", "published"),
    *("platform", "constellation", "product:type", "processing:facility", "geometry"),
)


@dataclass(frozen=True)
class CdseRecord:
    """A product as CDSE describes it."""

    product: Product
    settings: CdseSettings

    @functools.cached_property
    def id(self) -> str:
        """Item identifier: the name without extension."""
        return self.product.name.partition(".")[0]

    @functools.cached_property
    def properties(self) -> Mapping[str, Any]:
        """The item's properties."""
        product = self.product
        return {
            "datetime": timestamp(product.start),
            "start_datetime": timestamp(product.start),
            "end_datetime": timestamp(product.end),
            "created": timestamp(product.created),
            "updated": timestamp(product.published),
            "published": timestamp(product.published),
            "platform": product.platform,
            "constellation": product.constellation,
            "product:type": product.product_type,
            "processing:facility": product.facility,
            "processing:datetime": timestamp(product.created),
        }

    def value(self, name: str) -> Any:
        """Return a property as filters and sorts see it."""
        return self.id if name == "id" else self.properties.get(name.removeprefix("properties."))

    @functools.cached_property
    def files(self) -> Mapping[str, tuple[str, Content]]:
        """Asset key to file name and content."""
        product = self.product
        found: dict[str, tuple[str, Content]] = {"product": (product.name, product.content)}
        if self.settings.extra_assets:
            found["safe_manifest"] = (
                "manifest.safe",
                SyntheticContent(f"{product.uuid}/manifest", 3000, True),
            )
            found["thumbnail"] = ("quick-look.png", SyntheticContent(f"{product.uuid}/quick-look", 2000))
        return found

    def document(self, base_url: str, collection: str) -> dict[str, Any]:
        """Return the STAC item, without links."""
        return {
            "type": "Feature",
            "stac_version": "1.1.0",
            "stac_extensions": [
                "https://stac-extensions.github.io/file/v2.1.0/schema.json",
                "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json",
                "https://stac-extensions.github.io/authentication/v1.1.0/schema.json",
                "https://stac-extensions.github.io/storage/v2.0.0/schema.json",
            ],
            "id": self.id,
            "collection": collection,
            "geometry": None,
            "properties": {**self.properties, "auth:schemes": _auth_schemes(base_url)},
            "assets": {key: self._asset(key, base_url) for key in self.files},
        }

    def _asset(self, key: str, base_url: str) -> dict[str, Any]:
        name, content = self.files[key]
        product, bucket = self.product, self.settings.bucket
        day = f"{product.start:%Y/%m/%d}"
        https = f"{base_url}/cdse/odata/v1/Products({product.uuid})/"
        https += "$value" if key == "product" else f"Nodes({name})/$value"
        s3 = f"s3://{bucket}/{product.constellation.title()}/AUX/{product.product_type}/{day}/{product.name}"
        s3 += "" if key == "product" else f"/{name}"
        hrefs = {"https": https, "s3": s3}
        main, other = ("https", "s3") if key == "product" else ("s3", "https")
        checksum = f"d50110{content.md5}" if self.settings.multihash else content.md5
        return {
            "href": hrefs[main],
            "title": name,
            "type": "application/octet-stream",
            "roles": ["data" if key == "product" else "metadata" if key == "safe_manifest" else "thumbnail"],
            "auth:refs": ["oidc" if main == "https" else "s3"],
            "file:size": content.size,
            "file:checksum": checksum,
            "alternate": {
                other: {"href": hrefs[other], "auth:refs": ["oidc" if other == "https" else "s3"]},
            },
        }


def _auth_schemes(base_url: str) -> dict[str, Any]:
    flow = {"password": {"tokenUrl": f"{base_url}/oauth2/token"}}
    return {"s3": {"type": "s3"}, "oidc": {"type": "oauth2", "flows": flow}}


class Cdse(StacFacade):
    """The CDSE-like service."""

    def __init__(self, settings: CdseSettings, gate: Gate) -> None:
        rules = SearchRules(
            default_limit=settings.default_limit,
            max_limit=settings.max_limit,
            over_max_limit="cut",
            default_sort="-datetime",
            check_filter=PgstacFilterCheck(frozenset(_QUERYABLES), 400, None),
            number_matched=False,
            next_link_merges=False,
            extra_parameters=frozenset({"fields", "bbox"}),
        )
        super().__init__("/cdse", "Copernicus Data Space look-alike", rules, conformance_classes(fields=True))
        self.settings = settings
        self._gate = gate
        self._by_collection: dict[str, list[CdseRecord]] = {name: [] for name in _COLLECTIONS}
        self._by_uuid: dict[str, CdseRecord] = {}

    def add(self, products: Sequence[Product]) -> None:
        """Offer more products."""
        for product in products:
            record = CdseRecord(product, self.settings)
            self._by_uuid[product.uuid] = record
            for name, (constellation, level0) in _COLLECTIONS.items():
                if product.constellation == constellation and level0 == ("_RAW__" in product.name):
                    self._by_collection[name].append(record)
        self.version += 1

    def admit(self, request: Request) -> None:
        """Let everybody in."""

    def scopes(self, request: Request, asked: Iterable[str] | None) -> list[str]:
        """Return the collections to search; unknown ones hold nothing, and are 404 in paths."""
        if asked is None:
            return list(_COLLECTIONS)
        if "collection" in request.path_params and not set(asked) <= _COLLECTIONS.keys():
            raise Refusal(404, "Collection not found")
        return [name for name in asked if name in _COLLECTIONS]

    def records(self, scope: str) -> Iterable[Record]:
        """Return the records of a collection."""
        return self._by_collection[scope]

    def stored_collection(self, scope: str) -> Mapping[str, Any]:
        """Return a collection's own fields."""
        return {"id": scope, "title": scope}

    def queryables(self) -> Mapping[str, Any]:
        """Return name to JSON schema."""
        return {name: {"title": name, "type": "string"} for name in _QUERYABLES}

    def routes(self) -> list[Route]:
        """Return the routes of the API and of the downloads."""
        base = f"{self.prefix}/odata/v1/Products({{uuid}})"
        return [
            *super().routes(),
            Route(f"{base}/$value", self._download),
            Route(f"{base}/Nodes({{node}})/$value", self._download),
        ]

    async def _download(self, request: Request) -> Response:
        self._gate.download(request, self.settings.download_auth, None)
        record = self._by_uuid.get(request.path_params["uuid"])
        wanted = request.path_params.get("node") or (record.product.name if record else "")
        for name, content in record.files.values() if record else ():
            if name == wanted:
                return ContentResponse(content, name, record.product.published)  # type: ignore[union-attr]
        raise Refusal(404, "No such product")
