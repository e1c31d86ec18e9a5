"""Orders: what is asked for, tile by tile and period by period, worked out before any is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import anyio

from eoflows.base.concurrency import one_error
from eoflows.base.errors import EoError, InvalidInputError
from eoflows.jobs.models import intent_key
from eoflows.services.earth_engine.collections import CollectionSpec, collection_spec
from eoflows.services.earth_engine.documents import image_metadata
from eoflows.services.earth_engine.filters import FilterLike, read_filter
from eoflows.services.earth_engine.grid import TileGrid
from eoflows.services.earth_engine.periods import Period, split_periods
from eoflows.services.earth_engine.project import EarthEngineServer
from eoflows.services.earth_engine.recipe import VERSION, export_body, export_options, file_edges
from eoflows.services.earth_engine.request import EarthEngineRequest
from eoflows.services.earth_engine.scenes import Layer, Scene, in_period, layers_of
from eoflows.services.earth_engine.templates import check_name, check_prefix, fill, tile_fields
from eoflows.services.earth_engine.tiles import Index, Tile
from eoflows.stores.storage.names import check_key

__all__ = ["EmptyCollectionError", "Layout", "Order", "Wanted", "plan_orders"]

_CONCURRENT = 4


class EmptyCollectionError(EoError):
    """There is no image of a collection over a tile in a period."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How orders are named, and what they have in common.

    Attributes:
        grid: The tiles.
        name_template: Template of the name of images and metadata.
        prefix_template: Template of their folder.
        filters: Filters by collection.
        options: Keywords of exports.
        collections: What is known of collections; None: what comes along.
    """

    grid: TileGrid
    name_template: str
    prefix_template: str
    filters: Mapping[str, Sequence[FilterLike]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    collections: Mapping[str, CollectionSpec] | None = None

    def graphs(self, collection: str) -> list[Any]:
        """Give a collection's filters as JSON values, the same however they were written."""
        import ee  # noqa: PLC0415

        read = [read_filter(one) for one in self.filters.get(collection, ())]
        return [ee.serializer.encode(one, for_cloud_api=True) for one in read]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a submission asks for.

    Attributes:
        collections: Names of image collections.
        indices: Rows and columns of tiles.
        periods: Periods, side by side.
        freq: As it was given.
    """

    collections: tuple[str, ...]
    indices: tuple[Index, ...]
    periods: tuple[Period, ...]
    freq: str | None = None

    @property
    def span(self) -> Period:
        """Start of the first period and end of the last."""
        return self.periods[0][0], self.periods[-1][1]

    @classmethod
    def of(
        cls,
        collections: str | Sequence[str],
        tile_indices: Sequence[Index] | Index,
        start: datetime | str,
        end: datetime | str,
        freq: str | None,
    ) -> "Wanted":
        """Read what a caller asks for.

        Raises:
            InvalidInputError: Nothing is asked for, or something twice.
        """
        names = (collections,) if isinstance(collections, str) else tuple(collections)
        given: Any = tuple(tile_indices)
        if given and not isinstance(given[0], tuple | list):
            given = (given,)
        indices = tuple((int(row), int(column)) for row, column in given)
        if not names or not indices:
            raise InvalidInputError("nothing is asked for; name at least one collection and one tile")
        for what, several in (("collection", names), ("tile", indices)):
            if len(set(several)) != len(several):
                raise InvalidInputError(f"a {what} is named twice among {several}")
        return cls(
            collections=names, indices=indices, periods=tuple(split_periods(start, end, freq)), freq=freq
        )


@dataclass(frozen=True, kw_only=True)
class Order:
    """One export, or the knowledge that there is nothing to export.

    Attributes:
        spec: The collection.
        tile: Where.
        period: When.
        name: Name of its files and of its metadata.
        prefix: Their folder.
        key: Name of what is asked for, in the ledger.
        filters: Filters as JSON values.
        options: Keywords of the export.
        layers: Layers in the files' order; none for an empty order.
        scenes: The images.
        request: The export; None for an empty order.
    """

    spec: CollectionSpec
    tile: Tile
    period: Period
    name: str
    prefix: str
    key: str
    filters: Sequence[Any]
    options: Mapping[str, Any]
    layers: Sequence[Layer]
    scenes: Sequence[Scene]
    request: EarthEngineRequest | None

    @property
    def path(self) -> str:
        """Whole name of its files in the store, without ending."""
        return f"{self.prefix}/{self.name}" if self.prefix else self.name

    def metadata(
        self, store: str, now: datetime, known: Mapping[str, Any] | None, layers: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Write what its files hold; see `image_metadata`.

        Args:
            store: Kind of store.
            now: Aware UTC.
            known: What the ledger knows of it; None for an empty order.
            layers: Layers of the export as the ledger has it.
        """
        return image_metadata(
            spec=self.spec,
            tile=self.tile,
            start=self.period[0],
            end=self.period[1],
            filters=self.filters,
            name=self.name,
            prefix=self.prefix,
            key=self.key,
            store=store,
            options=self.options,
            layers=layers,
            scenes=self.scenes,
            now=now,
            order=known,
        )

    def document(self) -> dict[str, Any]:
        """Write it as an entry of a tracking document, as it is before anything was sent."""
        start, end = self.period
        return {
            "name": self.name,
            "prefix": self.prefix,
            "status": {"state": "UNSUBMITTED" if self.request else "EMPTY"},
            "key": self.key,
            "collection": self.spec.id,
            "index": list(self.tile.index),
            "date_start": start.isoformat(),
            "date_end": end.isoformat(),
            "size": list(self.tile.size),
            "file_dimensions": list(file_edges(self.options)),
        }


