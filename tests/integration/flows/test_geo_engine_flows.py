"""The flows of Geo Engine, against its stand-in."""

import base64
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from flow_runs import Run, run, sandbox_parameters
from PIL import Image
from prefect.flows import load_flow_from_entrypoint

from eoflows.blocks import ObjectStorage, S3Bucket
from eoflows.flows.download_raster import download_raster
from eoflows.flows.plot_workflow import plot_workflow
from eoflows.flows.save_dataset import save_dataset
from eoflows.flows.stream_raster import stream_raster
from eoflows.flows.stream_vector import stream_vector
from eoflows.jobs.ledger import JobFilter, Ledger
from eoflows.jobs.models import Phase
from eoflows.sandbox.faults import Fault
from eoflows.sandbox.geo_engine.stream_faults import stream_fault
from eoflows.services.geo_engine.zarr_writer import object_store
from eoflows.tasks.geo_engine import Box, PixelSize

pytestmark = pytest.mark.anyio
BLOCKS = {"server": "sandbox", "storage": "sandbox"}
NDVI = {"type": "Raster", "operator": {"type": "GdalSource", "params": {"data": "ndvi"}}}
COLOURS = {"type": "Raster", "operator": {"type": "GdalSource", "params": {"data": "reflectance"}}}
PORTS = {"type": "Vector", "operator": {"type": "OgrSource", "params": {"data": "ports"}}}
EUROPE = Box(xmin=-20, ymin=30, xmax=40, ymax=70)
FIELD = Box(xmin=400_000, ymin=5_690_000, xmax=407_000, ymax=5_697_000)
JANUARY, APRIL = "2014-01-01T00:00:00Z", "2014-04-01T00:00:00Z"


def small(**params: Any) -> dict[str, Any]:
    """A raster of 12 tiles of 16 by 16 pixels in each of two days."""
    given = {
        "width": 60,
        "height": 44,
        "dataType": "I16",
        "origin": [0, 0],
        "pixelSize": [1, 1],
        "tileSize": 16,
        "time": {"start": 1_388_534_400_000, "count": 2},
        **params,
    }
    return {"type": "Raster", "operator": {"type": "SandboxRaster", "params": given}}


SQUARE = Box(xmin=1, ymin=-40, xmax=57, ymax=-2)
TWO_DAYS = {"start": JANUARY, "end": "2014-01-03T00:00:00Z"}


def path_of(href: str) -> Path:
    return Path(unquote(urlsplit(href).path))


def dataset_at(href: str) -> Any:
    import xarray as xr

    return xr.open_zarr(path_of(href)).load()


def table(done: Run, key: str) -> dict[str, str]:
    return {row["what"]: row["value"] for row in done.artifacts[key]["data"]}


def picture(done: Run, key: str) -> Image.Image:
    address = done.artifacts[key]["data"]
    kind, _, encoded = address.partition(",")
    assert kind == "data:image/png;base64"
    assert len(address) < 100_000
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


async def test_a_raster_ends_in_zarr_and_is_not_asked_for_twice(place):
    asked = {**BLOCKS, "start": JANUARY, "end": APRIL}
    done = await run(stream_raster, NDVI, EUROPE, **asked)
    assert done.state.is_completed(), done.state.message
    result = await done.result()
    found = dataset_at(result["href"])
    assert found.data.shape == (3, 1, 400, 600)
    assert found.data.dtype.kind == "f" or found.data.attrs["nodata"] == 255
    assert "provenance" in found.attrs
    assert table(done, "stream-raster")["time steps"] == "3"
    assert done.artifacts["stream-raster-progress"]["data"] == 100.0
    assert picture(done, "stream-raster-preview").size == (201, 134)
    assert "Workflow" in done.artifacts["stream-raster-provenance"]["data"]
    assert result["href"] in done.artifacts["stream-raster-result"]["data"]

    before = len(place.box.log.entries("*rasterStream"))
    again = await run(stream_raster, result["workflow"], EUROPE, **asked)
    assert again.state.name == "AlreadyThere"
    assert len(place.box.log.entries("*rasterStream")) == before


