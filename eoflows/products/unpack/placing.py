"""Products get their names in the storage: by a rename in a local folder, file by file in an object store."""

import os
import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from eoflows.base.concurrency import one_error
from eoflows.base.files import put_tree
from eoflows.base.files.leftovers import files_under
from eoflows.products.unpack.archives import in_place
from eoflows.products.unpack.layout import Product
from eoflows.products.unpack.members import Entry
from eoflows.products.unpack.workplace import Workplace
from eoflows.stores.storage import Storage
from eoflows.stores.transfer import Checksum

__all__ = ["intact", "place", "product_href"]

_PUTS = 8


def product_href(storage: Storage, key: str, product: Product) -> str:
    """Give the href that a record has for a product.

    A file has its own, a folder ends with a slash, a Zarr store does not.

    Raises:
        UnsafeNameError: One of its files cannot be stored under its name.
    """
    if not in_place(storage, key):
        for path in product.files:
            storage.href(_member_key(key, path))
    href = storage.href(key)
    return href if not product.folder or key.lower().endswith(".zarr") else href + "/"


def _member_key(key: str, path: str) -> str:
    return f"{key}/{path}" if path else key


async def intact(storage: Storage, workplace: Workplace, key: str, product: Product) -> bool:
    """Whether all of a product is still there, either unpacked or under its final name."""
    waiting = _source(workplace, product)
    if in_place(storage, key):
        final = storage.spool(key)
        return await anyio.to_thread.run_sync(_same_sizes, waiting, product.files) or (
            await anyio.to_thread.run_sync(_same_bytes, final, product.files)
        )
    for path, entry in product.files.items():
        if await anyio.to_thread.run_sync(_size, waiting / path if path else waiting) == entry.size:
            continue
        there = await storage.stat(_member_key(key, path))
        if there is None or (there.size, there.checksum) != (entry.size, entry.checksum):
            return False
    return True


async def place(storage: Storage, workplace: Workplace, key: str, product: Product) -> None:
    """Give a product its final name; what had it before is replaced.

    Raises:
        StorageError: The storage cannot take it.
        UnreachableError: The object store does not answer.
    """
    source = _source(workplace, product)
    if in_place(storage, key):
        # A product that an earlier run has placed is no more here.
        if await anyio.to_thread.run_sync(os.path.lexists, source):
            await anyio.to_thread.run_sync(partial(os.makedirs, storage.spool(key).parent, exist_ok=True))
            await anyio.to_thread.run_sync(put_tree, source, storage.spool(key), workplace.path)
        return
    limiter = anyio.CapacityLimiter(_PUTS)

    async def one(path: str, entry: Entry) -> None:
        async with limiter:
            spooled = source / path if path else source
            await storage.put(spooled, _member_key(key, path), entry.size, entry.checksum)

    async with one_error(), anyio.create_task_group() as group:
        for path, entry in product.files.items():
            group.start_soon(one, path, entry)
    await _remove_strays(storage, key, product)


async def _remove_strays(storage: Storage, key: str, product: Product) -> None:
    """Remove what an earlier product had under the same name and this one has not."""
    if not product.folder:
        return
    wanted = {_member_key(key, path) for path in product.files}
    async for page in storage.list(f"{key}/"):
        if strays := [found.key for found in page if found.key not in wanted]:
            await storage.delete(strays)


def _source(workplace: Workplace, product: Product) -> Path:
    return workplace.content / product.source if product.source else workplace.content


def _size(path: Path) -> int | None:
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _same_sizes(root: Path, files: Mapping[str, Entry]) -> bool:
    return all(_size(root / path if path else root) == entry.size for path, entry in files.items())


def _same_bytes(root: Path, files: Mapping[str, Entry]) -> bool:
    if not _same_sizes(root, files):
        return False
    if "" not in files:
        found = {Path(entry.path).relative_to(root).as_posix() for entry in files_under(root)}
        if found != set(files):
            return False
    return all(_hashed(root / path if path else root) == entry for path, entry in files.items())


def _hashed(path: Path) -> Entry:
    with path.open("rb") as file:
        return Entry(path.stat().st_size, Checksum.of_file(file))
