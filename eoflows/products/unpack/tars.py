"""Members of a tar file, compressed or not, in one pass."""

import tarfile
from pathlib import Path
from typing import BinaryIO, cast

from eoflows.base.errors import IntegrityError
from eoflows.products.unpack.errors import ArchiveError, Where
from eoflows.products.unpack.limits import Meter
from eoflows.products.unpack.members import Tree, member_path
from eoflows.products.unpack.streams import ByteStream

__all__ = ["holds_tar", "unpack_tar"]

_BLOCK = tarfile.BLOCKSIZE
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_DAMAGE = (tarfile.TarError, ValueError, RecursionError, OverflowError)


class _Headers(tarfile.TarFile):
    """Reads headers one after another, and keeps none.

    Where `tarfile` takes a damaged header for the end of the archive, this one raises.
    """

    def next(self) -> tarfile.TarInfo | None:
        """Give the next member, None at the end marker."""
        assert self.fileobj is not None  # noqa: S101
        self.fileobj.seek(self.offset)
        try:
            return self.tarinfo.fromtarfile(self)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            return None
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error) or "damaged header") from error


def unpack_tar(path: Path, tree: Tree, label: str, meter: Meter) -> None:
    """Unpack all members into a tree; blocks.

    Raises:
        ArchiveError: A member is refused, or this is no tar file.
        IntegrityError: The archive ends early, or its compressed data are damaged.
    """
    here = Where(label)
    with ByteStream(path, here, meter, plain=True) as stream:
        try:
            _unpack(stream, tree, label, meter)
            stream.where = here
            for _ in stream.rest():
                pass
        except ArchiveError:
            raise
        except _DAMAGE as error:
            raise stream.where.refused(
                f"it is no readable tar file ({error or type(error).__name__})"
            ) from error


def _unpack(stream: ByteStream, tree: Tree, label: str, meter: Meter) -> None:
    headers = _Headers(fileobj=cast(BinaryIO, stream), mode="r")
    member: tarfile.TarInfo | None = headers.firstmember  # type: ignore[attr-defined]
    while member is not None:
        stream.where = where = Where(label, member.name)
        meter.member(where)
        path = _checked(member, where)
        if member.isdir():
            tree.folder(path, where)
        else:
            tree.reserve(path, where)
            _write(stream, member.size, tree, path, where)
        stream.where = Where(label)
        member = headers.next()


def _checked(member: tarfile.TarInfo, where: Where) -> str:
    if member.issym() or member.islnk():
        raise where.refused("it is a link")
    if member.issparse():
        raise where.refused("it is a sparse file, which is not supported")
    if not member.isdir() and member.type not in _FILES:
        raise where.refused("it is a device or another special file")
    if member.size < 0:
        raise where.refused(f"its size is {member.size}")
    return member_path(member.name, where)


def _write(stream: ByteStream, size: int, tree: Tree, path: str, where: Where) -> None:
    # The stream has counted the bytes.
    with tree.sink(path, where, None) as sink:
        for data in stream.blocks(size):
            sink.write(data)
    if sink.size != size:
        raise IntegrityError("size", size, sink.size, where=str(where))
    tree.files[path] = sink.entry


def holds_tar(path: Path) -> bool:
    """Whether a plain file begins as a tar file does."""
    with path.open("rb") as file:
        block = file.read(_BLOCK)
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