async def test_a_stream_that_ends_for_good_is_continued_by_the_next_run(place):
    whole = await run(stream_raster, small(seed=7), SQUARE, **TWO_DAYS, **BLOCKS, name="whole.zarr")
    options = {**TWO_DAYS, **BLOCKS, "name": "cut.zarr", "clip": False}
    with place.box.faults.active(
        Fault("server_error", path="*rasterStream", after=1), stream_fault("close", message=13, times=1)
    ):
        cut = await run(stream_raster, small(seed=7), SQUARE, **options)
    assert cut.state.is_failed(), cut.state
    done = await run(stream_raster, small(seed=7), SQUARE, **options)
    facts = table(done, "stream-raster")
    assert (facts["messages of earlier runs"], facts["messages"]) == ("13", "11")
    expected = dataset_at((await whole.result())["href"]).data
    found = dataset_at((await done.result())["href"]).data
    np.testing.assert_array_equal(found.sel(x=expected.x, y=expected.y), expected)

    other = await run(stream_raster, small(seed=8), SQUARE, **options)
    assert "holds another raster" in other.state.message
    replaced = await run(stream_raster, small(seed=8), SQUARE, **options, overwrite=True)
    assert replaced.state.is_completed()


@pytest.mark.parametrize("format", ["cog", "geotiff"])
async def test_one_time_step_ends_in_a_geotiff(place, format):
    import rasterio

    options = {**BLOCKS, "format": format, "bands": ["B02", 0]}
    done = await run(stream_raster, COLOURS, FIELD, JANUARY, **options)
    assert done.state.is_completed(), done.state.message
    result = await done.result()
    with rasterio.open(path_of(result["href"])) as file:
        assert file.descriptions == ("B02", "B04")
        assert file.crs.to_epsg() == 32632
        assert (file.height, file.width) == (700, 700)
        assert bool(file.overviews(1)) == (format == "cog")
    record = json.loads(path_of(result["href"]).with_suffix(".tif.json").read_text())
    assert record["size"] == path_of(result["href"]).stat().st_size
    assert "provenance" in record
    assert max(picture(done, "stream-raster-preview").size) <= 256
    again = await run(stream_raster, COLOURS, FIELD, JANUARY, **options)
    assert again.state.name == "AlreadyThere"


async def test_a_box_in_another_reference_system_is_enclosed(place):
    box = Box(xmin=7.6, ymin=51.3, xmax=7.65, ymax=51.32)
    done = await run(stream_raster, COLOURS, box, JANUARY, **BLOCKS, crs="EPSG:4326", bands=["B04"])
    found = dataset_at((await done.result())["href"])
    assert 340 < found.sizes["x"] < 370
    assert "EPSG:32632" in found.spatial_ref.attrs["long_name"]


async def test_too_large_is_refused_before_anything_is_asked(place):
    before = len(place.box.log.entries("*rasterStream"))
    done = await run(stream_raster, NDVI, EUROPE, JANUARY, APRIL, **BLOCKS, max_gigabytes=0.0005)
    assert done.state.is_failed()
    assert "720.0 kB and 500.0 kB are allowed" in done.state.message
    assert len(place.box.log.entries("*rasterStream")) == before
    steps = {"intervals": [[day * 86_400_000, (day + 1) * 86_400_000] for day in range(5)]}
    unknown = {"start": "1970-01-01", "end": "1970-02-01", **BLOCKS, "max_gigabytes": 0.00001}
    grown = await run(stream_raster, small(time=steps), SQUARE, **unknown)
    assert grown.state.is_failed()
    assert "what has come so far" in grown.state.message


