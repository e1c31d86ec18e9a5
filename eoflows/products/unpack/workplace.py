"""The private folder in which one archive is unpacked: one run at a time, and known again after a kill."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import orjson

from eoflows.base.errors import StorageError
from eoflows.base.files import storage_errors, write_whole
from eoflows.base.files.leftovers import claim_room, clear_room, remove_room
from eoflows.products.unpack.layout import Product
from eoflows.products.unpack.members import Entry
from eoflows.stores.transfer.checksums import Checksum

__all__ = ["Workplace"]

_VERSION = 1
_SUFFIX = ".unpack.part"
_LONGEST = 200


class Workplace:
    """A folder beside an archive; everything here blocks.

    It holds a lock, which ends with the process that took it, the content as long as it has no other
    name, and a manifest, which is written when the content is complete and verified.

    Args:
        path: The folder; need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    @classmethod
    def beside(cls, archive: Path) -> Self:
        """Give the folder for an archive of this path."""
        name = archive.name
        if len(os.fsencode(name)) > _LONGEST:
            name = hashlib.blake2b(os.fsencode(name), digest_size=20).hexdigest()
        return cls(archive.with_name(f".{name}{_SUFFIX}"))

    @property
    def content(self) -> Path:
        """Where the content is."""
        return self.path / "content"

    @property
    def archive(self) -> Path:
        """Where a local copy of the archive may be."""
        return self.path / "archive"

    @property
    def _manifest(self) -> Path:
        return self.path / "manifest.json"

    def exists(self) -> bool:
        """Whether it was made."""
        return self.path.exists()

    @property
    def noted(self) -> bool:
        """Whether there is a manifest."""
        return self._manifest.exists()

    def claim(self) -> bool:
        """Take the folder, and make it if need be; False if another run has it.

        Raises:
            StorageError: It cannot be made, or is a link.
        """
        with storage_errors(self.path):
            while True:
                os.makedirs(self.path, exist_ok=True)
                if self.path.is_symlink():
                    raise StorageError(f"{self.path} is a symbolic link; remove it")
                # Its last owner may be removing it at this moment.
                with suppress(FileNotFoundError):
                    descriptor = claim_room(self.path)
                    self._descriptor = -1 if descriptor is None else descriptor
                    return descriptor is not None

    def release(self) -> None:
        """Let go of the folder and leave it as it is."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def clear(self) -> None:
        """Remove all but the lock."""
        with storage_errors(self.path):
            self._manifest.unlink(missing_ok=True)
            clear_room(self.path)

    def remove(self) -> None:
        """Remove the folder and let go of it."""
        try:
            self.clear()
            with storage_errors(self.path):
                remove_room(self.path)
        finally:
            self.release()

    def write_manifest(self, archive: str, products: Sequence[Product]) -> None:
        """Note that the content is complete.

        Args:
            archive: What the archive is known by: its size and time of change.
            products: The content.
        """
        document = {
            "version": _VERSION,
            "archive": archive,
            "products": [
                {
                    "name": product.name,
                    "source": product.source,
                    "folder": product.folder,
                    "files": {
                        path: (entry.size, entry.checksum.digest.hex())
                        for path, entry in product.files.items()
                    },
                }
                for product in products
            ],
        }
        write_whole(self._manifest, orjson.dumps(document))

    def read_manifest(self, archive: str) -> list[Product] | None:
        """Give the content that is complete, or None if there is none of this archive."""
        try:
            document: dict[str, Any] = orjson.loads(self._manifest.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return None
        if (document["version"], document["archive"]) != (_VERSION, archive):
            return None
        return [
            Product(
                product["name"],
                product["source"],
                product["folder"],
                {
                    path: Entry(size, Checksum("blake3", bytes.fromhex(digest)))
                    for path, (size, digest) in product["files"].items()
                },
            )
            for product in document["products"]
        ]