async def plan_orders(
    layout: Layout,
    wanted: Wanted,
    server: EarthEngineServer,
    bucket: str,
    *,
    now: datetime,
    run_key: str = "",
    error_if_empty: bool = False,
) -> list[Order]:
    """Work out all orders, with one question per collection and tile; nothing is written or sent.

    Args:
        layout: How they are named.
        wanted: What is asked for.
        server: Says which images there are.
        bucket: Where exports go.
        now: Aware UTC, for templates.
        run_key: Another one asks for the same thing once more, on purpose.
        error_if_empty: Whether an order without images is an error.

    Raises:
        EmptyCollectionError: There is one, and it is.
        InvalidInputError: Something cannot be ordered, or two orders would have one name.
    """
    await server.learn()
    places = [
        (collection_spec(name, layout.collections), layout.grid[index])
        for name in wanted.collections
        for index in wanted.indices
    ]
    found: dict[tuple[str, Index], list[Scene]] = {}
    limiter = anyio.CapacityLimiter(_CONCURRENT)

    async def ask(spec: CollectionSpec, tile: Tile) -> None:
        async with limiter:
            filters = layout.filters.get(spec.id, ())
            found[spec.id, tile.index] = await server.scenes(spec, tile, wanted.span, filters)

    async with one_error(), anyio.create_task_group() as group:
        for place in places:
            group.start_soon(ask, *place)
    make = partial(_order, layout, server.endpoint, bucket, now, run_key)
    orders = await anyio.to_thread.run_sync(
        lambda: [
            make(spec, tile, period, in_period(found[spec.id, tile.index], period))
            for spec, tile in places
            for period in wanted.periods
        ]
    )
    _check(orders, error_if_empty=error_if_empty)
    return orders


def _order(
    layout: Layout,
    endpoint: str,
    bucket: str,
    now: datetime,
    run_key: str,
    spec: CollectionSpec,
    tile: Tile,
    period: Period,
    scenes: Sequence[Scene],
) -> Order:
    start, end = period
    fields = {
        **tile_fields(tile),
        "collection": spec.safe_name,
        "date_start": f"{start:%Y-%m-%d}",
        "date_end": f"{end:%Y-%m-%d}",
        "now": now,
    }
    name = check_name(fill(layout.name_template, fields))
    prefix = check_prefix(fill(layout.prefix_template, fields))
    options = export_options(layout.options, spec)
    layers = layers_of(scenes, spec)
    filters = layout.graphs(spec.id)
    path = f"{prefix}/{name}" if prefix else name
    request = EarthEngineRequest(
        order={
            "recipe": VERSION,
            "collection": spec.id,
            "spec": spec.version,
            "tile": tile.to_dict(),
            "start": start.isoformat(),
            "end": end.isoformat(),
            "filters": filters,
            "options": options,
        },
        bucket=bucket,
        name=path,
        size=tile.size,
        shard=file_edges(options),
        layers=[layer.to_dict() for layer in layers],
        body=export_body(spec, tile, layers, bucket=bucket, path=path, options=options) if layers else "{}",
    )
    return Order(
        spec=spec,
        tile=tile,
        period=period,
        name=name,
        prefix=prefix,
        key=intent_key(endpoint, request, run_key),
        filters=filters,
        options=options,
        layers=layers,
        scenes=scenes,
        request=request if layers else None,
    )


def _check(orders: Sequence[Order], *, error_if_empty: bool) -> None:
    names: set[str] = set()
    for order in orders:
        check_key(f"{order.path}.json")
        if order.path in names:
            raise InvalidInputError(
                f"two orders would be {order.path}; let name_template tell them apart by collection, tile "
                "and period"
            )
        names.add(order.path)
        if error_if_empty and order.request is None:
            start, end = order.period
            raise EmptyCollectionError(
                f"no image of {order.spec.id} over tile {order.tile.name} from {start:%Y-%m-%d} to "
                f"{end:%Y-%m-%d}"
            )