async def test_nothing_found_is_said(place):
    steps = {"intervals": [[0, 86_400_000]]}
    done = await run(stream_raster, small(time=steps), SQUARE, **TWO_DAYS, **BLOCKS)
    assert done.state.name == "NothingFound"
    absent = await run(stream_raster, small(time=steps), SQUARE, JANUARY, **BLOCKS, format="cog")
    assert absent.state.is_failed()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bands": ["B99"]}, "no band 'B99'"),
        ({"server": "none-such"}, "no Geo Engine Server block named 'none-such'"),
        ({"storage": "none-such"}, "no Object Storage block"),
        ({"name": "../out.zarr"}, "cannot"),
        ({"workflow": "nonsense"}, "not an id"),
        ({"workflow": "{"}, "no JSON"),
        ({"workflow": PORTS}, "not a raster"),
        ({"crs": "EPSG:1"}, "EPSG:1"),
    ],
)
async def test_what_is_wrong_is_said(place, wrong, said):
    given = {"workflow": COLOURS, "bbox": FIELD, "start": JANUARY, **BLOCKS, **wrong}
    done = await run(stream_raster, **given)
    assert done.state.is_failed()
    assert said in done.state.message


async def test_features_end_in_geoparquet(place):
    import geopandas as gpd

    world = Box(xmin=-180, ymin=-90, xmax=180, ymax=90)
    with place.box.faults.active(stream_fault("drop", message=0, times=1)):
        done = await run(stream_vector, json.dumps(PORTS), world, JANUARY, **BLOCKS)
    assert done.state.is_completed(), done.state.message
    result = await done.result()
    frame = gpd.read_parquet(path_of(result["href"]))
    assert len(frame) == int(table(done, "stream-vector")["features"]) > 0
    assert frame.crs.to_epsg() == 4326
    again = await run(stream_vector, PORTS, world, JANUARY, **BLOCKS)
    assert again.state.name == "AlreadyThere"
    many = await run(stream_vector, PORTS, world, JANUARY, **BLOCKS, name="x.parquet", max_gigabytes=1e-6)
    assert "what has come so far" in many.state.message


async def test_a_raster_is_downloaded_by_wcs_and_by_a_stream(place):
    import rasterio

    one = await run(
        download_raster, NDVI, EUROPE, JANUARY, **BLOCKS, resolution=PixelSize(x=0.2, y=0.2), name="wcs.tif"
    )
    assert one.state.is_completed(), one.state.message
    with rasterio.open(path_of((await one.result())["href"])) as file:
        assert file.shape == (200, 300)
    assert picture(one, "download-raster-preview").size[0] > 8
    several = await run(download_raster, COLOURS, FIELD, JANUARY, **BLOCKS)
    with rasterio.open(path_of((await several.result())["href"])) as file:
        assert file.count == 3
    assert place.box.log.entries("*wcs*", since=place.since)
    assert place.box.log.entries("*rasterStream", since=place.since)


@pytest.mark.parametrize(
    ("operator", "suffix"), [("Histogram", "svg"), ("SandboxPicture", "png"), ("Statistics", "json")]
)
async def test_a_plot_is_shown_and_stored(place, operator, suffix):
    plot = {
        "type": "Plot",
        "operator": {"type": operator, "params": {}, "sources": {"source": NDVI["operator"]}},
    }
    done = await run(plot_workflow, plot, EUROPE, JANUARY, **BLOCKS)
    assert done.state.is_completed(), done.state.message
    href = (await done.result())["href"]
    assert href.endswith(suffix)
    content = path_of(href).read_bytes()
    shown = done.artifacts["plot-workflow-plot"]
    if suffix == "json":
        assert json.loads(content)["validCount"] > 0
        assert shown["type"] == "markdown"
    else:
        assert shown["type"] == "image"
        assert shown["data"].startswith("data:image/")
        assert content.startswith(b"<svg" if suffix == "svg" else b"\x89PNG")
    again = await run(plot_workflow, plot, EUROPE, JANUARY, **BLOCKS)
    assert again.state.is_completed()


@pytest.mark.parametrize(("entrypoint", "parameters"), sandbox_parameters("geo-engine").items())
async def test_each_deployment_of_the_sandbox_runs(place, entrypoint, parameters):
    flow = load_flow_from_entrypoint(entrypoint)
    done = await run(flow, **flow.validate_parameters(parameters))
    assert done.state.is_completed(), done.state.message


def saving(**more: Any) -> dict[str, Any]:
    return {"start": JANUARY, "server": "sandbox", "ledger": "sandbox", "display_name": "Europe", **more}


