"""Zarr, COG and GeoParquet of every type, read by other programs in an environment without ours.

Values have missing ones, classes, flags and 64 bits; times are before 1970 and after 2262.
"""

import json
import pickle
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from peers import peer_python

from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.geo_engine.features import select
from eoflows.sandbox.geo_engine.sources import VectorSource
from eoflows.services.geo_engine import GeoEngineClient, QueryRectangle, Workflow, submit_workflow
from eoflows.services.geo_engine.queries import RasterQueryRectangle

pytestmark = [pytest.mark.anyio, pytest.mark.prove]
READERS = (
    "rasterio==1.4.4",
    "rio-cogeo==7.0.4",
    "xarray==2026.9.0",
    "zarr==3.1.6",
    "netCDF4==1.7.5.1.post1",
    "h5netcdf==1.8.2",
    "h5py==3.16.0",
    "rioxarray==0.19.0",
    "geopandas==1.2.0",
    "pyarrow==26.0.1",
    "duckdb==2.0.1",
    "dask==2026.8.0",
)
EARLY, LATE, DAY = -1_893_456_000_000, 16_725_225_600_000, 86_400_000
"""1910 and 2500."""
CLASSES = {"type": "classification", "measurement": "cover", "classes": {"1": "water", "2": "wood"}}
KINDS = ("U8", "U16", "U32", "U64", "I8", "I16", "I32", "I64", "F32", "F64")
FEATURES = {
    "count": 300,
    "nullShare": 0.2,
    "time": [EARLY, LATE],
    "columns": {
        "number": "int",
        "share": "float",
        "name": "text",
        "cover": {"dataType": "category", "measurement": CLASSES},
        "good": "bool",
        "seen": "dateTime",
    },
}
BOX = (2.0, -590.0, 680.0, -1.0)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[GeoEngineClient]:
    with Sandbox(SandboxSettings(days=1)) as box:
        async with GeoEngineClient(f"{box.url}/geoengine/0.9") as found:
            yield found


async def raster(client: GeoEngineClient, kind: str, nulls: float) -> Workflow:
    params = {
        "width": 700,
        "height": 600,
        "origin": [0, 0],
        "pixelSize": [1, 1],
        "tileSize": 256,
        "dataType": kind,
        "nullShare": nulls,
        "bands": [
            {"name": "cover", "measurement": CLASSES},
            {"name": "flags", "measurement": {"type": "unitless"}},
        ],
        "time": {"intervals": [[EARLY, EARLY + DAY], [LATE, LATE + DAY]]},
    }
    return await submit_workflow(
        client, {"type": "Raster", "operator": {"type": "SandboxRaster", "params": params}}
    )


def expect(folder: Path, file: str, kind: str, **expected: Any) -> None:
    (folder / f"{file}.expected").write_bytes(pickle.dumps({"kind": kind, "expected": expected}))


def about(array: Any) -> Mapping[str, Any]:
    numbers = map(float, array.spatial_ref.attrs["GeoTransform"].split())
    left, width, turn, top, tilt, height = numbers
    return {
        "values": array.values,
        "nodata": array.attrs.get("nodata"),
        "bands": ["cover", "flags"],
        "transform": [width, turn, left, tilt, height, top],
        **{name: array[name].values.astype(np.int64).tolist() for name in ("time", "time_end")},
    }


@pytest.mark.filterwarnings("ignore::eoflows.services.geo_engine.FillValueWarning")
async def make_rasters(client: GeoEngineClient, folder: Path) -> None:
    both, early = QueryRectangle(BOX, (EARLY, LATE + DAY)), RasterQueryRectangle(BOX, EARLY, (0, 1))
    for kind in KINDS:
        for nulls in (0.0, 0.2):
            name = f"{kind}-{nulls}"
            workflow = await raster(client, kind, nulls)
            array = await workflow.raster_stream_into_xarray(both, True)
            expect(folder, f"{name}.array", "array", array=array, **about(array))
            await workflow.raster_stream_into_zarr(both, folder / f"{name}.zarr", True)
            expect(folder, f"{name}.zarr", "zarr", **about(array))
            masked = await workflow.raster_stream_into_xarray(early, True, nulls="mask")
            await workflow.raster_stream_into_geotiff(early, folder / f"{name}.tif", True, kind="cog")
            lost = masked.mask.values[0]
            nodata = masked.attrs.get("nodata")
            if kind in ("U64", "I64") and nodata is not None:
                nodata = 2**53 if kind == "U64" else -(2**53)
            if nodata is not None:
                # A warning has said that it is also a value.
                lost = lost | (masked.values[0] == nodata)
            filled = np.where(lost, np.zeros((), masked.dtype), masked.values[0])
            expect(folder, f"{name}.tif", "cog", filled=filled, mask=lost, nodata=nodata)


async def make_features(client: GeoEngineClient, folder: Path) -> None:
    operator = {"type": "SandboxVector", "params": FEATURES}
    workflow = await submit_workflow(client, {"type": "Vector", "operator": operator})
    query = QueryRectangle((-180, -90, 180, 90), (EARLY, LATE))
    await workflow.vector_stream_into_parquet(query, folder / "features.parquet")
    source = VectorSource.from_params(FEATURES)
    blocks = [*select(source, (-180, -90, 180, 90), (EARLY, LATE))]
    columns = {name: [one for block in blocks for one in block.column(name)] for name in source.columns}
    count = len(columns["number"])
    expect(
        folder, "features.parquet", "parquet", **columns, time_start=[EARLY] * count, time_end=[LATE] * count
    )


@pytest.mark.filterwarnings("ignore::eoflows.services.geo_engine.FillValueWarning")
async def test_others_read_what_was_written(client: GeoEngineClient, tmp_path: Path) -> None:
    await make_rasters(client, tmp_path)
    await make_features(client, tmp_path)
    python = peer_python("readers-2", *READERS)
    script = Path(__file__).with_name("other_readers.py")
    done = subprocess.run([python, script, tmp_path], capture_output=True, text=True, check=False)  # noqa: ASYNC221
    assert done.returncode == 0, done.stderr
    read = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(read) == len(KINDS) * 2 * 3 + 1
    wrong = [f"{one['name']}: {fault}" for one in read for fault in one["wrong"]]
    assert not wrong, "\n".join(wrong)
