"""An archive, and the archives in it, as one folder; everything here blocks."""

import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from eoflows.products.unpack.errors import Where
from eoflows.products.unpack.kinds import ArchiveKind, archive_kind, without_suffix
from eoflows.products.unpack.limits import Limits, Meter
from eoflows.products.unpack.members import Tree, member_path
from eoflows.products.unpack.streams import ByteStream
from eoflows.products.unpack.tars import holds_tar, unpack_tar
from eoflows.products.unpack.zips import unpack_zip

__all__ = ["extract"]

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = b"\x1f\x8b"


def extract(
    archive: Path,
    folder: Path,
    *,
    name: str,
    kind: ArchiveKind,
    limits: Limits,
    stop: threading.Event | None = None,
) -> Tree:
    """Unpack an archive and all archives in it; blocks.

    A nested archive (.zip, .tar, .tgz, .tar.gz) gives place to its content: to its only member, or to
    a folder with its name without suffix. A nested .gz stays: it is a file of its product.

    Args:
        archive: A plain file.
        folder: Where to; absent, and on the file system where the content will stay. Whatever is in
            it after an error is not to be used.
        name: The archive's file name, for messages and for the file in a .gz.
        kind: How to read it.
        limits: How much it may give.
        stop: Ends the work early, with `Interrupted`.

    Raises:
        ArchiveError: A member or the archive is refused.
        IntegrityError: The archive is damaged.
        OSError: The folder cannot be written.
    """
    meter = Meter(limits, archive.stat().st_size, stop)
    workshop = folder.with_name(folder.name + "-nested")
    numbered = (workshop / str(number) for number in itertools.count())
    tree = _Extraction(meter, numbered).one(archive, folder, kind, name, 0)
    if not tree.files:
        raise Where(name).refused("it holds no file")
    return tree


class _Extraction:
    """The work on one outermost archive."""

    def __init__(self, meter: Meter, folders: Iterator[Path]) -> None:
        self._meter, self._folders = meter, folders

    def one(self, archive: Path, folder: Path, kind: ArchiveKind, label: str, depth: int) -> Tree:
        tree = Tree(folder)
        match kind:
            case ArchiveKind.ZIP:
                unpack_zip(archive, tree, label, self._meter)
            case ArchiveKind.TAR:
                unpack_tar(archive, tree, label, self._meter)
            case ArchiveKind.GZIP:
                self._single(archive, tree, label)
                return tree
        for path in list(tree.files):
            nested = _nested_kind(tree.root / path)
            if nested is not None:
                self._replace(tree, path, nested, label, depth + 1)
        return tree

    def _single(self, archive: Path, tree: Tree, label: str) -> None:
        here = Where(label)
        self._meter.member(here)
        path = member_path(without_suffix(label), here)
        tree.reserve(path, here)
        with (
            ByteStream(archive, here, self._meter, plain=False) as stream,
            tree.sink(path, here, None) as sink,
        ):
            for data in stream.rest():
                sink.write(data)
        tree.files[path] = sink.entry

    def _replace(self, tree: Tree, path: str, kind: ArchiveKind, label: str, depth: int) -> None:
        where = Where(label, path)
        if depth > self._meter.limits.depth:
            raise where.refused(f"archives are nested more than {self._meter.limits.depth} deep")
        inner = self.one(tree.root / path, next(self._folders), kind, f"{label} > {path}", depth)
        tree.remove(path)
        above, _, name = path.rpartition("/")
        at = above if len(inner.top) == 1 else f"{above}/{without_suffix(name)}".strip("/")
        tree.absorb(inner, at, where)
        os.rmdir(inner.root)


def _nested_kind(path: Path) -> ArchiveKind | None:
    """How a member is unpacked that is an archive by its name and by its first bytes."""
    kind = archive_kind(path.name)
    if kind in (None, ArchiveKind.GZIP):
        return None
    with path.open("rb") as file:
        head = file.read(4)
    if kind is ArchiveKind.ZIP:
        return kind if head in _ZIP else None
    return kind if head[:2] == _GZIP or holds_tar(path) else None
