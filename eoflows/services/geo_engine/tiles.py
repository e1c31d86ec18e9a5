"""Tiles of a raster stream: Arrow files of one column, read without a copy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from eoflows.base.errors import ContractError
from eoflows.services.geo_engine.descriptors import RasterBandDescriptor
from eoflows.services.geo_engine.frames import Frame
from eoflows.services.geo_engine.grid import PixelGrid, Window
from eoflows.services.geo_engine.nulls import default_fill, expand_validity, fill_of, place
from eoflows.services.geo_engine.queries import BoundingBox2D, SpatialResolution
from eoflows.services.geo_engine.times import TimeInterval

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]
    import xarray as xr

__all__ = ["RasterTile2D", "read_batch", "read_tile"]


@dataclass(frozen=True, eq=False)
class RasterTile2D:
    """One tile: one band at one time step, as it came.

    Attributes:
        shape: Rows and columns.
        data: The values, row by row from the upper left, with nulls.
        geo_transform: Upper left edge and size of the pixels.
        crs: Reference system like `EPSG:4326`; empty if there is none.
        time: The interval for which the values hold.
        band: Index of the band in the workflow.
    """

    shape: tuple[int, int]
    data: "pa.Array[Any]"
    geo_transform: PixelGrid
    crs: str
    time: TimeInterval
    band: int

    @property
    def size_y(self) -> int:
        """Rows."""
        return self.shape[0]

    @property
    def size_x(self) -> int:
        """Columns."""
        return self.shape[1]

    @property
    def data_type(self) -> "pa.DataType":
        """Type of the values in Arrow."""
        return self.data.type

    @property
    def numpy_data_type(self) -> np.dtype[Any]:
        """Type of the values in NumPy."""
        found: np.dtype[Any] = np.dtype(self.data.type.to_pandas_dtype())
        return found

    @property
    def has_null_values(self) -> bool:
        """Whether some pixels have no value."""
        return bool(self.data.null_count > 0)

    @property
    def is_empty(self) -> bool:
        """Whether no pixel has a value."""
        return bool(self.data.null_count == len(self.data))

    @property
    def time_start_ms(self) -> np.datetime64:
        """Start as datetime64[ms], UTC."""
        return self.time.start

    @property
    def time_end_ms(self) -> np.datetime64:
        """End as datetime64[ms], UTC."""
        return self.time.end

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Width and (negative) height of a pixel."""
        return self.geo_transform.dx, self.geo_transform.dy

    @property
    def spatial_partition(self) -> BoundingBox2D:
        """The outer edges."""
        height, width = self.shape
        grid = self.geo_transform
        return BoundingBox2D(grid.x, grid.y + height * grid.dy, grid.x + width * grid.dx, grid.y)

    @property
    def spatial_resolution(self) -> SpatialResolution:
        """Width and height of a pixel."""
        return SpatialResolution(self.geo_transform.dx, -self.geo_transform.dy)

    def values(self) -> NDArray[Any]:
        """The values without a copy, of shape (rows, columns); where there are none they are arbitrary."""
        buffer = self.data.buffers()[1]
        flat = np.frombuffer(buffer, self.numpy_data_type, len(self.data), self.data.offset * self._width)
        return flat.reshape(self.shape)

    def validity(self) -> NDArray[np.uint8] | None:
        """The Arrow bitmap (one where there is a value), or None if every pixel has one."""
        bitmap = self.data.buffers()[0]
        if bitmap is None or self.data.null_count == 0:
            return None
        return np.frombuffer(bitmap, np.uint8)

    def write_into(self, target: NDArray[Any], fill: Any, part: tuple[slice, slice] | None = None) -> None:
        """Write the values into a part of an array of the same type, and `fill` where there are none.

        Args:
            target: Of the tile's shape, or of its part's.
            fill: Value of the array's type.
            part: Rows and columns of the tile that belong there; None is all of them.
        """
        if self.is_empty:
            target[...] = fill
        elif part is None:
            place(self.values(), self.validity(), target, fill, offset=self.data.offset)
        else:
            whole = self.values() if self.validity() is None else self.to_numpy_data_array(fill)
            target[...] = whole[part]

    def to_numpy(self) -> "np.ma.MaskedArray[Any, Any]":
        """The values as a masked array of shape (rows, columns)."""
        mask = self.to_numpy_mask_array()
        return np.ma.MaskedArray(self.values(), mask=np.ma.nomask if mask is None else mask)

    def to_numpy_masked_array(self, nan_is_null: bool = False) -> "np.ma.MaskedArray[Any, Any]":
        """The values as a masked array; NaN is masked too if `nan_is_null`."""
        masked = self.to_numpy()
        return np.ma.masked_invalid(masked) if nan_is_null and masked.dtype.kind == "f" else masked

    def to_numpy_data_array(self, fill_null_value: float = 0) -> NDArray[Any]:
        """The values as a new array, with this value where there are none."""
        whole = np.empty(self.shape, self.numpy_data_type)
        self.write_into(whole, fill_of(whole.dtype, fill_null_value))
        return whole

    def to_numpy_mask_array(self, nan_is_null: bool = False) -> NDArray[np.bool_] | None:
        """Booleans, true where there is no value (or NaN, if `nan_is_null`); None if every pixel has one."""
        bitmap = self.validity()
        if bitmap is None:
            return None
        mask = ~expand_validity(bitmap, self.data.offset, len(self.data)).reshape(self.shape)
        return mask | np.isnan(self.values()) if nan_is_null and self.numpy_data_type.kind == "f" else mask

    def coords_x(self, pixel_center: bool = False) -> NDArray[np.floating[Any]]:
        """Left edges of the columns, or their centres."""
        return self.geo_transform.columns(np.arange(self.size_x) + pixel_center / 2)

    def coords_y(self, pixel_center: bool = False) -> NDArray[np.floating[Any]]:
        """Upper edges of the rows, or their centres."""
        return self.geo_transform.lines(np.arange(self.size_y) + pixel_center / 2)

    def to_xarray(self, clip_with_bounds: BoundingBox2D | None = None) -> "xr.DataArray":
        """The tile with coordinates, in its own type; NaN (or `attrs["nodata"]`) where there is no value.

        Args:
            clip_with_bounds: Only the pixels that this box touches.
        """
        whole = Window(0, 0, *self.shape)
        window = whole
        if clip_with_bounds is not None:
            window = whole.common(self.geo_transform.window(clip_with_bounds)) or Window(0, 0, 0, 0)
        fill = default_fill(self.numpy_data_type)
        values = self.to_numpy_data_array(fill)[window.within(whole)]
        nodata = {"nodata": fill.item()} if self.has_null_values and values.dtype.kind != "f" else {}
        band = RasterBandDescriptor(name=str(self.band))
        frame = Frame(self.geo_transform, window, (band,), (self.band,), self.crs, nodata)
        return frame.slice_array(values, self.time)

    @property
    def _width(self) -> int:
        return self.numpy_data_type.itemsize


