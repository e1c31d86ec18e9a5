"""The switch from one version of a product to the next: files first, then the record, then the old files go.

The catalogue writes a record only if it still is what the plan was made from. So of two runs that stage
different versions one is told that it was late, and what a record no longer names is named by none any more:
it may go.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from eoflows.base.errors import ChangedError, EoError, InvalidInputError
from eoflows.products.staging.outcomes import ItemRecord, Outcome
from eoflows.products.staging.plan import ItemPlan, Place, plan_item
from eoflows.products.staging.provenance import Provenance
from eoflows.products.staging.publish import StagedAsset, catalog_item
from eoflows.stores.catalog import Catalog, KnownItem
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.storage import Storage, key_of

__all__ = ["Publisher", "StagedItem", "remove_replaced", "say"]

_LATE = "another run has changed its record meanwhile; run again to have what the source has now"


@dataclass(frozen=True)
class StagedItem:
    """An item whose assets are stored.

    Attributes:
        plan: What was to do.
        assets: By asset key, where they are and what arrived.
        keys: By asset key, their names in the storage.
        avoided: Names that other bytes have; no record knows of them.
    """

    plan: ItemPlan
    assets: dict[str, StagedAsset] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    avoided: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Item id."""
        return str(self.plan.item["id"])

    @property
    def outcome(self) -> ItemRecord:
        """What to say when it is published."""
        size = sum(receipt.size for _, receipt in self.assets.values())
        doubtful = [one.key for one in self.plan.assets if one.unverified]
        said = "; of an algorithm that is not known here, and not verified: the checksum of "
        reason = self.plan.reason + (said + ", ".join(doubtful) if doubtful else "")
        return ItemRecord(self.id, Outcome.STAGED, reason, size, len(self.assets))


class Publisher:
    """Writes the records of staged items.

    Args:
        place: Where items go.
        catalog: Where they are recorded.
        storage: Where their assets are.
        selected: Asset keys wanted; None takes all.
        source_url: Where the items were found.
        chosen: Gives why an item is staged and by which run.
    """

    def __init__(
        self,
        place: Place,
        catalog: Catalog,
        storage: Storage,
        selected: Collection[str] | None,
        source_url: str | None,
        chosen: Callable[[ItemDict], Provenance | None],
    ) -> None:
        self._place, self._catalog, self._storage = place, catalog, storage
        self._selected, self._source_url, self._chosen = selected, source_url, chosen

    async def publish(self, staged: Sequence[StagedItem]) -> list[ItemRecord]:
        """Write records, and remove what they no longer name.

        Raises:
            CatalogError: The catalogue cannot be used.
        """
        if not staged:
            return []
        records = await self._records(staged)
        try:
            seen = {one.id: one.plan.known for one in staged}
            await self._catalog.upsert(self._place.catalog_collection, records, seen)
        except ChangedError as error:
            late = [one for one in staged if one.id in error.ids]
            if not late:
                raise
            rest = await self.publish([one for one in staged if one.id not in error.ids])
            return rest + await self._late(late)
        except InvalidInputError as error:
            if len(staged) == 1:
                return [ItemRecord(staged[0].id, Outcome.FAILED, say(error))]
            # One bad item spoils a transaction; alone it spoils only itself.
            return [record for one in staged for record in await self.publish([one])]
        return [await self._published(one) for one in staged]

    async def _records(self, staged: Sequence[StagedItem]) -> list[ItemDict]:
        changed = [one.id for one in staged if one.plan.keep]
        found = await self._catalog.get_many(self._place.catalog_collection, changed) if changed else []
        before = {item["id"]: item["assets"] for item in found}
        return [
            catalog_item(
                one.plan.item,
                one.assets,
                {key: asset for key, asset in before.get(one.id, {}).items() if key in one.plan.keep},
                self._source_url,
                self._chosen(one.plan.item),
            )
            for one in staged
        ]

    async def _published(self, one: StagedItem) -> ItemRecord:
        known = one.plan.known.assets if one.plan.known else {}
        replaced = [known[key].href for key in one.assets if key in known]
        if not replaced and not one.avoided:
            return one.outcome
        stay = {href for href, _ in one.assets.values()} | {known[key].href for key in one.plan.keep}
        avoided = [self._storage.href(key) for key in one.avoided]
        await self._remove(one, [*replaced, *avoided], stay)
        return one.outcome

    async def _late(self, staged: Sequence[StagedItem]) -> list[ItemRecord]:
        """Say what became of items that another run has published meanwhile."""
        known = await self._catalog.known(self._place.catalog_collection, [one.id for one in staged])
        return [await self._judged(one, known.get(one.id)) for one in staged]

    async def _judged(self, one: StagedItem, known: KnownItem | None) -> ItemRecord:
        if known is None or known.unpublished:
            return ItemRecord(one.id, Outcome.FAILED, _LATE)
        stay = {asset.href for asset in known.assets.values()}
        # Of an asset that the record has, nobody can publish a name that the record has not.
        ours = [href for key, (href, _) in one.assets.items() if key in known.assets]
        await self._remove(one, ours, stay)
        plan = plan_item(one.plan.item, known, self._place, self._selected)
        if plan.assets:
            return ItemRecord(one.id, Outcome.FAILED, _LATE)
        return ItemRecord(one.id, Outcome.ALREADY, "another run has staged it meanwhile", 0, len(plan.keep))

    async def _remove(self, one: StagedItem, hrefs: Iterable[str], stay: Collection[str]) -> None:
        folder = f"{self._place.owner}/{self._place.collection}/{one.id}/"
        await remove_replaced(self._storage, folder, hrefs, stay)


async def remove_replaced(storage: Storage, folder: str, hrefs: Iterable[str], stay: Collection[str]) -> None:
    """Remove objects that a record named and names no more; if that fails, the next audit finds them.

    Args:
        storage: Where.
        folder: Only what is under this prefix is touched.
        hrefs: What the record named.
        stay: What it names.
    """
    needed = {key_of(storage, href) for href in stay}
    try:
        doomed = [key for href in hrefs if (key := key_of(storage, href)) and key.startswith(folder)]
        for key in dict.fromkeys(doomed):
            if key in needed:
                continue
            inside = [one.key async for page in storage.list(f"{key}/") for one in page]
            await storage.delete(inside or [key])
    except EoError:
        return


def say(error: EoError) -> str:
    """Give an error with its kind, for people."""
    return f"{type(error).__name__.removesuffix('Error')}: {error}"
