"""The transfer engine: files that land whole, verified and once."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio

from eoflows.base.http import AddressPolicy, Keyring, RetryPolicy
from eoflows.stores.transfer.crew import Crew, Mailbox
from eoflows.stores.transfer.gates import Desks
from eoflows.stores.transfer.google_source import GoogleSource
from eoflows.stores.transfer.lanes import Lanes
from eoflows.stores.transfer.local import FileSource
from eoflows.stores.transfer.models import Download, Progress, Receipt, Slot, TransferSettings
from eoflows.stores.transfer.objects import BucketSource
from eoflows.stores.transfer.parts import bytes_there
from eoflows.stores.transfer.room import DISKS, Disks, Hold
from eoflows.stores.transfer.run import Run
from eoflows.stores.transfer.sources import Source
from eoflows.stores.transfer.web import WebSource
from eoflows.stores.transfer.wire import Wire

__all__ = ["TransferEngine"]

# Of a larger file it is worth looking what is there already, before room is held for it.
_LARGE = 1 << 20


class TransferEngine:
    """Fetches files; use it as an async context manager.

    Bytes arrive in a thread of its own, large files are hashed in others; the event loop decides and waits.
    Any number of `fetch` calls may be awaited at once: per host a few are under way, the others
    wait and hold neither a file nor a connection.

    Args:
        settings: How to work.
        keyring: Credentials per origin.
        policy: Which addresses may be connected.
        retry: How often and how patiently a broken transfer is taken up again.
        slot: Gives the context in which one connection to a host may be used; it makes limits hold
            over all workers. None limits this engine only.
        clock: Monotonic seconds, by which a stall is one.
        disks: Where room is held; all engines of a process share those that they are not given.
    """

    def __init__(
        self,
        settings: TransferSettings | None = None,
        keyring: Keyring | None = None,
        policy: AddressPolicy | None = None,
        retry: RetryPolicy | None = None,
        slot: Slot | None = None,
        clock: Callable[[], float] = time.monotonic,
        disks: Disks = DISKS,
    ) -> None:
        self._settings = settings or TransferSettings()
        self._keyring, self._policy = keyring or Keyring(), policy or AddressPolicy()
        self._retry, self._slot, self._clock = retry or RetryPolicy(), slot, clock
        self._disks = disks
        self._holds: dict[Path, Hold] = {}
        self._desks = Desks(2 * self._settings.most_connections)

    async def __aenter__(self) -> Self:
        mailbox = Mailbox()
        self._crew = Crew(mailbox, self._settings.threads)
        self._wire = Wire(mailbox, self._crew, self._settings, self._clock)
        lanes = Lanes(self._settings, self._retry.longest, self._slot)
        web = WebSource(
            self._wire,
            self._crew,
            settings=self._settings,
            keyring=self._keyring,
            policy=self._policy,
            lanes=lanes,
        )
        self._sources: Mapping[str, Source] = {
            "http": web,
            "https": web,
            "s3": BucketSource(self._crew, self._settings, lanes),
            "gs": GoogleSource(self._crew, self._settings, lanes),
            "file": FileSource(self._crew, self._settings.file_roots),
        }
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._close)

    def _close(self) -> None:
        self._wire.close()
        self._crew.close()

    @asynccontextmanager
    async def room(self, download: Download) -> AsyncIterator[Hold]:
        """Hold room for a download until the body ends, because its file goes elsewhere then; waits for it.

        `fetch` does so by itself until the file has its name.

        Raises:
            StorageError: There is not enough, whatever becomes of the downloads that run.
        """
        held = self._holds.get(download.path)
        if held is not None:
            yield held
            return
        needed = await self._needed(download)
        spare = self._settings.spare_bytes
        async with self._disks.hold(download, needed, spare) as hold:
            self._holds[download.path] = hold
            try:
                yield hold
            finally:
                self._holds.pop(download.path, None)

    async def _needed(self, download: Download) -> int:
        """Give the bytes that are still to be written, as far as is known."""
        size = download.size or 0
        return size if size < _LARGE else max(0, size - await self._crew.run(lambda: bytes_there(download)))

    async def fetch(self, download: Download, progress: Progress | None = None) -> Receipt:
        """Bring one file to its final name, verified.

        Cancelling the waiting task closes the connection and keeps what arrived for a later resume.

        Args:
            download: What to fetch.
            progress: Called in the event loop, at most four times a second, with the bytes of the
                file that are there; a restart makes the number smaller.

        Returns:
            The receipt. A file that already stands there is taken if its checksums are the promised
            ones, and then nothing is fetched.

        Raises:
            UnreachableError: No alternative gave the bytes, after all retries (`ThrottledError` where
                the service asked for more patience than the retry policy has).
            DeadlineError: `slot` gave none in time; trying later may help.
            RefusedError: A definite no (`CredentialsError`, `AbsentError`).
            IntegrityError: The bytes are not the promised ones, in two fresh copies.
            ForbiddenAddressError: A URL, redirect or address that the settings do not allow.
            StorageError: No room, or the folder cannot be written.
            InvalidInputError: A URL that nothing here can read.
        """
        began = time.monotonic()
        place = "/".join(download.urls[0].split("/", 3)[:3])
        async with (
            self._desks.alone(str(download.path)),
            self._desks.place(place),
            self.room(download) as hold,
        ):
            run = Run(download, self._settings, self._crew, self._wire, self._retry, progress, began, hold)
            return await run.carry_out(self._sources, lambda need: self._disks.take(hold, need, download))
