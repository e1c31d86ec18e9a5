"""How a remote catalogue names things, and what it can keep: RS-Server, or pgstac as it is.

| | RS-Server | pgstac |
|---|---|---|
| collection in a URL | `owner:name` | `owner~name` |
| collection in a search | `owner_name` | `owner~name` |
| `published`, `updated` | written by the server | written here |
| no geometry | kept as null | kept as an empty GeometryCollection, which no search area meets |
| open end | kept as it is | kept as the year 9999 |
| replacing | PUT per item | bulk upsert |

pgstac refuses `:` in ids, so the owner is set off by `~`, which it and URLs accept; names with a `~` of
their own are refused. RS-Server's searches join owner and name by `_`: owner `a` with `b_c` and owner
`a_b` with `c` are one to it. Such a pair is found by looking at what comes back, and is an error.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from eoflows.base.errors import CatalogError, InvalidInputError, UnsafeNameError
from eoflows.base.times import OPEN_END, format_utc
from eoflows.stores.catalog.interface import Item
from eoflows.stores.catalog.rows import check_name
from eoflows.stores.catalog.validity import instant

__all__ = ["CatalogProfile", "Dialect", "dialect_of"]

REFUSED = frozenset(":/?#[]@!$&'()*+,;=")
"""Characters that stac-fastapi-pgstac refuses in ids."""

_OPEN = format_utc(OPEN_END)
_EMPTY = {"type": "GeometryCollection", "geometries": []}


class CatalogProfile(StrEnum):
    """Which rules a remote catalogue has."""

    RS_SERVER = "rs-server"
    PGSTAC = "pgstac"


class Dialect(Protocol):
    """The rules of one kind of server."""

    stamps: bool
    """The server writes `published` and `updated` itself."""
    replaces_in_bulk: bool
    """Items that change are sent as one bulk upsert, else by PUT."""
    batch: int
    """Items per bulk request."""

    def path_name(self, collection: str) -> str:
        """Name a collection in a URL.

        Raises:
            UnsafeNameError: The server cannot have a collection of this name.
        """
        ...

    def search_name(self, collection: str) -> str:
        """Name a collection in the body of a search."""
        ...

    def collection_of(self, feature: Mapping[str, Any], asked: Sequence[str] | None) -> str:
        """Tell which collection an item from a search belongs to.

        Args:
            feature: What the server sent.
            asked: The collections that were searched; None is all.

        Raises:
            CatalogError: It belongs to none of those asked for.
        """
        ...

    def collection_name(self, document: Mapping[str, Any]) -> str:
        """Give the public id of a collection document."""
        ...

    def collection_document(self, collection: str) -> dict[str, Any]:
        """Give the document that creates a collection."""
        ...

    def outgoing(self, item: Mapping[str, Any], collection: str) -> Item:
        """Give an item as the server takes it."""
        ...

    def incoming(self, feature: Mapping[str, Any], collection: str) -> Item:
        """Give an item as callers know it."""
        ...


def dialect_of(profile: CatalogProfile) -> Dialect:
    """Give the rules of a profile."""
    return _RsServer() if profile is CatalogProfile.RS_SERVER else _Pgstac()


def check_item_id(value: object) -> str:
    """Check an item id before anything is sent.

    Raises:
        UnsafeNameError: The server would refuse it.
    """
    name = check_name("item", value)
    bad = sorted(REFUSED & set(name))
    if bad:
        raise UnsafeNameError(
            f"item id {name[:80]!r} has {' '.join(bad)}, which the catalogue refuses; it refuses each of "
            f"{' '.join(sorted(REFUSED))}"
        )
    return name


def _check_part(collection: str, part: str, further: str = "") -> str:
    bad = sorted((REFUSED | set(further)) & set(part))
    if bad or not part:
        fault = f"it has {' '.join(bad)}" if bad else "a part is empty"
        raise UnsafeNameError(f"collection {collection[:80]!r} cannot be in this catalogue: {fault}")
    return part


class _RsServer:
    """stac-fastapi-pgstac behind RS-Server's middleware."""

    stamps, replaces_in_bulk, batch = True, False, 100

    def path_name(self, collection: str) -> str:
        return ":".join(_owned(collection))

    def search_name(self, collection: str) -> str:
        return "_".join(_owned(collection))

    def collection_of(self, feature: Mapping[str, Any], asked: Sequence[str] | None) -> str:
        stored, owner = str(feature.get("collection")), _owner(feature)
        if owner is None:
            fits = [name for name in asked or () if stored in _spellings(name)]
            if len(fits) == 1:
                return fits[0]
            if asked is None:
                return stored
            raise self._foreign(feature, asked)
        names = [f"{owner}:{stored}"]
        if stored.startswith((f"{owner}_", f"{owner}:")):
            names.append(f"{owner}:{stored[len(owner) + 1 :]}")
        for name in names:
            if asked is None or name in asked:
                return name
        raise self._foreign(feature, asked or ())

    def _foreign(self, feature: Mapping[str, Any], asked: Sequence[str]) -> CatalogError:
        found = f"{_owner(feature) or '?'}:{feature.get('collection')}"
        return CatalogError(
            f"a search of {', '.join(asked)} gave item {str(feature.get('id'))[:80]!r} of {found}: to this "
            "catalogue they have the same name, owner and collection joined by _; rename one collection"
        )

    def collection_name(self, document: Mapping[str, Any]) -> str:
        name, owner = str(document.get("id")), document.get("owner")
        return f"{owner}:{name}" if isinstance(owner, str) and owner and ":" not in name else name

    def collection_document(self, collection: str) -> dict[str, Any]:
        owner, name = _owned(collection)
        return {"owner": owner, **_description(collection), "id": name}

    def outgoing(self, item: Mapping[str, Any], collection: str) -> Item:
        return {**item, "type": "Feature", "collection": _owned(collection)[1]}

    def incoming(self, feature: Mapping[str, Any], collection: str) -> Item:
        return {**feature, "collection": collection}


