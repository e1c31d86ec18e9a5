"""One time step of a raster stream as GeoTIFF, block by block as tiles come."""

from contextlib import aclosing
from enum import StrEnum
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import rasterio  # type: ignore[import-untyped]
import rasterio.shutil  # type: ignore[import-untyped]
from rasterio.transform import Affine  # type: ignore[import-untyped]
from rasterio.windows import Window as RasterWindow  # type: ignore[import-untyped]

from eoflows.base.errors import AbsentError, InvalidInputError
from eoflows.base.files import put_file, scratch
from eoflows.services.geo_engine.arrays import NullsSeen, tile_windows
from eoflows.services.geo_engine.nulls import EXACT, fill_of, warn_of_fill
from eoflows.services.geo_engine.plan import RasterPlan
from eoflows.services.geo_engine.stream import PlacedTile, RasterStream
from eoflows.services.geo_engine.times import format_ms

__all__ = ["TiffKind", "stream_into_tiff"]


class TiffKind(StrEnum):
    """Which GeoTIFF is written."""

    COG = "cog"
    """Cloud-optimised, with overviews."""
    TILED = "tiled"
    """In tiles, without overviews."""


async def stream_into_tiff(
    stream: RasterStream,
    path: Path,
    *,
    clip: bool = True,
    fill_value: float | None = None,
    kind: TiffKind = TiffKind.COG,
    first_step: bool = False,
) -> None:
    """Write one time step, all bands, into a GeoTIFF; the file is whole or not there.

    Args:
        stream: The stream.
        path: Where the file is to be.
        clip: Only the pixels of the query.
        fill_value: For missing pixels; None: NaN, or the highest or lowest integer (of 64 bits: 2^53).
        kind: Which GeoTIFF.
        first_step: Whether later time steps are left out; else they are an error.

    Raises:
        InvalidInputError: The query has several time steps, or the fill value would not be exact.
        AbsentError: It has none.
    """
    if stream.plan.steps is not None and len(stream.plan.touched) > 1 and not first_step:
        raise InvalidInputError(
            f"the query has {len(stream.plan.touched)} time steps and a GeoTIFF holds one; ask for an instant"
        )
    _tiff_fill(stream.plan.dtype, fill_value)
    with scratch(path) as room:
        raw = room / "raw.tif"
        writer: _TiffWriter | None = None
        try:
            async with aclosing(stream.tiles()) as tiles:
                async for placed in tiles:
                    if placed.place.step > 0:
                        _check_single(stream, first_step)
                    else:
                        writer = writer or _TiffWriter(raw, stream.plan, clip=clip, fill_value=fill_value)
                        await anyio.to_thread.run_sync(writer.put, placed)
                    if first_step and not stream.tally.steps[0].missing:
                        break
            if writer is None:
                raise AbsentError("the workflow has no data at this time", status=404)
        finally:
            if writer is not None:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(writer.close)
        await anyio.to_thread.run_sync(_finish, raw, path, kind, _is_smooth(stream.plan))


def _check_single(stream: RasterStream, first_step: bool) -> None:
    if not first_step:
        starts = ", ".join(format_ms(step.time.start_ms) for step in stream.tally.steps[:2])
        raise InvalidInputError(
            f"the query has time steps {starts} and a GeoTIFF holds one; ask for an instant"
        )


def _is_smooth(plan: RasterPlan) -> bool:
    """Whether a value between two pixels means something: not between classes, nor between flags."""
    measures = {band.measurement.type for band in plan.bands}
    return measures == {"continuous"} or (plan.dtype.kind == "f" and "classification" not in measures)


def _finish(raw: Path, path: Path, kind: TiffKind, smooth: bool = False) -> None:
    whole = raw
    if kind is TiffKind.COG:
        whole = raw.with_name("cog.tif")
        rasterio.shutil.copy(
            raw,
            whole,
            driver="COG",
            compress="DEFLATE",
            bigtiff="IF_SAFER",
            overview_resampling="AVERAGE" if smooth else "NEAREST",
        )
    put_file(whole, path)


class _TiffWriter:
    """A tiled GeoTIFF that is filled window by window."""

    def __init__(self, path: Path, plan: RasterPlan, *, clip: bool, fill_value: float | None) -> None:
        self._plan, self._extent = plan, plan.extent(clip=clip)
        self._fill, self._seen = _tiff_fill(plan.dtype, fill_value), NullsSeen()
        corner = plan.grid.moved(self._extent.top, self._extent.left)
        options: dict[str, Any] = {"crs": plan.crs} if plan.crs else {}
        self._file = rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=self._extent.columns,
            height=self._extent.rows,
            count=len(plan.bands),
            dtype=plan.dtype.name,
            transform=Affine(corner.dx, 0, corner.x, 0, corner.dy, corner.y),
            tiled=True,
            blockxsize=256,
            blockysize=256,
            bigtiff="IF_SAFER",
            interleave="band",
            **options,
        )
        for number, band in enumerate(plan.bands, start=1):
            self._file.set_band_description(number, band.name)
            if band.measurement.unit:
                self._file.set_band_unit(number, band.measurement.unit)

    def put(self, placed: PlacedTile) -> None:
        tile, place = placed.tile, placed.place
        if self._file.tags().get("time_start") is None:
            interval = tile.time
            self._file.update_tags(
                time_start=format_ms(interval.start_ms), time_end=format_ms(interval.end_ms)
            )
        found = tile_windows(self._plan, place.row, place.column, self._extent)
        if found is None:
            return
        (rows, columns), part = found
        values = tile.values() if tile.validity() is None else tile.to_numpy_data_array(self._fill)
        values = values if part is None else values[part]
        self._seen.look(tile, values, self._fill, part)
        window = RasterWindow.from_slices(rows, columns)
        self._file.write(values, place.band + 1, window=window)

    def close(self) -> None:
        if self._seen.any or self._plan.dtype.kind == "f":
            self._file.nodata = self._fill.item()
        self._file.close()
        if self._seen.ambiguous:
            warn_of_fill(self._fill)


def _tiff_fill(dtype: np.dtype[Any], asked: float | None) -> Any:
    """The value for missing pixels; readers of GeoTIFF take it as a float, whatever the type of the values.

    Raises:
        InvalidInputError: It would not be exact.
    """
    found = fill_of(dtype, asked)
    if dtype.kind == "f" or abs(int(found)) <= EXACT:
        return found
    if asked is not None:
        raise InvalidInputError(
            f"fill value {found} would be rounded by readers of a GeoTIFF, which are exact up to {EXACT}; "
            "give another one, or stream into Zarr"
        )
    return dtype.type(EXACT if dtype.kind == "u" else -EXACT)
