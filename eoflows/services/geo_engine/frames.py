"""Coordinates and attributes of a raster result: the same in memory and in Zarr."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from eoflows.services.geo_engine.descriptors import RasterBandDescriptor
from eoflows.services.geo_engine.grid import PixelGrid, Window
from eoflows.services.geo_engine.times import TimeInterval

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DIMS", "NAME", "Frame", "Variable", "cf_attrs"]

NAME = "data"
"""Name of the values."""
DIMS = ("time", "band", "y", "x")
"""Order of the dimensions."""


def cf_attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Give attributes as CF and netCDF allow them: text and numbers, anything else as JSON text."""
    return {name: _cf_value(value) for name, value in attrs.items()}


def _cf_value(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if plain else orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


@dataclass(frozen=True)
class Variable:
    """One coordinate.

    Attributes:
        dims: Its dimensions.
        values: Its values.
        attrs: Its attributes, by the CF conventions.
    """

    dims: tuple[str, ...]
    values: Any
    attrs: Mapping[str, Any]


@dataclass(frozen=True)
class Frame:
    """What surrounds the values of a raster result.

    Attributes:
        grid: The pixels.
        extent: Those of the result.
        bands: What the bands are.
        band_indices: Their indices in the workflow.
        crs: Reference system; empty if there is none.
        attrs: Further attributes of the values.
    """

    grid: PixelGrid
    extent: Window
    bands: tuple[RasterBandDescriptor, ...]
    band_indices: tuple[int, ...]
    crs: str
    attrs: Mapping[str, Any]

    def space(self) -> dict[str, Variable]:
        """Coordinates that are known before the first tile.

        `x` and `y` are centres of pixels, `band` indices in the workflow, `band_name` their names, and
        `spatial_ref` has the reference system as attributes.
        """
        axes = _axes(self.crs)
        names = np.array([band.name for band in self.bands])
        found = {
            "band": Variable(("band",), np.array(self.band_indices, dtype=np.int64), {}),
            "band_name": Variable(("band",), names, {}),
            "y": Variable(("y",), self.grid.centres_y(self.extent), axes.get("Y", {})),
            "x": Variable(("x",), self.grid.centres_x(self.extent), axes.get("X", {})),
        }
        if self.crs:
            found["spatial_ref"] = Variable((), np.int64(0), self._reference())
        return found

    def time(self, steps: Sequence[TimeInterval]) -> dict[str, Variable]:
        """Coordinates `time` and `time_end` as datetime64[ms] in UTC: unbounded times are kept."""
        starts = np.array([step.start_ms for step in steps], dtype="datetime64[ms]")
        ends = np.array([step.end_ms for step in steps], dtype="datetime64[ms]")
        return {
            "time": Variable(("time",), starts, {"standard_name": "time", "axis": "T"}),
            "time_end": Variable(("time",), ends, {"long_name": "end of the time step, excluded"}),
        }

    def value_attrs(self) -> dict[str, Any]:
        """Attributes of the values: what the bands measure (JSON), the unit that all share, the reference."""
        described = [_described(band) for band in self.bands]
        units = {band.measurement.unit for band in self.bands}
        attrs: dict[str, Any] = {"bands": described}
        if len(units) == 1 and (unit := units.pop()):
            attrs["units"] = unit
        if self.crs:
            attrs["grid_mapping"] = "spatial_ref"
        return cf_attrs(attrs | dict(self.attrs))

    def slice_array(self, values: NDArray[Any], time: TimeInterval) -> "xr.DataArray":
        """Values of shape (y, x) of one band at one time step, with coordinates."""
        import xarray as xr  # noqa: PLC0415

        coords = {**self.time([time]), **self.space()}
        found: dict[str, Any] = {
            name: (one.dims, one.values, dict(one.attrs)) for name, one in coords.items() if name in DIMS[2:]
        }
        for name in coords.keys() - found.keys() - {"band_name"}:
            one = coords[name]
            found[name] = ((), np.asarray(one.values).reshape(-1)[0], dict(one.attrs))
        attrs = {key: value for key, value in self.value_attrs().items() if key != "bands"}
        return xr.DataArray(values, found, DIMS[2:], name=NAME, attrs=attrs)

    def _reference(self) -> dict[str, Any]:
        corner = self.grid.moved(self.extent.top, self.extent.left)
        transform = " ".join(map(repr, (corner.x, corner.dx, 0.0, corner.y, 0.0, corner.dy)))
        return {**_reference_attrs(self.crs), "GeoTransform": transform}


def _described(band: RasterBandDescriptor) -> dict[str, Any]:
    measurement = band.measurement.model_dump(exclude_none=True)
    classes = measurement.pop("classes", None)
    named = {} if classes is None else {"classes": {str(value): name for value, name in classes.items()}}
    return {"name": band.name, **measurement, **named}


@lru_cache(maxsize=32)
def _reference_attrs(crs: str) -> Mapping[str, Any]:
    import pyproj  # noqa: PLC0415

    found = pyproj.CRS.from_user_input(crs)
    wkt = found.to_wkt()
    return {**cf_attrs(found.to_cf()), "crs_wkt": wkt, "spatial_ref": wkt, "long_name": crs}


@lru_cache(maxsize=32)
def _axes(crs: str) -> Mapping[str, Mapping[str, str]]:
    if not crs:
        return {}
    import pyproj  # noqa: PLC0415

    return {axis["axis"]: axis for axis in pyproj.CRS.from_user_input(crs).cs_to_cf() if "axis" in axis}
