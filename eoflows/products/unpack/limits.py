"""How much an archive may give, counted on what comes out of it."""

import threading
from dataclasses import dataclass

from eoflows.products.unpack.errors import Where

__all__ = ["Interrupted", "Limits", "Meter"]


@dataclass(frozen=True)
class Limits:
    """What an archive, with all that is nested in it, may be at the most.

    Attributes:
        members: Number of files and folders.
        bytes: Bytes that come out.
        ratio: Bytes out for each byte of the archive; counts above `free` bytes only.
        free: Bytes out that are allowed at any ratio.
        depth: Archives within archives; 0 leaves nested archives unopened and refuses them.
    """

    members: int = 250_000
    bytes: int = 256 << 30
    ratio: float = 200.0
    free: int = 64 << 20
    depth: int = 3


class Interrupted(Exception):
    """Whoever wanted the content no longer does."""


class Meter:
    """Counts what comes out of one archive, for all threads that unpack it.

    Args:
        limits: What is allowed.
        archive_size: Bytes of the archive.
        stop: When set, the work ends with `Interrupted`.
    """

    def __init__(self, limits: Limits, archive_size: int, stop: threading.Event | None = None) -> None:
        self.limits = limits
        self.bytes = self.members = 0
        self._stop = stop or threading.Event()
        self._by_ratio = max(limits.free, int(archive_size * limits.ratio))
        self._lock = threading.Lock()

    def add(self, size: int, where: Where) -> None:
        """Count bytes that came out.

        Raises:
            ArchiveError: They are too many.
            Interrupted: The work is no longer wanted.
        """
        if self._stop.is_set():
            raise Interrupted
        with self._lock:
            self.bytes += size
        if self.bytes > self.limits.bytes:
            raise where.refused(f"more than {self.limits.bytes} bytes come out, which is the limit")
        if self.bytes > self._by_ratio:
            raise where.refused(
                f"more than {self.limits.ratio:g} bytes come out for each byte of the archive, after "
                f"{self.bytes} bytes; that is a decompression bomb"
            )

    def member(self, where: Where) -> None:
        """Count a file or folder.

        Raises:
            ArchiveError: They are too many.
        """
        self.members += 1
        if self.members > self.limits.members:
            raise where.refused(f"there are more than {self.limits.members} files and folders")
