"""Members of a zip file, by its central directory, inflated by ISA-L in two threads.

`zipfile` reads the directory; the bytes are read and checked here, because its own reading is a
quarter as fast.
"""

import lzma
import os
import stat
import struct
import zipfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, cast

from isal import igzip_lib, isal_zlib

from eoflows.base.errors import IntegrityError
from eoflows.products.unpack.errors import Where
from eoflows.products.unpack.limits import Meter
from eoflows.products.unpack.members import Tree, member_path

__all__ = ["unpack_zip"]

# What one block of input can become stays below 68 MB.
_INPUT = 64 << 10
_STORED = 1 << 20
_THREADS = 2
# Threads that take turns with members smaller than this are slower than one.
_WORTH_THREADS = 1 << 20
_DIRECTORY = 64 << 20
_LOCAL = struct.Struct("<4s22xHH")
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DAMAGE = (
    cast(type[Exception], igzip_lib.IsalError),
    *(zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError),
    *(ValueError, EOFError, OverflowError, struct.error),
)


class _Member(NamedTuple):
    info: zipfile.ZipInfo
    path: str
    where: Where


def unpack_zip(path: Path, tree: Tree, label: str, meter: Meter) -> None:
    """Unpack all members into a tree; blocks.

    Raises:
        ArchiveError: A member is refused, or this is no zip file.
        IntegrityError: A member's bytes are not those that the archive promises.
    """
    here = Where(label)
    with path.open("rb") as file:
        try:
            _check_directory(file.fileno(), here)
            archive = zipfile.ZipFile(file)
        except _DAMAGE as error:
            raise here.refused(f"it is no readable zip file ({error})") from error
        with archive:
            _Reader(archive, file.fileno(), tree, meter).unpack(_members(archive, tree, label, meter))


def _check_directory(descriptor: int, here: Where) -> None:
    """Refuse a directory that would fill the memory before a member is seen."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, min(size, 66_000), max(0, size - 66_000))
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise zipfile.BadZipFile("it has no central directory")
    length = int(struct.unpack_from("<L", tail, at + 12)[0])
    if length == 0xFFFFFFFF:
        zip64 = tail.rfind(b"PK\x06\x06", 0, at)
        length = int(struct.unpack_from("<Q", tail, zip64 + 40)[0]) if zip64 >= 0 else length
    if length > _DIRECTORY:
        raise here.refused(f"its directory has {length} bytes, at most {_DIRECTORY} are allowed")


def _members(archive: zipfile.ZipFile, tree: Tree, label: str, meter: Meter) -> list[_Member]:
    """Check all names and kinds, and make the folders, before a byte is unpacked."""
    found: list[_Member] = []
    for info in archive.infolist():
        where = Where(label, info.orig_filename)
        meter.member(where)
        path = member_path(info.orig_filename, where)
        _check_kind(info, where)
        if info.is_dir():
            tree.folder(path, where)
        else:
            tree.reserve(path, where)
            found.append(_Member(info, path, where))
    _check_overlap(found)
    return found


def _check_kind(info: zipfile.ZipInfo, where: Where) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise where.refused("it is a link")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise where.refused("it is a device or another special file")
    if info.flag_bits & _ENCRYPTED:
        raise where.refused("it is encrypted")
    if info.compress_type not in (
        *(zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED),
        *(zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA),
    ):
        raise where.refused(f"compression method {info.compress_type} is not supported")


def _check_overlap(members: list[_Member]) -> None:
    end = 0
    for info, _, where in sorted(members, key=lambda member: member.info.header_offset):
        if info.header_offset < end:
            raise where.refused("its bytes are those of another member as well, as in a decompression bomb")
        end = info.header_offset + 30 + info.compress_size


class _Reader:
    """Reads members, several at a time, from one descriptor."""

    def __init__(self, archive: zipfile.ZipFile, descriptor: int, tree: Tree, meter: Meter) -> None:
        self._archive, self._descriptor = archive, descriptor
        self._tree, self._meter = tree, meter

    def unpack(self, members: list[_Member]) -> None:
        jobs = deque(members)
        if sum(member.info.file_size for member in members) < _WORTH_THREADS * max(_THREADS, len(jobs)):
            self._work_off(jobs)
            return
        with ThreadPoolExecutor(_THREADS) as pool:
            workers = [pool.submit(self._work_off, jobs) for _ in range(_THREADS)]
        for worker in workers:
            worker.result()

    def _work_off(self, jobs: deque[_Member]) -> None:
        try:
            while True:
                try:
                    member = jobs.popleft()
                except IndexError:
                    return
                self._one(member)
        except BaseException:
            jobs.clear()
            raise

    def _one(self, member: _Member) -> None:
        info, path, where = member
        crc = 0
        with self._tree.sink(path, where, self._meter) as sink:
            for data in self._content(info, where):
                if sink.size + len(data) > info.file_size:
                    raise where.refused(f"more than the {info.file_size} bytes that it declares come out")
                sink.write(data)
                crc = isal_zlib.crc32(data, crc)
        if sink.size != info.file_size:
            raise IntegrityError("size", info.file_size, sink.size, where=str(where))
        if crc != info.CRC:
            raise IntegrityError("CRC-32", f"{info.CRC:08x}", f"{crc:08x}", where=str(where))
        self._tree.files[path] = sink.entry

    def _content(self, info: zipfile.ZipInfo, where: Where) -> Iterator[bytes]:
        start = self._start(info, where)
        try:
            if info.compress_type == zipfile.ZIP_STORED:
                yield from self._blocks(start, info.compress_size, _STORED)
            elif info.compress_type == zipfile.ZIP_DEFLATED:
                yield from _inflated(self._blocks(start, info.compress_size, _INPUT))
            else:
                yield from _decompressed(self._archive, info)
        except _DAMAGE as error:
            raise IntegrityError("compressed data", "readable", str(error), where=str(where)) from error

    def _start(self, info: zipfile.ZipInfo, where: Where) -> int:
        """Where the member's data begin, by its own header, which must agree with the directory."""
        head = os.pread(self._descriptor, _LOCAL.size, info.header_offset)
        if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
            raise IntegrityError("header", "PK\\x03\\x04", repr(head[:4]), where=str(where))
        _, name, extra = _LOCAL.unpack(head)
        there = os.pread(self._descriptor, name, info.header_offset + _LOCAL.size)
        encoding = "utf-8" if info.flag_bits & 0x800 else "cp437"
        if there != info.orig_filename.encode(encoding):
            raise where.refused(f"its own header has another name, {there[:80]!r}")
        return info.header_offset + _LOCAL.size + int(name) + int(extra)

    def _blocks(self, start: int, size: int, block: int) -> Iterator[bytes]:
        end = start + size
        while start < end:
            data = os.pread(self._descriptor, min(block, end - start), start)
            if not data:
                raise EOFError(f"the archive ends {end - start} bytes early")
            start += len(data)
            yield data


def _inflated(blocks: Iterator[bytes]) -> Iterator[bytes]:
    inflate = isal_zlib.decompressobj(-15)
    for block in blocks:
        if data := inflate.decompress(block):
            yield data
        if inflate.eof:
            return
    raise EOFError("the compressed data have no end")


def _decompressed(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Read bzip2 and LZMA, which are rare, with `zipfile`'s own reader."""
    try:
        with archive.open(info) as source:
            while data := source.read(_STORED):
                yield data
    except (lzma.LZMAError, OSError) as error:
        # bz2 tells of damage by an OSError without number.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise EOFError(str(error)) from error
