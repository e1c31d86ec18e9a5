"""Assets in a local folder: a download ends in its place, nothing is copied."""

import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio

from eoflows.base.errors import IntegrityError, StorageError
from eoflows.base.files import put_file, storage_errors, whole_file, write_whole
from eoflows.base.files.leftovers import (
    claim,
    files_under,
    is_part,
    part_names,
    remove_quietly,
    sweep_folder,
)
from eoflows.stores.storage.base import StoredObject
from eoflows.stores.storage.names import check_key, is_foreign
from eoflows.stores.transfer.checksums import Checksum

__all__ = ["LocalStorage"]

_BLOCK = 1 << 20
_PAGE = 1000


class LocalStorage:
    """One file per key under a root that is never left; a symbolic link below the root is refused.

    Args:
        root: The folder; it is created when the first asset arrives.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()

    def href(self, key: str) -> str:
        """Give the file's URL."""
        return self._path(key).as_uri()

    @property
    def workshop(self) -> Path:
        """The root: what is half done waits beside its place."""
        return self.root

    def spool(self, key: str) -> Path:
        """Give the final path itself.

        Raises:
            UnsafeNameError: The key breaks the rules of names.
            StorageError: A folder on the way is a symbolic link or no folder.
        """
        path = self._path(key)
        self._check_way(path)
        return path

    def _path(self, key: str) -> Path:
        return self.root.joinpath(*check_key(key))

    def _check_way(self, path: Path) -> None:
        for folder in reversed(path.relative_to(self.root).parents[:-1]):
            with storage_errors(self.root / folder), suppress(FileNotFoundError):
                if not stat.S_ISDIR(os.lstat(self.root / folder).st_mode):
                    raise StorageError(f"{self.root / folder} is not a folder; links are never followed")

    async def stat(self, key: str) -> StoredObject | None:
        """Describe the file; its checksum is not known without reading it."""
        return await anyio.to_thread.run_sync(self._stat, key)

    def _stat(self, key: str) -> StoredObject | None:
        path = self.spool(key)
        with storage_errors(path):
            try:
                found = os.lstat(path)
            except FileNotFoundError:
                return None
        if not stat.S_ISREG(found.st_mode):
            raise StorageError(f"{path} is not a plain file; remove it")
        return StoredObject(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    async def put(
        self, spooled: Path, key: str, size: int, checksum: Checksum | None, *, replace: bool = True
    ) -> str:
        """Store a verified file; one that is already in its place stays there."""
        return await anyio.to_thread.run_sync(self._put, spooled, key, size, replace)

    def _put(self, spooled: Path, key: str, size: int, replace: bool) -> str:
        path = self.spool(key)
        if spooled != path:
            self._move(spooled, path, size, replace)
        found = self._stat(key)
        if found is None or found.size != size:
            raise IntegrityError("size", size, found.size if found else "no file", where=key)
        return path.as_uri()

    def _move(self, spooled: Path, path: Path, size: int, replace: bool) -> None:
        with storage_errors(path):
            if (found := spooled.stat().st_size) != size:
                raise IntegrityError("size", size, found, where=str(spooled))
            path.parent.mkdir(parents=True, exist_ok=True)
            if os.stat(spooled).st_dev == os.stat(path.parent).st_dev:
                put_file(spooled, path, replace=replace)
                return
            with whole_file(path, replace=replace) as part:
                shutil.copyfile(spooled, part)
            spooled.unlink()

    async def save(self, key: str, content: bytes) -> str:
        """Write a small file, whole or not at all."""
        path = self.spool(key)
        await anyio.to_thread.run_sync(write_whole, path, content)
        return path.as_uri()

    @asynccontextmanager
    async def claim(self, key: str, note: str) -> AsyncIterator[str | None]:
        """Lock a hidden file beside the key's; the lock ends at once with the process."""
        path = self.spool(key)
        lock = next(part_names(f"{path}.json"))
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = claim(lock)
        if descriptor is None:
            yield _note(lock)
            return
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, note.encode(), 0)
            yield None
        finally:
            remove_quietly(lock)
            os.close(descriptor)

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """Give the file's bytes, 1 MB at a time."""
        path = self.spool(key)
        with storage_errors(path):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise StorageError(f"{key} is not in {self.root}") from error
        try:
            while block := await anyio.to_thread.run_sync(os.read, descriptor, _BLOCK):
                yield block
        finally:
            os.close(descriptor)

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove files and the folders that are empty then."""
        paths = [self.spool(key) for key in keys]
        await anyio.to_thread.run_sync(self._delete, paths)

    def _delete(self, paths: Iterable[Path]) -> None:
        for path in paths:
            with storage_errors(path), suppress(FileNotFoundError):
                path.unlink()
            with suppress(OSError):
                for folder in path.relative_to(self.root).parents[:-1]:
                    (self.root / folder).rmdir()

    async def list(self, prefix: str = "") -> AsyncIterator[Sequence[StoredObject]]:
        """List files, a thousand at a time; what is half done or hidden at the top is left out."""
        start = self.spool(prefix.rstrip("/")) if prefix.strip("/") else self.root
        walk = files_under(start)
        while page := await anyio.to_thread.run_sync(self._page, walk):
            yield page

    def _page(self, walk: Iterator[os.DirEntry[str]]) -> Sequence[StoredObject]:
        page = []
        for entry in walk:
            if is_part(entry.name):
                continue
            with suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                key = Path(entry.path).relative_to(self.root).as_posix()
                if is_foreign(key):
                    continue
                page.append(StoredObject(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC)))
            if len(page) == _PAGE:
                break
        return page

    async def sweep(self, older_than: timedelta) -> int:
        """Remove parts that no living process holds."""
        return await anyio.to_thread.run_sync(sweep_folder, self.root, older_than)


def _note(lock: str) -> str:
    """Read what another has written into its lock; nothing if that is gone."""
    try:
        return Path(lock).read_text()
    except FileNotFoundError:
        return ""