def posted(place) -> int:
    return len(place.box.log.entries("*datasetFrom*", since=place.since))


async def test_a_dataset_is_made_once(place):
    asked = saving(dataset_name="demo:europe")
    done = await run(save_dataset, NDVI, EUROPE, **asked)
    assert done.state.message == "1 succeeded", done.state.message
    (notes,) = (place.state / "storage/jobs/geo-engine").rglob("dataset.json")
    assert json.loads(notes.read_text())["dataset"] == "demo:europe"
    assert "Workflow" in done.artifacts["save-dataset-provenance"]["data"]
    again = await run(save_dataset, NDVI, EUROPE, **asked)
    assert again.state.message == "1 succeeded"
    assert posted(place) == 1
    taken = await run(save_dataset, NDVI, EUROPE, **asked, run_key="once more")
    assert "already exists" in taken.state.message


async def test_a_task_whose_answer_was_lost_is_adopted(place):
    with place.box.faults.active(Fault("lost_answer", path="*datasetFrom*", method="POST", times=1)):
        done = await run(save_dataset, NDVI, EUROPE, **saving(display_name="Lost"))
    assert done.state.message == "1 succeeded", done.state.message
    assert posted(place) == 1


async def test_an_anonymous_task_whose_answer_was_lost_waits_for_a_person(place):
    asked = saving(display_name="Unknown", server="sandbox-anonymous")
    with place.box.faults.active(Fault("lost_answer", path="*datasetFrom*", method="POST", times=1)):
        done = await run(save_dataset, NDVI, EUROPE, **asked)
    assert done.state.name == "OutcomeUnknown"
    again = await run(save_dataset, NDVI, EUROPE, **asked)
    assert again.state.name == "OutcomeUnknown"
    assert posted(place) == 1


async def test_a_task_that_the_server_forgot_is_lost(place):
    first = await run(
        save_dataset, NDVI, EUROPE, **saving(display_name="Gone", wait_seconds=0, fetch="later")
    )
    assert first.state.name == "StillRunning"
    place.box.geo_engine.tasks.forget()
    async with Ledger(str(place.state / "ledger.sqlite"), create=True) as ledger:
        done = await run(save_dataset, NDVI, EUROPE, **saving(display_name="Gone", wait_seconds=30))
        assert done.state.is_failed()
        assert len(await ledger.jobs(JobFilter(phases=[Phase.LOST]))) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_results_go_into_a_bucket(place, s3_endpoint, tmp_path):
    import boto3
    import xarray as xr

    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=s3_endpoint, **keys).create_bucket(Bucket="results")
    bucket = S3Bucket(bucket="results", endpoint=s3_endpoint, access_key="key", secret_key="secret")
    await bucket.save("results", overwrite=True)
    storage = ObjectStorage(url="s3://results/geo", bucket=bucket, spool=tmp_path)
    await storage.save("results", overwrite=True)
    options = {"server": "sandbox", "storage": "results"}

    done = await run(stream_raster, small(), SQUARE, **TWO_DAYS, **options, name="two.zarr")
    assert (await done.result())["href"] == "s3://results/geo/two.zarr"
    found = xr.open_zarr(object_store(bucket.open(), "geo/two.zarr")).data.load()
    local = await run(stream_raster, small(), SQUARE, **TWO_DAYS, **BLOCKS)
    xr.testing.assert_identical(found, dataset_at((await local.result())["href"]).data)
    again = await run(stream_raster, small(), SQUARE, **TWO_DAYS, **options, name="two.zarr")
    assert again.state.name == "AlreadyThere"

    tiff = await run(stream_raster, small(), SQUARE, JANUARY, **options, format="cog", name="one.tif")
    assert tiff.state.is_completed(), tiff.state.message
    listed = boto3.client("s3", endpoint_url=s3_endpoint, **keys).list_objects_v2(
        Bucket="results", Prefix="geo/one"
    )
    assert [one["Key"] for one in listed["Contents"]] == ["geo/one.tif", "geo/one.tif.json"]
    again = await run(stream_raster, small(), SQUARE, JANUARY, **options, format="cog", name="one.tif")
    assert again.state.name == "AlreadyThere"
