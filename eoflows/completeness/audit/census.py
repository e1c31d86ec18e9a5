"""Lists source, catalogue and storage, in an order that takes nothing in progress for a fault."""

import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from urllib.parse import unquote

import anyio.to_thread

from eoflows.base.files.leftovers import stale
from eoflows.base.times import Interval
from eoflows.completeness.audit.inventory import Inventory
from eoflows.products.staging import Place
from eoflows.products.systematic.publications import Publications, Slice
from eoflows.stores.catalog import Catalog
from eoflows.stores.storage import LocalStorage, Storage, asset_key, checksum_of

__all__ = ["Scope", "slices", "stale_parts", "take_census"]

_DAY = timedelta(days=1)
_PAGE = 500


@dataclass(frozen=True)
class Scope:
    """What an audit looks at.

    Attributes:
        place: The collection; catalogue and storage are compared whole.
        span: Publications `[start, end)` of the source that are expected to be there.
        selected: Asset keys wanted of the source; None takes all.
        fraction: Share of the objects whose bytes are read, 0 to 1.
        seed: Another seed reads others; the same seed the same objects.
        since: Property of the source's items with the time from which their way to publication is counted.
    """

    place: Place
    span: Interval
    selected: Sequence[str] | None = None
    fraction: float = 0.0
    seed: int = 0
    since: str | None = None

    @property
    def folder(self) -> str:
        """The prefix of all names in the storage, without a slash."""
        return asset_key(self.place.owner, self.place.collection, "item", "asset").removesuffix("/item/asset")

    def samples(self, key: str) -> bool:
        """Whether the bytes of an object are read, whatever else there is."""
        return random.Random(f"{self.seed}:{key}").random() < self.fraction  # noqa: S311


async def take_census(
    inventory: Inventory,
    scope: Scope,
    sources: Sequence[Publications],
    catalog: Catalog,
    storage: Storage,
    *,
    told: Callable[[str], None] = lambda _: None,
) -> None:
    """Fill an inventory.

    What is staged meanwhile is stored before it is recorded, so the storage is listed after the
    catalogue, and the catalogue after the source.

    Args:
        inventory: Empty.
        scope: What to look at.
        sources: Streams that are expected to be there.
        catalog: What records them.
        storage: What holds them.
        told: Called with a line on what is being done.

    Raises:
        ServiceError: The source, a remote catalogue or a bucket cannot be read.
        CatalogError: The catalogue cannot be read.
        StorageError: The storage cannot be read.
    """
    for source in sources:
        async for found in slices(source, scope.span):
            told(f"source {source.stream}: {found.end:%Y-%m-%d}")
            name = str(source.stream)
            await anyio.to_thread.run_sync(inventory.offer, found.items, scope.selected, name, scope.since)
    told("catalogue")
    key_of = _keys(storage, scope.folder)
    async for items in catalog.search([scope.place.catalog_collection]):
        await anyio.to_thread.run_sync(inventory.record, items, key_of)
    told("storage")
    async for objects in storage.list(f"{scope.folder}/"):
        await anyio.to_thread.run_sync(inventory.store, objects)
    told("checksums")
    await _check_bytes(inventory, scope, storage)


async def slices(source: Publications, span: Interval) -> AsyncIterator[Slice]:
    """Read a stream in slices of a day at the most."""
    cursor = span.start
    while cursor < span.end:
        found = await source.next(cursor, min(cursor + _DAY, span.end))
        yield found
        cursor = found.end


async def _check_bytes(inventory: Inventory, scope: Scope, storage: Storage) -> None:
    if not scope.fraction:
        return
    sampled = ((key, checksum) for key, checksum in inventory.checkable() if scope.samples(key))
    while page := await anyio.to_thread.run_sync(lambda: list(islice(sampled, _PAGE))):
        for key, checksum in page:
            found = await checksum_of(storage, key, checksum.partition(":")[0])
            if found is not None and str(found) != checksum:
                await anyio.to_thread.run_sync(inventory.spoil, key, str(found))


def _keys(storage: Storage, folder: str) -> Callable[[str], str | None]:
    base = storage.href(folder) + "/"

    def key_of(href: str) -> str | None:
        if not href.startswith(base):
            return None
        rest = href.removeprefix(base).rstrip("/")
        return f"{folder}/{unquote(rest) if base.startswith('file:') else rest}"

    return key_of


async def stale_parts(storage: Storage, scope: Scope, older_than: timedelta, now: float) -> list[str]:
    """Give the files that runs left half done, and the folders in which they were unpacking.

    Args:
        storage: Where.
        scope: Whose; a bucket's spool folder is everybody's.
        older_than: What was touched so recently may be in use.
        now: Seconds since 1970.
    """
    local = isinstance(storage, LocalStorage)
    folder = storage.workshop / scope.folder if local else storage.workshop
    limit = now - older_than.total_seconds()
    return await anyio.to_thread.run_sync(lambda: sorted(stale(folder, limit, parts_only=local)))
