"""Room on the disks: promised to downloads before their first byte, over all engines of this process.

What is promised and not yet written counts as used, so that downloads that fit one by one are not begun all
at once, to fail all. Other processes are seen by what they have written.
"""

import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from eoflows.base.errors import StorageError
from eoflows.base.files.leftovers import remove_dead_parts
from eoflows.stores.transfer.models import Download

__all__ = ["DISKS", "Disks", "Hold", "NoRoomError"]

# How far from full a disk must be, in bytes, to be looked at only now and then, and how often that is.
_PLENTY = 1 << 30
_SELDOM = 0.25
# Between two looks while another download may give room back.
_LOOK = 0.1
_STEP = 16 << 20


class NoRoomError(StorageError):
    """There is no room now; there may be when another download has ended.

    Attributes:
        need: Bytes that the download takes in all, as far as is known. Whoever waits for them gives back
            first what it has: two that kept theirs would wait for each other.
    """

    def __init__(self, message: str, need: int) -> None:
        super().__init__(message)
        self.need = need


def _free(folder: str) -> int:
    while True:
        try:
            found = os.statvfs(folder)
        except FileNotFoundError:
            # It may have been removed since; what it was in is on the same disk.
            folder = os.path.dirname(folder)
            continue
        return found.f_bavail * found.f_frsize


@dataclass(eq=False)
class Hold:
    """What one download may write.

    Attributes:
        disk: Where.
        name: What to call the download in messages.
        spare: Bytes of the disk that must stay free.
        promised: Bytes that it may still write.
        written: Bytes that it has written.
    """

    disk: "_Disk"
    name: str
    spare: int
    promised: int = 0
    written: int = 0

    def used(self, size: int) -> None:
        """Take note that bytes were written.

        Raises:
            NoRoomError: More than was promised, and the disk has no room for it.
        """
        if size > self.promised:
            self.grow(max(size - self.promised, _STEP))
        self.disk.change(self, -size)
        self.written += size

    def dropped(self, size: int) -> None:
        """Take note that bytes were removed, and will be written again."""
        self.disk.change(self, size)
        self.written = max(0, self.written - size)

    def grow(self, size: int) -> None:
        """Ask for more room, without waiting.

        Raises:
            NoRoomError: There is none.
        """
        if not self.disk.take(self, size):
            raise NoRoomError(self.disk.refusal(self, size), self.promised + self.written + size)

    def give_back(self) -> None:
        """Renounce what is promised and not written."""
        self.disk.change(self, -self.promised)


class _Disk:
    """One file system."""

    def __init__(self, folder: str, free: Callable[[str], int]) -> None:
        self._folder, self._free_in = folder, free
        self._lock = threading.Lock()
        self._holds: set[Hold] = set()
        self._promised = self._free = 0
        self._looked = float("-inf")

    def add(self, hold: Hold) -> None:
        with self._lock:
            self._holds.add(hold)

    def remove(self, hold: Hold) -> None:
        with self._lock:
            self._holds.discard(hold)
            self._promised -= hold.promised
            hold.promised = 0

    def change(self, hold: Hold, size: int) -> None:
        with self._lock:
            self._promised += size
            hold.promised += size

    def take(self, hold: Hold, need: int) -> bool:
        with self._lock:
            now = time.monotonic()
            left = self._free - self._promised - hold.spare - need
            if left < _PLENTY or now - self._looked > _SELDOM:
                self._free, self._looked = self._free_in(self._folder), now
                left = self._free - self._promised - hold.spare - need
            if need and left < 0:
                return False
            self._promised += need
            hold.promised += need
            return True

    def hopeless(self, hold: Hold, need: int) -> bool:
        """Whether there would be no room even if all others gave back what they have."""
        with self._lock:
            others = [other for other in self._holds if other is not hold]
            given_back = sum(other.written for other in others)
            busy = any(other.promised or other.written for other in others)
            return not busy or self._free + given_back - hold.spare < need

    def refusal(self, hold: Hold, need: int) -> str:
        return (
            f"{hold.name} needs {need} bytes in {self._folder}, {self._free} are free, {self._promised} of "
            f"them promised to other downloads, and {hold.spare} must stay free"
        )


@dataclass
class Disks:
    """The file systems that downloads go to.

    Args:
        free: Gives the bytes that are free in a folder.
    """

    free: Callable[[str], int] = _free
    _known: dict[int, _Disk] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @asynccontextmanager
    async def hold(self, download: Download, size: int, spare: int) -> AsyncIterator[Hold]:
        """Hold room for a download until the body ends; waits while others may give some back.

        Args:
            download: What will be there.
            size: Bytes that it will write; 0 if that is not known.
            spare: Bytes that must stay free.

        Raises:
            StorageError: There is not enough, whatever the others do.
        """
        hold = Hold(self._disk(str(download.path.parent)), download.name, spare)
        hold.disk.add(hold)
        try:
            await self.take(hold, size, download)
            yield hold
        finally:
            hold.disk.remove(hold)

    async def take(self, hold: Hold, size: int, download: Download) -> None:
        """Get more room for a hold; waits as `hold` does.

        Raises:
            StorageError: As there.
        """
        root = download.root
        while not hold.disk.take(hold, size):
            if root is not None:
                await anyio.to_thread.run_sync(remove_dead_parts, root, str(download.path))
                root = None
            elif hold.disk.hopeless(hold, size):
                raise StorageError(hold.disk.refusal(hold, size))
            else:
                await anyio.sleep(_LOOK)

    def _disk(self, there: str) -> _Disk:
        while True:
            try:
                device = os.stat(there).st_dev
            except FileNotFoundError:
                there = os.path.dirname(there)
                continue
            except OSError as error:
                raise StorageError(f"{there}: {error.strerror}") from error
            break
        with self._lock:
            disk = self._known.get(device)
            if disk is None:
                disk = self._known[device] = _Disk(there, self.free)
            return disk


DISKS = Disks()
"""Those of this process."""
