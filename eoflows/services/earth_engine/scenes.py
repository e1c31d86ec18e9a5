"""Which images there are over a tile, and how they become layers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.services.earth_engine.collections import CollectionSpec
from eoflows.services.earth_engine.filters import FilterLike, read_filter
from eoflows.services.earth_engine.periods import Period
from eoflows.services.earth_engine.tiles import Tile

__all__ = [
    "PAGE",
    "Layer",
    "Scene",
    "area_of",
    "in_period",
    "layers_of",
    "millis_of",
    "read_scenes",
    "scenes_graph",
]

PAGE = 5000
"""Images that one answer may describe (documented)."""

_SHRINK = 1e-3
"""What a tile's edge is moved inwards, in pixels: a neighbour's image that only touches it is none of it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Scene:
    """An image of a collection.

    Attributes:
        name: Its `system:index`.
        time: When it was taken, aware UTC.
        properties: What is kept of its properties; those that it has not are left out.
    """

    name: str
    time: datetime
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Layer:
    """Images that become one layer of an export.

    Attributes:
        date: UTC day, as 2022-01-31.
        time: When the first of them was taken, aware UTC.
        scenes: Their names, in the order in which they are laid on each other.
    """

    date: str
    time: datetime
    scenes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {"date": self.date, "time": self.time.isoformat(), "scenes": list(self.scenes)}


def scenes_graph(
    spec: CollectionSpec, tile: Tile, span: Period, filters: Sequence[FilterLike], *, offset: int = 0
) -> Any:
    """Build the question for the images over a tile in a span: one for the whole span.

    Args:
        spec: The collection.
        tile: The tile.
        span: Start and end.
        filters: Which images count.
        offset: Images to skip.

    Returns:
        The expression's graph as JSON values.
    """
    import ee  # noqa: PLC0415

    kept = ee.List(list(spec.properties))

    def describe(element: Any) -> Any:
        image = ee.Image(element)
        # Asking for a property that an image has not would fail the whole question.
        there = image.propertyNames().filter(ee.Filter.inList("item", kept))
        named = {name: image.get(f"system:{name}") for name in ("index", "time_start")}
        return ee.Dictionary({**named, "properties": image.toDictionary(there)})

    collection = ee.ImageCollection(spec.id).filterBounds(area_of(tile))
    collection = collection.filterDate(*(moment.isoformat() for moment in span))
    for one in filters:
        collection = collection.filter(read_filter(one))
    listed = collection.sort("system:time_start").toList(PAGE, offset).map(describe)
    return ee.serializer.encode(listed, for_cloud_api=True)


def area_of(tile: Tile) -> Any:
    """Give a tile's area as an `ee.Geometry`, a little smaller so that it does not touch its neighbours."""
    import ee  # noqa: PLC0415

    left, bottom, right, top = tile.bounds
    dx, dy = tile.res[0] * _SHRINK, tile.res[1] * _SHRINK
    crs = tile.crs if tile.crs.upper().startswith("EPSG:") else tile.wkt
    corners = [left + dx, bottom + dy, right - dx, top - dy]
    return ee.Geometry.Rectangle(corners, proj=crs, geodesic=False)


def read_scenes(result: Any) -> list[Scene]:
    """Read the answer to `scenes_graph`.

    Raises:
        ContractError: It is none.
    """
    try:
        return [
            Scene(
                str(one["index"]),
                _EPOCH + timedelta(milliseconds=int(one["time_start"])),
                dict(one["properties"]),
            )
            for one in result
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"the list of images cannot be read: {error!r}") from error


def in_period(scenes: Iterable[Scene], period: Period) -> list[Scene]:
    """Choose the images that were taken in a period."""
    start, end = period
    return [scene for scene in scenes if start <= scene.time < end]


def layers_of(scenes: Iterable[Scene], spec: CollectionSpec) -> list[Layer]:
    """Group images into layers, in order of time.

    Args:
        scenes: Images of one period.
        spec: Says what the images of a layer have in common.

    Raises:
        InvalidInputError: An image has no value of what they should have in common.
    """
    groups: dict[tuple[Any, ...], list[Scene]] = {}
    for scene in sorted(scenes, key=lambda one: (one.time, one.name)):
        groups.setdefault(_key(scene, spec), []).append(scene)
    return [
        Layer(f"{group[0].time:%Y-%m-%d}", group[0].time, tuple(scene.name for scene in group))
        for group in groups.values()
    ]


def _key(scene: Scene, spec: CollectionSpec) -> tuple[Any, ...]:
    missing = [name for name in spec.day[1:] if name not in scene.properties]
    if missing:
        raise InvalidInputError(
            f"image {scene.name} of {spec.id} has no {missing[0]}, by which its layers are told apart; "
            "is it among the collection's `properties`?"
        )
    return (scene.time.date(), *(scene.properties[name] for name in spec.day[1:]))


def millis_of(moment: datetime) -> int:
    """Give a time as Earth Engine has it: milliseconds since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
