"""pre-ARD to ARD: the orders of a tile become one dataset of time, y and x."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from eoflows.base.errors import InvalidInputError
from eoflows.base.files import whole_folder
from eoflows.services.earth_engine.preard import CHUNK, Band, PreArd, limited_memory, read_preard
from eoflows.services.earth_engine.scenes import millis_of

if TYPE_CHECKING:
    import xarray

__all__ = ["open_ard", "preard_to_cogs", "preard_to_zarr"]

_TIMES = 16
_TOGETHER = 64


def open_ard(path: str | Path) -> "xarray.Dataset":
    """Open what `preard_to_zarr` has written; nothing is read yet.

    Returns:
        A dataset of (time, y, x): bands as physical values with NaN where there is none, flags as they are;
        the `spatial_ref` coordinate has the CRS, the attribute `scenes` the properties of the images of
        each time.
    """
    import xarray as xr  # noqa: PLC0415

    dataset = xr.open_dataset(path, engine="zarr", consolidated=False, decode_coords="all")
    if isinstance(scenes := dataset.attrs["scenes"], str):
        dataset.attrs["scenes"] = orjson.loads(scenes)
    return dataset[list(dataset.attrs["bands"])]


def preard_to_zarr(metadata: Iterable[str | Path], target: str | Path, *, overwrite: bool = False) -> Path:
    """Write orders of one tile and collection as one Zarr (version 3), block by block.

    Blocking: run it in a thread. Memory depends on the number of bands in a file, not on the
    tile's size or the number of orders.

    Args:
        metadata: Metadata files of the orders, their images beside them.
        target: Folder to make. It gets its name when it is complete.
        overwrite: Whether one that is there may be replaced.

    Raises:
        InvalidInputError: The orders are not of one tile and collection, or have nothing in them.
        IntegrityError: Files are missing, or do not fit their metadata.
        StorageError: The target is there already.
    """
    orders = _orders(metadata)
    with whole_folder(Path(target), replace=overwrite) as part, limited_memory():
        _write_zarr(orders, part)
    return Path(target)


def _orders(metadata: Iterable[str | Path]) -> list[PreArd]:
    read = sorted((read_preard(Path(one)) for one in metadata), key=lambda one: one.times[:1])
    found = [one for one in read if one.times]
    if not found:
        raise InvalidInputError("there is nothing to convert: no order has an image")
    first = found[0]
    for one in found[1:]:
        if (one.collection, one.tile, one.bands, one.dtype) != (
            first.collection,
            first.tile,
            first.bands,
            first.dtype,
        ):
            raise InvalidInputError(
                f"{first.name} and {one.name} are not of one tile and collection, or have other bands"
            )
    times = [time for one in found for time in one.times]
    if times != sorted(times):
        raise InvalidInputError("the orders overlap in time; convert them apart")
    return found


def _write_zarr(orders: Sequence[PreArd], path: Path) -> None:
    import zarr  # noqa: PLC0415
    from zarr.errors import ZarrUserWarning  # noqa: PLC0415

    first, tile = orders[0], orders[0].tile
    shape = (sum(len(one.times) for one in orders), tile.height, tile.width)
    group = zarr.open_group(str(path), mode="w-", zarr_format=3)
    group.attrs.update({
        "Conventions": "CF-1.10",
        "collection": first.collection,
        "tile": tile.name,
        "bands": [band.name for band in first.bands],
        # What netCDF has no attribute for is text.
        "scenes": orjson.dumps([layer for one in orders for layer in one.scenes]).decode(),
    })  # fmt: skip
    _write_coordinates(group, orders)
    arrays = [
        group.create_array(
            band.name,
            shape=shape,
            chunks=(min(_TIMES, shape[0]), min(CHUNK, shape[1]), min(CHUNK, shape[2])),
            dtype=first.dtype,
            fill_value=band.nodata,
            dimension_names=("time", "y", "x"),
            attributes=_attributes(band),
        )
        for band in first.bands
    ]
    start = 0
    for order in orders:
        stop = start + len(order.times)
        for block in order.blocks():
            rows = slice(block.row, block.row + block.values.shape[2])
            columns = slice(block.column, block.column + block.values.shape[3])
            for number, array in enumerate(arrays):
                array[start:stop, rows, columns] = block.values[:, number]
        start = stop
    # Consolidated metadata are not in the Zarr 3 specification yet; xarray looks for them first. The filter
    # stays: to take it away again is not safe between threads.
    warnings.filterwarnings("ignore", "Consolidated metadata", ZarrUserWarning)
    zarr.consolidate_metadata(group.store)


def _attributes(band: Band) -> dict[str, Any]:
    about: dict[str, Any] = {
        "grid_mapping": "spatial_ref",
        "coordinates": "spatial_ref",
        "nodata": band.nodata,
        "source": band.source,
    }
    if band.bits:
        # Masked numbers would be read as floats, which have no bits.
        return about
    return about | {
        "_FillValue": band.nodata,
        "scale_factor": band.scale,
        "add_offset": band.offset,
        "units": band.unit,
    }


def _write_coordinates(group: Any, orders: Sequence[PreArd]) -> None:
    import numpy as np  # noqa: PLC0415

    tile = orders[0].tile
    x, y = tile.coords()
    times = [millis_of(time) for one in orders for time in one.times]
    metric = not tile.wkt.startswith(("GEOGCS", "GEOGCRS"))
    names = ("projection_x_coordinate", "projection_y_coordinate") if metric else ("longitude", "latitude")
    coordinates: tuple[tuple[str, Any, Mapping[str, Any]], ...] = (
        (
            "time",
            np.array(times, "int64"),
            {
                "standard_name": "time",
                "units": "milliseconds since 1970-01-01T00:00:00",
                "calendar": "proleptic_gregorian",
            },
        ),
        ("y", np.array(y), {"standard_name": names[1], "axis": "Y"}),
        ("x", np.array(x), {"standard_name": names[0], "axis": "X"}),
    )
    for name, values, about in coordinates:
        made = group.create_array(
            name,
            shape=values.shape,
            chunks=values.shape,
            dtype=values.dtype,
            dimension_names=(name,),
            attributes=dict(about),
        )
        made[:] = values
    a, b, c, d, e, f = tile.transform
    reference = {
        "crs_wkt": tile.wkt,
        "spatial_ref": tile.wkt,
        "GeoTransform": f"{c!r} {a!r} {b!r} {f!r} {d!r} {e!r}",
    }
    made = group.create_array(
        "spatial_ref", shape=(), dtype="int64", dimension_names=(), attributes=reference
    )
    made[...] = 0


def preard_to_cogs(
    metadata: Iterable[str | Path], target: str | Path, *, overwrite: bool = False
) -> list[Path]:
    """Write orders of one tile and collection as Cloud-Optimized GeoTIFFs, one per layer.

    Blocking: run it in a thread. Bands have names, scales and offsets; the tag `scenes` has the
    properties of the images. The files' nodata is that of the first band.

    Args:
        metadata: Metadata files of the orders, their images beside them.
        target: Folder to make. It gets its name when it is complete.
        overwrite: Whether one that is there may be replaced.

    Returns:
        The files in order of time.

    Raises:
        InvalidInputError, IntegrityError, StorageError: As `preard_to_zarr`.
    """
    orders = _orders(metadata)
    names: list[str] = []
    with whole_folder(Path(target), replace=overwrite) as part, limited_memory():
        for order in orders:
            for start in range(0, len(order.times), _TOGETHER):
                layers = range(start, min(start + _TOGETHER, len(order.times)))
                names += _write_cogs(order, layers, part)
    return [Path(target) / name for name in names]


def _write_cogs(order: PreArd, layers: Sequence[int], folder: Path) -> list[str]:
    import rasterio  # type: ignore[import-untyped]  # noqa: PLC0415
    from rasterio.shutil import copy  # type: ignore[import-untyped]  # noqa: PLC0415
    from rasterio.windows import Window  # type: ignore[import-untyped]  # noqa: PLC0415

    tile = order.tile
    profile = {
        "driver": "GTiff",
        "width": tile.width,
        "height": tile.height,
        "count": len(order.bands),
        "dtype": order.dtype,
        "crs": tile.wkt,
        "transform": rasterio.Affine(*tile.transform),
        "nodata": order.bands[0].nodata,
        "tiled": True,
        "blockxsize": CHUNK,
        "blockysize": CHUNK,
        "interleave": "band",
        "BIGTIFF": "IF_SAFER",
    }
    names = [_layer_name(order, layer) for layer in layers]
    with ExitStack() as stack:
        files = [
            stack.enter_context(rasterio.open(folder / f".{name}.raw", "w", **profile)) for name in names
        ]
        for layer, file in zip(layers, files, strict=True):
            _describe(file, order, layer)
        for block in order.blocks(layers):
            window = Window(block.column, block.row, block.values.shape[3], block.values.shape[2])
            for file, values in zip(files, block.values, strict=True):
                file.write(values, window=window)
    for name in names:
        raw = folder / f".{name}.raw"
        copy(raw, folder / name, driver="COG", COMPRESS="DEFLATE", OVERVIEW_RESAMPLING="NEAREST")
        raw.unlink()
    return names


def _layer_name(order: PreArd, layer: int) -> str:
    collection = order.collection.replace("/", "_")
    return f"{collection}_{order.tile.name}_{order.times[layer]:%Y%m%dT%H%M%S}.tif"


def _describe(file: Any, order: PreArd, layer: int) -> None:
    file.descriptions = [band.name for band in order.bands]
    file.scales = [band.scale for band in order.bands]
    file.offsets = [band.offset for band in order.bands]
    file.units = [band.unit for band in order.bands]
    file.update_tags(
        scenes=orjson.dumps(order.scenes[layer]).decode(),
        TIFFTAG_DATETIME=f"{order.times[layer]:%Y:%m:%d %H:%M:%S}",
    )
