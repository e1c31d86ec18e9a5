"""The files of pre-ARD orders: brought home verified, converted, and removed from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import anyio
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import task_run

from eoflows.base.concurrency import one_error
from eoflows.base.errors import EoError, InvalidInputError
from eoflows.blocks import PreArdStore
from eoflows.services.earth_engine.cleaning import Cleaning, carry_out, plan_cleaning, remove_document
from eoflows.services.earth_engine.documents import ENDED, outcomes
from eoflows.services.earth_engine.downloads import fetch_orders
from eoflows.services.earth_engine.manifests import order_path
from eoflows.services.earth_engine.overview import BAD
from eoflows.services.earth_engine.tiles import tile_name
from eoflows.tasks.earth_engine import Document, open_store, read_tracking
from eoflows.tasks.logs import run_logger
from eoflows.tasks.outcome import Outcome
from eoflows.tasks.progress import show, shown_progress
from eoflows.tasks.publish import human_bytes
from eoflows.tasks.spread import spread

if TYPE_CHECKING:
    from eoflows.services.earth_engine.stores import PreArdStore as Store

__all__ = [
    "ArdFormat",
    "FilesOutcome",
    "PreArdFiles",
    "clean_pre_ard_task",
    "convert_pre_ard_task",
    "convert_tile_task",
    "download_pre_ard_task",
    "files_ended",
]

ArdFormat = Literal["zarr", "cog"]
_TOGETHER = 20


@dataclass(frozen=True)
class PreArdFiles:
    """Whose files.

    Attributes:
        store: Name of the Pre-ARD Store block.
        tracking_prefix: Folder of tracking documents in the store.
        name: Name of the tracking document.
    """

    store: str
    tracking_prefix: str
    name: str


@dataclass
class FilesOutcome:
    """What became of files, order by order or tile by tile.

    Attributes:
        what: What was done, as a participle.
        done: Files by order or tile.
        bytes: Their size.
        where: Where they are; empty if they are gone.
        errors: What went wrong, by order or tile.
        states: Number of orders by state.
    """

    what: str
    done: dict[str, list[str]] = field(default_factory=dict)
    bytes: int = 0
    where: str = ""
    errors: dict[str, EoError] = field(default_factory=dict)
    states: Mapping[str, int] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What became of them, in a sentence."""
        files = sum(map(len, self.done.values()))
        failed = f"; {len(self.errors)} failed" if self.errors else ""
        return f"{len(self.done)} {self.what}: {files} files, {human_bytes(self.bytes)}{failed}"


def files_ended(outcome: FilesOutcome) -> Outcome[dict[str, Any]]:
    """Give the outcome of a run: what is not whole is never called a success."""
    states, words = outcome.states, outcome.sentence
    result = {"files": outcome.done, "bytes": outcome.bytes, "where": outcome.where, "states": dict(states)}
    rows = [{"what": name, "files": "", "first": "", "why": str(e)} for name, e in outcome.errors.items()]
    for name, files in outcome.done.items():
        rows.append({"what": name, "files": str(len(files)), "first": files[0] if files else "", "why": ""})
    table: dict[str, Any] = {
        "rows": rows,
        "attention": len(outcome.errors),
        "below": f"\n\nIn `{outcome.where}`." if outcome.where else "",
    }
    if outcome.errors:
        return Outcome.of_many(f"{words}.", result, outcome.errors, len(rows), **table)
    if going := sum(count for state, count in states.items() if state not in ENDED):
        words = f"{words}; {going} orders are still to come"
        return Outcome(name="StillRunning", sentence=words, result=result, **table)
    if bad := sum(count for state, count in states.items() if state in BAD):
        words = f"{words}; {bad} orders have no files: {dict(states)}"
        return Outcome.failed("Partial", words, result, **table)
    return Outcome(sentence=f"{words}.", result=result, **table)


def _folder(given: str, block: PreArdStore, *parts: str) -> Path:
    if given:
        path = Path(given).expanduser()
        if not path.is_absolute():
            raise InvalidInputError(f"folder {given!r} is relative; workers have other working directories")
        return path
    if block.downloads is None:
        raise InvalidInputError("name a folder, or set `downloads` in the Pre-ARD Store block")
    return block.downloads.expanduser().joinpath(*parts)


