"""Stages batches of items: fetch, verify, store, then publish."""

from collections.abc import Callable, Collection, Sequence

import anyio

from eoflows.base.errors import EoError, InvalidInputError, OccupiedError, PartialError
from eoflows.products.staging.outcomes import ItemRecord, Outcome
from eoflows.products.staging.plan import AssetPlan, ItemPlan, Place, elsewhere, generation, plan_item
from eoflows.products.staging.provenance import Provenance
from eoflows.products.staging.publish import StagedAsset
from eoflows.products.staging.switch import Publisher, StagedItem, say
from eoflows.products.staging.twins import Twins
from eoflows.stores.catalog import Catalog, KnownItem
from eoflows.stores.catalog.rows import check_record
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.storage import Storage
from eoflows.stores.transfer import Download, TransferEngine

__all__ = ["Stager"]

Moved = Callable[[int], None]

_NAMES = 4
"""Names that an asset may take where others have other bytes."""


class Stager:
    """Brings items of one source to one place.

    An item is published only when all its wanted assets are stored and verified. The catalogue is
    asked before and told after; between the two, the files themselves are the truth, so a run that
    was killed is completed by running it again.

    No file ever takes the name of another: what replaces a product has names of its own, and the record is
    what switches from the old to the new.

    A product that a search finds in several collections of its source is one item here: it is staged once.
    If its sizes or checksums differ, the first is staged and the others fail.

    Args:
        place: Where items go.
        catalog: Where they are recorded.
        storage: Where assets are stored.
        engine: Fetches bytes.
        selected: Asset keys wanted; None takes all.
        source_url: Where the items were found.
        chosen: Gives why an item is staged and by which run, for its record.
        moved: Called with the number of bytes each time some have arrived.
    """

    def __init__(
        self,
        place: Place,
        catalog: Catalog,
        storage: Storage,
        engine: TransferEngine,
        *,
        selected: Collection[str] | None = None,
        source_url: str | None = None,
        chosen: Callable[[ItemDict], Provenance | None] = lambda _: None,
        moved: Moved = lambda _: None,
    ) -> None:
        self.place, self._selected = place, selected
        self._catalog, self._storage, self._engine, self._moved = catalog, storage, engine, moved
        self._publisher = Publisher(place, catalog, storage, selected, source_url, chosen)

    async def plan(
        self, items: Sequence[ItemDict], twins: Twins | None = None
    ) -> tuple[list[ItemPlan], list[ItemRecord]]:
        """Decide what each item needs.

        Args:
            items: From a search.
            twins: What was planned before for this search; None is nothing.

        Returns:
            Plans for the items that lack something, and records of all others: those that are
            already there, those that cannot be staged, and twins.
        """
        twins = twins or Twins()
        ids = [item["id"] for item in items]
        known = await self._catalog.known(self.place.catalog_collection, ids)
        plans, settled = [], []
        for item in items:
            plan = self._plan_one(item, known.get(item["id"]), twins)
            if isinstance(plan, ItemRecord):
                settled.append(plan)
            else:
                plans.append(plan)
        return plans, settled

    def _plan_one(self, item: ItemDict, known: KnownItem | None, twins: Twins) -> ItemPlan | ItemRecord:
        try:
            plan = plan_item(item, known, self.place, self._selected)
            if plan.assets:
                # What the catalogue would refuse needs no bytes.
                check_record(item)
        except InvalidInputError as error:
            return ItemRecord(item["id"], Outcome.FAILED, str(error))
        except Exception as error:  # noqa: BLE001  # an item's boundary: what nobody thought of is its own
            return ItemRecord(item["id"], Outcome.FAILED, f"{type(error).__name__}: {error}"[:300])
        twin = twins.judge(plan)
        if twin is not None:
            return twin
        return plan if plan.assets else plan.record(Outcome.ALREADY)

    async def stage(self, plans: Sequence[ItemPlan]) -> list[ItemRecord]:
        """Stage a batch and publish what arrived; one item's failure does not touch the others.

        Returns:
            A record per item, in no particular order.

        Raises:
            CatalogError: The catalogue cannot be used; files that arrived stay and are known again.
        """
        records: list[ItemRecord] = []
        staged: list[StagedItem] = []

        async def one(plan: ItemPlan) -> None:
            try:
                staged.append(await self._fetch_all(plan))
            except EoError as error:
                records.append(ItemRecord(plan.item["id"], Outcome.FAILED, say(error)))

        async with anyio.create_task_group() as group:
            for plan in plans:
                group.start_soon(one, plan)
        return records + await self._publisher.publish(staged)

    async def _fetch_all(self, plan: ItemPlan) -> StagedItem:
        staged = StagedItem(plan)
        if len(plan.assets) == 1:
            await self._fetch(staged, plan.assets[0])
            return staged
        faults: dict[str, EoError] = {}

        async def one(asset: AssetPlan) -> None:
            try:
                await self._fetch(staged, asset)
            except EoError as error:
                faults[asset.key] = error

        async with anyio.create_task_group() as group:
            for asset in plan.assets:
                group.start_soon(one, asset)
        if len(faults) == 1:
            raise next(iter(faults.values()))
        if faults:
            raise PartialError(f"{len(faults)} of {len(plan.assets)} assets failed", faults)
        return staged

    async def _fetch(self, staged: StagedItem, asset: AssetPlan) -> None:
        """Fetch an asset to its name, or where that has other bytes, to another."""
        item_id = staged.plan.item["id"]
        for attempt in range(1, _NAMES + 1):
            try:
                href, receipt = await self._fetch_to(item_id, asset)
            except OccupiedError:
                if attempt == _NAMES:
                    raise
                staged.avoided.append(asset.storage_key)
                made = generation(staged.plan.known, [asset], attempt)
                asset = elsewhere(asset, item_id, self.place, made)
            else:
                staged.assets[asset.key] = (href, receipt)
                staged.keys[asset.key] = asset.storage_key
                return

    async def _fetch_to(self, item_id: str, asset: AssetPlan) -> StagedAsset:
        there = 0

        def progress(size: int) -> None:
            nonlocal there
            self._moved(size - there)
            there = size

        download = Download(
            asset.urls,
            self._storage.spool(asset.storage_key),
            asset.size,
            asset.checksums,
            label=f"{item_id}/{asset.key}",
            kind=asset.kind,
            replace=False,
            root=self._storage.workshop,
        )
        # The room is held until the file has left the spool.
        async with self._engine.room(download):
            receipt = await self._engine.fetch(download, progress)
            progress(receipt.size)
            found, key = receipt.checksums[0], asset.storage_key
            return await self._storage.put(receipt.path, key, receipt.size, found, replace=False), receipt
