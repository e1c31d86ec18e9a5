"""Streams into Zarr, GeoTIFF and GeoParquet, also in runs that were killed."""

import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import obstore
import pytest
import rasterio
import xarray as xr
from conftest import DAY, START, Raster, opened
from geopandas.testing import assert_geodataframe_equal
from pydantic import SecretStr
from test_geo_streams import BOX, DAYS, IRREGULAR, TILES

from eoflows.base.errors import AbsentError, InvalidInputError, StorageError, TruncatedError
from eoflows.sandbox.geo_engine.stream_faults import stream_fault
from eoflows.services.geo_engine import (
    IncompleteStreamError,
    QueryRectangle,
    RasterQueryRectangle,
    submit_workflow,
)
from eoflows.services.geo_engine.times import MAX_MS, MIN_MS
from eoflows.services.geo_engine.zarr_writer import ZarrSettings, object_store
from eoflows.stores.transfer.s3 import S3Bucket

pytestmark = pytest.mark.anyio
QUERY = QueryRectangle(BOX, DAYS)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("kind", ["I64", "F32"])
async def test_zarr_is_what_memory_is(client, tmp_path, clip, kind):
    workflow = await Raster(bands=2, dataType=kind, nullShare=0.2).workflow(client)
    expected = await workflow.raster_stream_into_xarray(QUERY, clip)
    done = await workflow.raster_stream_into_zarr(QUERY, tmp_path / "a.zarr", clip)
    assert done.shape == expected.shape
    assert (done.received, done.found) == (3 * TILES, 0)
    found = xr.open_zarr(tmp_path / "a.zarr")["data"]
    assert found.dtype == expected.dtype
    xr.testing.assert_identical(found.load(), expected)
    again = await workflow.raster_stream_into_zarr(QUERY, tmp_path / "a.zarr", clip)
    assert (again.shape, again.received, again.found) == (done.shape, 0, 3 * TILES)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("chunk", [(8, 32), (20, 7), (1000, 1000)])
async def test_chunks_of_choice(client, tmp_path, clip, chunk):
    workflow = await Raster(dataType="U16").workflow(client)
    settings = ZarrSettings(chunk=chunk)
    await workflow.raster_stream_into_zarr(QUERY, tmp_path / "a.zarr", clip, settings=settings)
    found = xr.open_zarr(tmp_path / "a.zarr", chunks=None)["data"]
    assert found.encoding["chunks"][2:] == chunk
    xr.testing.assert_identical(found.load(), await workflow.raster_stream_into_xarray(QUERY, clip))


async def test_irregular_unbounded_and_empty_time(client, tmp_path):
    workflow = await Raster(time={"intervals": IRREGULAR}).workflow(client)
    query = QueryRectangle(BOX, (START, START + 9 * DAY))
    await workflow.raster_stream_into_zarr(query, tmp_path / "a")
    expected = await workflow.raster_stream_into_xarray(query)
    xr.testing.assert_identical(xr.open_zarr(tmp_path / "a")["data"].load(), expected)
    gap = QueryRectangle(BOX, (START + 3 * DAY, START + 4 * DAY))
    assert (await workflow.raster_stream_into_zarr(gap, tmp_path / "b")).shape[0] == 0
    assert xr.open_zarr(tmp_path / "b")["data"].shape[0] == 0
    endless = await Raster(time={"intervals": [[MIN_MS, MAX_MS]]}).workflow(client)
    await endless.raster_stream_into_zarr(query, tmp_path / "c")
    found = xr.open_zarr(tmp_path / "c")["data"]
    xr.testing.assert_identical(found.load(), await endless.raster_stream_into_xarray(query))
    assert found.time.values[0] == np.datetime64(MIN_MS, "ms")


@pytest.mark.parametrize("regular", [True, False])
@pytest.mark.parametrize("clip", [True, False])
async def test_a_run_that_failed_goes_on(engine, client, tmp_path, clip, regular):
    time = (
        {}
        if regular
        else {"time": {"intervals": [[START + n * DAY, START + (n + 1) * DAY] for n in range(3)]}}
    )
    workflow = await Raster(bands=2, nullShare=0.5, dataType="I32", **time).workflow(client)
    expected = await workflow.raster_stream_into_xarray(QUERY, clip)
    engine.faults.add(stream_fault("drop", message=TILES + 17, times=1))
    engine.faults.add(stream_fault("drop", message=0))
    with pytest.raises(IncompleteStreamError):
        await workflow.raster_stream_into_zarr(QUERY, tmp_path / "a", clip)
    engine.faults.clear()
    done = await workflow.raster_stream_into_zarr(QUERY, tmp_path / "a", clip)
    assert done.found > TILES / 2
    assert done.found + done.received == 3 * TILES
    xr.testing.assert_identical(xr.open_zarr(tmp_path / "a")["data"].load(), expected)


