"""What every catalogue offers, whatever keeps it: SQLite here, or a remote STAC API with transactions."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime as Time
from typing import Any, NamedTuple, Protocol

from eoflows.base.times import Interval

__all__ = [
    "UNPACKED_FROM",
    "Catalog",
    "CollectionSummary",
    "FilterLike",
    "Item",
    "KnownAsset",
    "KnownItem",
    "SortLike",
    "changed",
    "known_assets",
    "known_of",
]

Item = dict[str, Any]
"""A STAC item as a plain JSON document."""

FilterLike = Mapping[str, Any] | str
"""A CQL2 filter: JSON as a mapping, or CQL2 text."""

SortLike = str | Sequence[str | Mapping[str, str]]
"""`"-updated"`, `"+id"`, `"-published,id"`, or `{"field": ..., "direction": "asc" | "desc"}`, or several."""


class KnownAsset(NamedTuple):
    """Where a catalogued asset is, and what was promised of it."""

    href: str
    size: int | None
    """Bytes (`file:size`), or None."""
    checksum: str | None
    """`file:checksum` as stored, or None."""


UNPACKED_FROM = "eoflows:unpacked_from"
"""Asset field: key, href, size and checksum of the archive that the asset was unpacked from."""


def known_assets(assets: Mapping[str, Mapping[str, Any]]) -> dict[str, KnownAsset]:
    """Give what is known of a record's assets, and of the archives that they were unpacked from.

    An archive that was unpacked and removed is as good as there: its content is.
    """
    known = {key: _known_asset(asset) for key, asset in assets.items()}
    origins = [asset.get(UNPACKED_FROM) for asset in assets.values()]
    archives = {str(origin.get("key")): origin for origin in origins if isinstance(origin, Mapping)}
    return {key: _known_asset(origin) for key, origin in archives.items()} | known


def _known_asset(asset: Mapping[str, Any]) -> KnownAsset:
    return KnownAsset(str(asset.get("href") or ""), asset.get("file:size"), asset.get("file:checksum"))


class KnownItem(NamedTuple):
    """What staging must know of an item that exists."""

    assets: Mapping[str, KnownAsset]
    """By asset key; with the archives that assets were unpacked from, by their keys."""
    unpublished: bool
    """The item expired and lost its assets: it may be staged again."""
    fault: str = ""
    """Why the record cannot be read; empty if it can."""


def known_of(item: Mapping[str, Any]) -> KnownItem:
    """Give what `Catalog.known` says of a record."""
    return KnownItem(known_assets(item["assets"]), bool(item["properties"].get("unpublished")))


def changed(
    seen: Mapping[str, KnownItem | None] | None, stored: Mapping[str, KnownItem], ids: Iterable[str]
) -> list[str]:
    """Give the ids of items whose records are no more what was seen of them."""
    return [] if seen is None else [name for name in ids if name in seen and stored.get(name) != seen[name]]


@dataclass(frozen=True)
class CollectionSummary:
    """One collection and what its items span."""

    id: str
    items: int
    start: Time | None
    """Earliest validity start, aware UTC."""
    end: Time | None
    """Latest validity end, aware UTC; `OPEN_END` when open."""
    bbox: tuple[float, float, float, float] | None
    """West, south, east, north in degrees; None when no item has a geometry."""


class Catalog(Protocol):
    """STAC items by collection and id.

    A collection has one opaque id, by convention `owner:collection`, so that owner `a` with `b_c`
    and owner `a_b` with `c` never meet. Times are kept as RS-Server keeps them: when an item is
    created, `created` stays as given, and `published` and `updated` are now unless given; when it is
    replaced, `published` stays what it was and `updated` is now.
    """

    async def known(self, collection: str, ids: Sequence[str]) -> dict[str, KnownItem]:
        """Tell which of some items exist, by id; the absent are left out. Empty for an unknown collection."""
        ...

    async def upsert(
        self,
        collection: str,
        items: Sequence[Mapping[str, Any]],
        seen: Mapping[str, KnownItem | None] | None = None,
    ) -> None:
        """Create or replace items, all or none; of two with one id the last counts.

        The collection is created if absent, and becomes each item's `collection`.

        Args:
            collection: Where.
            items: What.
            seen: What `known` said of items, None of an absent one: they are written only if it would still
                say so. Items that are not in it are written whatever is there.

        Raises:
            ChangedError: It would say something else of some of them.
            InvalidInputError: An item has no usable id, properties, or times.
            CatalogError: The catalogue could not be written.
        """
        ...

    async def get(self, collection: str, item_id: str) -> Item | None:
        """Give one item, or None when there is none."""
        ...

    async def get_many(self, collection: str, ids: Sequence[str]) -> list[Item]:
        """Give the items that exist, in the order asked; the absent are left out."""
        ...

    def search(
        self,
        collections: Sequence[str] | None = None,
        *,
        ids: Sequence[str] | None = None,
        datetime: str | Interval | None = None,
        bbox: Sequence[float] | None = None,
        filter: FilterLike | None = None,
        sortby: SortLike | None = None,
        limit: int = 1000,
        max_items: int | None = None,
    ) -> AsyncIterator[list[Item]]:
        """Give the matching items page by page; memory is that of one page.

        Items that are added while pages are read neither repeat nor hide others.

        Args:
            collections: Only these; None is all, an empty list none.
            ids: Only these; None is all, an empty list none.
            datetime: Only items whose validity meets a time or closed interval (`a/b`, `../b`, `a/..`).
            bbox: Only items whose geometry meets west, south, east, north (degrees; or 6 numbers with
                heights); west greater than east crosses the antimeridian.
            filter: CQL2.
            sortby: Order; without it, by collection and id.
            limit: Items per page, 1 to 10,000.
            max_items: Stop after so many; None is no limit.

        Raises:
            InvalidInputError: An argument cannot be understood.
        """
        ...

    async def delete(self, collection: str, ids: Sequence[str]) -> int:
        """Remove items, all or none, and give how many there were; the collection stays."""
        ...

    async def collections(self) -> list[CollectionSummary]:
        """Give all collections, by id."""
        ...

    def link_to(self, collection: str, item_id: str) -> str:
        """Give the href with which one item of the catalogue links to another.

        It is absolute where the catalogue has an address, else relative to `/collections/{id}/items/{id}`.
        """
        ...
