"""What other programs read, in an environment without ours: results of a folder, and what is expected.

    python other_readers.py FOLDER

Each result is a line of JSON: `name`, and `wrong`, a list of what is not as it was made.
"""

import json
import pickle
import sys
import warnings
from pathlib import Path

import duckdb
import geopandas
import numpy as np
import pandas as pd
import rasterio
import rioxarray
import xarray as xr
from rio_cogeo import cog_validate

assert "eoflows" not in sys.modules
warnings.simplefilter("error")
# They tell of the next version of themselves.
warnings.filterwarnings("ignore", category=DeprecationWarning)
warnings.filterwarnings("ignore", category=FutureWarning)
warnings.filterwarnings("ignore", category=PendingDeprecationWarning)
# A client of ours has no part in how netCDF4 was built.
warnings.filterwarnings("ignore", message="numpy.ndarray size changed")


# Nanoseconds, which are the default, end in 2262.
TIMES = xr.coders.CFDatetimeCoder(time_unit="ms")


def different(found, expected):
    """Whether two arrays differ in type or value; NaN is NaN."""
    return found.dtype != expected.dtype or not np.array_equal(
        found, expected, equal_nan=expected.dtype.kind == "f"
    )


def read_zarr(path, expected, folder):
    dataset = xr.open_zarr(path, decode_coords="all")
    yield from read_array(dataset["data"], expected)
    for engine in ("netcdf4", "h5netcdf"):
        written = folder / f"{path.stem}.{engine}.nc"
        dataset.to_netcdf(written, engine=engine)
        with xr.open_dataset(written, engine=engine, decode_coords="all", decode_times=TIMES) as again:
            yield from (f"{engine}: {one}" for one in read_array(again["data"], expected))


def read_array(array, expected):
    if different(array.values, expected["values"]):
        yield f"values of {array.dtype}, {expected['values'].dtype} expected"
    for name in ("time", "time_end"):
        if array[name].values.astype("datetime64[ms]").astype(np.int64).tolist() != expected[name]:
            yield f"{name} {array[name].values}, {expected[name]} expected"
    if array.rio.crs is None or array.rio.crs.to_epsg() != 4326:
        yield f"CRS {array.rio.crs}"
    if list(array.rio.transform())[:6] != expected["transform"]:
        yield f"transform {array.rio.transform()}, {expected['transform']} expected"
    if array.attrs.get("nodata") != expected["nodata"]:
        yield f"nodata {array.attrs.get('nodata')}, {expected['nodata']} expected"
    if [band["name"] for band in json.loads(array.attrs["bands"])] != expected["bands"]:
        yield f"bands {array.attrs['bands']}"


def read_cog(path, expected, folder):
    good, errors, told = cog_validate(path, strict=True)
    if not good:
        yield f"no COG: {errors} {told}"
    with rasterio.open(path) as file:
        values, mask = file.read(), file.read_masks() == 0
        levels = file.overviews(1)
        if file.crs.to_epsg() != 4326:
            yield f"CRS {file.crs}"
        if values.dtype.kind != "f" and file.nodata != expected["nodata"]:
            yield f"nodata {file.nodata}, {expected['nodata']} expected"
    if (mask != expected["mask"]).any():
        yield f"{(mask != expected['mask']).sum()} of {mask.size} pixels are missing, or are not"
    if different(np.where(mask, np.zeros((), values.dtype), values), expected["filled"]):
        yield f"values of {values.dtype} differ, {expected['filled'].dtype} expected"
    for number, level in enumerate(levels):
        with rasterio.open(path, overview_level=number) as file:
            seen = file.read()
        if values.dtype.kind != "f" and not set(np.unique(seen)) <= set(np.unique(values)):
            yield f"the overview of {level} has values that no pixel has"
    if not levels:
        yield "no overviews"
    if rioxarray.open_rasterio(path).rio.crs.to_epsg() != 4326:
        yield "rioxarray finds another CRS"


def read_parquet(path, expected, folder):
    frame = geopandas.read_parquet(path)
    if frame.crs.to_epsg() != 4326 or not frame.geometry.notna().all():
        yield f"CRS {frame.crs}, {frame.geometry.isna().sum()} features without geometry"
    moments = {"seen", "time_start", "time_end"}
    for name, wanted in expected.items():
        if name in moments:
            text = f"SELECT epoch_ms({name})"
            found = (
                frame[name]
                .dt.tz_convert(None)
                .astype("datetime64[ms]")
                .astype("int64")
                .where(frame[name].notna())
            )
        else:
            text, found = f"SELECT {name}", frame[name]
        seen = [None if pd.isna(one) else one for one in found.tolist()]
        if seen != wanted:
            yield f"geopandas reads {name} as {seen[:3]}, {wanted[:3]} expected"
        rows = duckdb.sql(f"{text} FROM read_parquet('{path}')").fetchall()
        if [row[0] for row in rows] != wanted:
            yield f"duckdb reads {name} as {rows[:3]}, {wanted[:3]} expected"


def main(folder):
    """Read all that is there."""
    readers = {"zarr": read_zarr, "cog": read_cog, "parquet": read_parquet}
    for path in sorted(folder.glob("*.expected")):
        kind, expected = pickle.loads(path.read_bytes()).values()
        wrong = []
        try:
            if kind == "array":
                array = expected.pop("array")
                written = folder / f"{path.stem}.nc"
                array.to_netcdf(written, engine="netcdf4")
                with xr.open_dataarray(
                    written, engine="netcdf4", decode_coords="all", decode_times=TIMES
                ) as again:
                    wrong += read_array(again, expected)
                array.to_zarr(folder / f"{path.stem}.again.zarr", consolidated=False)
            else:
                wrong += readers[kind](path.with_suffix(""), expected, folder)
        except Exception as error:  # noqa: BLE001
            wrong.append(f"{type(error).__name__}: {error}")
        print(json.dumps({"name": path.stem, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