@task(name="download", cache_policy=NO_CACHE, persist_result=False)
async def download_pre_ard_task(of: PreArdFiles, dest: str, *, overwrite: bool) -> FilesOutcome:
    """Bring home what there is of a submission, each file verified; what is there already is not fetched.

    Args:
        of: Whose files.
        dest: Folder; empty: one of the submission's own in the store's folder for downloads.
        overwrite: Whether a file of other content may be replaced.

    Raises:
        AbsentError: There is no such tracking document.
    """
    async with open_store(of.store) as (block, store):
        folder = _folder(dest, block, of.name)
        document = await read_tracking(store, of.tracking_prefix, of.name)
        outcome = FilesOutcome("orders downloaded", where=str(folder), states=outcomes(document))
        orders = [one for one in document["orders"] if not one.get("cleaned")]
        fetch = _Fetch(store, document, folder, outcome, overwrite=overwrite)
        async with shown_progress("pre-ard-progress", lambda: fetch.reading(len(orders))):
            for start in range(0, len(orders), _TOGETHER):
                await fetch.bring(orders[start : start + _TOGETHER])
    await show("pre-ard-downloads", files_ended(outcome))
    return outcome


class _Fetch:
    """One download of the orders of a document."""

    def __init__(
        self, store: "Store", document: Document, folder: Path, outcome: FilesOutcome, *, overwrite: bool
    ) -> None:
        self._store, self._document, self._folder = store, document, folder
        self._outcome, self._overwrite = outcome, overwrite
        self._over = 0

    def reading(self, most: int) -> tuple[float, str]:
        return 100.0 * self._over / max(1, most), f"{self._over} of {most} orders, {self._outcome.sentence}"

    async def bring(self, orders: Sequence[Mapping[str, Any]]) -> None:
        """Bring some orders; where that fails, one by one, so that one of them harms no other."""
        part = {**self._document, "orders": list(orders)}
        found: dict[str, list[str]] = {}
        size = 0
        try:
            async for one in fetch_orders(self._store, part, self._folder, overwrite=self._overwrite):
                found.setdefault(order_path(orders[one.order]), []).append(str(one.path))
                size += (await anyio.Path(one.path).stat()).st_size
        except EoError as error:
            if len(orders) > 1:
                for order in orders:
                    await self.bring([order])
                return
            self._outcome.errors[order_path(orders[0])] = error
        else:
            self._outcome.done |= found
            self._outcome.bytes += size
        self._over += len(orders)


@task(name="convert", cache_policy=NO_CACHE, persist_result=False)
async def convert_pre_ard_task(
    of: PreArdFiles, kind: ArdFormat, source: str, target: str, dask: str = ""
) -> FilesOutcome:
    """Make a Zarr, or Cloud-Optimized GeoTIFFs, of each collection and tile that was brought home.

    Args:
        of: Whose files.
        kind: What to make.
        source: Folder of the downloads; empty: where the last download put them.
        target: Folder for what is made; empty: one of the submission's own in the store's folder for
            downloads.
        dask: Where tiles are converted: empty for this process, or as `tasks.spread` reads it.

    Raises:
        AbsentError: There is no such tracking document.
        InvalidInputError: Nothing was brought home, or there is no such cluster.
    """
    async with open_store(of.store) as (block, store):
        folder = _folder(target, block, f"{of.name}-ard")
        document = await read_tracking(store, of.tracking_prefix, of.name)
    groups = _downloaded(document, source)
    if not groups:
        raise InvalidInputError(f"nothing of {of.name} was downloaded; run download-pre-ard first")
    outcome = FilesOutcome(f"tiles converted to {kind}", where=str(folder), states=outcomes(document))

    def reading() -> tuple[float, str]:
        over = len(outcome.done) + len(outcome.errors)
        return 100.0 * over / len(groups), f"{over} of {len(groups)} tiles"

    async with spread(dask) as room, shown_progress("pre-ard-progress", reading):
        # One after the other on each worker: memory is bounded per conversion.
        free = anyio.CapacityLimiter(max(1, room.workers))

        async def convert(name: str, metadata: Sequence[Path]) -> None:
            async with free:
                try:
                    made, size = await room.run(convert_tile_task, kind, metadata, folder / name)
                except EoError as error:
                    outcome.errors[name] = error
                else:
                    outcome.done[name] = [str(path) for path in made]
                    outcome.bytes += size

        async with one_error(), anyio.create_task_group() as group:
            for name, metadata in groups.items():
                group.start_soon(convert, name, metadata)
    await show("pre-ard-converted", files_ended(outcome))
    return outcome


