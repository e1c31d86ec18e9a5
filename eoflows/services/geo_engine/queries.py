"""What is asked for: a box, a time and, for rasters, bands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from eoflows.base.errors import InvalidInputError
from eoflows.services.geo_engine.times import TimeInterval

__all__ = ["BoundingBox2D", "QueryRectangle", "RasterQueryRectangle", "SpatialResolution"]


@dataclass(frozen=True)
class BoundingBox2D:
    """A box in the units of its reference system, x and y never swapped.

    Attributes:
        xmin: West edge.
        ymin: South edge.
        xmax: East edge.
        ymax: North edge.
    """

    xmin: float
    ymin: float
    xmax: float
    ymax: float

    def __post_init__(self) -> None:
        for name in ("xmin", "ymin", "xmax", "ymax"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not all(math.isfinite(edge) for edge in self.edges):
            raise InvalidInputError(f"a box needs finite edges, not {self.edges}")
        if self.xmin > self.xmax or self.ymin > self.ymax:
            raise InvalidInputError(f"box {self.edges} is turned inside out; give xmin, ymin, xmax, ymax")

    @classmethod
    def of(cls, value: Any) -> "BoundingBox2D":
        """Read a box, four numbers (xmin, ymin, xmax, ymax), or anything with these attributes."""
        if isinstance(value, cls):
            return value
        if isinstance(value, tuple | list):
            return cls(*value)
        return cls(value.xmin, value.ymin, value.xmax, value.ymax)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Give xmin, ymin, xmax, ymax."""
        return self.xmin, self.ymin, self.xmax, self.ymax

    @property
    def text(self) -> str:
        """The edges as queries have them: `xmin,ymin,xmax,ymax`."""
        return ",".join(map(str, self.edges))

    def ogc_text(self, srs: str) -> str:
        """The edges in the axis order that the authority of the reference system prescribes."""
        x_first = self.xmin, self.ymin, self.xmax, self.ymax
        return ",".join(map(str, (x_first[i] for i in ((1, 0, 3, 2) if _north_first(srs) else range(4)))))

    def enclosed(self, srs: str, other: str) -> "BoundingBox2D":
        """The box in another reference system that encloses this one.

        Args:
            srs: Reference system of this box.
            other: That of the result.

        Raises:
            InvalidInputError: One is not known, or the box has no place in the other.
        """
        if srs == other:
            return self
        import pyproj  # noqa: PLC0415

        try:
            way = pyproj.Transformer.from_crs(srs, other, always_xy=True)
            return BoundingBox2D(*way.transform_bounds(*self.edges, densify_pts=21))
        except (pyproj.exceptions.ProjError, InvalidInputError) as error:
            raise InvalidInputError(
                f"box {self.edges} of {srs} cannot be put into {other}: {error}"
            ) from error

    def document(self) -> dict[str, Any]:
        """The JSON of request bodies."""
        return {
            "upperLeftCoordinate": {"x": self.xmin, "y": self.ymax},
            "lowerRightCoordinate": {"x": self.xmax, "y": self.ymin},
        }


@dataclass(frozen=True)
class SpatialResolution:
    """The size of a pixel in the units of the reference system.

    Attributes:
        x_resolution: Width, positive.
        y_resolution: Height, positive.
    """

    x_resolution: float
    y_resolution: float

    def __post_init__(self) -> None:
        if not (self.x_resolution > 0 and self.y_resolution > 0):
            raise InvalidInputError(
                f"a resolution is above zero, not {self.x_resolution}, {self.y_resolution}"
            )

    @classmethod
    def of(cls, value: Any) -> "SpatialResolution":
        """Read a resolution, a pair of numbers (x, y), or one for both."""
        if isinstance(value, cls):
            return value
        return cls(*value) if isinstance(value, tuple | list) else cls(value, value)

    @property
    def pair(self) -> tuple[float, float]:
        """Width and height."""
        return self.x_resolution, self.y_resolution

    def ogc_pair(self, srs: str) -> tuple[float, float]:
        """`resx` and `resy` of a WCS request, which follow the axis order of the reference system."""
        if _north_first(srs):
            return -self.y_resolution, self.x_resolution
        return self.x_resolution, -self.y_resolution

    def __str__(self) -> str:
        return f"{self.x_resolution},{self.y_resolution}"


