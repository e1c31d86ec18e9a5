"""What a workflow delivers: a generated raster, or generated features."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from eoflows.sandbox.geo_engine.grid import BoundingBox, Grid
from eoflows.sandbox.geo_engine.time_steps import Interval, IrregularTime, RegularTime, time_from

__all__ = ["DATA_TYPES", "Band", "Column", "ColumnType", "DataType", "RasterSource", "VectorSource"]

DataType = Literal["U8", "U16", "U32", "U64", "I8", "I16", "I32", "I64", "F32", "F64"]
DATA_TYPES: Mapping[str, str] = {
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F32": "float32",
    "F64": "float64",
}
"""Data type to what numpy and Arrow call it."""
ColumnType = Literal["int", "float", "text", "category", "bool", "dateTime"]
UNITLESS: Mapping[str, Any] = {"type": "unitless"}


@dataclass(frozen=True, kw_only=True)
class Band:
    """A band of a raster."""

    name: str = "band"
    measurement: Mapping[str, Any] = field(default_factory=lambda: UNITLESS)
    """`{"type": "unitless"}`, `continuous` with `measurement` and `unit`, or `classification`."""


@dataclass(frozen=True, kw_only=True)
class RasterSource:
    """A raster whose every pixel follows from its row, column, time step and band; see `pixels.py`."""

    width: int = 1024
    """Columns with data."""
    height: int = 1024
    """Rows with data."""
    data_type: DataType = "F32"
    origin: tuple[float, float] = (-180.0, 90.0)
    """x and y of the upper left corner."""
    pixel_size: tuple[float, float] = (0.1, 0.1)
    """Width and height of a pixel, both positive."""
    spatial_reference: str = "EPSG:4326"
    """`AUTHORITY:code`, or empty."""
    bands: tuple[Band, ...] = (Band(),)
    time: RegularTime | IrregularTime = field(default_factory=RegularTime)
    bounded_time: bool = True
    """The descriptor tells the time bounds."""
    null_share: float = 0.0
    """Part of the pixels with data that are null, 0 to 1."""
    nan_share: float = 0.0
    """Part of the pixels that are NaN, not null; floating-point types only."""
    pattern: Literal["hash", "gradient"] = "hash"
    """Noise in which every pixel is its own, or a gradient that pictures well."""
    seed: int = 0
    tile_size: int | None = None
    """Rows and columns of a tile; None: the server's."""

    @property
    def grid(self) -> Grid:
        """The pixel grid; row 0 and column 0 are the first with data."""
        return Grid(*self.origin, self.pixel_size[0], -self.pixel_size[1])

    @property
    def bounds(self) -> BoundingBox:
        """The area with data."""
        (x, y), (dx, dy) = self.origin, self.pixel_size
        return x, y - self.height * dy, x + self.width * dx, y

    @cached_property
    def key(self) -> str:
        """A text that is equal for equal sources."""
        return repr(self)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "RasterSource":
        """Read the parameters of a `SandboxRaster` operator: these fields, in camel case.

        Args:
            params: `bands` is a number, or a list of names or `{"name", "measurement"}`; `time` is
                `{"start", "granularity", "step", "count"}` or `{"intervals": [[start, end], ...]}`.

        Raises:
            ValueError: A parameter is unknown or wrong.
        """
        known = _fields(cls, params)
        for name in ("origin", "pixel_size"):
            if name in known:
                known[name] = tuple(float(one) for one in known[name])
        if "bands" in known:
            known["bands"] = _bands(known["bands"])
        if "time" in known:
            known["time"] = time_from(known["time"])
        if known.get("data_type", "F32") not in DATA_TYPES:
            raise ValueError(f"dataType is one of {', '.join(DATA_TYPES)}, not {known['data_type']!r}")
        return cls(**known)


@dataclass(frozen=True, kw_only=True)
class Column:
    """An attribute of features."""

    data_type: ColumnType = "int"
    measurement: Mapping[str, Any] = field(default_factory=lambda: UNITLESS)


@dataclass(frozen=True, kw_only=True)
class VectorSource:
    """Features that follow from their number; see `features.py`."""

    count: int = 100
    """Features."""
    geometry: Literal["MultiPoint", "MultiPolygon", "Data"] = "MultiPoint"
    """`Data`: without geometry."""
    bounds: BoundingBox = (-180.0, -90.0, 180.0, 90.0)
    spatial_reference: str = "EPSG:4326"
    columns: Mapping[str, Column] = field(
        default_factory=lambda: {
            "scalerank": Column(),
            "natlscale": Column(data_type="float"),
            "name": Column(data_type="text"),
        }
    )
    null_share: float = 0.0
    """Part of the attributes that are null."""
    time: Interval = (1_388_534_400_000, 1_420_070_400_000)
    """Interval of every feature (default: the year 2014)."""
    seed: int = 0

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "VectorSource":
        """Read the parameters of a `SandboxVector` operator: these fields, in camel case.

        Args:
            params: `columns` is name to type, or to `{"dataType", "measurement"}`.

        Raises:
            ValueError: A parameter is unknown or wrong.
        """
        known = _fields(cls, params)
        for name in ("bounds", "time"):
            if name in known:
                known[name] = tuple(known[name])
        if "columns" in known:
            known["columns"] = {name: _column(one) for name, one in known["columns"].items()}
        return cls(**known)


def _fields(kind: type[RasterSource] | type[VectorSource], params: Mapping[str, Any]) -> dict[str, Any]:
    names = {_camel(name): name for name in kind.__dataclass_fields__}
    if unknown := set(params) - set(names):
        raise ValueError(f"unknown parameters {sorted(unknown)}; there are {sorted(names)}")
    return {names[name]: value for name, value in params.items()}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


def _bands(given: Any) -> tuple[Band, ...]:
    if isinstance(given, int):
        given = [f"band {number}" for number in range(given)]
    return tuple(Band(name=one) if isinstance(one, str) else Band(**one) for one in given)


def _column(given: Any) -> Column:
    if isinstance(given, str):
        return Column(data_type=given)  # type: ignore[arg-type]
    return Column(data_type=given.get("dataType", "int"), measurement=given.get("measurement", UNITLESS))
