"""Checksums as services promise them, and the hashing of several at once.

STAC's `file:checksum` is a multihash in hex. RS-Server writes a bare MD5 in mixed case there, Google
Cloud Storage a base64 CRC32C. All become one `Checksum` here.
"""

import base64
import binascii
import functools
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, Any, Protocol, Self

import blake3
import google_crc32c

from eoflows.base.errors import InvalidInputError

__all__ = ["ALGORITHMS", "Checksum", "Hasher"]

_BLOCK = 1 << 20


class _Digest(Protocol):
    def update(self, data: Any, /) -> object: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True)
class _Algorithm:
    """How one algorithm is computed, and its multihash code as the varint bytes of the table."""

    code: bytes | None
    length: int
    start: Callable[[], _Digest]


def _weak(name: str) -> Callable[[], _Digest]:
    """Hashes that serve against accidents, not against forgery: allowed in FIPS mode as well."""
    return lambda: hashlib.new(name, usedforsecurity=False)


ALGORITHMS = {
    "md5": _Algorithm(b"\xd5\x01", 16, _weak("md5")),
    "sha1": _Algorithm(b"\x11", 20, _weak("sha1")),
    "sha2-256": _Algorithm(b"\x12", 32, hashlib.sha256),
    "sha2-512": _Algorithm(b"\x13", 64, hashlib.sha512),
    "sha2-384": _Algorithm(b"\x20", 48, hashlib.sha384),
    "sha3-512": _Algorithm(b"\x14", 64, hashlib.sha3_512),
    "sha3-384": _Algorithm(b"\x15", 48, hashlib.sha3_384),
    "sha3-256": _Algorithm(b"\x16", 32, hashlib.sha3_256),
    "blake2b-256": _Algorithm(b"\xa0\xe4\x02", 32, lambda: hashlib.blake2b(digest_size=32)),
    "blake2b-512": _Algorithm(b"\xc0\xe4\x02", 64, hashlib.blake2b),
    "blake3": _Algorithm(b"\x1e", 32, blake3.blake3),
    # No multihash code is registered for it.
    "crc32c": _Algorithm(None, 4, google_crc32c.Checksum),
}
_RAW = {32: "md5", 64: "sha2-256"}
_SIZED = re.compile(r"(blake2b|blake2s)-([1-9]\d*)")
# The code before that of one byte, and the largest number of bytes.
_FAMILIES = {"blake2b": (0xB200, 64), "blake2s": (0xB240, 32)}


@functools.lru_cache(maxsize=256)
def _algorithm(name: str) -> _Algorithm | None:
    """Find an algorithm, BLAKE2 of any length too."""
    found = ALGORITHMS.get(name)
    sized = _SIZED.fullmatch(name)
    if found or not sized or int(sized[2]) % 8:
        return found
    length, (code, most) = int(sized[2]) // 8, _FAMILIES[sized[1]]
    make = getattr(hashlib, sized[1])
    if length > most:
        return None
    return _Algorithm(_varint(code + length), length, lambda: make(digest_size=length))


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def _split(raw: bytes) -> tuple[int, bytes] | None:
    """Take a multihash apart: its code and digest; None if it is none."""
    numbers: list[int] = []
    place = 0
    while len(numbers) < 2:
        number = shift = 0
        while True:
            if place == len(raw) or shift > 56:
                return None
            byte, place = raw[place], place + 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        numbers.append(number)
    code, length = numbers
    return (code, raw[place:]) if length and length == len(raw) - place else None


_NAMES = {one.code: name for name, one in ALGORITHMS.items()}


def _sized(code: int) -> str | None:
    for family, (first, most) in _FAMILIES.items():
        if first < code <= first + most:
            return f"{family}-{8 * (code - first)}"
    return None


def _started(name: str) -> _Digest:
    known = _algorithm(name)
    if known is None:
        raise InvalidInputError(
            f"checksum algorithm {name!r} is not known; use one of {', '.join(ALGORITHMS)}"
        )
    return known.start()


