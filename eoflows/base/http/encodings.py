"""Content codings: bytes that a server packed on their way, though nobody asked for it."""

import zlib
from collections.abc import Iterable, Iterator

from eoflows.base.errors import IntegrityError

__all__ = ["Decoder", "is_packed_by_name"]

_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})
_PACKED = (".gz", ".tgz", ".gzip", ".svgz", ".br", ".z", ".zst")
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_BLOCK = 1 << 20


def is_packed_by_name(name: str) -> bool:
    """Whether a file of this name is packed itself; servers tell of it as of a coding."""
    return name.lower().endswith(_PACKED)


class Decoder:
    """Undoes a content coding, block by block, in bounded memory.

    Args:
        coding: As the server names it.
        where: What to call the download in messages.

    Raises:
        IntegrityError: Nothing here can undo it.
    """

    def __init__(self, coding: str, where: str) -> None:
        if coding not in _KNOWN:
            raise IntegrityError("content-encoding", "gzip, deflate or none", repr(coding[:40]), where=where)
        self._coding, self._where = coding, where
        self._running = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False

    def take(self, blocks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
        """Give what the next bytes stand for.

        Raises:
            IntegrityError: They are not in this coding.
        """
        for block in blocks:
            left = bytes(block)
            while left:
                if self._running.eof:
                    # Another member follows.
                    self._running = zlib.decompressobj(_GZIP_OR_ZLIB)
                try:
                    made = self._running.decompress(left, _BLOCK)
                except zlib.error as error:
                    raise self._fault(f"not {self._coding}") from error
                self._begun = True
                left = self._running.unconsumed_tail or self._running.unused_data
                if made:
                    yield made

    def finish(self) -> None:
        """Make sure that all came.

        Raises:
            IntegrityError: It breaks off.
        """
        if self._begun and not self._running.eof:
            raise self._fault("cut short")

    def _fault(self, what: str) -> IntegrityError:
        return IntegrityError("content-encoding", self._coding, what, where=self._where)