CODE = """
import asyncio, sys
from eoflows.services.geo_engine import GeoEngineClient, QueryRectangle, load_workflow
async def run(url, workflow, store, box, start, end):
    async with GeoEngineClient(url) as client:
        query = QueryRectangle(tuple(map(float, box.split(","))), (int(start), int(end)))
        found = await load_workflow(client, workflow)
        def progress(now):
            print(now.tiles, flush=True)
        await found.raster_stream_into_zarr(query, store, progress=progress)
asyncio.run(run(*sys.argv[1:]))
"""


async def test_a_killed_run_goes_on(engine, client, tmp_path):
    workflow = await Raster(bands=2, nullShare=0.5, dataType="F64").workflow(client)
    expected = await workflow.raster_stream_into_xarray(QUERY)
    engine.faults.add(stream_fault("slow", seconds=0.02))
    url, box = client.url, ",".join(map(str, BOX))
    for tiles in (7, TILES + 4):
        command = [sys.executable, "-c", CODE, url, str(workflow), str(tmp_path / "a"), box]
        times = [str(DAYS.start_ms), str(DAYS.end_ms)]
        with subprocess.Popen(  # noqa: ASYNC220
            [*command, *times], stdout=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout:
                if int(line) >= tiles:
                    process.kill()
                    break
    engine.faults.clear()
    done = await workflow.raster_stream_into_zarr(QUERY, tmp_path / "a")
    assert done.found >= TILES
    assert done.found + done.received == 3 * TILES
    xr.testing.assert_identical(xr.open_zarr(tmp_path / "a")["data"].load(), expected)


async def test_a_store_that_holds_something_else(client, tmp_path):
    workflow = await Raster().workflow(client)
    await workflow.raster_stream_into_zarr(QUERY, tmp_path / "a")
    other = RasterQueryRectangle(BOX, START, 0)
    with pytest.raises(StorageError, match="another raster"):
        await workflow.raster_stream_into_zarr(other, tmp_path / "a")
    replaced = await workflow.raster_stream_into_zarr(
        other, tmp_path / "a", settings=ZarrSettings(overwrite=True, attrs={"references": "somebody"})
    )
    assert replaced.shape[0] == 1
    assert xr.open_zarr(tmp_path / "a").attrs["references"] == "somebody"
    xr.Dataset({"a": ("x", [1])}).to_zarr(tmp_path / "b", consolidated=False)
    with pytest.raises(StorageError, match="no raster of ours"):
        await workflow.raster_stream_into_zarr(QUERY, tmp_path / "b")
    with pytest.raises(InvalidInputError, match="limit_bytes"):
        await workflow.raster_stream_into_zarr(QUERY, tmp_path / "c", limit_bytes=10)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_zarr_in_a_bucket(client, s3_endpoint):
    import boto3

    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=s3_endpoint, **keys).create_bucket(Bucket="rasters")
    bucket = S3Bucket("rasters", s3_endpoint, access_key="key", secret_key=SecretStr("secret"))
    store = object_store(bucket, "some/raster.zarr")
    workflow = await Raster(dataType="U16").workflow(client)
    await workflow.raster_stream_into_zarr(QUERY, store)
    expected = await workflow.raster_stream_into_xarray(QUERY)
    xr.testing.assert_identical(xr.open_zarr(store)["data"].load(), expected)
    again = await workflow.raster_stream_into_zarr(QUERY, store)
    assert (again.received, again.found) == (0, 45)
    assert obstore.get(bucket.open(), "some/raster.zarr/zarr.json").bytes()


@pytest.mark.parametrize("kind", ["cog", "tiled"])
@pytest.mark.filterwarnings("ignore::eoflows.services.geo_engine.FillValueWarning")
async def test_one_time_step_as_geotiff(client, tmp_path, kind):
    raster = Raster(bands=2, dataType="U8", nullShare=0.2)
    workflow = await raster.workflow(client)
    path, query = tmp_path / "one.tif", QueryRectangle(BOX, START + DAY)
    await workflow.raster_stream_into_geotiff(query, path, kind=kind)
    expected = await workflow.raster_stream_into_xarray(query, True)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(), expected.values[0])
        assert (file.crs.to_string(), file.nodata) == ("EPSG:4326", 255)
        assert file.bounds == (-17, -30, 34, 13)
        assert file.tags()["time_start"] == "2014-01-02T00:00:00.000+00:00"
    assert [one.name for one in tmp_path.iterdir()] == ["one.tif"]
    with pytest.raises(InvalidInputError, match="3 time steps"):
        await workflow.raster_stream_into_geotiff(QUERY, path)


