"""Assets in a local folder: a download ends in its place, nothing is copied."""

import fcntl
import os
import shutil
import stat
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
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
from eoflows.stores.storage.base import StoredObject, Versioned
from eoflows.stores.storage.names import check_key, is_foreign
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.models import TransferSettings

__all__ = ["LocalStorage"]

_BLOCK = 1 << 20
_PAGE = 1000
_LOCK = ".eoflows.lock"


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
        # Plain text: path objects cost more than the system calls.
        folder, top = os.path.dirname(path), len(str(self.root))
        while len(folder) > top:
            with storage_errors(folder), suppress(FileNotFoundError):
                if not stat.S_ISDIR(os.lstat(folder).st_mode):
                    raise StorageError(f"{folder} is not a folder; links are never followed")
            folder = os.path.dirname(folder)

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
        return _described(key, found)

    async def put(
        self, spooled: Path, key: str, size: int, checksum: Checksum | None, *, replace: bool = True
    ) -> str:
        """Store a verified file; one that is already in its place stays there."""
        if spooled == self._path(key):
            # Nothing to wait for: not worth a thread.
            return self._in_place(spooled, key, size)
        return await anyio.to_thread.run_sync(self._put, spooled, key, size, replace)

    def _put(self, spooled: Path, key: str, size: int, replace: bool) -> str:
        path = self.spool(key)
        self._move(spooled, path, size, replace)
        return self._in_place(path, key, size)

    def _in_place(self, path: Path, key: str, size: int) -> str:
        with storage_errors(path):
            try:
                found = os.lstat(path)
            except FileNotFoundError:
                raise IntegrityError("size", size, "no file", where=key) from None
        if not stat.S_ISREG(found.st_mode):
            raise StorageError(f"{path} is not a plain file; remove it")
        if found.st_size != size:
            raise IntegrityError("size", size, found.st_size, where=key)
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

    async def load(self, key: str) -> Versioned | None:
        """Give a small file with its version."""
        return await anyio.to_thread.run_sync(self._load, key)

    def _load(self, key: str) -> Versioned | None:
        path = self.spool(key)
        with storage_errors(path):
            try:
                with open(path, "rb", opener=_no_link) as file:
                    return Versioned(file.read(), _version(os.fstat(file.fileno())))
            except FileNotFoundError:
                return None

    async def swap(self, key: str, version: str | None, body: bytes) -> str | None:
        """Replace a small file; writers of one host wait for each other."""
        return await anyio.to_thread.run_sync(self._swap, key, version, body)

    def _swap(self, key: str, version: str | None, body: bytes) -> str | None:
        path = self.spool(key)
        with self._alone(), storage_errors(path):
            if self._version_of(path) != version:
                return None
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as part:
                part.write_bytes(body)
                # The kernel's own time may stand still over several writes.
                os.utime(part, ns=(time.time_ns(),) * 2)
                made = _version(part.stat())
        return made

    async def remove(self, key: str, version: str) -> bool:
        """Remove one version of a file."""
        return await anyio.to_thread.run_sync(self._remove, key, version)

    def _remove(self, key: str, version: str) -> bool:
        path = self.spool(key)
        with self._alone(), storage_errors(path):
            there = self._version_of(path)
            if there == version:
                self._delete([path])
        return there in (None, version)

    def _version_of(self, path: Path) -> str | None:
        try:
            return _version(os.lstat(path))
        except FileNotFoundError:
            return None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with storage_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / _LOCK).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield

    def source(self, one: StoredObject) -> str:
        """Give the file's URL; which version it is, its checksum tells."""
        return self.href(one.key)

    def reading(self, settings: TransferSettings) -> TransferSettings:
        """Add this folder to some settings."""
        return replace(settings, file_roots=(*settings.file_roots, self.root))

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
        """List files, a thousand at a time; links are left out, too."""
        folder = prefix.rpartition("/")[0]
        walk = files_under(self.spool(folder) if folder else self.root)
        while page := await anyio.to_thread.run_sync(self._page, walk, prefix):
            yield page

    def _page(self, walk: Iterator[os.DirEntry[str]], prefix: str) -> Sequence[StoredObject]:
        page = []
        for entry in walk:
            if is_part(entry.name):
                continue
            with suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                key = Path(entry.path).relative_to(self.root).as_posix()
                if key.startswith(prefix) and not is_foreign(key):
                    page.append(_described(key, found))
            if len(page) == _PAGE:
                break
        return page

    async def sweep(self, older_than: timedelta) -> int:
        """Remove parts that no living process holds."""
        return await anyio.to_thread.run_sync(sweep_folder, self.root, older_than)


def _described(key: str, found: os.stat_result) -> StoredObject:
    modified = datetime.fromtimestamp(found.st_mtime, UTC)
    return StoredObject(key, found.st_size, modified, version=_version(found))


def _version(found: os.stat_result) -> str:
    """Another number for each file that was put in place: the inode tells writes of one moment apart."""
    return str((found.st_mtime_ns << 20 | found.st_ino & 0xFFFFF) & (2**63 - 1))


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)


def _note(lock: str) -> str:
    """Read what another has written into its lock; nothing if that is gone."""
    try:
        return Path(lock).read_text()
    except FileNotFoundError:
        return ""