def _north_first(srs: str) -> bool:
    if srs == "EPSG:4326":
        return True
    # Only OGC requests need a database of reference systems.
    import pyproj  # noqa: PLC0415

    try:
        return pyproj.CRS.from_user_input(srs).axis_info[0].direction in ("north", "south")
    except (pyproj.exceptions.CRSError, IndexError) as error:
        raise InvalidInputError(f"{srs!r} is no known reference system; write it like EPSG:4326") from error


@dataclass(frozen=True, init=False)
class QueryRectangle:
    """A box and a time.

    Args of the constructor are the attributes; the box may be four numbers (xmin, ymin, xmax, ymax), the
    time a pair of datetimes, one datetime, or text.

    Attributes:
        spatial_bounds: The box.
        time_interval: The time, half-open; one instant if start and end are equal.
        srs: Reference system of the box. Streams answer in the workflow's own system, which it must be.
        resolution: Size of a pixel; only servers of profile 0.8 take it in streams.
    """

    spatial_bounds: BoundingBox2D
    time_interval: TimeInterval
    srs: str
    resolution: SpatialResolution | None

    def __init__(
        self,
        spatial_bounds: BoundingBox2D | tuple[float, float, float, float],
        time_interval: TimeInterval | Any,
        srs: str = "EPSG:4326",
        *,
        resolution: SpatialResolution | tuple[float, float] | float | None = None,
    ) -> None:
        _set(self, "spatial_bounds", BoundingBox2D.of(spatial_bounds))
        _set(self, "time_interval", TimeInterval.of(time_interval))
        _set(self, "srs", srs)
        _set(self, "resolution", None if resolution is None else SpatialResolution.of(resolution))

    @property
    def bbox_str(self) -> str:
        """The box, x before y, as queries have it."""
        return self.spatial_bounds.text

    @property
    def bbox_ogc_str(self) -> str:
        """The box in the axis order of the reference system, as WMS and WCS have it."""
        return self.spatial_bounds.ogc_text(self.srs)

    @property
    def time(self) -> TimeInterval:
        """The time."""
        return self.time_interval

    @property
    def time_str(self) -> str:
        """The time as queries have it."""
        return self.time_interval.time_str

    def with_raster_bands(self, raster_bands: Sequence[int]) -> "RasterQueryRectangle":
        """The same box and time for these bands."""
        return RasterQueryRectangle(
            self.spatial_bounds, self.time_interval, raster_bands, self.srs, resolution=self.resolution
        )

    def narrowed(self, bounds: BoundingBox2D, time: TimeInterval) -> Self:
        """The same query of another box and time."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, spatial_bounds=bounds, time_interval=time)
        return other


@dataclass(frozen=True, init=False)
class RasterQueryRectangle(QueryRectangle):
    """A box, a time and bands.

    Attributes:
        raster_bands: Indices of bands, from 0, in the order of the result.
    """

    raster_bands: tuple[int, ...]

    def __init__(
        self,
        spatial_bounds: BoundingBox2D | tuple[float, float, float, float],
        time_interval: TimeInterval | Any,
        raster_bands: Sequence[int] | int | None = None,
        srs: str = "EPSG:4326",
        *,
        resolution: SpatialResolution | tuple[float, float] | float | None = None,
    ) -> None:
        super().__init__(spatial_bounds, time_interval, srs, resolution=resolution)
        bands = (0,) if raster_bands is None else raster_bands
        bands = (bands,) if isinstance(bands, int) else tuple(int(band) for band in bands)
        if not bands or len(set(bands)) < len(bands) or min(bands) < 0:
            raise InvalidInputError(
                f"raster_bands {list(bands)} must be distinct indices from 0, at least one"
            )
        _set(self, "raster_bands", bands)


def _set(instance: object, name: str, value: object) -> None:
    object.__setattr__(instance, name, value)
