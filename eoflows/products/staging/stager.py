"""Stages batches of items: fetch, verify, store, then publish."""

from collections.abc import Callable, Collection, Sequence

import anyio

from eoflows.base.errors import EoError, InvalidInputError, PartialError
from eoflows.products.staging.outcomes import ItemRecord, Outcome
from eoflows.products.staging.plan import AssetPlan, ItemPlan, Place, plan_item
from eoflows.products.staging.provenance import Provenance
from eoflows.products.staging.publish import StagedAsset, catalog_item
from eoflows.products.staging.twins import Twins
from eoflows.stores.catalog import Catalog, KnownItem
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.storage import Storage
from eoflows.stores.transfer import Download, TransferEngine

__all__ = ["Stager"]

Moved = Callable[[int], None]


class Stager:
    """Brings items of one source to one place.

    An item is published only when all its wanted assets are stored and verified. The catalogue is
    asked before and told after; between the two, the files themselves are the truth, so a run that
    was killed is completed by running it again.

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
        self.place, self._selected, self._source_url = place, selected, source_url
        self._chosen = chosen
        self._catalog, self._storage, self._engine, self._moved = catalog, storage, engine, moved

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
        except InvalidInputError as error:
            return ItemRecord(item["id"], Outcome.FAILED, str(error))
        twin = twins.judge(plan)
        if twin is not None:
            return twin
        return plan if plan.assets else plan.record(Outcome.ALREADY)

    async def stage(self, items: Sequence[ItemDict]) -> list[ItemRecord]:
        """Stage a batch and publish what arrived; one item's failure does not touch the others.

        Returns:
            A record per item, in no particular order.

        Raises:
            CatalogError: The catalogue cannot be used; files that arrived stay and are known again.
        """
        plans, records = await self.plan(items)
        staged: list[tuple[ItemPlan, dict[str, StagedAsset]]] = []

        async def one(plan: ItemPlan) -> None:
            try:
                staged.append((plan, await self._fetch_all(plan)))
            except EoError as error:
                records.append(ItemRecord(plan.item["id"], Outcome.FAILED, _say(error)))

        async with anyio.create_task_group() as group:
            for plan in plans:
                group.start_soon(one, plan)
        return records + await self._publish(staged)

    async def _fetch_all(self, plan: ItemPlan) -> dict[str, StagedAsset]:
        done: dict[str, StagedAsset] = {}
        faults: dict[str, EoError] = {}

        async def one(asset: AssetPlan) -> None:
            try:
                done[asset.key] = await self._fetch(plan.item["id"], asset)
            except EoError as error:
                faults[asset.key] = error

        async with anyio.create_task_group() as group:
            for asset in plan.assets:
                group.start_soon(one, asset)
        if len(faults) == 1:
            raise next(iter(faults.values()))
        if faults:
            raise PartialError(f"{len(faults)} of {len(plan.assets)} assets failed", faults)
        return done

    async def _fetch(self, item_id: str, asset: AssetPlan) -> StagedAsset:
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
        )
        receipt = await self._engine.fetch(download, progress)
        progress(receipt.size)
        href = await self._storage.put(receipt.path, asset.storage_key, receipt.size, receipt.checksums[0])
        return href, receipt

    async def _publish(self, staged: Sequence[tuple[ItemPlan, dict[str, StagedAsset]]]) -> list[ItemRecord]:
        if not staged:
            return []
        items = [await self._record(plan, assets) for plan, assets in staged]
        try:
            await self._catalog.upsert(self.place.catalog_collection, items)
        except InvalidInputError as error:
            if len(staged) == 1:
                return [ItemRecord(staged[0][0].item["id"], Outcome.FAILED, _say(error))]
            # One bad item spoils a transaction; alone it spoils only itself.
            return [record for one in staged for record in await self._publish([one])]
        return [
            ItemRecord(
                plan.item["id"],
                Outcome.STAGED,
                plan.reason,
                sum(receipt.size for _, receipt in assets.values()),
                len(assets),
            )
            for plan, assets in staged
        ]

    async def _record(self, plan: ItemPlan, assets: dict[str, StagedAsset]) -> ItemDict:
        kept = {}
        if plan.keep:
            before = await self._catalog.get(self.place.catalog_collection, plan.item["id"])
            assets_before = before["assets"] if before else {}
            kept = {key: asset for key, asset in assets_before.items() if key in plan.keep}
        return catalog_item(plan.item, assets, kept, self._source_url, self._chosen(plan.item))


def _say(error: EoError) -> str:
    return f"{type(error).__name__.removesuffix('Error')}: {error}"
