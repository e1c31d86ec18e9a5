"""From a STAC item to a row: checks, timestamps, and the columns that answer searches."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from eoflows.base.errors import InvalidInputError, UnsafeNameError
from eoflows.base.times import format_utc, parse_utc
from eoflows.stores.catalog.interface import KnownAsset, KnownItem, known_assets
from eoflows.stores.catalog.validity import instant, microseconds, validity

__all__ = ["COLUMNS", "check_name", "check_record", "known_item", "row", "stamped"]

COLUMNS = (
    *("collection", "id", "start_us", "end_us", "product_type", "created_us", "updated_us", "published_us"),
    *("west", "south", "east", "north", "brief", "doc"),
)
_TIMES = ("start_datetime", "end_datetime", "datetime", "created", "updated", "published")
_LONGEST = 255


def check_name(kind: str, name: object) -> str:
    """Give a collection or item id that can be a part of a URL.

    Raises:
        UnsafeNameError: It is no text, empty, too long, a dot or two, or has a slash or control character.
    """
    if not isinstance(name, str) or not name:
        raise UnsafeNameError(f"the {kind} id is {name!r}; give a text that is not empty")
    if (
        len(name) > _LONGEST
        or name in (".", "..")
        or any(mark in "/\\" or not mark.isprintable() for mark in name)
    ):
        raise UnsafeNameError(
            f"{kind} id {name[:80]!r} cannot be in a URL; use at most {_LONGEST} printable, no / or \\"
        )
    return name


def stamped(
    item: Mapping[str, Any], collection: str, *, published: str | None, now: datetime
) -> dict[str, Any]:
    """Copy an item into a collection, with its timestamps.

    Args:
        item: A STAC item.
        collection: The collection it goes to.
        published: What a stored item of this id says, or None when there is none.
        now: Aware UTC.

    Raises:
        InvalidInputError: Its id, properties or times are missing or wrong.
    """
    name = check_name("item", item.get("id"))
    given = item.get("properties")
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"item {name!r} has no properties; give a STAC item")
    _check_times(name, given)
    written = format_utc(now)
    times = (
        {"published": given.get("published") or written, "updated": given.get("updated") or written}
        if published is None
        else {"published": published, "updated": written}
    )
    return {**item, "collection": collection, "properties": {**given, **times}}


def check_record(item: Mapping[str, Any]) -> None:
    """Make sure that an item can become a record, before anything is done for it.

    Raises:
        InvalidInputError: Its id, properties or times are missing or wrong, or it is no JSON.
    """
    name = check_name("item", item.get("id"))
    given = item.get("properties")
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"item {name!r} has no properties; give a STAC item")
    _check_times(name, given)
    try:
        orjson.dumps(item)
    except TypeError as error:
        raise InvalidInputError(f"item {name!a} cannot be written as JSON: {error}") from error


def _check_times(name: str, properties: Mapping[str, Any]) -> None:
    for key in _TIMES:
        value = properties.get(key)
        if value is None:
            continue
        if not isinstance(value, str):
            raise InvalidInputError(
                f"{key} of item {name!r} is {value!r}; write it like 2025-08-07T11:51:12.509Z"
            )
        try:
            parse_utc(value)
        except InvalidInputError as error:
            raise InvalidInputError(f"{key} of item {name!r}: {error}") from error


def row(item: Mapping[str, Any]) -> tuple[object, ...]:
    """Give the columns of a stamped item, in the order of `COLUMNS`.

    Raises:
        InvalidInputError: It cannot be written as JSON.
    """
    properties = item["properties"]
    product_type = properties.get("product:type")
    start, end = validity(properties) or (None, None)
    times = [instant(properties.get(key)) for key in ("created", "updated", "published")]
    try:
        documents = orjson.dumps(_brief(item)), orjson.dumps(item)
    except TypeError as error:
        raise InvalidInputError(f"item {item['id']!r} cannot be written as JSON: {error}") from error
    return (
        item["collection"],
        item["id"],
        microseconds(start),
        microseconds(instant(properties.get("end_datetime")) or end),
        product_type if isinstance(product_type, str) else None,
        *map(microseconds, times),
        *_bounds(item.get("geometry")),
        *documents,
    )


def _brief(item: Mapping[str, Any]) -> list[Any]:
    assets = item.get("assets") or {}
    if not isinstance(assets, Mapping) or not all(isinstance(asset, Mapping) for asset in assets.values()):
        raise InvalidInputError(f"assets of item {item['id']!r} must be an object of objects")
    brief = {key: list(asset) for key, asset in known_assets(assets).items()}
    return [brief, bool(item["properties"].get("unpublished"))]


def known_item(brief: bytes) -> KnownItem:
    """Read back the light view that `row` stored."""
    assets, unpublished = orjson.loads(brief)
    return KnownItem({key: KnownAsset(*values) for key, values in assets.items()}, unpublished)


def _bounds(geometry: object) -> tuple[float | None, ...]:
    """West, south, east, north of a GeoJSON geometry; None four times without one."""
    points = list(_positions(geometry))
    if not points:
        return (None,) * 4
    longitudes, latitudes = zip(*points, strict=True)
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def _positions(geometry: object) -> Iterator[tuple[float, float]]:
    if not isinstance(geometry, Mapping):
        return
    for part in geometry.get("geometries") or ():
        yield from _positions(part)
    pending = [geometry.get("coordinates")]
    while pending:
        value = pending.pop()
        if not isinstance(value, list | tuple):
            continue
        if len(value) > 1 and all(isinstance(number, int | float) for number in value[:2]):
            yield float(value[0]), float(value[1])
        else:
            pending.extend(value)
