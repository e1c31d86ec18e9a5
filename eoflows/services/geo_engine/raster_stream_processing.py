"""Tiles from bytes, step by step, under the names of the reference document."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eoflows.services.geo_engine.tiles import RasterTile2D, read_batch, read_tile

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]
    import xarray as xr

__all__ = ["RasterStreamProcessing"]


class RasterStreamProcessing:
    """What happens to the messages of a raster stream.

    Streams of this package do not build an array per tile and merge them, as these functions do: they
    write each tile into its place in one array.
    """

    @classmethod
    def read_arrow_ipc(cls, arrow_ipc: bytes) -> "pa.RecordBatch":
        """Read the record batch of an Arrow IPC file.

        Raises:
            ContractError: It is damaged, or cut off.
        """
        return read_batch(arrow_ipc)

    @classmethod
    def process_bytes(cls, tile_bytes: bytes | None) -> RasterTile2D | None:
        """Read a tile; None gives None.

        Raises:
            ContractError: It is no tile.
        """
        return None if tile_bytes is None else read_tile(read_batch(tile_bytes))

    @classmethod
    def merge_tiles(cls, tiles: "Sequence[xr.DataArray]") -> "xr.DataArray | None":
        """Put tiles into one array of shape (time, band, y, x), in any order; no tiles give None.

        Raises:
            TruncatedError: Tiles are missing between them.
        """
        from eoflows.services.geo_engine.arrays import merged  # noqa: PLC0415

        return merged(tiles)
