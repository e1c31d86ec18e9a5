"""Collections as files: a folder with a file per item, or one stac-geoparquet file.

Both appear whole or not at all. Memory does not grow with the collection, but for one geoparquet row
group: about 200 MB for 100,000 items.

A geoparquet file has one schema, which its writer takes from the items it gets first and silently holds
all others to. So the items that bring something new are found first, and are the first in the file. An
asset key that begins with its item's id, as auxiliary products have it, would be a column for each item;
it is written as `product`, and the key as `file:local_path`. The format has no null for a geometry, and
readers refuse a file with none but empty ones: an item without one gets the whole world, and the property
`eoflows:no_geometry`.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import anyio.to_thread
import orjson

from eoflows.base.errors import InvalidInputError
from eoflows.base.files import put_file, scratch, storage_errors, whole_folder
from eoflows.stores.catalog.interface import Catalog, Item
from eoflows.stores.catalog.rows import check_name

__all__ = ["export_geoparquet", "export_items"]

_BATCH = 1000
_COMMON_KEY = "product"
_WORLD = [-180.0, -90.0, 180.0, 90.0]
_EVERYWHERE = {
    "type": "Polygon",
    "coordinates": [[[-180.0, -90.0], [180.0, -90.0], [180.0, 90.0], [-180.0, 90.0], [-180.0, -90.0]]],
}


async def export_items(catalog: Catalog, collection: str, folder: Path, *, replace: bool = False) -> int:
    """Write each item to `{id}.json` in a folder, and give their number.

    Args:
        catalog: Where the items are.
        collection: Which.
        folder: Appears when all are written.
        replace: Whether a folder that is there may be replaced.

    Raises:
        InvalidInputError: The folder is there, or two ids are one name on some file systems.
        StorageError: It cannot be written.
    """
    _check_target(folder, replace)
    names: set[str] = set()
    with whole_folder(folder, replace=replace) as part:
        async for page in catalog.search([collection], limit=_BATCH):
            await anyio.to_thread.run_sync(_write_items, part, page, names)
    return len(names)


async def export_geoparquet(catalog: Catalog, collection: str, file: Path, *, replace: bool = False) -> int:
    """Write a collection to a stac-geoparquet file, and give the number of items.

    Args:
        catalog: Where the items are.
        collection: Which; it must have items.
        file: Appears when all are written.
        replace: Whether a file that is there may be replaced.

    Raises:
        InvalidInputError: The file is there, the collection is empty, or rustac is not installed.
        StorageError: It cannot be written.
    """
    rustac = import_module("rustac")
    _check_target(file, replace)
    with scratch(file) as room, storage_errors(file):
        first, rest, part = room / "first.jsonl", room / "rest.jsonl", room / "part.parquet"
        count = await _spool(catalog.search([collection], limit=_BATCH), first, rest)
        if not count:
            raise InvalidInputError(f"collection {collection!r} has no items to export")
        async with rustac.geoparquet_writer(list(_lines(first)), str(part)) as writer:
            for batch in _batches(_lines(rest)):
                await writer.write(batch)
        put_file(part, file, replace=replace)
    return count


def _check_target(path: Path, replace: bool) -> None:
    if path.exists() and not replace:
        raise InvalidInputError(f"{path} is there already; name another, or replace it on purpose")
    if not path.parent.is_dir():
        raise InvalidInputError(f"there is no folder {path.parent}; make it first")


def _write_items(folder: Path, items: Iterable[Item], names: set[str]) -> None:
    for item in items:
        name = check_name("item", item["id"])
        if name.casefold() in names:
            raise InvalidInputError(
                f"item {name!r} and another differ only in case; their files would be one"
            )
        names.add(name.casefold())
        document = orjson.dumps(item, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        path = Path(folder, f"{name}.json")
        with storage_errors(path):
            path.write_bytes(document)


async def _spool(pages: AsyncIterator[list[Item]], first: Path, rest: Path) -> int:
    """Write items to two files: those with a field or kind of value that none before had, and the others."""
    count, seen = 0, set[tuple[str, str]]()
    with first.open("wb") as novel, rest.open("wb") as others:
        async for page in pages:
            await anyio.to_thread.run_sync(_spool_page, page, novel, others, seen)
            count += len(page)
    return count


def _spool_page(
    page: Iterable[Item], novel: IO[bytes], others: IO[bytes], seen: set[tuple[str, str]]
) -> None:
    for item in page:
        row = _row(item)
        found = set(_fields(row, ""))
        (others if found <= seen else novel).write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        seen |= found


def _row(item: Mapping[str, Any]) -> Item:
    row = {"stac_version": "1.0.0", "links": [], **item, "type": "Feature", "assets": _assets(item)}
    if not row.get("geometry"):
        properties = {**row["properties"], "eoflows:no_geometry": True}
        row |= {"geometry": _EVERYWHERE, "bbox": _WORLD, "properties": properties}
    return row


def _assets(item: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, asset in (item.get("assets") or {}).items():
        if key.startswith(str(item["id"])):
            common = _COMMON_KEY if _COMMON_KEY not in found else f"{_COMMON_KEY}-{len(found) + 1}"
            found[common] = {"file:local_path": key, **asset}
        else:
            found[key] = asset
    return found


def _fields(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Give the path and kind of every value; of a list, those of its members."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            # Coordinates have one type whatever they are.
            if not (path == "" and key == "geometry"):
                yield from _fields(part, f"{path}/{key}")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield path, "list"
        for part in value:
            yield from _fields(part, f"{path}[]")
    elif value is not None:
        yield path, type(value).__name__


def _lines(file: Path) -> Iterator[Item]:
    with file.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
