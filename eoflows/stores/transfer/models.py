"""What a transfer is asked to do, what it gives back, and the settings of the engine."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

from eoflows.base.errors import InvalidInputError
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.google import GoogleBucket
from eoflows.stores.transfer.s3 import S3Bucket

__all__ = ["Download", "Progress", "Receipt", "Slot", "TransferSettings"]

# Called in the event loop with the number of bytes of the file that are there so far.
Progress = Callable[[int], None]
# Gives the context in which one connection to a host may be used.
Slot = Callable[[str], AbstractAsyncContextManager[object]]


@dataclass(frozen=True)
class Download:
    """One file to fetch.

    Attributes:
        urls: Where it can be had, alternatives in the order to try: http(s), s3, gs (`#generation` pins
            one), or file under the configured roots.
        path: Final local name.
        size: Bytes promised, or None.
        checksums: Checksums promised; every one is verified.
        most: Largest number of bytes to accept when `size` is None; None takes the engine's limit.
        label: What to call it in messages; the file's name when empty.
        replace: Whether another file that has the final name may be replaced.
        root: Folder, without links in its path, that is never left by a link below it; what dead runs left
            half done there goes when room is short. None minds neither.
        kind: Media type promised; empty if none is.
    """

    urls: tuple[str, ...]
    path: Path
    size: int | None = None
    checksums: tuple[Checksum, ...] = ()
    most: int | None = None
    label: str = ""
    replace: bool = True
    root: Path | None = None
    kind: str = ""

    def __post_init__(self) -> None:
        if not self.urls:
            raise InvalidInputError(f"{self.name} has no URL; give at least one")
        if self.size is not None and self.size < 0:
            raise InvalidInputError(f"{self.name} has size {self.size}; give bytes, or None if unknown")

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self.label or self.path.name

    @property
    def limit(self) -> int | None:
        """Largest number of bytes to accept, or None."""
        return self.most if self.size is None else self.size


@dataclass(frozen=True)
class Receipt:
    """A file that is whole, verified, and at its final name.

    Attributes:
        path: Final local name.
        size: Bytes.
        checksums: Every promised checksum, verified; where none was promised, a BLAKE3.
        url: The alternative that it came from, without query; empty if the file already stood there.
        fetched: Bytes that came over the network.
        resumed_from: Bytes that an earlier, broken attempt had left and this one kept.
        attempts: Requests that were needed, redirects not counted; 0 if the file already stood there.
        seconds: From the call of `fetch`, waiting for a free connection included.
    """

    path: Path
    size: int
    checksums: tuple[Checksum, ...]
    url: str
    fetched: int
    resumed_from: int
    attempts: int
    seconds: float


@dataclass(frozen=True)
class TransferSettings:
    """How the engine works.

    Attributes:
        start_connections: Connections per host to begin with.
        most_connections: Upper limit of connections per host.
        connect_timeout: Seconds for name, connection and TLS.
        stall: Seconds without a single byte that end an attempt. There is no limit in all.
        fsync: Whether a file is forced to the disk before it gets its name.
        most_bytes: Largest file of unknown size, in bytes; None sets no limit but the disk's.
        spare_bytes: Bytes of the disk that must stay free.
        ca_bundle: PEM file of the authorities to trust; None takes the system's.
        file_roots: Folders under which `file://` URLs may point.
        buckets: S3 settings by bucket name, for `s3://` URLs.
        google_buckets: Settings of Cloud Storage by bucket name, for `gs://` URLs.
        threads: Threads for hashing and file work; more help on a network file system.
    """

    start_connections: int = 8
    most_connections: int = 32
    connect_timeout: float = 30.0
    stall: float = 60.0
    fsync: bool = False
    most_bytes: int | None = None
    spare_bytes: int = 64 * 1024 * 1024
    ca_bundle: Path | None = None
    file_roots: tuple[Path, ...] = ()
    buckets: Mapping[str, S3Bucket] = field(default_factory=dict)
    google_buckets: Mapping[str, GoogleBucket] = field(default_factory=dict)
    threads: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.start_connections <= self.most_connections:
            raise InvalidInputError(
                f"start_connections is {self.start_connections} and most_connections "
                f"{self.most_connections}; the first must be from 1 to the second"
            )
        if self.threads < 1 or self.stall <= 0 or self.connect_timeout <= 0:
            raise InvalidInputError("threads, stall and connect_timeout must be more than 0")
