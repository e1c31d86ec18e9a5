"""Hashing that follows a growing file.

Bytes are hashed from the page cache right behind the writer, so the thread that receives never
waits for a hash, and nothing is held in memory however far the hash lags.
"""

import os
import threading
from collections.abc import Iterable

from eoflows.stores.transfer.checksums import Checksum, Hasher

__all__ = ["Tail"]

_READ = 1 << 20
# Long enough to be worth a hand-over between threads, short enough to stop within half a second.
_STEP = 64 << 20


class Tail:
    """The checksums of the first `hashed` bytes of an open file.

    Args:
        algorithms: Names of the checksums to compute.
    """

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._algorithms = tuple(algorithms)
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget all bytes."""
        with self._lock:
            self._hasher = Hasher(self._algorithms)
            self.hashed = 0

    def follow(self, descriptor: int, end: int) -> bool:
        """Hash on towards `end`, at most 64 MB.

        Returns:
            Whether `end` is reached.
        """
        with self._lock:
            stop = min(end, self.hashed + _STEP)
            while self.hashed < stop:
                block = os.pread(descriptor, min(_READ, stop - self.hashed), self.hashed)
                if not block:
                    return True
                self._hasher.update(block)
                self.hashed += len(block)
            return self.hashed >= end

    def take(self, data: bytes | memoryview) -> None:
        """Hash the bytes that come next, from memory."""
        with self._lock:
            self._hasher.update(data)
            self.hashed += len(data)

    def checksums(self) -> tuple[Checksum, ...]:
        """The checksums of the bytes so far."""
        with self._lock:
            return self._hasher.checksums()
