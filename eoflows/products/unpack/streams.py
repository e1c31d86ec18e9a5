"""An archive as a stream that only goes forward, and that is counted."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from isal import igzip, igzip_lib

from eoflows.base.errors import IntegrityError
from eoflows.products.unpack.errors import Where
from eoflows.products.unpack.limits import Meter

__all__ = ["ByteStream"]

_BLOCK = 256 << 10
# Headers of tar members are read whole; none that is honest is larger.
_LONGEST_HEADER = 1 << 20
_GZIP = b"\x1f\x8b"
_DAMAGE = (cast(type[Exception], igzip_lib.IsalError), gzip.BadGzipFile, EOFError)


class ByteStream:
    """The content of a file, decompressed where it is gzip; all that comes out is counted.

    It has what `tarfile` needs to read headers.

    Args:
        path: The file.
        where: For messages; may be changed while reading.
        meter: Counts.
        plain: Whether content that is not compressed is read as it is; else it is refused.
    """

    def __init__(self, path: Path, where: Where, meter: Meter, *, plain: bool) -> None:
        self.where, self._meter = where, meter
        self._file = path.open("rb")
        packed = self._file.read(2) == _GZIP
        self._file.seek(0)
        if not packed and not plain:
            self._file.close()
            raise where.refused("it is not compressed with gzip")
        opened = igzip.open(self._file, "rb") if packed else self._file  # type: ignore[no-untyped-call]
        self._source = cast(BinaryIO, opened)
        self._at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._source.close()
        self._file.close()

    def tell(self) -> int:
        """Bytes read so far."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Read a header; less than asked only at the end.

        Raises:
            ArchiveError: So much is asked that the header must be made up.
            IntegrityError: The compressed data are damaged.
        """
        if not 0 <= size <= _LONGEST_HEADER:
            raise self.where.refused(f"a header of {size} bytes is no honest one")
        return b"".join(self.blocks(size))

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        """Go forward.

        Raises:
            ArchiveError: This would be backwards.
        """
        if whence != io.SEEK_SET or position < self._at:
            raise self.where.refused("its headers lead backwards")
        for _ in self.blocks(position - self._at):
            pass
        return self._at

    def blocks(self, size: int) -> Iterator[bytes]:
        """Give the next bytes, up to `size` or the end."""
        while size > 0:
            data = self._next(min(size, _BLOCK))
            if not data:
                return
            size -= len(data)
            yield data

    def rest(self) -> Iterator[bytes]:
        """Give all that is left."""
        while data := self._next(_BLOCK):
            yield data

    def _next(self, size: int) -> bytes:
        try:
            data = self._source.read(size)
        except _DAMAGE as error:
            raise IntegrityError("compressed data", "readable", str(error), where=str(self.where)) from error
        self._meter.add(len(data), self.where)
        self._at += len(data)
        return data
