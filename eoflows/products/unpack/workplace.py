"""The private folder in which one archive is unpacked: one run at a time, and known again after a kill."""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import orjson

from eoflows.base.errors import StorageError
from eoflows.products.unpack.layout import Product
from eoflows.products.unpack.members import Entry
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.files import storage_errors

__all__ = ["Workplace", "stale_workplaces", "sweep_workplaces"]

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
                with suppress(FileNotFoundError):
                    return self._lock()

    def _lock(self) -> bool:
        lock = self.path / "lock"
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(lock, flags, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last owner may have removed it between our open and our lock.
            mine, there = os.fstat(descriptor), os.stat(lock, follow_symlinks=False)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except FileNotFoundError:
            os.close(descriptor)
            raise
        if (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino):
            os.close(descriptor)
            raise FileNotFoundError(lock)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go of the folder and leave it as it is."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def clear(self) -> None:
        """Remove all but the lock."""
        with storage_errors(self.path):
            self._manifest.unlink(missing_ok=True)
            for entry in list(os.scandir(self.path)):
                if entry.name != "lock":
                    _remove(Path(entry.path))

    def remove(self) -> None:
        """Remove the folder and let go of it."""
        try:
            self.clear()
            with storage_errors(self.path):
                (self.path / "lock").unlink(missing_ok=True)
            # Another run may have put its own lock here at this moment: then it is its folder.
            with suppress(OSError):
                self.path.rmdir()
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
        draft = self.path / "manifest.new"
        with storage_errors(self.path):
            draft.write_bytes(orjson.dumps(document))
            os.replace(draft, self._manifest)

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


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def stale_workplaces(root: Path, before: float) -> Iterator[Path]:
    """Find the folders in which runs were unpacking and that nobody has changed since; blocks.

    A workplace that is in use may be among them: only its lock tells.

    Args:
        root: A storage's folder or spool folder, or one below it.
        before: Seconds since 1970; those changed later are left out.
    """
    for folder, names, _ in os.walk(root):
        mine = [name for name in names if name.startswith(".") and name.endswith(_SUFFIX)]
        names[:] = sorted(set(names) - set(mine))
        for name in sorted(mine):
            path = Path(folder, name)
            with suppress(OSError):
                if path.lstat().st_mtime <= before:
                    yield path


def sweep_workplaces(root: Path, older_than: timedelta) -> int:
    """Remove the folders below `root` in which dead runs were unpacking; blocks.

    Args:
        root: A storage's folder or spool folder.
        older_than: Those changed since then stay.

    Returns:
        Number of folders removed.
    """
    removed = 0
    for path in stale_workplaces(root, time.time() - older_than.total_seconds()):
        place = Workplace(path)
        with suppress(OSError, StorageError):
            if place.claim():
                place.remove()
                removed += 1
    return removed
