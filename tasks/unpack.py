"""Unpack: staged archives become the products in them."""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import task_run
from pystac import Item, ItemCollection

from eoflows.base.errors import InvalidInputError
from eoflows.base.tracing import span
from eoflows.products.environment import FlowEnv, FlowEnvArgs
from eoflows.products.staging import Place
from eoflows.products.unpack import (
    CataloguedUnpacking,
    Unpacker,
    UnpackOutcome,
    UnpackRecord,
    changed_item,
)
from eoflows.tasks import environment
from eoflows.tasks.environment import opened
from eoflows.tasks.outcome import Outcome, Row
from eoflows.tasks.progress import show
from eoflows.tasks.publish import human_bytes

__all__ = [
    "aux_unzip_decompress",
    "aux_unzip_decompress_task",
    "unpack_batch_task",
    "unpack_items",
]

_BATCH = 100


async def aux_unzip_decompress(
    stac_item: Item, use_extension: bool = False, *, env: FlowEnvArgs | None = None
) -> Item:
    """Unpack the archives among an item's assets, in the storage that they are in.

    The storage is that of the opened environment: the one that the enclosing flow or task opened
    (`async with opened(env)`), or the one that `env` names. The catalogue is not touched, and the
    archive stays where it is: it is the only whole copy until the catalogue says where the content
    is. The flow `unpack-aux` does all three, in that order.

    Archives are .zip, .tar, .tgz, .tar.gz and .gz, in upper or lower case, with archives in them; they
    are found by href, by asset key, or by what the asset says of itself. RS-Server's rules hold, with
    these differences. The content goes into the item's folder, under a name of its own: product folders
    (.SAFE, .SEN3, .zarr) keep theirs, a single file keeps its own, everything else gets the archive's
    name without its suffix. Where RS-Server points at the largest file, the href is that of the folder,
    and several product folders become an asset each. Size, checksum and media type say what is there: a
    folder has the sum of its files' sizes, and neither checksum nor (but for Zarr) media type.

    Args:
        stac_item: The item; it stays as it is.
        use_extension: Where content is in one folder that is no product and so is left out, add that
            folder's suffix to the name of the new one.
        env: Who for, and in which environment.

    Returns:
        A copy of the item, with the assets as they are now; archive suffixes are gone from their keys.

    Raises:
        ArchiveError: An archive must not be unpacked (names that lead out, links, encryption, bombs
            and so on); nothing is left behind.
        IntegrityError: An archive is damaged; nothing is left behind.
        InvalidInputError: No environment is open and `env` is not given, or an archive is not in the
            item's folder of the storage.
        StorageError: The archive is gone, or the storage cannot take the content.
    """
    document = stac_item.to_dict(include_self_link=False, transform_hrefs=False)
    async with opened(env or _enclosing()) as flow_env:
        changes = await _unpacker(flow_env).unpack(document, use_extension=use_extension)
    return Item.from_dict(changed_item(document, changes) if changes else document)


def _enclosing() -> FlowEnvArgs:
    current = environment.current()
    if current is None:
        raise InvalidInputError("no environment is open here; give env=FlowEnvArgs(owner_id=...)")
    return current.args


@task(name="unzip-decompress", cache_policy=NO_CACHE, persist_result=False)
async def aux_unzip_decompress_task(
    stac_item: Item, use_extension: bool = False, *, env: FlowEnvArgs | None = None
) -> Item:
    """Unpack the archives among an item's assets; see `aux_unzip_decompress`.

    Args:
        stac_item: The item; it stays as it is.
        use_extension: Add the suffix of a folder that is left out to the name of the new one.
        env: Who for, and in which environment; without it, the environment opened around it.

    Returns:
        A copy of the item, with the assets as they are now.

    Raises:
        ArchiveError: An archive must not be unpacked.
        IntegrityError: An archive is damaged.
        InvalidInputError: No environment is known, or an archive is not in the item's folder.
        StorageError: The archive is gone, or the storage cannot take the content.
    """
    return await aux_unzip_decompress(stac_item, use_extension, env=env)


