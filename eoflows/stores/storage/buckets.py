"""What a bucket of any service can do: the little on which storage in a bucket is built."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from eoflows.stores.storage.base import StoredObject
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.models import TransferSettings

__all__ = ["ANY", "Bucket", "known_as", "known_checksum"]

ANY = "*"
"""Stands for a version: whatever is there."""

_META = "checksum"


class Bucket(Protocol):
    """A bucket, and a path in it under which all keys are. Keys are checked by whoever calls."""

    @property
    def url(self) -> str:
        """What comes before a key in its URL."""

    async def head(self, key: str) -> StoredObject | None:
        """Describe an object, with the checksum that was given with `put`, or None if there is none."""

    def get(self, key: str) -> AsyncIterator[bytes]:
        """Give the bytes of one version, about 1 MB at a time.

        Raises:
            StorageError: There is none.
        """

    async def load(self, key: str) -> tuple[bytes, str] | None:
        """Give a small object and its version, or None if there is none."""

    async def put(
        self, key: str, body: Path | bytes, size: int, checksum: Checksum | None, expected: str | None
    ) -> str | None:
        """Store an object, whole or not at all.

        Args:
            key: Its name.
            body: Its bytes, or a file with them.
            size: Their number.
            checksum: What `head` is to tell of them.
            expected: The version that must be there now, None for nothing, or `ANY`.

        Returns:
            The new version; None if there was not what was expected.
        """

    def guards(self, size: int) -> bool:
        """Whether a `put` of so many bytes changes nothing if something else comes at the same moment."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; absent ones are no error."""

    async def remove(self, key: str, version: str) -> bool:
        """Remove one version of an object; say whether none is there now."""

    def list(self, prefix: str) -> AsyncIterator[Sequence[StoredObject]]:
        """List the objects whose keys begin with a text."""

    def source(self, one: StoredObject) -> str:
        """Give the URL by which the transfer engine reads this object."""

    def reading(self, settings: TransferSettings) -> TransferSettings:
        """Give settings by which a transfer engine may read from here."""


def known_as(checksum: Checksum | None) -> dict[str, str]:
    """Give the metadata that an object of this checksum has."""
    return {_META: str(checksum)} if checksum else {}


def known_checksum(metadata: "object") -> Checksum | None:
    """Read the checksum from an object's metadata; None if they tell none."""
    text = metadata.get(_META, "") if isinstance(metadata, dict) else ""
    algorithm, _, digest = str(text).partition(":")
    try:
        return Checksum(algorithm, bytes.fromhex(digest))
    except ValueError:
        return None
