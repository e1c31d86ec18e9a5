"""Deterministic bodies of any size: read from any byte, checksum at little cost, never whole in memory."""

import functools
import hashlib
import io
import random
import re
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["ArchiveContent", "Content", "SyntheticContent", "archive_form"]

_BLOCK = 64 * 1024
_FAMILIES = 8
_XML_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<Earth_Explorer_File>\n<!-- '
ArchiveForm = Literal["zip", "tgz"]


class Content(Protocol):
    """The bytes of a file."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    @property
    def md5(self) -> str:
        """MD5, lower case."""

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to, not including, `stop`."""


class _Filler:
    """An endless stream, made of one block that is rotated by another amount at each repetition.

    All bodies of a family begin with it and end in a tail of their own. The MD5 of a body is then the state
    at the last full block, kept for all, plus one block at most.
    """

    def __init__(self, family: int, *, text: bool) -> None:
        raw = random.Random(f"filler:{family}").randbytes(_BLOCK)
        block = raw.hex().encode()[:_BLOCK] if text else raw
        self._twice = block + block
        self._head = _XML_HEAD if text else b""
        self._checkpoints = [hashlib.md5(usedforsecurity=False)]

    def block(self, index: int) -> bytes:
        turn = index * 7919 % _BLOCK
        block = self._twice[turn : turn + _BLOCK]
        return self._head + block[len(self._head) :] if index == 0 else block

    def read(self, start: int, stop: int) -> bytes:
        if stop <= start:
            return b""
        first, last = start // _BLOCK, (stop - 1) // _BLOCK
        whole = b"".join(self.block(index) for index in range(first, last + 1))
        return whole[start - first * _BLOCK : stop - first * _BLOCK]

    def state(self, blocks: int) -> "hashlib._Hash":
        """Return a copy of the MD5 state after so many blocks."""
        while len(self._checkpoints) <= blocks:
            digest = self._checkpoints[-1].copy()
            digest.update(self.block(len(self._checkpoints) - 1))
            self._checkpoints.append(digest)
        return self._checkpoints[blocks].copy()


@functools.cache
def _filler(family: int, text: bool) -> _Filler:
    return _Filler(family, text=text)


@dataclass(frozen=True)
class SyntheticContent:
    """A body of any size; `text` makes it a well-formed XML file."""

    identity: str
    size: int
    text: bool = False

    @functools.cached_property
    def _tail(self) -> bytes:
        if not self.text:
            return hashlib.sha256(self.identity.encode()).digest()[: self.size]
        tail = f" -->\n<File_Name>{self.identity}</File_Name>\n</Earth_Explorer_File>\n".encode()
        if self.size >= len(_XML_HEAD) + len(tail):
            return tail
        return f"<a>{self.identity}</a>".encode().ljust(self.size)[: self.size]

    @functools.cached_property
    def _filler(self) -> _Filler:
        return _filler(hashlib.sha256(self.identity.encode()).digest()[0] % _FAMILIES, self.text)

    @functools.cached_property
    def md5(self) -> str:
        """MD5, lower case."""
        filled = self.size - len(self._tail)
        blocks = filled // _BLOCK
        digest = self._filler.state(blocks)
        digest.update(self._filler.read(blocks * _BLOCK, filled) + self._tail)
        return digest.hexdigest()

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to, not including, `stop`."""
        stop = min(stop, self.size)
        filled = self.size - len(self._tail)
        tail = self._tail[max(0, start - filled) : max(0, stop - filled)]
        return self._filler.read(start, min(stop, filled)) + tail


@dataclass(frozen=True)
class ArchiveContent:
    """A real archive of a few members, made when it is first needed."""

    stem: str
    form: ArchiveForm
    members: tuple[tuple[str, int], ...]
    """Path in the archive, and size of the member."""

    @functools.cached_property
    def _facts(self) -> tuple[int, str]:
        data = _archive(self.form, self.members)
        return len(data), hashlib.md5(data, usedforsecurity=False).hexdigest()

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self._facts[0]

    @property
    def md5(self) -> str:
        """MD5, lower case."""
        return self._facts[1]

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to, not including, `stop`."""
        return _archive(self.form, self.members)[start:stop]


def archive_form(name: str) -> ArchiveForm | None:
    """Return the kind of archive that a file name promises."""
    if re.search(r"\.zip$", name, re.IGNORECASE):
        return "zip"
    return "tgz" if re.search(r"\.(tgz|tar\.gz)$", name, re.IGNORECASE) else None


@functools.lru_cache(maxsize=32)
def _archive(form: ArchiveForm, members: Sequence[tuple[str, int]]) -> bytes:
    pack = _zip if form == "zip" else _tgz
    return pack(
        [
            (path, SyntheticContent(path, size, text=path.endswith((".xml", ".safe", ".HDR"))).read(0, size))
            for path, size in members
        ]
    )


def _zip(members: list[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, data in members:
            about = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = 0o644 << 16
            archive.writestr(about, data, compresslevel=1)
    return target.getvalue()


def _tgz(members: list[tuple[str, bytes]]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, data in members:
            about = tarfile.TarInfo(path)
            about.size, about.mode, about.mtime = len(data), 0o644, 1_577_836_800
            archive.addfile(about, io.BytesIO(data))
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(plain.getvalue()) + packer.flush()