@dataclass(frozen=True)
class Checksum:
    """A promised or computed digest.

    Attributes:
        algorithm: A name in `ALGORITHMS`, or `blake2b-128` and the like of another length.
        digest: The digest's bytes.
    """

    algorithm: str
    digest: bytes

    def __post_init__(self) -> None:
        known = _algorithm(self.algorithm)
        if known is None:
            raise InvalidInputError(
                f"checksum algorithm {self.algorithm!r} is not known; use one of {', '.join(ALGORITHMS)}"
            )
        if len(self.digest) != known.length:
            raise InvalidInputError(
                f"a {self.algorithm} digest has {known.length} bytes, not {len(self.digest)}"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `file:checksum`: a multihash in hex, or a bare MD5 (32 digits) or SHA-256 (64 digits).

        Raises:
            InvalidInputError: It is neither, or of an algorithm that is not known here.
        """
        found = cls.read(text)
        if found is None:
            raise InvalidInputError(
                f"checksum {text[:140]!r} is a multihash of an algorithm that is not known here; known are "
                f"{', '.join(ALGORITHMS)} and BLAKE2 of any length"
            )
        return found

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read `file:checksum` as `parse` does; None is a multihash that nobody here can compute.

        Raises:
            InvalidInputError: It is no multihash, and no bare digest.
        """
        try:
            raw = bytes.fromhex(text.strip())
        except ValueError as error:
            raise InvalidInputError(
                f"checksum {text[:140]!r} is not hexadecimal; give a multihash or a bare MD5"
            ) from error
        parts, bare = _split(raw), _RAW.get(2 * len(raw))
        if parts is not None:
            code, digest = parts
            name = _NAMES.get(_varint(code)) or _sized(code)
            known = _algorithm(name) if name else None
            if name and known and known.length == len(digest):
                return cls(name, digest)
        if bare is not None:
            return cls(bare, raw)
        if parts is not None:
            return None
        raise InvalidInputError(
            f"checksum {text[:140]!r} is no known multihash; known are {', '.join(ALGORITHMS)}, "
            "a bare MD5 of 32 digits or a bare SHA-256 of 64"
        )

    @classmethod
    def crc32c(cls, text: str) -> Self:
        """Read Google's CRC32C: base64 of four bytes, most significant first.

        Raises:
            InvalidInputError: It is not that.
        """
        try:
            return cls("crc32c", base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise InvalidInputError(f"CRC32C {text[:40]!r} is not base64, like 'AAAAAA=='") from error

    @classmethod
    def of_bytes(cls, content: bytes, algorithm: str = "blake3") -> Self:
        """Compute it of some bytes."""
        running = _started(algorithm)
        running.update(content)
        return cls(algorithm, running.digest())

    @classmethod
    def of_file(cls, file: IO[bytes], algorithm: str = "blake3") -> Self:
        """Compute it of an open file, from where it is to its end; blocks."""
        running = _started(algorithm)
        while block := file.read(_BLOCK):
            running.update(block)
        return cls(algorithm, running.digest())

    def multihash(self) -> str:
        """Write it for `file:checksum`, lower case hex.

        Raises:
            InvalidInputError: The algorithm (crc32c) has no multihash code.
        """
        known = _algorithm(self.algorithm)
        code = known.code if known else None
        if code is None:
            raise InvalidInputError(f"{self.algorithm} has no multihash code; store another checksum")
        return (code + bytes([len(self.digest)]) + self.digest).hex()

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest.hex()}"


class Hasher:
    """Computes several checksums in one pass; feed it about 1 MB at a time, off the event loop.

    Args:
        algorithms: Names in `ALGORITHMS`; repeated names count once.
    """

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._running = {name: _started(name) for name in dict.fromkeys(algorithms)}

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        for running in self._running.values():
            running.update(data)

    def checksums(self) -> tuple[Checksum, ...]:
        """The checksums of all bytes so far, in the order of the algorithms."""
        return tuple(Checksum(name, running.digest()) for name, running in self._running.items())
