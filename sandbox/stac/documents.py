"""Landing page, collections, pages: STAC documents and their links."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from eoflows.sandbox.stac.search import Search

__all__ = [
    "GEOJSON",
    "collection_document",
    "conformance_classes",
    "geojson",
    "item_links",
    "json_response",
    "landing_document",
    "next_link",
    "with_fields",
]

GEOJSON = "application/geo+json"
_JSON = "application/json"
_STAC = "https://api.stacspec.org/v1.0.0"
_FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf"
_CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf"


def conformance_classes(*, fields: bool = False, transactions: bool = False) -> list[str]:
    """Return the conformance classes that a service declares."""
    item_search = ["#sort", "#query", "#filter"] + (["#fields"] if fields else [])
    return [
        f"{_STAC}/core",
        f"{_STAC}/collections",
        f"{_STAC}/ogcapi-features",
        f"{_STAC}/item-search",
        *(f"{_STAC}/item-search{part}" for part in item_search),
        *([f"{_STAC}/ogcapi-features/extensions/transaction"] if transactions else []),
        f"{_FEATURES}/core",
        f"{_FEATURES}/geojson",
        "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
        *(f"{_CQL2}/{part}" for part in ("basic-cql2", "cql2-json", "cql2-text", "temporal-functions")),
    ]


def json_response(document: Any, status: int = 200, media_type: str = _JSON) -> Response:
    """Answer with a document."""
    return Response(orjson.dumps(document), status, media_type=media_type)


def geojson(document: Any, status: int = 200) -> Response:
    """Answer with an item or a page of items."""
    return json_response(document, status, GEOJSON)


def _link(rel: str, href: str, media_type: str = _JSON, **more: Any) -> dict[str, Any]:
    return {"rel": rel, "href": href, "type": media_type, **more}


def landing_document(root: str, name: str, description: str, conforms_to: Sequence[str]) -> dict[str, Any]:
    """Return the landing page of a service whose address is `root`."""
    return {
        "type": "Catalog",
        "id": name,
        "title": name,
        "description": description,
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "conformsTo": list(conforms_to),
        "links": [
            _link("self", f"{root}/"),
            _link("root", f"{root}/"),
            _link("data", f"{root}/collections"),
            _link("conformance", f"{root}/conformance"),
            _link("search", f"{root}/search", GEOJSON, method="GET"),
            _link("search", f"{root}/search", GEOJSON, method="POST"),
            _link(
                "http://www.opengis.net/def/rel/ogc/1.0/queryables",
                f"{root}/queryables",
                "application/schema+json",
            ),
        ],
    }


def collection_document(root: str, public_id: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a collection with the fields that STAC demands, and its links."""
    here = f"{root}/collections/{public_id}"
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "description": public_id,
        "license": "proprietary",
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
        **stored,
        "links": [
            _link("self", here),
            _link("root", f"{root}/"),
            _link("parent", f"{root}/"),
            _link("items", f"{here}/items", GEOJSON),
        ],
    }


def item_links(root: str, public_id: str, item_id: str) -> list[dict[str, Any]]:
    """Return the links of an item."""
    collection = f"{root}/collections/{public_id}"
    return [
        _link("self", f"{collection}/items/{item_id}", GEOJSON),
        _link("collection", collection),
        _link("parent", collection),
        _link("root", f"{root}/"),
    ]


def next_link(request: Request, search: Search, *, merges: bool) -> dict[str, Any]:
    """Return the link to the page that follows."""
    token = f"next:{search.offset + search.limit}"
    kept = {name: value for name, value in search.asked.items() if name not in ("token", "page")}
    if request.method == "POST":
        body = {"token": token} if merges else {**kept, "token": token}
        return _link(
            "next", str(request.url.replace(query="")), GEOJSON, method="POST", body=body, merge=merges
        )
    return _link("next", str(request.url.replace_query_params(**kept, token=token)), GEOJSON, method="GET")


def with_fields(item: dict[str, Any], include: Sequence[str], exclude: Sequence[str]) -> dict[str, Any]:
    """Apply the fields extension as pgstac does: id, collection and links stay unless excluded."""
    if include:
        chosen: dict[str, Any] = {}
        for path in dict.fromkeys(["id", "collection", "links", *include]):
            _copy(item, chosen, path.split("."))
        item = chosen
    for path in exclude:
        _drop(item, path.split("."))
    return item


def _copy(source: Mapping[str, Any], target: dict[str, Any], path: Sequence[str]) -> None:
    if path[0] not in source:
        return
    if len(path) == 1 or not isinstance(source[path[0]], dict):
        target[path[0]] = source[path[0]]
    else:
        _copy(source[path[0]], target.setdefault(path[0], {}), [".".join(path[1:])])


def _drop(target: dict[str, Any], path: Sequence[str]) -> None:
    if len(path) == 1:
        target.pop(path[0], None)
    elif isinstance(target.get(path[0]), dict):
        target[path[0]] = dict(target[path[0]])
        _drop(target[path[0]], [".".join(path[1:])])