@pytest.mark.parametrize("kind", ["U8", "I16"])
async def test_what_is_missing_beyond_the_box_is_nobodys(client, tmp_path, kind):
    """Tiles reach beyond raster and box; there they have no values, and inside every pixel has one."""
    workflow = await Raster(dataType=kind).workflow(client)
    query = QueryRectangle((-20, -35, 40, 15), START)
    await workflow.raster_stream_into_geotiff(query, tmp_path / "one.tif")
    await workflow.raster_stream_into_zarr(query, tmp_path / "one.zarr", True)
    with rasterio.open(tmp_path / "one.tif") as file:
        assert (file.nodata, file.read_masks().min()) == (None, 255)
    assert "nodata" not in xr.open_zarr(tmp_path / "one.zarr")["data"].attrs
    assert "nodata" not in (await workflow.raster_stream_into_xarray(query, True)).attrs


async def test_no_time_step_as_geotiff(client, tmp_path):
    workflow = await Raster(time={"intervals": IRREGULAR}).workflow(client)
    with pytest.raises(AbsentError):
        await workflow.raster_stream_into_geotiff(QueryRectangle(BOX, START + 4 * DAY), tmp_path / "one.tif")
    with pytest.raises(InvalidInputError, match="time steps"):
        await workflow.raster_stream_into_geotiff(QUERY, tmp_path / "one.tif")
    assert list(tmp_path.iterdir()) == []


PORTS = {"type": "Vector", "operator": {"type": "OgrSource", "params": {"data": "ports"}}}
EVERYWHERE = QueryRectangle((-180, -90, 180, 90), "2014-05-01")


def features(count=30_000, **params):
    return {"type": "Vector", "operator": {"type": "SandboxVector", "params": {"count": count, **params}}}


async def test_features_in_frames_and_files(client, tmp_path):
    workflow = await submit_workflow(client, features(nullShare=0.1))
    chunks = [chunk async for chunk in workflow.vector_stream(EVERYWHERE, "from", "to")]
    assert len(chunks) > 1
    assert {"from", "to", "geometry"} < set(chunks[0].columns)
    whole = await workflow.vector_stream_into_geopandas(EVERYWHERE)
    assert len(whole) == 30_000 == sum(map(len, chunks))
    assert str(whole.time_end[0]) == "2015-01-01 00:00:00+00:00"
    assert await workflow.vector_stream_into_parquet(EVERYWHERE, tmp_path / "a.parquet") == 30_000
    stored = gpd.read_parquet(tmp_path / "a.parquet")
    assert stored.crs == whole.crs
    assert_geodataframe_equal(stored[whole.columns], whole, check_dtype=False)
    assert [one.name for one in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize("kind", ["drop", "close", "truncate", "text"])
async def test_a_broken_stream_of_features_is_never_short(engine, client, tmp_path, kind):
    workflow = await submit_workflow(client, features())
    engine.faults.add(stream_fault(kind, message=1, times=1))
    with pytest.raises(TruncatedError, match="after 1 chunks"):
        _ = [chunk async for chunk in workflow.vector_stream(EVERYWHERE)]
    engine.faults.clear()
    engine.faults.add(stream_fault(kind, message=1, times=1))
    assert len(await workflow.vector_stream_into_geopandas(EVERYWHERE)) == 30_000
    engine.faults.clear()
    engine.faults.add(stream_fault(kind, message=1, times=1))
    assert await workflow.vector_stream_into_parquet(EVERYWHERE, tmp_path / "a.parquet") == 30_000
    assert len(gpd.read_parquet(tmp_path / "a.parquet")) == 30_000
    engine.faults.clear()
    engine.faults.add(stream_fault(kind, message=1))
    with pytest.raises(TruncatedError):
        await workflow.vector_stream_into_parquet(EVERYWHERE, tmp_path / "b.parquet")
    assert [one.name for one in tmp_path.iterdir()] == ["a.parquet"]


async def test_no_features(client, tmp_path):
    workflow = await submit_workflow(client, PORTS)
    query = QueryRectangle((-180, -90, 180, 90), "1999-05-01")
    frame = await workflow.vector_stream_into_geopandas(query)
    assert len(frame) == 0
    assert {"scalerank", "geometry", "time_start"} < set(frame.columns)
    assert await workflow.vector_stream_into_parquet(query, tmp_path / "a.parquet") == 0
    assert set(gpd.read_parquet(tmp_path / "a.parquet").columns) == set(frame.columns)


def test_the_sandbox_is_where_it_is_expected(engine):
    assert Path(sys.modules["eoflows.sandbox"].__file__).is_file()
    assert opened(engine).url.endswith("/geoengine/0.9")
