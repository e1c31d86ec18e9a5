"""The names of what is half done, and how what dead runs left is told from what is in use.

A temporary file is locked by its writer, a temporary folder by a file `lock` in it. A lock ends with the
process that took it, however that ends.
"""

import fcntl
import functools
import hashlib
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from eoflows.base.errors import StorageError

__all__ = [
    "check_place",
    "claim",
    "claim_any",
    "claim_new",
    "claim_room",
    "clear_room",
    "files_under",
    "is_part",
    "new_room",
    "note_of",
    "part_names",
    "remove_dead_parts",
    "remove_dead_siblings",
    "remove_dead_twins",
    "remove_quietly",
    "remove_room",
    "stale",
    "sweep_folder",
]

_WRITERS = 4
_LONGEST = 230
_PART = re.compile(r"\..+\.part\d?(\.json)?", re.DOTALL)
_LOCK = "lock"


def part_names(target: str) -> Iterator[str]:
    """Where the bytes for `target` may wait: the first name, and more for other writers at the same time.

    Paths are plain text in this module: a path object costs more than the system call that it is for.
    """
    return iter(_part_names(target))


# A download asks for them several times within moments.
@functools.lru_cache(maxsize=128)
def _part_names(target: str) -> tuple[str, ...]:
    first = _hidden(target, "part")
    return (first, *(f"{first}{number}" for number in range(1, _WRITERS)))


def _unique_part(target: str) -> str:
    """Give a temporary name beside `target` that nobody else has."""
    return _hidden(target, f"{secrets.token_hex(4)}.part")


def _hidden(target: str, ending: str) -> str:
    folder, name = os.path.split(target)
    if len(os.fsencode(name)) > _LONGEST:
        name = hashlib.blake2b(os.fsencode(name), digest_size=20).hexdigest()
    return os.path.join(folder, f".{name}.{ending}")


def note_of(part: str) -> str:
    """Where the notes for resuming a part are."""
    return part + ".json"


def is_part(name: str) -> bool:
    """Whether a file or folder of this name is half done, or the notes of one."""
    return _PART.fullmatch(name) is not None


def claim_any(target: str) -> tuple[str, int]:
    """Claim the first free temporary name of a target.

    Returns:
        The part's path and its open, locked descriptor.

    Raises:
        StorageError: Several other writers have them all.
        OSError: A part cannot be opened, is a link, or is no plain file.
    """
    for path in _part_names(target):
        try:
            descriptor = claim(path)
        except OSError:
            if not _is_second_name(path, target):
                raise
            # Its writer died between giving the file its final name and taking away the first.
            remove_quietly(path)
            descriptor = claim(path)
        if descriptor is not None:
            return path, descriptor
    raise StorageError(f"{target} is being written by {_WRITERS} others at this moment; run again later")


def _is_second_name(path: str, target: str) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.lstat(target))
    except FileNotFoundError:
        return False


def check_place(descriptor: int, path: str) -> None:
    """Make sure that an open file is where its path says, through no link.

    Raises:
        StorageError: It is elsewhere: a folder on the way is a link, or was moved.
    """
    actual = _place_of(descriptor, path)
    if actual != path:
        raise StorageError(
            f"{path} is at {actual}: a folder on the way is a symbolic link; it is never followed"
        )


def _place_of(descriptor: int, path: str) -> str:
    if hasattr(fcntl, "F_GETPATH"):
        return os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return os.path.realpath(path)


def claim_new(target: str) -> tuple[str, int]:
    """Claim a temporary file of a target that nobody else has.

    Returns:
        The part's path and its open, locked descriptor.
    """
    while True:
        path = _unique_part(target)
        descriptor = claim(path)
        if descriptor is not None:
            return path, descriptor


def claim(path: str, *, create: bool = True) -> int | None:
    """Open a file and lock it; the lock ends with the process, however that ends.

    Returns:
        Its descriptor; None if another has it, or if it is absent and not to be created.
    """
    for descriptor in _opened(path, create):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_same_file(descriptor, path, alone=create):
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


def _is_same_file(descriptor: int, path: str, *, alone: bool) -> bool:
    mine = os.fstat(descriptor)
    if not stat.S_ISREG(mine.st_mode) or (alone and mine.st_nlink > 1):
        os.close(descriptor)
        raise OSError(f"{path} is not a plain file of its own")
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def new_room(target: str) -> tuple[Path, int]:
    """Make a temporary folder of a target that nobody else has, and lock it.

    Returns:
        The folder, and the descriptor of its lock.
    """
    while True:
        room = Path(_unique_part(target))
        room.mkdir(parents=True)
        # Whoever removes what dead runs left may have been here first.
        with suppress(FileNotFoundError):
            descriptor = claim_room(room)
            if descriptor is not None:
                return room, descriptor


