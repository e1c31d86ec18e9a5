"""What becomes of the products of one slice."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import anyio

from eoflows.base.concurrency import one_error
from eoflows.products.staging import ItemRecord, Outcome, Stager
from eoflows.products.staging.pipeline import StageBatch
from eoflows.products.staging.plan import ItemPlan
from eoflows.products.staging.twins import Twins
from eoflows.stores.catalog import Catalog
from eoflows.stores.stac.items import ItemDict, fault_of

__all__ = ["Settled", "Settler", "StageBatch"]


@dataclass(frozen=True)
class Settled:
    """What became of the products of a slice.

    Attributes:
        records: An outcome for each, but for those that wait.
        failed: Ids of those that may be staged another time.
        waiting: Ids of those for which the run's limit left no room, by publication.
        worked: How many were staged, or were tried.
    """

    records: list[ItemRecord]
    failed: frozenset[str] = frozenset()
    waiting: tuple[str, ...] = ()
    worked: int = 0


@dataclass(frozen=True)
class Settler:
    """Stages what a slice holds and the catalogue lacks.

    Attributes:
        stager: Plans.
        catalog: Asked for what expired, and read back.
        stage: Stages a batch.
        plan_only: Only say what would be staged.
        restage_expired: Stage also what is in the catalogue and expired there.
        twins: What this run has planned before.
        only: Ids of the only products to look at; None takes all.
        batch: Products per batch.
        batches: Batches at one time.
    """

    stager: Stager
    catalog: Catalog
    stage: StageBatch
    plan_only: bool = False
    restage_expired: bool = False
    twins: Twins = field(default_factory=Twins, repr=False)
    only: Collection[str] | None = field(default=None, repr=False)
    batch: int = 100
    batches: int = 3

    async def settle(self, items: Sequence[ItemDict], room: int | None) -> Settled:
        """Settle products.

        Args:
            items: By publication.
            room: How many may be staged; None is no limit.

        Raises:
            CatalogError: The catalogue cannot be used.
        """
        broken = [ItemRecord(one["id"], Outcome.FAILED, fault_of(one)) for one in items if fault_of(one)]
        wanted, records = await self._wanted([item for item in items if not fault_of(item)])
        plans, refused = await self.stager.plan(wanted, self.twins)
        records += refused
        now, later = (plans, []) if room is None else (plans[:room], plans[room:])
        done = [plan.record(Outcome.PLANNED) for plan in now] if self.plan_only else await self._stage(now)
        # What cannot be read may be mended at its source, as what cannot be fetched.
        done += broken
        failed = frozenset(record.item for record in done if record.outcome is Outcome.FAILED)
        return Settled(records + done, failed, tuple(plan.item["id"] for plan in later), len(now))

    async def _wanted(self, items: Sequence[ItemDict]) -> tuple[list[ItemDict], list[ItemRecord]]:
        asked = [item for item in items if self.only is None or item["id"] in self.only]
        if self.restage_expired:
            return asked, []
        known = await self.catalog.known(self._collection, [item["id"] for item in asked])
        expired = {name for name, one in known.items() if one.unpublished}
        wanted = [item for item in asked if item["id"] not in expired]
        reason = "it expired from the catalogue"
        return wanted, [ItemRecord(name, Outcome.PASSED_OVER, reason) for name in sorted(expired)]

    async def _stage(self, plans: Sequence[ItemPlan]) -> list[ItemRecord]:
        records = list[ItemRecord]()
        gate = anyio.CapacityLimiter(self.batches)

        async def one(batch: list[ItemPlan]) -> None:
            async with gate:
                records.extend(await self.stage(batch))

        async with one_error(), anyio.create_task_group() as group:
            for first in range(0, len(plans), self.batch):
                group.start_soon(one, list(plans[first : first + self.batch]))
        return await self._read_back(records)

    async def _read_back(self, records: Sequence[ItemRecord]) -> list[ItemRecord]:
        """Call failed what should be in the catalogue and is not."""
        staged = [record.item for record in records if record.outcome is Outcome.STAGED]
        there = await self.catalog.known(self._collection, staged) if staged else {}
        lost = set(staged) - there.keys()
        reason = "staged, but missing from the catalogue"
        return [
            replace(record, outcome=Outcome.FAILED, reason=reason) if record.item in lost else record
            for record in records
        ]

    @property
    def _collection(self) -> str:
        return self.stager.place.catalog_collection
