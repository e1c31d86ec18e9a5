"""Small file work that parts and standing files share; everything here blocks."""

import os

from eoflows.base.errors import IntegrityError, OccupiedError
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.models import Download
from eoflows.stores.transfer.tail import Tail

__all__ = ["Standing", "occupied", "same_bytes", "verify", "write_new"]


def write_new(path: str, content: bytes) -> None:
    """Write a small file, whatever was there before; a link is never followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)


def verify(download: Download, found: tuple[Checksum, ...]) -> None:
    """Compare every promised checksum with those found.

    Raises:
        IntegrityError: One differs.
    """
    by_name = {check.algorithm: check for check in found}
    for promised in download.checksums:
        received = by_name[promised.algorithm]
        if received != promised:
            raise IntegrityError(
                promised.algorithm, promised.digest.hex(), received.digest.hex(), where=download.name
            )


def same_bytes(path: str, size: int, found: tuple[Checksum, ...]) -> bool:
    """Whether a file has these bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_size != size:
            return False
        return Checksum.of_file(file, found[0].algorithm) == found[0]


class Standing:
    """A file that already has the final name, and may or may not be the right one."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._tail: Tail | None = None
        self.size = 0

    def check(self) -> bool | None:
        """Whether the file is the promised one; None if there is more to hash: call again.

        Raises:
            OccupiedError: It is another, and must not be replaced.
        """
        if not self._download.checksums:
            return False
        right = self._compare()
        if right is False and self._other and not self._download.replace:
            raise occupied(self._download)
        return right

    def _compare(self) -> bool | None:
        promised, self._other = self._download, False
        try:
            descriptor = os.open(promised.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        except OSError:
            self._other = True
            return False
        self._other = True
        try:
            self.size = os.fstat(descriptor).st_size
            if promised.size not in (None, self.size):
                return False
            tail = self._tail = self._tail or Tail(check.algorithm for check in promised.checksums)
            if not tail.follow(descriptor, self.size):
                return None
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return set(promised.checksums) <= set(tail.checksums())


def occupied(download: Download) -> OccupiedError:
    """Give the error for a name that has another file."""
    return OccupiedError(f"{download.path}: another file has the name of {download.name}, and stays")
