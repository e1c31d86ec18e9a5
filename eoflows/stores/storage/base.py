"""What every place for assets can do."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote

import anyio.to_thread

from eoflows.base.errors import StorageError, UnsafeNameError
from eoflows.stores.transfer.checksums import Checksum, Hasher
from eoflows.stores.transfer.models import TransferSettings

__all__ = ["Existing", "Storage", "StoredObject", "Versioned", "checksum_of", "key_of"]


class Existing(Enum):
    """What to do when a key already holds other bytes."""

    REPLACE = "replace"
    REFUSE = "refuse"


@dataclass(frozen=True)
class StoredObject:
    """A whole object.

    Attributes:
        key: Its name.
        size: Bytes.
        modified: Time of the last change, aware UTC.
        checksum: What is known of its bytes without reading them; None if nothing is. Listings know it of
            Cloud Storage only.
        version: Another text after each change: a generation, an ETag, or time and inode of a file.
    """

    key: str
    size: int
    modified: datetime
    checksum: Checksum | None = None
    version: str = ""


class Versioned(NamedTuple):
    """A small object as it was read."""

    body: bytes
    version: str
    """As `StoredObject.version`."""


class Storage(Protocol):
    """A place for assets. Objects are whole or absent; keys follow the rules of `names.asset_key`."""

    def href(self, key: str) -> str:
        """Give the URL that a catalogue record holds for a key."""

    @property
    def workshop(self) -> Path:
        """The local folder under which things are half done."""

    def spool(self, key: str) -> Path:
        """Give the local path where a download for this key should end before `put`."""

    async def stat(self, key: str) -> StoredObject | None:
        """Describe an object, or None if there is none."""

    async def put(
        self, spooled: Path, key: str, size: int, checksum: Checksum | None, *, replace: bool = True
    ) -> str:
        """Store a verified local file, whole or not at all, and give its href.

        The file is taken over: afterwards it is no more at `spooled`, unless that is its final place.
        Storing equal bytes again, also at the same time from elsewhere, succeeds.

        Args:
            spooled: The file.
            key: Its name.
            size: Its bytes.
            checksum: Of its bytes, as far as it is known.
            replace: Whether other bytes that have the name may go.

        Raises:
            IntegrityError: The file does not have `size` bytes.
            OccupiedError: Other bytes have the name, and must not be replaced.
            StorageError: The place cannot take it.
        """

    async def save(self, key: str, content: bytes) -> str:
        """Store a small document, whole or not at all, and give its href; what was there is replaced.

        Raises:
            StorageError: The place cannot take it.
        """

    def claim(self, key: str, note: str) -> AbstractAsyncContextManager[str | None]:
        """Try to be the only one, on all hosts, who makes what gets this key; it does not wait.

        A claim ends with the body, or some time after its owner died.

        Args:
            key: The key. Nothing keeps others from writing to it, but that they claim it first.
            note: What others are told meanwhile.

        Yields:
            None if the claim is ours, else the other's note; empty if it is not known yet.

        Raises:
            StorageError: The claim was lost meanwhile: this host stood still, or the place did not answer.
        """

    async def load(self, key: str) -> Versioned | None:
        """Give a small object with its version, or None if there is none.

        Raises:
            StorageError: It cannot be read.
        """

    async def swap(self, key: str, version: str | None, body: bytes) -> str | None:
        """Replace a small object if it is still the one that was read.

        Args:
            key: Its name. Whoever swaps it does not `put` or `save` it.
            version: What `load` gave; None if there was none.
            body: The new one.

        Returns:
            The new version; None if somebody else was faster: then nothing is changed.

        Raises:
            StorageError: The place cannot take it.
        """

    async def remove(self, key: str, version: str) -> bool:
        """Remove one version of an object.

        Returns:
            Whether it is gone, also if it was not there; False if there is another version, which stays.

        Raises:
            StorageError: The place does not allow it.
        """

    def source(self, one: StoredObject) -> str:
        """Give the URL by which the transfer engine reads this object, and this version where it can."""

    def reading(self, settings: TransferSettings) -> TransferSettings:
        """Give settings by which a transfer engine may read from here."""

    def read(self, key: str) -> AsyncIterator[bytes]:
        """Give the bytes of an object, about 1 MB at a time.

        Raises:
            StorageError: There is none, or it cannot be read.
        """

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; absent ones are no error."""

    def list(self, prefix: str = "") -> AsyncIterator[Sequence[StoredObject]]:
        """List the objects whose keys begin with `prefix`, page by page.

        Args:
            prefix: A text; one that ends at a slash is a folder.

        What is half done is left out, and so is what has a name that no key of ours has.
        """

    async def sweep(self, older_than: timedelta) -> int:
        """Remove what dead runs left half done and nobody touched for so long.

        Returns:
            Number of files removed.
        """


def key_of(storage: Storage, href: str) -> str | None:
    """Give the key of an href, or None if it is not one of this storage."""
    base = storage.href("x").removesuffix("x")
    if not href.startswith(base):
        return None
    rest = href.removeprefix(base).rstrip("/")
    for key in (rest, unquote(rest)):
        try:
            if storage.href(key) == base + rest:
                return key
        except UnsafeNameError:
            continue
    return None


async def checksum_of(storage: Storage, key: str, algorithm: str = "blake3") -> Checksum | None:
    """Read an object and compute its checksum; None if it went away meanwhile."""
    hasher = Hasher([algorithm])
    try:
        async for block in storage.read(key):
            await anyio.to_thread.run_sync(hasher.update, block)
    except StorageError:
        return None
    return hasher.checksums()[0]
