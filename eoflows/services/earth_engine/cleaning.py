"""Removing orders from a store: what a manifest names, and only after it was brought home."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eoflows.base.errors import AbsentError, ContractError, InvalidInputError
from eoflows.base.times import format_utc
from eoflows.services.earth_engine.documents import ENDED, check_tracking, order_id
from eoflows.services.earth_engine.manifests import images_of, listed_by_prefix, metadata_object, order_path
from eoflows.services.earth_engine.shards import StoredObject
from eoflows.services.earth_engine.stores import OpenStore, PreArdStore
from eoflows.services.earth_engine.tracking import change_document, document_name

__all__ = ["Cleaning", "carry_out", "plan_cleaning", "remove_document"]


@dataclass(frozen=True)
class Cleaning:
    """What is removed of one order.

    Attributes:
        id: The operation, or the order's name where it never had one.
        path: Whole name of its files, without ending.
        objects: What is removed.
    """

    id: str
    path: str
    objects: tuple[StoredObject, ...]

    @property
    def names(self) -> list[str]:
        """Whole names of what is removed."""
        return [one.name for one in self.objects]


async def plan_cleaning(
    store: OpenStore,
    tracking: Mapping[str, Any],
    *,
    unverified: bool = False,
    only: Sequence[str] | None = None,
) -> list[Cleaning]:
    """Say what would be removed; nothing is.

    Args:
        store: Where it is.
        tracking: The tracking document; the stored one of the same name says what was downloaded.
        unverified: Whether to remove also what nobody has downloaded.
        only: Whole names of some orders; None: all.

    Raises:
        InvalidInputError: Of some orders there is no verified download, or they have not ended.
    """
    orders = [
        order
        for order in check_tracking(await _stored(store, tracking))["orders"]
        if only is None or order_path(order) in only
    ]
    listed = await listed_by_prefix(store, orders) if orders else []
    plans, going, missing = [], [], []
    for order in orders:
        if order["status"].get("state") not in ENDED:
            going.append(order_path(order))
            continue
        images = _images(listed, order, unverified=unverified)
        if images and not unverified and not _is_home(order, images):
            missing.append(order_path(order))
        about = metadata_object(listed, order)
        objects = (*images, *([about] if about else ()))
        plans.append(Cleaning(order_id(order), order_path(order), objects))
    if going:
        raise InvalidInputError(
            f"{len(going)} orders have not ended, the first is {going[0]}; their files are still to come"
        )
    if missing:
        raise InvalidInputError(
            f"no verified download is known of {len(missing)} orders, the first is {missing[0]}; download "
            "them, or say unverified=True"
        )
    return plans


def _images(
    objects: Sequence[StoredObject], order: Mapping[str, Any], *, unverified: bool
) -> Sequence[StoredObject]:
    if order.get("cleaned"):
        return ()
    try:
        return images_of(objects, order)
    except ContractError:
        if unverified:
            return ()
        raise


def _is_home(order: Mapping[str, Any], images: Sequence[StoredObject]) -> bool:
    listed = (order.get("downloaded") or {}).get("objects") or []
    fetched = {(one.name, one.generation, one.checksum) for one in map(StoredObject.from_dict, listed)}
    return all((one.name, one.generation, one.checksum) in fetched for one in images)


async def _stored(store: OpenStore, tracking: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the document as it is in the store: it knows of downloads since."""
    found = await store.read(_name(tracking))
    return tracking if found is None else found.document


def _name(tracking: Mapping[str, Any]) -> str:
    about = check_tracking(tracking)["tracking"]
    return document_name(str(about.get("prefix") or ""), str(about.get("name") or ""))


async def carry_out(
    store: PreArdStore, tracking: Mapping[str, Any], plan: Cleaning
) -> AsyncGenerator[str, None]:
    """Remove what is planned for one order, one generation of each object; give their names.

    Raises:
        ConflictError: An object has changed since; it stays.
    """
    async with store.open() as opened:
        for one in plan.objects:
            await opened.remove(one)
            yield one.name
        await _note(opened, tracking, plan.path)


async def _note(store: OpenStore, tracking: Mapping[str, Any], path: str) -> None:
    now = format_utc(datetime.now(UTC))

    async def change(document: dict[str, Any]) -> dict[str, Any]:
        orders = document["orders"]
        return {
            **document,
            "orders": [{**one, "cleaned": now} if order_path(one) == path else one for one in orders],
        }

    try:
        await change_document(store, _name(tracking), change)
    except AbsentError:
        return


async def remove_document(store: OpenStore, prefix: str, name: str) -> None:
    """Remove a tracking document."""
    whole = document_name(prefix, name)
    for one in await store.list(whole):
        if one.name == whole:
            await store.remove(one)
