"""Files and folders that appear whole under their names, or not at all. Everything here blocks.

What is half done has a name beside the final one that nobody else has. When its writer is dead it goes with
the next writer of the same name, or is swept (`leftovers`). Modes are those that the umask gives.
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eoflows.base.errors import OccupiedError
from eoflows.base.files.errors import storage_errors
from eoflows.base.files.leftovers import (
    claim_new,
    new_room,
    remove_dead_twins,
    remove_quietly,
    remove_room,
)

__all__ = ["put_file", "put_tree", "scratch", "whole_file", "whole_folder", "write_whole"]

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_OCCUPIED = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR}


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; what was there is replaced.

    Raises:
        StorageError: It cannot be written.
    """
    with whole_file(path) as part, storage_errors(path):
        part.write_bytes(content)


@contextmanager
def whole_file(path: Path, *, replace: bool = True, fsync: bool = False) -> Iterator[Path]:
    """Give an empty file to write to, which gets the final name if all goes well.

    Args:
        path: The final name; its folder is made.
        replace: Whether what has the name may be replaced.
        fsync: Whether it has to be there also after the power fails.

    Raises:
        StorageError: It cannot be written, or something is there and may not be replaced.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_dead_twins(str(path))
        part, descriptor = claim_new(str(path))
    try:
        yield Path(part)
        put_file(Path(part), path, replace=replace, fsync=fsync)
    finally:
        remove_quietly(part)
        os.close(descriptor)


@contextmanager
def whole_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give an empty folder to fill, which gets the final name if all goes well.

    Args:
        path: The final name; its folder is made.
        replace: Whether what has the name may be replaced.

    Raises:
        StorageError: It cannot be written, or something is there and may not be replaced.
    """
    if not replace:
        _must_be_absent(path)
    with scratch(path) as room:
        content = room / "content"
        content.mkdir()
        yield content
        put_tree(content, path, room, replace=replace)


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Give a private folder beside a path, for what is made on the way to it; in the end it goes.

    Raises:
        StorageError: It cannot be made.
    """
    with storage_errors(path):
        remove_dead_twins(str(path))
        room, descriptor = new_room(str(path))
    try:
        yield room
    finally:
        with suppress(OSError):
            remove_room(room)
        os.close(descriptor)


def put_file(source: Path | str, target: Path | str, *, replace: bool = True, fsync: bool = False) -> None:
    """Give a finished file its name, on the same file system.

    Raises:
        OccupiedError: Something is there and may not be replaced.
        StorageError: It cannot get the name.
    """
    with storage_errors(target):
        if fsync:
            _sync(source, os.O_RDONLY)
        if replace:
            os.replace(source, target)
        else:
            _link(source, target)
        if fsync:
            _sync(os.path.dirname(target), os.O_RDONLY | os.O_DIRECTORY)


def _link(source: Path | str, target: Path | str) -> None:
    """Rename a file where nothing is: a second name is refused where there is one."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _must_be_absent(target)
        os.replace(source, target)
    else:
        os.unlink(source)


def put_tree(source: Path, target: Path, room: Path, *, replace: bool = True) -> None:
    """Give a finished file or folder its name; what had it before goes into a temporary folder of ours.

    Raises:
        StorageError: Something is there and may not be replaced, or it cannot get the name.
    """
    with storage_errors(target):
        while True:
            try:
                os.rename(source, target)
            except OSError as error:
                if not replace or error.errno not in _OCCUPIED:
                    raise
            else:
                return
            with suppress(FileNotFoundError):
                os.rename(target, Path(tempfile.mkdtemp(prefix="former.", dir=room)) / target.name)


def _must_be_absent(path: Path | str) -> None:
    if os.path.lexists(path):
        raise OccupiedError(f"{path} is there already; remove it, or allow to replace it")


def _sync(path: Path | str, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
