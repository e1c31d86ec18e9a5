"""Where watermarks are kept: beside the catalogue's items, or in the storage that holds the assets."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio.to_thread

from eoflows.products.systematic.watermark import Recorded, Watermark, WatermarkStore
from eoflows.stores.catalog import Catalog, LocalCatalog
from eoflows.stores.catalog.database import Database
from eoflows.stores.storage import LocalStorage, Storage

__all__ = ["DatabaseWatermarks", "ObjectWatermarks", "watermarks_beside"]


@asynccontextmanager
async def watermarks_beside(catalog: Catalog, storage: Storage) -> AsyncIterator[WatermarkStore]:
    """Open the place for watermarks that all who use this catalogue and storage share.

    A local catalogue keeps them in its own file. For a remote one, whose API has no place for them, they
    are objects `_watermarks/...json` in the storage.
    """
    if isinstance(catalog, LocalCatalog):
        yield DatabaseWatermarks(catalog.database)
        return
    if isinstance(storage, LocalStorage):
        await _take_over(storage.root / "_watermarks.sqlite", storage)
    yield ObjectWatermarks(storage)


async def _take_over(file: Path, storage: Storage) -> None:
    """Bring the watermarks of a folder into its storage, if they are in a file that earlier versions made."""
    if not await anyio.Path(file).exists():
        return
    for key, document in await anyio.to_thread.run_sync(_rows, file):
        await storage.swap(_name(key), None, document)
    await anyio.Path(file).unlink(missing_ok=True)


def _rows(file: Path) -> list[tuple[str, bytes]]:
    database = Database(file)
    try:
        with database.reading() as reader:
            return reader.execute("SELECT key, doc FROM watermarks").fetchall()
    finally:
        database.close()


class DatabaseWatermarks:
    """Rows of a catalogue's SQLite file; `WatermarkStore` says what each method promises.

    Args:
        database: The file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, key: str) -> Recorded | None:
        """Give a watermark, or None."""
        return await anyio.to_thread.run_sync(self._read, key)

    def _read(self, key: str) -> Recorded | None:
        with self._database.reading() as reader:
            row = reader.execute("SELECT doc, version FROM watermarks WHERE key = ?", (key,)).fetchone()
        return Recorded(Watermark.from_json(row[0]), str(row[1])) if row else None

    async def swap(self, key: str, version: str | None, watermark: Watermark | None) -> bool:
        """Replace a watermark if it is still the one that was read."""
        return await anyio.to_thread.run_sync(partial(self._swap, key, version, watermark))

    def _swap(self, key: str, version: str | None, watermark: Watermark | None) -> bool:
        with self._database.writing() as writer:
            if watermark is None:
                sql, values = "DELETE FROM watermarks WHERE key = ? AND version = ?", (key, version)
                return writer.execute(sql, values).rowcount == 1
            doc = watermark.to_json()
            if version is None:
                # Versions never come again, also after a removal.
                sql = "INSERT OR IGNORE INTO watermarks VALUES (?, lower(hex(randomblob(8))), ?)"
                return writer.execute(sql, (key, doc)).rowcount == 1
            sql = (
                "UPDATE watermarks SET doc = ?, version = lower(hex(randomblob(8))) "
                "WHERE key = ? AND version = ?"
            )
            return writer.execute(sql, (doc, key, version)).rowcount == 1


class ObjectWatermarks:
    """Objects of a storage, each replaced and removed by version.

    Args:
        storage: The storage.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read(self, key: str) -> Recorded | None:
        """Give a watermark, or None."""
        found = await self._storage.load(_name(key))
        return Recorded(Watermark.from_json(found.body), found.version) if found else None

    async def swap(self, key: str, version: str | None, watermark: Watermark | None) -> bool:
        """Replace a watermark if it is still the one that was read."""
        if watermark is not None:
            return await self._storage.swap(_name(key), version, watermark.to_json()) is not None
        return version is not None and await self._storage.remove(_name(key), version)


def _name(key: str) -> str:
    """Keys hold what people named; a name in a bucket has rules of its own."""
    return f"_watermarks/{hashlib.blake2b(key.encode(), digest_size=20).hexdigest()}.json"