class _Pgstac:
    """stac-fastapi-pgstac with nothing before it, or another server with transactions."""

    stamps, replaces_in_bulk, batch = False, True, 500

    def path_name(self, collection: str) -> str:
        check_name("collection", collection)
        return "~".join(_check_part(collection, part, "~") for part in collection.split(":", 1))

    def search_name(self, collection: str) -> str:
        return self.path_name(collection)

    def collection_of(self, feature: Mapping[str, Any], asked: Sequence[str] | None) -> str:
        name = self.collection_name({"id": feature.get("collection")})
        if asked is not None and name not in asked:
            raise CatalogError(
                f"a search of {', '.join(asked)} gave item {str(feature.get('id'))[:80]!r} of {name}; this "
                "is no catalogue that can be relied on"
            )
        return name

    def collection_name(self, document: Mapping[str, Any]) -> str:
        return str(document.get("id")).replace("~", ":", 1)

    def collection_document(self, collection: str) -> dict[str, Any]:
        return {**_description(collection), "id": self.path_name(collection)}

    def outgoing(self, item: Mapping[str, Any], collection: str) -> Item:
        geometry = item.get("geometry")
        bare = {key: value for key, value in item.items() if key != "bbox" or value}
        # With a geometry the STAC model demands a bbox, also for one that is empty.
        box = {} if bare.get("bbox") else {"bbox": [0.0, 0.0, 0.0, 0.0]} if not geometry else {}
        return {
            "stac_version": "1.0.0",
            "links": [],
            "assets": {},
            **bare,
            **box,
            "type": "Feature",
            "geometry": geometry or _EMPTY,
            "collection": self.path_name(collection),
            "properties": _closed(str(item.get("id")), item["properties"]),
        }

    def incoming(self, feature: Mapping[str, Any], collection: str) -> Item:
        geometry = feature.get("geometry")
        item = {**feature, "collection": collection}
        if isinstance(geometry, Mapping) and not geometry.get("geometries", geometry.get("coordinates")):
            item["geometry"] = None
            item.pop("bbox", None)
        return item


def _closed(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Write an open end as the year 9999, and an absent `datetime` as null: pgstac wants both times."""
    start, single = properties.get("start_datetime"), properties.get("datetime")
    if start is None and single is None:
        raise InvalidInputError(f"item {name!r} has neither datetime nor start_datetime; pgstac needs one")
    times: dict[str, Any] = {"datetime": single}
    if start is not None and instant(properties.get("end_datetime")) in (None, OPEN_END):
        times["end_datetime"] = _OPEN
    return {**properties, **times}


def _owned(collection: str) -> tuple[str, str]:
    check_name("collection", collection)
    owner, colon, name = collection.partition(":")
    if not colon:
        raise UnsafeNameError(f"collection {collection[:80]!r} has no owner; write owner:collection")
    return _check_part(collection, owner), _check_part(collection, name)


def _spellings(collection: str) -> tuple[str, str, str]:
    owner, name = _owned(collection)
    return name, f"{owner}_{name}", f"{owner}:{name}"


def _owner(feature: Mapping[str, Any]) -> str | None:
    """Read an item's owner from its properties, else from the address of its collection."""
    owner = (feature.get("properties") or {}).get("owner")
    if isinstance(owner, str) and owner:
        return owner
    for link in feature.get("links") or ():
        if isinstance(link, Mapping) and link.get("rel") == "collection":
            name = unquote(urlsplit(str(link.get("href"))).path.rpartition("/")[2])
            return name.partition(":")[0] if ":" in name else None
    return None


def _description(collection: str) -> dict[str, Any]:
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "description": f"{collection}, staged by eoflows",
        "license": "proprietary",
        "links": [],
        "extent": {
            "spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]]},
            "temporal": {"interval": [[None, None]]},
        },
    }
