"""A local folder as a store: a bucket that is mounted here, or a copy of one."""

import fcntl
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import orjson

from eoflows.base.errors import ConflictError, ContractError, InvalidInputError
from eoflows.base.files import storage_errors, write_whole
from eoflows.base.files.leftovers import is_part
from eoflows.services.earth_engine.shards import StoredObject
from eoflows.services.earth_engine.stores import Objects, Versioned
from eoflows.stores.storage.names import check_key
from eoflows.stores.transfer import Checksum, Download, TransferEngine, TransferSettings

__all__ = ["LocalStore"]

_LOCK = ".eoflows.lock"


@dataclass(frozen=True)
class LocalStore:
    """A folder with the names of a bucket.

    Attributes:
        root: The folder.
        mounts: The bucket that is mounted there, whose exports appear there by themselves; empty: none is,
            and nothing can be ordered.
    """

    root: Path
    mounts: str = field(default="", kw_only=True)

    @property
    def service(self) -> str:
        """Kind of store."""
        return "LocalStore"

    @property
    def bucket(self) -> str:
        """The mounted bucket."""
        if not self.mounts:
            raise InvalidInputError(
                f"Earth Engine cannot write to {self.root}; use a GCSStore, or say in `mounts` which bucket "
                "is mounted there"
            )
        return self.mounts

    @asynccontextmanager
    async def open(self) -> AsyncIterator["OpenFolder"]:
        """Open it."""
        root = self.root.expanduser().resolve()
        async with TransferEngine(TransferSettings(file_roots=(root,))) as engine:
            yield OpenFolder(root, engine)


class OpenFolder:
    """A folder, opened. Writers of one host wait for each other.

    Args:
        root: The folder.
        engine: Copies files out of it.
    """

    def __init__(self, root: Path, engine: TransferEngine) -> None:
        self._root, self._engine = root, engine

    async def list(self, prefix: str) -> Objects:
        """Give the files whose names begin with a text; each is read for its CRC32C."""
        return await anyio.to_thread.run_sync(self._list, prefix)

    async def read(self, name: str) -> Versioned | None:
        """Give a document."""
        return await anyio.to_thread.run_sync(self._read, name)

    async def write(
        self, name: str, document: Mapping[str, Any], generation: int | None = None
    ) -> StoredObject:
        """Write a document, if what is there is what must be there."""
        return await anyio.to_thread.run_sync(self._write, name, orjson.dumps(dict(document)), generation)

    async def fetch(self, one: StoredObject, path: Path) -> Path:
        """Copy a file, verified."""
        promised = () if one.checksum is None else (one.checksum,)
        wanted = Download((self._path(one.name).as_uri(),), path, one.size, promised, label=one.name)
        return (await self._engine.fetch(wanted)).path

    async def remove(self, one: StoredObject) -> bool:
        """Remove a file as it was listed; say whether it was there."""
        return await anyio.to_thread.run_sync(self._remove, one)

    def _path(self, name: str) -> Path:
        return self._root.joinpath(*check_key(name))

    def _list(self, prefix: str) -> Objects:
        folder = self._root / prefix.rpartition("/")[0]
        found = []
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            name = path.relative_to(self._root).as_posix()
            hidden = path.name.startswith(".") or is_part(path.name)
            if name.startswith(prefix) and not hidden and path.is_file() and not path.is_symlink():
                found.append(self._described(name))
        return found

    def _described(self, name: str) -> StoredObject:
        path = self._path(name)
        with storage_errors(path), path.open("rb") as file:
            checksum, found = Checksum.of_file(file, "crc32c"), os.fstat(file.fileno())
        return StoredObject(name=name, size=found.st_size, checksum=checksum, generation=_generation(found))

    def _read(self, name: str) -> Versioned | None:
        path = self._path(name)
        with storage_errors(path):
            try:
                with path.open("rb") as file:
                    body, found = file.read(), os.fstat(file.fileno())
            except FileNotFoundError:
                return None
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ContractError(f"{path} is not JSON") from error
        if not isinstance(document, dict):
            raise ContractError(f"{path} is no JSON object")
        return Versioned(document, _generation(found))

    def _write(self, name: str, body: bytes, generation: int | None) -> StoredObject:
        path = self._path(name)
        with self._alone(), storage_errors(path):
            self._check(path, generation)
            write_whole(path, body)
        return self._described(name)

    def _remove(self, one: StoredObject) -> bool:
        path = self._path(one.name)
        with self._alone(), storage_errors(path):
            if not path.exists():
                return False
            self._check(path, one.generation)
            path.unlink()
        return True

    def _check(self, path: Path, generation: int | None) -> None:
        found = _generation(path.stat()) if path.exists() else 0
        if generation is not None and found != generation:
            raise ConflictError(f"{path} has changed meanwhile", status=412)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _generation(found: os.stat_result) -> int:
    """Another number for each file that was put in place: the inode tells writes of one moment apart."""
    return (found.st_mtime_ns << 20 | found.st_ino & 0xFFFFF) & (2**63 - 1)
