"""Small file work that parts and standing files share; everything here blocks."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eoflows.base.errors import IntegrityError, StorageError
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.models import Download
from eoflows.stores.transfer.tail import Tail

__all__ = ["Standing", "storage_errors", "sync_folder", "verify", "write_new"]

_CAUSES = {
    errno.ENOSPC: "the disk is full; free space and run again, the rest will be resumed",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ELOOP: "it is a symbolic link, which is never followed",
}


@contextmanager
def storage_errors(path: Path | str) -> Iterator[None]:
    """Turn an operating system's error into a `StorageError` that names the path."""
    try:
        yield
    except OSError as error:
        cause = _CAUSES.get(error.errno or 0, error.strerror or str(error))
        raise StorageError(f"{path}: {cause}") from error


def write_new(path: str, content: bytes) -> None:
    """Write a small file, whatever was there before; a link is never followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)


def sync_folder(folder: str) -> None:
    """Force a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
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


class Standing:
    """A file that already has the final name, and may or may not be the right one."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._tail: Tail | None = None
        self.size = 0

    def check(self) -> bool | None:
        """Whether the file is the promised one; None if there is more to hash: call again."""
        promised = self._download
        if not promised.checksums:
            return False
        try:
            descriptor = os.open(promised.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return False
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
