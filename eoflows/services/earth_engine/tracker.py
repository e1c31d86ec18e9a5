"""The CEDAR tracker: orders pre-ARD, follows it, brings it home and cleans up."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol, TypeVar

from eoflows.base import background
from eoflows.base.current_client import current
from eoflows.base.errors import AbsentError, InvalidInputError
from eoflows.services.earth_engine.cleaning import Cleaning, carry_out, plan_cleaning, remove_document
from eoflows.services.earth_engine.client import EarthEngineClient
from eoflows.services.earth_engine.collections import CollectionSpec
from eoflows.services.earth_engine.documents import check_tracking, order_id
from eoflows.services.earth_engine.downloads import fetch_images, fetch_metadata, fetch_orders
from eoflows.services.earth_engine.filters import FilterLike
from eoflows.services.earth_engine.grid import TileGrid
from eoflows.services.earth_engine.manifests import manifest_in, order_path
from eoflows.services.earth_engine.orders import Layout, Order, Wanted, plan_orders
from eoflows.services.earth_engine.stores import PreArdStore
from eoflows.services.earth_engine.submission import submission_of, submit_orders, tracking_name
from eoflows.services.earth_engine.templates import (
    NAME_TEMPLATE,
    PREFIX_TEMPLATE,
    TRACKING_PREFIX,
    TRACKING_TEMPLATE,
    check_prefix,
    known_part,
)
from eoflows.services.earth_engine.tiles import Index
from eoflows.services.earth_engine.tracking import Session, document_name, update_tracking
from eoflows.stores.storage.names import check_key

__all__ = ["Tracker", "clean_tracked", "download_tracked"]


T = TypeVar("T")
Files = list[Path]
Names = list[str]
Orders = list[Order]


class Callback(Protocol):
    """Is told of each file."""

    def __call__(self, *, item: str, n_steps: float) -> object:
        """Take the name of what was done, and the part of its order that this was: 0 for metadata."""


class Tracker:
    """CEDAR "pre-ARD" order tracker.

    Args:
        tile_grid: Tile grid to use for ARD.
        store: Where images and metadata go.
        name_template: Template of the name of images and metadata. Fields: `collection` (slashes become `_`),
            `tile.horizontal`, `tile.vertical`, `tile.name`, `date_start` and `date_end` (UTC days, as
            text), `now`.
        prefix_template: Template of their folder; the same fields.
        tracking_template: Template of the name of a tracking document. Fields: `date_start`, `date_end`,
            `period_start`, `period_end` (as text), `period_freq`, `today` (as text), `now`, `collections`
            (joined by `_`), `tile_indices` (as `h003v004_h003v005`). With the default, two different
            submissions of a day for the same span are told apart by a number.
        tracking_prefix: Folder of tracking documents.
        filters: Filters by collection: `ee.Filter` objects, or documents as `read_filter` takes them.
        export_image_kwds: Keywords of exports, as `ee.batch.Export.image.toCloudStorage` takes them; what
            the tile and the store say is not for them to say.
        collections: What is known of collections; None: what comes along.
        attempts: How often an order is sent at the most, when it fails by no fault of its own.
        client: Project and ledger; None: those of the nearest `with client:`.
        clock: Aware UTC, for templates.
    """

    def __init__(
        self,
        tile_grid: TileGrid,
        store: PreArdStore,
        name_template: str = NAME_TEMPLATE,
        prefix_template: str = PREFIX_TEMPLATE,
        tracking_template: str = TRACKING_TEMPLATE,
        tracking_prefix: str = TRACKING_PREFIX,
        filters: Mapping[str, Sequence[FilterLike]] | None = None,
        export_image_kwds: Mapping[str, Any] | None = None,
        *,
        collections: Mapping[str, CollectionSpec] | None = None,
        attempts: int = 3,
        client: EarthEngineClient | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.tile_grid, self.store = tile_grid, store
        self.tracking_template, self.tracking_prefix = tracking_template, check_prefix(tracking_prefix)
        self.layout = Layout(
            grid=tile_grid,
            name_template=name_template,
            prefix_template=prefix_template,
            filters=filters or {},
            options=export_image_kwds or {},
            collections=collections,
        )
        self._attempts, self._client, self._clock = attempts, client, clock

    def submit(
        self,
        collections: str | Sequence[str],
        tile_indices: Sequence[Index] | Index,
        period_start: datetime | str,
        period_end: datetime | str,
        period_freq: str | None = None,
        save_empty_metadata: bool = True,
        error_if_empty: bool = False,
        *,
        run_key: str = "",
        who: str = "",
        send: bool = True,
    ) -> tuple[str, str]:
        """Submit and track pre-ARD tasks.

        What was submitted before is not submitted again: the same call, also after a crash, goes on where
        the last one ended, and finds the exports that there are.

        Args:
            collections: Image collection name(s).
            tile_indices: Row and column of one tile, or of several.
            period_start: Start of the first period; without a zone it is UTC.
            period_end: End of the last period, no part of it.
            period_freq: Cuts the span into periods; see `split_periods`. Unlike with `pandas.date_range`, the
                periods are the whole span and nothing beyond.
            save_empty_metadata: Whether to write metadata of orders without images.
            error_if_empty: Whether an order without images is an error.
            run_key: Another one orders the same once more, on purpose.
            who: Who orders, for the ledger.
            send: Whether to send now what there is room for; else the next round of the tracker does.

        Returns:
            Name of the tracking document, and its whole name in the store.

        Raises:
            EmptyCollectionError: An order has no images, and that is an error.
            ConflictError: Another order has the files of one of these.
        """
        wanted = Wanted.of(collections, tile_indices, period_start, period_end, period_freq)
        if "#" in run_key:
            raise InvalidInputError(f"run_key {run_key!r} has a '#', which numbers attempts")

        async def work(session: Session) -> tuple[str, str]:
            now = self._clock()
            orders = await self._planned(session, wanted, now, run_key, error_if_empty=error_if_empty)
            return await submit_orders(
                session,
                self.layout,
                orders,
                submission_of(self.layout, wanted, self.store.bucket, run_key),
                name=tracking_name(self.tracking_template, self.tile_grid, wanted, now),
                prefix=self.tracking_prefix,
                run_key=run_key,
                who=who,
                save_empty_metadata=save_empty_metadata,
                send=send,
            )

        return background.wait_for(self._in_session(work))

    def plan(
        self,
        collections: str | Sequence[str],
        tile_indices: Sequence[Index] | Index,
        period_start: datetime | str,
        period_end: datetime | str,
        period_freq: str | None = None,
        *,
        run_key: str = "",
    ) -> Orders:
        """Work out what `submit` would order; nothing is written or sent. Arguments as for `submit`."""
        wanted = Wanted.of(collections, tile_indices, period_start, period_end, period_freq)

        async def work(session: Session) -> Orders:
            return await self._planned(session, wanted, self._clock(), run_key, error_if_empty=False)

        return background.wait_for(self._in_session(work))

    def list(self, pattern: str | None = None) -> Names:
        """Give the names of stored tracking documents.

        Args:
            pattern: What they begin with, or a pattern with `*` and `?`; None: what all names made of the
                tracking template begin with.
        """
        start = known_part(self.tracking_template) if pattern is None else pattern
        glob = start if any(sign in start for sign in "*?") else f"{start}*"

        async def work() -> Names:
            async with self.store.open() as store:
                found = await store.list(f"{self.tracking_prefix}/" if self.tracking_prefix else "")
            names = [one.file_name.removesuffix(".json") for one in found if one.name.endswith(".json")]
            return sorted(name for name in names if fnmatchcase(name, glob))

        return background.wait_for(work())

    def read(self, name: str) -> dict[str, Any]:
        """Give a stored tracking document.

        Args:
            name: Its name, as `list` and `submit` give it.

        Raises:
            AbsentError: There is none.
        """

        async def work() -> dict[str, Any]:
            async with self.store.open() as store:
                found = await store.read(self._document(name))
            if found is None:
                raise AbsentError(f"the store has no tracking document {name!r}", status=404)
            return found.document

        return background.wait_for(work())

    def update(self, name: str) -> dict[str, Any]:
        """Ask where all orders of a document stand, and write it down there.

        Args:
            name: Its name, as `list` and `submit` give it.

        Returns:
            The document as it is now.

        Raises:
            AbsentError: There is none.
        """
        whole = self._document(name)
        return background.wait_for(
            self._in_session(lambda session: update_tracking(session, whole, attempts=self._attempts))
        )

    def download(
        self,
        tracking_info: Mapping[str, Any],
        dest: str | Path,
        overwrite: bool = True,
        callback: Callback | None = None,
    ) -> Iterator[tuple[str, Files]]:
        """Download pre-ARD and metadata to a directory, every file verified.

        A file that is there with the right content is not fetched again. What was downloaded is written
        into the stored tracking document, for `clean`.

        Args:
            tracking_info: Tracking document.
            dest: The directory.
            overwrite: Whether a file of other content may be replaced; else that is an error.
            callback: Called after each file with `item` and `n_steps`: 0 for metadata, for an image its
                part of its order's images.

        Returns:
            Pairs of task id and files, as they come; wrap it in a `dict` to make it not lazy. Orders that
            never had an id go by their name.
        """
        orders = check_tracking(tracking_info)["orders"]
        stream = fetch_orders(self.store, tracking_info, Path(dest), overwrite=overwrite)
        paths: Files = []
        for fetched in background.iterate(stream):
            name = order_id(orders[fetched.order])
            paths.append(fetched.path)
            if callback is not None and fetched.image:
                callback(item=fetched.path.stem, n_steps=1 / fetched.n_images)
            elif callback is not None:
                callback(item=name, n_steps=0)
            if fetched.last:
                yield name, paths
                paths = []

    def clean(
        self,
        tracking_info: Mapping[str, Any],
        tracking_name: str | None = None,
        callback: Callback | None = None,
        *,
        unverified: bool = False,
        plan: bool = False,
    ) -> dict[str, Names]:
        """Clean pre-ARD imagery, metadata, and tracking metadata off the store.

        Args:
            tracking_info: Tracking document.
            tracking_name: Name of the tracking document (will be deleted if provided).
            callback: Called after each file is deleted with `item` and `n_steps`.
            unverified: Whether to remove also what nobody has downloaded.
            plan: Whether only to say what would be removed.

        Returns:
            Names of what was removed, by task id; orders that never had an id go by their name.

        Raises:
            InvalidInputError: Of some orders there is no verified download, or they have not ended;
                nothing is removed.
            ConflictError: A file has changed since; it stays.
        """
        cleaned: dict[str, Names] = {}
        for one in background.wait_for(_plan(self.store, tracking_info, unverified=unverified)):
            cleaned[one.id] = one.names if plan else []
            for name in () if plan else background.iterate(carry_out(self.store, tracking_info, one)):
                cleaned[one.id].append(name)
                if callback is not None:
                    callback(item=one.id, n_steps=1 / len(one.objects))
        if tracking_name and not plan:
            background.wait_for(self._remove(tracking_name))
        return cleaned

    async def _remove(self, name: str) -> None:
        async with self.store.open() as store:
            await remove_document(store, self.tracking_prefix, name.removesuffix(".json"))

    async def _in_session(self, work: Callable[[Session], Awaitable[T]]) -> T:
        async with current(EarthEngineClient, self._client).session(self.store) as session:
            return await work(session)

    async def _planned(
        self, session: Session, wanted: Wanted, now: datetime, run_key: str, *, error_if_empty: bool
    ) -> Orders:
        return await plan_orders(
            self.layout,
            wanted,
            session.server,
            self.store.bucket,
            now=now,
            run_key=run_key,
            error_if_empty=error_if_empty,
        )

    def _document(self, name: str) -> str:
        whole = document_name(self.tracking_prefix, name.removesuffix(".json"))
        check_key(whole)
        return whole


async def _plan(
    store: PreArdStore,
    tracking: Mapping[str, Any],
    *,
    unverified: bool,
    only: Sequence[str] | None = None,
) -> list[Cleaning]:
    async with store.open() as opened:
        return await plan_cleaning(opened, tracking, unverified=unverified, only=only)


def download_tracked(
    tracking_info: Mapping[str, Any], store: PreArdStore, dest: str | Path, overwrite: bool = False
) -> Iterator[tuple[str, int | None, Iterator[Path], Iterator[Path]]]:
    """Download stored pre-ARD and metadata described by tracking info, order by order, as it is asked for.

    Args:
        tracking_info: Tracking document.
        store: Where it is.
        dest: Destination directory.
        overwrite: Whether a file of other content may be replaced; else that is an error.

    Yields:
        Task id (the order's name if it never had one); number of images if known, otherwise None; an
        iterator that downloads metadata and gives files; an iterator that downloads images and gives files,
        each verified.
    """
    folder = Path(dest)
    for order in check_tracking(tracking_info)["orders"]:
        manifest = manifest_in(order)
        metadata = fetch_metadata(store, order, folder, overwrite=overwrite)
        images = fetch_images(store, tracking_info, order, folder, overwrite=overwrite)
        count = None if manifest is None else len(manifest)
        yield order_id(order), count, background.iterate(metadata), background.iterate(images)


def clean_tracked(
    tracking_info: Mapping[str, Any], store: PreArdStore, *, unverified: bool = False
) -> Iterator[tuple[str, Iterator[str]]]:
    """Delete stored pre-ARD and metadata described by tracking info, order by order, as it is asked for.

    Args:
        tracking_info: Tracking document.
        store: Where it is.
        unverified: Whether to remove also what nobody has downloaded.

    Yields:
        Task id (the order's name if it never had one), and an iterator that deletes files and gives their
        names.

    Raises:
        InvalidInputError: Of an order there is no verified download, or it has not ended; it stays.
    """
    for order in check_tracking(tracking_info)["orders"]:
        only = [order_path(order)]
        (one,) = background.wait_for(_plan(store, tracking_info, unverified=unverified, only=only))
        yield one.id, background.iterate(carry_out(store, tracking_info, one))