def _unpacker(flow_env: FlowEnv) -> Unpacker:
    return Unpacker(flow_env.storage, flow_env.owner_id)


def _unpacking(flow_env: FlowEnv, collection: str, use_extension: bool) -> CataloguedUnpacking:
    place = Place(flow_env.owner_id, collection).catalog_collection
    return CataloguedUnpacking(flow_env.catalog, place, _unpacker(flow_env), use_extension=use_extension)


async def unpack_items(
    env: FlowEnvArgs, collection: str, ids: Sequence[str] | None, use_extension: bool
) -> Outcome[ItemCollection]:
    """Unpack items of a collection, batch by batch, and show what became of each.

    Args:
        env: Who for, and in which environment.
        collection: Collection in the catalogue, without its owner.
        ids: Item ids; None takes all that have an archive.
        use_extension: See `aux_unzip_decompress`.

    Returns:
        How it ended, with the catalogue's items of those that did not fail.
    """
    records: list[UnpackRecord] = []
    with span(env.service_name, "unpack-aux", env.calling_span):
        async with opened(env) as flow_env:
            unpacking = _unpacking(flow_env, collection, use_extension)
            async for found in unpacking.candidates(ids):
                for start in range(0, len(found), _BATCH):
                    batch = found[start : start + _BATCH]
                    records += await unpack_batch_task(env, collection, batch, use_extension)
            good = [record.item for record in records if record.outcome is not UnpackOutcome.FAILED]
            place = Place(flow_env.owner_id, collection).catalog_collection
            items = await flow_env.catalog.get_many(place, good)
    outcome = _outcome(records, ItemCollection(items))
    await show("unpack-aux", outcome)
    return outcome


def _batch_name() -> str:
    return f"unpack {len(task_run.parameters['batch'])} items"


@task(name="unpack-batch", task_run_name=_batch_name, cache_policy=NO_CACHE, persist_result=False)
async def unpack_batch_task(
    env: FlowEnvArgs, collection: str, batch: list[str], use_extension: bool = False
) -> list[UnpackRecord]:
    """Unpack some items: each is unpacked, then catalogued, then its archive is removed.

    Args:
        env: Who for, and in which environment.
        collection: Collection in the catalogue, without its owner.
        batch: Item ids.
        use_extension: See `aux_unzip_decompress`.

    Returns:
        A record per item.
    """
    async with opened(env) as flow_env:
        return await _unpacking(flow_env, collection, use_extension).unpack(batch)


def _sentence(records: Sequence[UnpackRecord]) -> str:
    counts = {outcome: sum(record.outcome is outcome for record in records) for outcome in UnpackOutcome}
    size = human_bytes(sum(record.bytes for record in records))
    parts = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    return f"{len(records)} items: {parts or 'nothing to unpack'}, {size} came out."


def _outcome(records: Sequence[UnpackRecord], items: ItemCollection) -> Outcome[ItemCollection]:
    failed: dict[str, BaseException] = {
        record.item: RuntimeError(record.reason)
        for record in records
        if record.outcome is UnpackOutcome.FAILED
    }
    unpacked = any(record.outcome is UnpackOutcome.UNPACKED for record in records)
    return Outcome.of_many(
        _sentence(records),
        items,
        failed,
        len(records),
        names=("Completed" if unpacked else "NothingToUnpack", "PartiallyUnpacked", "NothingUnpacked"),
        rows=[_row(record) for record in sorted(records, key=lambda record: record.item not in failed)],
        attention=len(failed),
        nothing={"item": "none has an archive", "outcome": "", "size": "", "what": ""},
    )


def _row(record: UnpackRecord) -> Row:
    size = human_bytes(record.bytes) if record.bytes else ""
    return {"item": record.item, "outcome": str(record.outcome), "size": size, "what": record.reason}
