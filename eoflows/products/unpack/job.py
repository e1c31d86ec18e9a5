"""One archive of a storage, from the archive to products that are complete but have no final names yet."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import anyio
import anyio.lowlevel
import anyio.to_thread

from eoflows.base.concurrency import one_error
from eoflows.base.errors import DeadlineError, IntegrityError, InvalidInputError, StorageError
from eoflows.base.files import storage_errors
from eoflows.products.unpack.archives import Archive, in_place
from eoflows.products.unpack.extract import extract
from eoflows.products.unpack.layout import Product, arrange
from eoflows.products.unpack.limits import Interrupted, Limits
from eoflows.products.unpack.placing import intact, place
from eoflows.products.unpack.workplace import Workplace
from eoflows.stores.storage import Storage
from eoflows.stores.transfer.checksums import Checksum, Hasher

__all__ = ["Job", "claimed"]

_OFTEN = 0.25


@asynccontextmanager
async def claimed(path: Path, patience: float) -> AsyncIterator[Workplace]:
    """Hold the workplace of an archive.

    At the end it goes, unless it has a manifest; after a refusal it goes in any case.

    Args:
        path: Where the archive is, or would be spooled.
        patience: Seconds to wait for another run.

    Raises:
        DeadlineError: Another run has it for longer.
    """
    workplace, limit = Workplace.beside(path), anyio.current_time() + patience
    while not await anyio.to_thread.run_sync(workplace.claim):
        if anyio.current_time() > limit:
            raise DeadlineError(
                f"another run has been unpacking in {workplace.path} for more than {patience:g} s"
            )
        await anyio.sleep(_OFTEN)
    refused = False
    try:
        yield workplace
    except (InvalidInputError, IntegrityError):
        refused = True
        raise
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_leave, workplace, refused)


def _leave(workplace: Workplace, refused: bool) -> None:
    if workplace.noted and not refused:
        workplace.release()
    else:
        workplace.remove()


@dataclass
class Job:
    """The work on one archive.

    Attributes:
        storage: Where the archive is.
        archive: What to unpack.
        workplace: Its claimed workplace.
        limits: How much it may give.
        use_extension: See `arrange`.
        products: What it gives, once `prepare` is done.
    """

    storage: Storage
    archive: Archive
    workplace: Workplace
    limits: Limits
    use_extension: bool
    products: list[Product] = field(default_factory=list)
    _identity: str = ""

    async def prepare(self) -> Self:
        """Take up what an earlier run completed, or unpack and verify.

        Raises:
            ArchiveError: The archive is refused.
            IntegrityError: It is damaged.
            StorageError: It is gone, or there is no room.
        """
        self._identity = await self._identify()
        noted = await anyio.to_thread.run_sync(self.workplace.read_manifest, self._identity)
        if noted is not None and await self._all_intact(noted):
            self.products = noted
            return self
        await anyio.to_thread.run_sync(self.workplace.clear)
        self.products = await self._extract(await self._local())
        return self

    async def note(self) -> None:
        """Write down that the products are complete."""
        write = self.workplace.write_manifest
        await anyio.to_thread.run_sync(write, self._identity, self.products)

    async def place(self) -> None:
        """Give the products their final names."""
        for product in self.products:
            await place(self.storage, self.workplace, self.archive.place_of(product.name), product)

    async def _identify(self) -> str:
        href = self.storage.href(self.archive.key)
        there = await self.storage.stat(self.archive.key)
        if there is None:
            raise StorageError(f"{href} is not there; stage it again")
        promised = self.archive.asset.get("file:size")
        if promised is not None and promised != there.size:
            raise IntegrityError("size", promised, there.size, where=href)
        checksum = self.archive.asset.get("file:checksum")
        return f"{there.size} {there.modified.isoformat()} {checksum} {self.use_extension}"

    async def _all_intact(self, products: list[Product]) -> bool:
        for product in products:
            key = self.archive.place_of(product.name)
            if not await intact(self.storage, self.workplace, key, product):
                return False
        return True

    async def _extract(self, path: Path) -> list[Product]:
        stop, products = threading.Event(), list[Product]()

        def work() -> None:
            try:
                products.extend(self._unpacked(path, stop))
            except Interrupted:
                return

        async def watch() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                stop.set()

        # A thread cannot be cancelled: who is, lets it know and waits for it.
        async with one_error(), anyio.create_task_group() as group:
            group.start_soon(watch)
            await anyio.to_thread.run_sync(work)
            await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        return products

    def _unpacked(self, path: Path, stop: threading.Event) -> list[Product]:
        archive = self.archive
        with storage_errors(self.workplace.path):
            tree = extract(
                path,
                self.workplace.content,
                name=archive.name,
                kind=archive.kind,
                limits=self.limits,
                stop=stop,
            )
            self.workplace.archive.unlink(missing_ok=True)
        return arrange(tree, archive.stem, use_extension=self.use_extension)

    async def _local(self) -> Path:
        """Give the archive as a file here; one from an object store is verified on its way."""
        if in_place(self.storage, self.archive.key):
            return self.storage.spool(self.archive.key)
        text = self.archive.asset.get("file:checksum")
        known = Checksum.read(str(text)) if text else None
        promised = (known,) if known else ()
        hasher, path = Hasher(check.algorithm for check in promised), self.workplace.archive
        async with await anyio.open_file(path, "xb") as file:
            async for block in self.storage.read(self.archive.key):
                await anyio.to_thread.run_sync(hasher.update, block)
                await file.write(block)
        for wanted, found in zip(promised, hasher.checksums(), strict=True):
            if wanted != found:
                raise IntegrityError(wanted.algorithm, wanted, found, where=self.archive.name)
        return path
