"""What else a graph computes with: dates, filters, features, collections, reducers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.geometry import Geometry, Projection
from eoflows.sandbox.earth_engine.images import Image

__all__ = [
    "Collection",
    "Date",
    "DateRange",
    "Element",
    "Feature",
    "Filter",
    "Function",
    "Reducer",
    "moment",
    "tell",
    "value_of",
]

Function = Callable[..., Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Date:
    """A moment."""

    millis: float
    """Milliseconds since 1970, UTC."""

    @property
    def time(self) -> datetime:
        """The moment, aware, UTC."""
        return _EPOCH + timedelta(milliseconds=self.millis)


def moment(time: datetime) -> Date:
    """Return a moment as a graph has it."""
    return Date((time - _EPOCH).total_seconds() * 1000)


@dataclass(frozen=True)
class DateRange:
    """A half-open span of time."""

    start: Date
    end: Date


@dataclass(frozen=True)
class Feature:
    """A geometry, or none, with properties."""

    geometry: Geometry | None
    properties: Mapping[str, Any]
    id: str | None = None


Element = Image | Feature


@dataclass(frozen=True)
class Filter:
    """A condition on one element, or on two for a join, with what of it helps to search."""

    test: Callable[[Any, Any], bool]
    """Takes an element, and the one of the other collection in a join (else None)."""
    span: DateRange | None = None
    """Elements that pass start in this span, if it is known."""
    bounds: tuple[float, float, float, float] | None = None
    """Elements that pass touch these degrees, if it is known."""


@dataclass(frozen=True)
class Reducer:
    """Makes one value of many."""

    name: str
    inputs: int
    """Columns that it takes."""
    reduce: Callable[[Sequence[Sequence[Any]]], dict[str, Any]]
    """From rows to named outputs."""


@dataclass(frozen=True)
class Collection:
    """Elements, made when they are needed."""

    kind: str
    """`ImageCollection` or `FeatureCollection`."""
    elements: Callable[[tuple[Filter, ...]], Iterator[Any]]
    """Gives the elements that pass all filters."""
    filters: tuple[Filter, ...] = ()
    id: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Any]:
        return self.elements(self.filters)

    @classmethod
    def of(cls, elements: Sequence[Any], kind: str | None = None) -> "Collection":
        """Return a collection of elements that are there."""
        kept = list(elements)
        named = kind or (
            "ImageCollection" if any(isinstance(one, Image) for one in kept) else "FeatureCollection"
        )

        def passing(filters: tuple[Filter, ...]) -> Iterator[Any]:
            return (one for one in kept if all(each.test(one, None) for each in filters))

        return cls(named, passing)


def value_of(element: Any, name: str) -> Any:
    """Return a property, None if there is none; `.geo` and `.all` are the geometry."""
    if isinstance(element, Image | Feature) and name in (".geo", ".all", "system:footprint"):
        return element.footprint if isinstance(element, Image) else element.geometry
    if name == "system:id":
        return getattr(element, "id", None)
    return element.properties.get(name)


def tell(value: Any, most: int) -> Any:  # noqa: PLR0911
    """Return a value as the service writes it.

    Args:
        value: Of any type.
        most: Elements that a collection may have.

    Raises:
        GraphError: The collection has more.
    """
    match value:
        case Date():
            return {"type": "Date", "value": round(value.millis)}
        case DateRange():
            return {"type": "DateRange", "dates": [round(value.start.millis), round(value.end.millis)]}
        case Projection() | Geometry():
            return value.document
        case Image():
            return tell(value.document, most)
        case Feature():
            geometry = None if value.geometry is None else value.geometry.document
            known = {"id": value.id} if value.id else {}
            properties = tell(dict(value.properties), most)
            return {"type": "Feature", "geometry": geometry, **known, "properties": properties}
        case Collection():
            return _collection(value, most)
        case dict():
            return {name: tell(one, most) for name, one in value.items()}
        case list() | tuple():
            return [tell(one, most) for one in value]
        case None | str() | bool() | int():
            return value
        case float():
            return int(value) if value.is_integer() and abs(value) < 2**53 else value
    raise GraphError(f"Can't encode object: {type(value).__name__}")


def _collection(value: Collection, most: int) -> dict[str, Any]:
    elements = list(islice(value, most + 1))
    if len(elements) > most:
        raise GraphError(f"Collection query aborted after accumulating over {most} elements.")
    features = [tell(element, most) for element in elements]
    if value.kind == "ImageCollection":
        known = {"id": value.id, "version": 1} if value.id else {}
        return {"type": value.kind, "bands": [], **known, "properties": {}, "features": features}
    columns = {name: "Object" for feature in features for name in feature["properties"]}
    return {"type": value.kind, "columns": columns, "features": features}
