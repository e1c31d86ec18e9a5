"""Names of members, and the folder that they are written to."""

import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import blake3

from eoflows.base.files.leftovers import is_part
from eoflows.products.unpack.errors import Where
from eoflows.products.unpack.limits import Meter
from eoflows.stores.storage.names import INVISIBLE, MOST_KEY_BYTES, MOST_PART_BYTES, folded
from eoflows.stores.transfer.checksums import Checksum

__all__ = ["Entry", "Sink", "Tree", "member_path"]

_DRIVE = re.compile(r"[A-Za-z]:")


def member_path(name: str, where: Where) -> str:
    """Give the relative path of a member; empty for the archive's own root (`./`).

    Raises:
        ArchiveError: The name is absolute or leads out of the folder, has a backslash, a control or
            invisible character or a drive letter, is too long, or begins or ends with a space or ends
            with a dot.
    """
    bad = next((char for char in name if unicodedata.category(char) in INVISIBLE), None)
    if bad is not None:
        raise where.refused(f"its name has the control or invisible character U+{ord(bad):04X}")
    if name.startswith("/") or _DRIVE.match(name):
        raise where.refused("its name is absolute")
    if "\\" in name:
        raise where.refused("its name has a backslash")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    for part in parts:
        _check_part(part, where)
    path = "/".join(parts)
    if len(path.encode()) > MOST_KEY_BYTES:
        raise where.refused(f"its path is longer than {MOST_KEY_BYTES} bytes")
    return path


def _check_part(part: str, where: Where) -> None:
    if part == "..":
        raise where.refused("its name leads out of the folder")
    if part[0] == " " or part[-1] in ". ":
        raise where.refused("a part of its name begins or ends with a space, or ends with a dot")
    if len(part.encode()) > MOST_PART_BYTES:
        raise where.refused(
            f"a part of its name has {len(part.encode())} bytes, at most {MOST_PART_BYTES} are allowed"
        )
    if is_part(part):
        raise where.refused("its name is one that unfinished files have here")


@dataclass(frozen=True)
class Entry:
    """A file that was unpacked.

    Attributes:
        size: Bytes.
        checksum: BLAKE3 of its bytes.
    """

    size: int
    checksum: Checksum


class Sink:
    """A new file, counted and hashed as it grows."""

    def __init__(self, path: str, where: Where, meter: Meter | None) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o666)
        self._where, self._meter, self._digest = where, meter, blake3.blake3()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes; they are counted first where this is the place to count them."""
        if self._meter is not None:
            self._meter.add(len(data), self._where)
        self._digest.update(data)
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]
        self.size += len(data)

    @property
    def entry(self) -> Entry:
        """What the file is so far."""
        return Entry(self.size, Checksum("blake3", self._digest.digest()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


class Tree:
    """A new folder and the members in it; no two of them would be one on any usual file system.

    Args:
        root: The folder; made here.

    Attributes:
        files: The files by relative path.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, Entry] = {}
        self._names: dict[str, tuple[str, bool]] = {}
        self._folders: set[str] = {""}
        root.mkdir(parents=True)

    def __contains__(self, path: str) -> bool:
        return folded(path) in self._names

    @property
    def top(self) -> list[str]:
        """Names at the top, sorted."""
        return sorted(path for path, _ in self._names.values() if "/" not in path)

    def children(self, folder: str) -> list[str]:
        """Paths of what is directly in a folder (empty text: the root), sorted."""
        if not folder:
            return self.top
        return sorted(path for path, _ in self._names.values() if path.rpartition("/")[0] == folder)

    def is_folder(self, path: str) -> bool:
        """Whether a path is a folder of this tree."""
        return path in self._folders

    def folder(self, path: str, where: Where) -> None:
        """Make a folder and those above it.

        Raises:
            ArchiveError: A file, or a folder spelled differently, has that name.
        """
        if path in self._folders:
            return
        self.folder(path.rpartition("/")[0], where)
        self._enter(path, True, where)
        os.mkdir(self.root / path)
        self._folders.add(path)

    def reserve(self, path: str, where: Where) -> None:
        """Take the name of a file, and make the folders above it.

        Raises:
            ArchiveError: The name is taken.
        """
        if not path:
            raise where.refused("it has no name")
        self.folder(path.rpartition("/")[0], where)
        self._enter(path, False, where)

    def sink(self, path: str, where: Where, meter: Meter | None) -> Sink:
        """Create a file whose name is reserved."""
        return Sink(f"{self.root}/{path}", where, meter)

    def _enter(self, path: str, folder: bool, where: Where) -> None:
        key = folded(path)
        other = self._names.get(key)
        if other is not None:
            raise where.refused(
                f"its path {path!a} and {other[0]!a} are the same, or differ only in case or Unicode form"
                if not (folder or other[1])
                else f"its path {path!a} meets {other[0]!a}, and one is a file or they differ only in case "
                "or Unicode form"
            )
        self._names[key] = (path, folder)

    def remove(self, path: str) -> None:
        """Remove a file, so that its name is free."""
        os.unlink(self.root / path)
        del self.files[path], self._names[folded(path)]

    def absorb(self, other: "Tree", at: str, where: Where) -> None:
        """Move all of another tree on the same file system into a folder of this one.

        Raises:
            ArchiveError: Something has one of the names already.
        """
        self.folder(at, where)
        before = f"{at}/" if at else ""
        for name in other.top:
            self._check_free(before + name, where)
        for path, folder in other._names.values():
            self._names[folded(before + path)] = (before + path, folder)
        self._folders |= {before + path for path in other._folders if path}
        self.files |= {before + path: entry for path, entry in other.files.items()}
        for name in other.top:
            os.rename(other.root / name, self.root / (before + name))

    def _check_free(self, path: str, where: Where) -> None:
        if path in self:
            raise where.refused(f"its content {path!a} would fall upon a member of that name")
        if len(path.encode()) > MOST_KEY_BYTES:
            raise where.refused(f"the path of its content is longer than {MOST_KEY_BYTES} bytes")

    def under(self, folder: str) -> Mapping[str, Entry]:
        """The files below a folder (empty text: all), by path relative to it."""
        before = f"{folder}/" if folder else ""
        return {path[len(before) :]: entry for path, entry in self.files.items() if path.startswith(before)}