def _downloaded(document: Document, source: str) -> dict[str, list[Path]]:
    """Give the metadata files that are at home, by collection and tile."""
    groups: dict[str, list[Path]] = {}
    for order in document["orders"]:
        home = order.get("downloaded")
        if home and order["status"].get("state") == "COMPLETED":
            # The original's documents name neither collection nor tile: each order is converted by itself.
            index = order.get("index")
            tile = f"{order['collection'].replace('/', '_')}_{tile_name(index)}" if index else order["name"]
            path = Path(source).expanduser() if source else Path(home["dest"])
            groups.setdefault(tile, []).append(path / f"{order['name']}.json")
    return groups


def _tile_name() -> str:
    return f"{task_run.parameters['target'].name} to {task_run.parameters['kind']}"


@task(name="convert-tile", task_run_name=_tile_name, cache_policy=NO_CACHE, persist_result=False)
async def convert_tile_task(
    kind: ArdFormat, metadata: Sequence[Path], target: Path
) -> tuple[list[Path], int]:
    """Convert all dates of one collection and tile.

    Args:
        kind: What to make.
        metadata: The metadata files of its orders.
        target: Where, without a suffix.

    Returns:
        What was made, and its bytes.

    Raises:
        EoError: It cannot be converted.
    """
    made = await anyio.to_thread.run_sync(partial(_convert, kind, metadata, target))
    return made, await anyio.to_thread.run_sync(_size, made)


def _convert(kind: ArdFormat, metadata: Sequence[Path], target: Path) -> list[Path]:
    from eoflows.services.earth_engine.convert import preard_to_cogs, preard_to_zarr  # noqa: PLC0415

    if kind == "cog":
        return preard_to_cogs(metadata, target, overwrite=True)
    return [preard_to_zarr(metadata, target.with_name(f"{target.name}.zarr"), overwrite=True)]


def _size(paths: Sequence[Path]) -> int:
    files = (one for path in paths for one in (path.rglob("*") if path.is_dir() else (path,)))
    return sum(one.stat().st_size for one in files if one.is_file())


@task(name="clean", cache_policy=NO_CACHE, persist_result=False)
async def clean_pre_ard_task(
    of: PreArdFiles, *, plan_only: bool, unverified: bool, remove_tracking: bool
) -> FilesOutcome:
    """Show what would be removed of a submission, then remove it unless only the plan is wanted.

    Args:
        of: Whose files.
        plan_only: Whether nothing is removed.
        unverified: Whether also that is removed of which no verified download is known.
        remove_tracking: Whether the tracking document is removed in the end, too.

    Raises:
        AbsentError: There is no such tracking document.
        ConflictError: A file has changed since; it stays.
        InvalidInputError: Of some orders there is no verified download, or they have not ended; nothing is
            removed.
    """
    async with open_store(of.store) as (_, store):
        document = await read_tracking(store, of.tracking_prefix, of.name)
        async with store.open() as opened:
            plans = await plan_cleaning(opened, document, unverified=unverified)
        await show("pre-ard-cleaning", _to_be_removed(plans))
        outcome = FilesOutcome("orders would be cleaned" if plan_only else "orders cleaned")
        if plan_only:
            outcome.done = {one.path: one.names for one in plans if one.objects}
            outcome.bytes = sum(item.size for one in plans for item in one.objects)
            run_logger().info("%s", outcome.sentence)
            return outcome

        def reading() -> tuple[float, str]:
            return 100.0 * len(outcome.done) / max(1, len(plans)), outcome.sentence

        async with shown_progress("pre-ard-progress", reading):
            for one in plans:
                outcome.done[one.path] = [name async for name in carry_out(store, document, one)]
                outcome.bytes += sum(item.size for item in one.objects)
        if remove_tracking:
            async with store.open() as opened:
                await remove_document(opened, of.tracking_prefix, of.name.removesuffix(".json"))
    await show("pre-ard-cleaned", files_ended(outcome))
    return outcome


def _to_be_removed(plans: Sequence[Cleaning]) -> Outcome[None]:
    rows = [
        {
            "order": one.path,
            "files": len(one.objects),
            "size": human_bytes(sum(item.size for item in one.objects)),
            "first": one.names[0] if one.names else "",
        }
        for one in plans
    ]
    objects = [item for one in plans for item in one.objects]
    size = human_bytes(sum(item.size for item in objects))
    sentence = f"{len(plans)} orders, {len(objects)} files, {size} are to be removed."
    return Outcome(sentence=sentence, result=None, rows=rows, nothing={"order": "nothing"})