def claim_room(room: Path) -> int | None:
    """Lock a temporary folder that is there.

    Returns:
        The descriptor of its lock; None if another has it.
    """
    return claim(str(room / _LOCK))


def clear_room(room: Path) -> None:
    """Remove all that is in a temporary folder of ours, but the lock."""
    for entry in list(os.scandir(room)):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        elif entry.name != _LOCK:
            remove_quietly(entry.path)


def remove_room(room: Path) -> None:
    """Remove a temporary folder of ours; its lock goes last, so that nobody takes it half empty."""
    clear_room(room)
    remove_quietly(str(room / _LOCK))
    # Another run may have put its own lock here at this moment: then it is its folder.
    with suppress(OSError):
        room.rmdir()


def remove_dead_siblings(target: str, mine: str) -> None:
    """Remove what other, dead writers of the same target left."""
    for part in _part_names(target):
        if part == mine:
            continue
        if not os.path.lexists(part):
            return
        with suppress(OSError):
            _remove_if_dead(part)


def remove_dead_twins(target: str) -> None:
    """Remove the files and folders with names of their own that dead writers of the same target left."""
    folder, name = os.path.split(_hidden(target, ""))
    twin = re.compile(re.escape(name) + r"[0-9a-f]{8}\.part")
    for entry in _entries(Path(folder)):
        if twin.fullmatch(entry.name):
            with suppress(OSError):
                _sweep(entry.path)


def _remove_if_dead(part: str) -> bool:
    """Remove a part and its notes, unless a living writer holds it or there is none."""
    descriptor = claim(part, create=False)
    if descriptor is None:
        return False
    try:
        remove_quietly(note_of(part))
        remove_quietly(part)
    finally:
        os.close(descriptor)
    return True


def stale(folder: Path, before: float, *, parts_only: bool = True) -> Iterator[str]:
    """Find what is half done under a folder and nobody has touched since; what is in use may be among it.

    Args:
        folder: Where to look, subfolders included; an absent one has nothing.
        before: Seconds since 1970.
        parts_only: Leave out whole files.
    """
    for entry in _entries(folder):
        wanted = is_part(entry.name) or (not parts_only and entry.is_file(follow_symlinks=False))
        if entry.is_dir(follow_symlinks=False) and not wanted:
            yield from stale(Path(entry.path), before, parts_only=parts_only)
            continue
        with suppress(FileNotFoundError):
            if wanted and entry.stat(follow_symlinks=False).st_mtime <= before:
                yield entry.path


def sweep_folder(folder: Path, older_than: timedelta, *, parts_only: bool = True) -> int:
    """Remove what is half done under a folder and no living writer holds; blocks.

    Args:
        folder: Where to look, subfolders included.
        older_than: What is younger stays.
        parts_only: Leave whole files alone.

    Returns:
        Number of files and temporary folders removed.
    """
    removed = 0
    for path in stale(folder, time.time() - older_than.total_seconds(), parts_only=parts_only):
        with suppress(OSError):
            removed += _sweep(path)
    return removed


def remove_dead_parts(folder: Path, target: str) -> int:
    """Remove what dead runs left half done under a folder, but for what can become `target`; blocks.

    Returns:
        Number of files and temporary folders removed.
    """
    mine, removed = set(part_names(target)), 0
    for path in stale(folder, time.time()):
        if path.removesuffix(".json") not in mine:
            with suppress(OSError):
                removed += _sweep(path)
    return removed


def _sweep(path: str) -> bool:
    if os.path.isdir(path) and not os.path.islink(path):
        return _sweep_room(Path(path))
    if is_part(os.path.basename(path)):
        part = path.removesuffix(".json")
        if part == path:
            return _remove_if_dead(part)
        if os.path.lexists(part):
            return False
    os.unlink(path)
    return True


def _sweep_room(room: Path) -> bool:
    descriptor = claim_room(room)
    if descriptor is None:
        return False
    try:
        remove_room(room)
    finally:
        os.close(descriptor)
    return True


def remove_quietly(path: str) -> None:
    """Remove a file if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def files_under(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Give the plain files under a folder, without following links or entering what is half done."""
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            if not is_part(entry.name):
                yield from files_under(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield entry


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Give what is in a folder by name; an absent folder has nothing."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
