"""The names of temporary files, and how those of dead runs are told from those in use."""

import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from eoflows.base.errors import StorageError

__all__ = [
    "claim_any",
    "files_under",
    "is_part",
    "note_of",
    "part_names",
    "remove_dead_siblings",
    "remove_if_dead",
    "remove_quietly",
    "sweep_folder",
]

_WRITERS = 4
_LONGEST = 230
_PART = re.compile(r"\..+\.part\d?(\.json)?", re.DOTALL)


def part_names(target: str) -> Iterator[str]:
    """Where the bytes for `target` may wait: the first name, and more for other writers at the same time.

    Paths are plain text in this module: a path object costs more than the system call that it is for.
    """
    folder, name = os.path.split(target)
    if len(os.fsencode(name)) > _LONGEST:
        name = hashlib.blake2b(os.fsencode(name), digest_size=20).hexdigest()
    first = os.path.join(folder, f".{name}.part")
    yield first
    for number in range(1, _WRITERS):
        yield f"{first}{number}"


def note_of(part: str) -> str:
    """Where the notes for resuming a part are."""
    return part + ".json"


def is_part(name: str) -> bool:
    """Whether a file of this name is a part or its notes."""
    return _PART.fullmatch(name) is not None


def claim_any(target: str) -> tuple[str, int]:
    """Claim the first free temporary name of a target.

    Returns:
        The part's path and its open, locked descriptor.

    Raises:
        StorageError: Several other writers have them all.
        OSError: A part cannot be opened, is a link, or is no plain file.
    """
    for path in part_names(target):
        descriptor = _claim(path, create=True)
        if descriptor is not None:
            return path, descriptor
    raise StorageError(f"{target} is being written by {_WRITERS} others at this moment; run again later")


def _claim(path: str, *, create: bool) -> int | None:
    """Open a part and lock it; the lock ends with the process, however that ends.

    None if another writer has it, or if it is absent and not to be created.
    """
    for descriptor in _opened(path, create):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_same_file(descriptor, path):
            return descriptor
        # Its last owner renamed or removed it between our open and our lock.
        os.close(descriptor)
    return None


def _opened(path: str, create: bool) -> Iterator[int]:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    while True:
        if create:
            with suppress(FileExistsError):
                yield os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            yield os.open(path, flags)
        except FileNotFoundError:
            if not create:
                return


def _is_same_file(descriptor: int, path: str) -> bool:
    mine = os.fstat(descriptor)
    if not stat.S_ISREG(mine.st_mode) or mine.st_nlink > 1:
        os.close(descriptor)
        raise OSError(f"{path} is not a plain file of its own")
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def remove_if_dead(part: str) -> bool:
    """Remove a part and its notes unless a living writer holds it.

    Returns:
        Whether there was one to remove.
    """
    descriptor = _claim(part, create=False)
    if descriptor is None:
        return False
    try:
        remove_quietly(note_of(part))
        remove_quietly(part)
    finally:
        os.close(descriptor)
    return True


def remove_dead_siblings(target: str, mine: str) -> None:
    """Remove what other, dead writers of the same target left."""
    for part in part_names(target):
        if part == mine:
            continue
        if not os.path.lexists(part):
            return
        with suppress(OSError):
            remove_if_dead(part)


def sweep_folder(folder: Path, older_than: timedelta) -> int:
    """Remove the parts and notes under a folder that no living writer holds; blocks.

    Args:
        folder: Where to look, subfolders included.
        older_than: Younger files stay.

    Returns:
        Number of files removed.
    """
    limit, removed = time.time() - older_than.total_seconds(), 0
    for entry in files_under(folder):
        with suppress(OSError):
            if is_part(entry.name) and entry.stat(follow_symlinks=False).st_mtime <= limit:
                removed += _sweep(entry.path)
    return removed


def _sweep(path: str) -> int:
    part = path.removesuffix(".json")
    if part == path:
        return int(remove_if_dead(part))
    if os.path.lexists(part):
        return 0
    os.unlink(path)
    return 1


def remove_quietly(path: str) -> None:
    """Remove a file if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def files_under(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Give the plain files under a folder, without following links; an absent folder has none."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in sorted(found, key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from files_under(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield entry
