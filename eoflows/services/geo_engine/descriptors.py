"""What the server says of a workflow's result."""

from enum import StrEnum
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from eoflows.base.errors import ContractError
from eoflows.services.geo_engine.grid import PixelGrid, Window
from eoflows.services.geo_engine.times import TimeInterval

__all__ = [
    "Measurement",
    "PlotResultDescriptor",
    "RasterBandDescriptor",
    "RasterDataType",
    "RasterResultDescriptor",
    "ResultDescriptor",
    "SpatialGrid",
    "TimeDescriptor",
    "TimeStep",
    "VectorColumnInfo",
    "VectorResultDescriptor",
    "read_descriptor",
]


class _Document(BaseModel):
    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, arbitrary_types_allowed=True
    )


class Measurement(_Document):
    """What the values of a band or column are.

    Attributes:
        type: `unitless`, `continuous` or `classification`.
        measurement: What is measured.
        unit: Its unit.
        classes: Name of each class, by value.
    """

    type: str = "unitless"
    measurement: str | None = None
    unit: str | None = None
    classes: dict[int, str] | None = None


class RasterBandDescriptor(_Document):
    """One band of a raster.

    Attributes:
        name: Its name.
        measurement: What its values are.
    """

    name: str
    measurement: Measurement = Measurement()


class RasterDataType(StrEnum):
    """Type of a raster's values, as the server writes it."""

    U8 = "U8"
    U16 = "U16"
    U32 = "U32"
    U64 = "U64"
    I8 = "I8"
    I16 = "I16"
    I32 = "I32"
    I64 = "I64"
    F32 = "F32"
    F64 = "F64"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The same type in NumPy."""
        return np.dtype(f"{self.value[0].lower()}{int(self.value[1:]) // 8}")


class SpatialGrid(_Document):
    """The native pixels of a raster.

    Attributes:
        descriptor: Whether they are those of the data (`source`) or computed (`derived`).
        grid: Where pixel row 0, column 0 lies, and how large a pixel is.
        bounds: The pixels that have data.
    """

    descriptor: str
    grid: PixelGrid
    bounds: Window

    @model_validator(mode="before")
    @classmethod
    def _flattened(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "spatialGrid" not in value:
            return value
        inner = value["spatialGrid"]
        first, last = inner["gridBounds"]["topLeftIdx"], inner["gridBounds"]["bottomRightIdx"]
        bounds = Window(first["yIdx"], first["xIdx"], last["yIdx"] + 1, last["xIdx"] + 1)
        grid = PixelGrid.parse(inner["geoTransform"])
        return {"descriptor": value.get("descriptor", "source"), "grid": grid, "bounds": bounds}


class TimeStep(_Document):
    """A length of time.

    Attributes:
        granularity: `millis`, `seconds`, `minutes`, `hours`, `days`, `months` or `years`.
        step: How many of them.
    """

    granularity: Literal["millis", "seconds", "minutes", "hours", "days", "months", "years"]
    step: int = Field(gt=0)


class TimeDescriptor(_Document):
    """When a raster has data.

    Attributes:
        bounds: From the first to the last data, if known.
        origin: Start of one of the steps in milliseconds since 1970; None if steps are irregular.
        step: Length of a step; None if steps are irregular.
    """

    bounds: TimeInterval | None = None
    origin: int | None = None
    step: TimeStep | None = None

    @model_validator(mode="before")
    @classmethod
    def _flattened(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "start" in value:
            return {"bounds": value}
        dimension = value.get("dimension") or {}
        regular = dimension.get("type") == "regular"
        return value | ({"origin": dimension.get("origin", 0), "step": dimension["step"]} if regular else {})

    @field_validator("bounds", mode="before")
    @classmethod
    def _interval(cls, value: Any) -> Any:
        return None if value is None else TimeInterval.of(value)


class ResultDescriptor(_Document):
    """What all results have; one of its three subclasses says the rest.

    Attributes:
        spatial_reference: Reference system like `EPSG:4326`; empty if there is none.
    """

    spatial_reference: str = ""

    @property
    def kind(self) -> Literal["raster", "vector", "plot"]:
        """Which of the three it is."""
        raise NotImplementedError


class RasterResultDescriptor(ResultDescriptor):
    """A raster.

    Attributes:
        data_type: Type of the values.
        bands: Its bands.
        spatial_grid: Native pixels; None on servers of profile 0.8, whose pixels a query chooses.
        resolution: Native size of a pixel (x, y), where the server has no grid (profile 0.8).
        time: When it has data.
    """

    data_type: RasterDataType
    bands: tuple[RasterBandDescriptor, ...]
    spatial_grid: SpatialGrid | None = None
    resolution: tuple[float, float] | None = None
    time: TimeDescriptor = TimeDescriptor()

    @field_validator("resolution", mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:
        return (value["x"], value["y"]) if isinstance(value, dict) else value

    @field_validator("time", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        return TimeDescriptor() if value is None else value

    @property
    def kind(self) -> Literal["raster", "vector", "plot"]:
        """A raster."""
        return "raster"


class VectorColumnInfo(_Document):
    """An attribute of features.

    Attributes:
        data_type: `int`, `float`, `text`, `category`, `bool` or `dateTime`.
        measurement: What its values are.
    """

    data_type: str
    measurement: Measurement = Measurement()


class VectorResultDescriptor(ResultDescriptor):
    """Features.

    Attributes:
        data_type: `Data`, `MultiPoint`, `MultiLineString` or `MultiPolygon`.
        columns: Attributes by name.
        time: When there are features, if known.
    """

    data_type: str
    columns: dict[str, VectorColumnInfo] = Field(default_factory=dict)
    time: TimeInterval | None = None

    @field_validator("time", mode="before")
    @classmethod
    def _interval(cls, value: Any) -> Any:
        return None if value is None else TimeInterval.of(value)

    @property
    def kind(self) -> Literal["raster", "vector", "plot"]:
        """Features."""
        return "vector"


class PlotResultDescriptor(ResultDescriptor):
    """A plot."""

    @property
    def kind(self) -> Literal["raster", "vector", "plot"]:
        """A plot."""
        return "plot"


_KINDS: dict[str, type[ResultDescriptor]] = {
    "raster": RasterResultDescriptor,
    "vector": VectorResultDescriptor,
    "plot": PlotResultDescriptor,
}


def read_descriptor(document: Any, *, url: str = "") -> ResultDescriptor:
    """Read the metadata of a workflow, of all server profiles.

    Raises:
        ContractError: They are not what a Geo Engine answers.
    """
    kind = document.get("type") if isinstance(document, dict) else None
    if kind not in _KINDS:
        raise ContractError(f"a result of type {kind!r} is not raster, vector or plot", url=url)
    try:
        return _KINDS[kind].model_validate(document)
    except (ValidationError, KeyError, TypeError) as error:
        raise ContractError(f"the metadata of a {kind} cannot be read: {error}", url=url) from error
