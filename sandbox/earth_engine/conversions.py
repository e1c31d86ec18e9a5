"""What may stand for what: a text for a date, a number for an image, a feature for its geometry."""

from datetime import UTC, datetime
from typing import Any

from eoflows.sandbox.earth_engine.client_files import Parameter
from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.geometry import Geometry, Projection
from eoflows.sandbox.earth_engine.images import Image, constant
from eoflows.sandbox.earth_engine.values import Collection, Date, DateRange, Feature, moment

__all__ = ["converted", "to_date", "to_geometry"]


def converted(value: Any, parameter: Parameter) -> Any:
    """Return an argument as its parameter's type wants it.

    Raises:
        GraphError: It cannot stand for it.
    """
    kind = parameter.type.partition("<")[0]
    convert = _CONVERSIONS.get(kind)
    if convert is not None:
        return convert(value)
    wanted = _PLAIN.get(kind)
    if wanted is not None and not isinstance(value, wanted):
        raise GraphError(
            f"Parameter '{parameter.name}' is required to be a {kind}, not {type(value).__name__}."
        )
    return value


def to_date(value: Any) -> Date:
    """Return a date from a text, a number of milliseconds, a range (its start) or a date.

    Raises:
        GraphError: It is none.
    """
    if isinstance(value, Date):
        return value
    if isinstance(value, DateRange):
        return value.start
    if isinstance(value, int | float):
        return Date(float(value))
    try:
        parsed = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise GraphError(f"Cannot parse date {value!r}.") from error
    return moment(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))


def to_geometry(value: Any) -> Geometry:
    """Return a geometry, that of a feature or an image.

    Raises:
        GraphError: There is none.
    """
    if isinstance(value, Feature):
        value = value.geometry
    if isinstance(value, Image):
        value = value.footprint
    if not isinstance(value, Geometry):
        raise GraphError(f"{type(value).__name__} is no Geometry.")
    return value


def _image(value: Any) -> Image:
    return value if isinstance(value, Image) else constant(value)


def _projection(value: Any) -> Projection:
    if isinstance(value, Projection):
        return value
    if isinstance(value, dict):
        return Projection(value["crs"], tuple(value.get("transform", (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))))
    return Projection(str(value))


def _collection(value: Any) -> Collection:
    if isinstance(value, Collection):
        return value
    return Collection.of(value if isinstance(value, list) else [value])


_CONVERSIONS = {
    "Date": to_date,
    "Image": _image,
    "Projection": _projection,
    "Geometry": to_geometry,
    "ImageCollection": _collection,
    "FeatureCollection": _collection,
}
_PLAIN: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Number": (int, float),
    "Integer": (int, float),
    "Float": (int, float),
    "List": (list,),
    "Dictionary": (dict,),
}
