"""Bringing orders home: each file verified, and the tracking document told."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from eoflows.base.concurrency import one_error
from eoflows.base.errors import AbsentError, ContractError, StorageError
from eoflows.base.times import format_utc
from eoflows.services.earth_engine.documents import check_tracking, order_id
from eoflows.services.earth_engine.manifests import images_of, listed_by_prefix, metadata_object, order_path
from eoflows.services.earth_engine.shards import StoredObject
from eoflows.services.earth_engine.stores import OpenStore, PreArdStore
from eoflows.services.earth_engine.tracking import change_document, document_name
from eoflows.stores.storage.names import check_key, check_twins
from eoflows.stores.transfer import Checksum

__all__ = ["Fetched", "fetch_images", "fetch_metadata", "fetch_orders", "mark_downloaded"]

_TOGETHER = 16


@dataclass(frozen=True)
class Fetched:
    """A file that is there and verified.

    Attributes:
        order: Place of its order in the document.
        path: Where it is.
        n_images: Images of its order.
        image: Whether it is an image; else it is metadata.
        last: Whether nothing more comes of its order.
    """

    order: int
    path: Path
    n_images: int
    image: bool
    last: bool


async def fetch_metadata(
    store: PreArdStore, order: Mapping[str, Any], dest: Path, *, overwrite: bool
) -> AsyncGenerator[Path, None]:
    """Bring an order's metadata, if there are any."""
    async with store.open() as opened:
        found = metadata_object(await listed_by_prefix(opened, [order]), order)
        if found is not None:
            yield await _fetch(opened, found, dest, overwrite=overwrite)


async def fetch_images(
    store: PreArdStore, tracking: Mapping[str, Any], order: Mapping[str, Any], dest: Path, *, overwrite: bool
) -> AsyncGenerator[Path, None]:
    """Bring an order's images, and write down that they are there."""
    async with store.open() as opened:
        objects = images_of(await listed_by_prefix(opened, [order]), order)
        for start in range(0, len(objects), _TOGETHER):
            for path in await _fetch_all(
                opened, objects[start : start + _TOGETHER], dest, overwrite=overwrite
            ):
                yield path
        if objects:
            await mark_downloaded(opened, tracking, [(order, objects)], dest)


async def fetch_orders(
    store: PreArdStore, tracking: Mapping[str, Any], dest: Path, *, overwrite: bool
) -> AsyncGenerator[Fetched, None]:
    """Bring all orders of a document, files of several orders at the same time.

    Orders that have no files yet, or will have none, give their metadata only.

    Raises:
        IntegrityError: Bytes are not those that were listed, in two fresh copies.
        StorageError: A file of other content is there, and must not be overwritten.
    """
    orders: Sequence[Mapping[str, Any]] = check_tracking(tracking)["orders"]
    check_twins([str(order["name"]) for order in orders], item=str(tracking["tracking"].get("name", "")))
    async with store.open() as opened:
        objects = await listed_by_prefix(opened, orders) if orders else []
        waiting: list[_Waiting] = []
        for number, order in enumerate(orders):
            waiting.append(
                _Waiting(number, order, images_of(objects, order), metadata_object(objects, order))
            )
            if sum(len(one.images) for one in waiting) >= _TOGETHER or number + 1 == len(orders):
                for fetched in await _fetch_batch(opened, tracking, waiting, dest, overwrite=overwrite):
                    yield fetched
                waiting = []


@dataclass(frozen=True)
class _Waiting:
    """An order whose files are to be fetched."""

    number: int
    order: Mapping[str, Any]
    images: Sequence[StoredObject]
    about: StoredObject | None

    @property
    def objects(self) -> list[StoredObject]:
        """Metadata first."""
        return [*([self.about] if self.about else ()), *self.images]


async def _fetch_batch(
    store: OpenStore, tracking: Mapping[str, Any], batch: Sequence[_Waiting], dest: Path, *, overwrite: bool
) -> list[Fetched]:
    wanted = [one for waiting in batch for one in waiting.objects]
    paths = iter(await _fetch_all(store, wanted, dest, overwrite=overwrite))
    fetched = [
        Fetched(
            order=waiting.number,
            path=next(paths),
            n_images=len(waiting.images),
            image=one is not waiting.about,
            last=one is waiting.objects[-1],
        )
        for waiting in batch
        for one in waiting.objects
    ]
    await mark_downloaded(store, tracking, [(one.order, one.images) for one in batch if one.images], dest)
    return fetched


async def _fetch_all(
    store: OpenStore, objects: Sequence[StoredObject], dest: Path, *, overwrite: bool
) -> list[Path]:
    paths: dict[int, Path] = {}

    async def one(number: int) -> None:
        paths[number] = await _fetch(store, objects[number], dest, overwrite=overwrite)

    async with one_error(), anyio.create_task_group() as group:
        for number in range(len(objects)):
            group.start_soon(one, number)
    return [paths[number] for number in range(len(objects))]


async def _fetch(store: OpenStore, one: StoredObject, dest: Path, *, overwrite: bool) -> Path:
    path = dest.joinpath(*check_key(one.file_name))
    if one.checksum is None:
        raise ContractError(f"{one.name} has no CRC32C in the bucket's list; it cannot be verified")
    if not overwrite and await anyio.to_thread.run_sync(_differs, path, one):
        raise StorageError(
            f"{path} has other content than {one.name}; move it away, or allow to overwrite it"
        )
    return await store.fetch(one, path)


def _differs(path: Path, one: StoredObject) -> bool:
    """Whether there is a file, and of other content."""
    if not path.exists():
        return False
    if path.stat().st_size != one.size:
        return True
    with path.open("rb") as file:
        return Checksum.of_file(file, "crc32c") != one.checksum


async def mark_downloaded(
    store: OpenStore,
    tracking: Mapping[str, Any],
    orders: Sequence[tuple[Mapping[str, Any], Sequence[StoredObject]]],
    dest: Path,
) -> None:
    """Write into the stored document that files are there and verified; without such a document, nothing."""
    about = tracking["tracking"]
    name = document_name(str(about.get("prefix") or ""), str(about.get("name") or ""))
    fetched = {order_path(order): [one.to_dict() for one in objects] for order, objects in orders}
    now = format_utc(datetime.now(UTC))

    async def change(document: dict[str, Any]) -> dict[str, Any]:
        changed = []
        for order in check_tracking(document)["orders"]:
            objects = fetched.get(order_path(order))
            same = objects is not None and any(order_id(order) == order_id(one) for one, _ in orders)
            if same and (order.get("downloaded") or {}).get("objects") != objects:
                note = {"at": now, "dest": str(dest), "objects": objects}
                changed.append({**order, "manifest": order.get("manifest") or objects, "downloaded": note})
            else:
                changed.append(order)
        return {**document, "orders": changed}

    try:
        await change_document(store, name, change)
    except AbsentError:
        return
