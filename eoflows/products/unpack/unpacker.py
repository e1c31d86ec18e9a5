"""Unpacks the archives of items in a storage, so that a killed run is completed by running it again."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

import anyio.to_thread

from eoflows.base.errors import InvalidInputError
from eoflows.products.staging.switch import remove_replaced
from eoflows.products.unpack.archives import archives_of, find_archive, own_key
from eoflows.products.unpack.job import Job, claimed
from eoflows.products.unpack.limits import Limits
from eoflows.products.unpack.placing import product_href
from eoflows.products.unpack.record import Change, changed_item, new_assets, unpacked_hrefs
from eoflows.products.unpack.workplace import Workplace
from eoflows.stores.catalog.interface import UNPACKED_FROM
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.storage import Storage, key_of
from eoflows.stores.storage.names import folded

__all__ = ["Unpacker"]


class Unpacker:
    """Unpacks archives that lie in the folders of their items, `{owner}/{collection}/{item}/`.

    `unpack` leaves the archive where it is: record what it gives, then call `clean`.

    Args:
        storage: Where the archives are and their content goes.
        owner: Only this owner's archives are touched.
        limits: How much an archive may give.
        patience: Seconds to wait for another run that unpacks the same archive.
    """

    def __init__(
        self, storage: Storage, owner: str, *, limits: Limits | None = None, patience: float = 3600.0
    ) -> None:
        self._storage, self._owner = storage, owner
        self._limits, self._patience = limits or Limits(), patience

    async def unpack(self, item: ItemDict, *, use_extension: bool = False) -> list[Change]:
        """Unpack all archives of an item: all are extracted and verified before one gets its name.

        Args:
            item: Its archives are found by href, asset key, `file:local_path` or media type.
            use_extension: Give a folder that is named after its archive the suffix of the single
                folder in it.

        Returns:
            What changes in the item; nothing if it has no archive.

        Raises:
            ArchiveError: An archive is refused; nothing of the item is changed or left behind.
            IntegrityError: An archive is damaged; likewise.
            InvalidInputError: An archive is not in the item's folder of this storage, or a product would
                take the name of another asset.
            StorageError: An archive is gone, or the storage cannot take the content.
            DeadlineError: Another run works on the same archive for too long.
        """
        keys = archives_of(item)
        archives = [find_archive(item, key, self._storage, self._owner) for key in keys]
        if len({archive.key for archive in archives}) < len(archives):
            raise InvalidInputError(
                f"two of the assets {', '.join(keys)} of item {item['id']!r} are one archive"
            )
        jobs: list[Job] = []
        async with AsyncExitStack() as stack:
            # In one order for all runs, so that none waits for another in a ring.
            for archive in sorted(archives, key=lambda one: one.key):
                spooled = self._storage.spool(archive.key)
                workplace = await stack.enter_async_context(claimed(spooled, self._patience))
                job = Job(self._storage, archive, workplace, self._limits, use_extension)
                jobs.append(await job.prepare())
            changes = [self._change(job) for job in jobs]
            self._check_names(item, changes, jobs)
            for job in jobs:
                await job.note()
            for job in jobs:
                await job.place()
        return changes

    def _change(self, job: Job) -> Change:
        archive = job.archive
        placed = [
            (product, product_href(self._storage, archive.place_of(product.name), product))
            for product in job.products
        ]
        assets = new_assets(archive.asset_key, archive.asset, placed)
        return Change(archive.asset_key, str(archive.asset["href"]), assets)

    def _check_names(self, item: ItemDict, changes: Sequence[Change], jobs: Sequence[Job]) -> None:
        """Refuse products that would fall upon each other, upon another asset or upon an archive."""
        fresh = {key for change in changes for key in change.assets}
        stay = [asset for key, asset in changed_item(item, changes)["assets"].items() if key not in fresh]
        taken = [key_of(self._storage, str(asset.get("href") or "")) for asset in stay]
        new = [job.archive.place_of(product.name) for job in jobs for product in job.products]
        seen: set[str] = set()
        for key in [*filter(None, taken), *(job.archive.key for job in jobs), *new]:
            if folded(key) in seen:
                raise InvalidInputError(
                    f"{self._storage.href(key)} would be taken by what is unpacked for item "
                    f"{item['id']!r}, and is the place of something else of this item"
                )
            seen.add(folded(key))

    async def clean(self, record: ItemDict) -> int:
        """Remove the archives that a record says were unpacked and that it no longer has.

        Call it after the record is in the catalogue; calling it again does no harm.

        Returns:
            Number of archives removed.
        """
        removed = 0
        for href in unpacked_hrefs(record):
            key = own_key(record, href, self._storage, self._owner)
            if key is None:
                continue
            path, there = self._storage.spool(key), await self._storage.stat(key) is not None
            if not there and not await anyio.to_thread.run_sync(Workplace.beside(path).exists):
                continue
            async with claimed(path, self._patience) as workplace:
                if there:
                    await self._storage.delete([key])
                await anyio.to_thread.run_sync(workplace.clear)
            removed += there
        return removed

    async def remove_replaced(self, before: ItemDict, record: ItemDict) -> None:
        """Remove what an earlier archive of the item had given, and the record no longer names."""
        collection = str(record.get("collection") or "").removeprefix(f"{self._owner}:")
        stay = [str(asset.get("href") or "") for asset in record["assets"].values()]
        given = [
            str(asset.get("href") or "") for asset in before["assets"].values() if asset.get(UNPACKED_FROM)
        ]
        gone = [href for href in given if href not in stay]
        await remove_replaced(self._storage, f"{self._owner}/{collection}/{record['id']}/", gone, stay)
