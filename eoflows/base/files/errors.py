"""What an operating system says of files, in our words."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eoflows.base.errors import OccupiedError, StorageError

__all__ = ["storage_errors"]

_CAUSES = {
    errno.ENOSPC: "the disk is full; free space and run again, the rest will be resumed",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ELOOP: "it is a symbolic link, which is never followed",
    errno.EEXIST: "it is there already; remove it, or allow to replace it",
}


@contextmanager
def storage_errors(path: Path | str) -> Iterator[None]:
    """Turn an operating system's error into a `StorageError` that names the path.

    Raises:
        OccupiedError: Something is there and must not be replaced.
        StorageError: Anything else.
    """
    try:
        yield
    except OSError as error:
        cause = _CAUSES.get(error.errno or 0, error.strerror or str(error))
        kind = OccupiedError if error.errno == errno.EEXIST else StorageError
        raise kind(f"{path}: {cause}") from error
