"""Results that a run makes itself: one file, with a record beside it, or one Zarr group."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import anyio
import orjson

from eoflows.base.errors import StorageError
from eoflows.blocks import ObjectStorage
from eoflows.stores.storage import LocalStorage, Storage
from eoflows.stores.transfer import Checksum
from eoflows.stores.transfer.checksums import Hasher
from eoflows.tasks.load import load_block

if TYPE_CHECKING:
    from eoflows.services.geo_engine.zarr_writer import Store

__all__ = ["Place", "StoredFile", "open_place"]

_BLOCK = 1 << 20


@dataclass(frozen=True)
class StoredFile:
    """A whole file in a storage.

    Attributes:
        href: Where it is.
        size: Bytes.
        checksum: Of its bytes.
        found: Whether it was there before.
    """

    href: str
    size: int
    checksum: str
    found: bool


@dataclass(frozen=True)
class Place:
    """Where one result goes.

    Attributes:
        block: The storage's settings.
        storage: The storage.
        key: Name of the result in it.
        overwrite: Whether something else of that name may be replaced.
    """

    block: ObjectStorage
    storage: Storage
    key: str
    overwrite: bool = False

    @property
    def href(self) -> str:
        """Where the result is."""
        return self.storage.href(self.key)

    @property
    def local(self) -> Path | None:
        """The result's path, if the storage is a folder."""
        return self.storage.spool(self.key) if isinstance(self.storage, LocalStorage) else None

    def zarr(self) -> "Store | Path":
        """The result as a Zarr store."""
        if self.local is not None:
            return self.local
        from eoflows.services.geo_engine.zarr_writer import object_store  # noqa: PLC0415

        assert self.block.bucket is not None  # noqa: S101
        return object_store(self.block.bucket.open(), urlsplit(self.href).path)

    async def file(
        self, request: Mapping[str, Any], make: Callable[[Path], Awaitable[Mapping[str, Any]]]
    ) -> StoredFile:
        """Make a file, unless the very same was made before; beside it lies what it is, as `.json`.

        Args:
            request: All that makes it what it is, as JSON values.
            make: Writes it to the path it is given, whole or not at all, and says more about it.

        Raises:
            StorageError: Something else is there and may not be replaced.
        """
        known = await self._known()
        there = await self.storage.stat(self.key)
        if there is not None:
            if known.get("request") == request and known.get("size") == there.size:
                return StoredFile(self.href, there.size, known["checksum"], found=True)
            if not self.overwrite:
                raise StorageError(
                    f"{self.href} is another result; choose another name, or allow to overwrite it"
                )
        path = self.storage.spool(self.key)
        await anyio.Path(path.parent).mkdir(parents=True, exist_ok=True)
        about = await make(path)
        size, checksum = await anyio.to_thread.run_sync(_measure, path)
        href = await self.storage.put(path, self.key, size, checksum)
        record = {"request": request, "href": href, "size": size, "checksum": str(checksum), **about}
        await self._note(record)
        return StoredFile(href, size, str(checksum), found=False)

    async def _known(self) -> Mapping[str, Any]:
        if await self.storage.stat(f"{self.key}.json") is None:
            return {}
        content = b"".join([block async for block in self.storage.read(f"{self.key}.json")])
        try:
            return cast(Mapping[str, Any], orjson.loads(content))
        except orjson.JSONDecodeError:
            return {}

    async def _note(self, record: Mapping[str, Any]) -> None:
        key, content = f"{self.key}.json", orjson.dumps(record, option=orjson.OPT_INDENT_2)
        path = anyio.Path(self.storage.spool(key))
        part = path.with_name(f".{path.name}.part")
        await part.write_bytes(content)
        await part.replace(path)
        await self.storage.put(Path(path), key, len(content), _checksum(content))


async def open_place(storage: str, key: str, *, overwrite: bool = False) -> Place:
    """Give the place of a result.

    Args:
        storage: Name of the Object Storage block.
        key: Name of the result below it, with `/` between folders.
        overwrite: Whether something else of that name may be replaced.

    Raises:
        InvalidInputError: There is no such block.
        UnsafeNameError: The name cannot be used.
    """
    block = await load_block(ObjectStorage, storage)
    opened = block.open()
    opened.href(key)
    return Place(block, opened, key, overwrite)


def _measure(path: Path) -> tuple[int, Checksum]:
    hasher, size = Hasher(["blake3"]), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
            size += len(block)
    return size, hasher.checksums()[0]


def _checksum(content: bytes) -> Checksum:
    hasher = Hasher(["blake3"])
    hasher.update(content)
    return hasher.checksums()[0]