def read_batch(message: bytes) -> "pa.RecordBatch":
    """Open the one record batch of an Arrow IPC file, without a copy.

    Raises:
        ContractError: It is damaged, or cut off.
    """
    import pyarrow as pa  # noqa: PLC0415

    try:
        return pa.ipc.open_file(pa.py_buffer(message)).get_batch(0)
    except (pa.ArrowException, OSError, IndexError) as error:
        raise ContractError(f"a message of {len(message)} bytes is no Arrow file: {error}") from error


def read_tile(batch: "pa.RecordBatch") -> RasterTile2D:
    """Read what a tile's record batch says of itself.

    Raises:
        ContractError: It is no tile.
    """
    metadata = batch.schema.metadata or {}
    try:
        shape = int(metadata[b"ySize"]), int(metadata[b"xSize"])
        tile = RasterTile2D(
            shape=shape,
            data=batch.column(0),
            geo_transform=PixelGrid.parse(orjson.loads(metadata[b"geoTransform"])),
            crs=metadata.get(b"spatialReference", b"").decode(),
            time=TimeInterval.of(orjson.loads(metadata[b"time"])),
            band=int(metadata.get(b"band", b"0")),
        )
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ContractError(f"a tile does not describe itself: {type(error).__name__} {error}") from error
    if len(tile.data) != shape[0] * shape[1]:
        raise ContractError(f"a tile of {shape[0]} by {shape[1]} pixels has {len(tile.data)} values")
    return tile
