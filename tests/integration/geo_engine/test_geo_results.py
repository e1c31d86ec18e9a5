"""Everything that is no stream, as plain calls, from the sandbox."""

import io
import zipfile

import numpy as np
import pytest
import rasterio
import xarray as xr
from conftest import DAY, START, opened
from pydantic import SecretStr

from eoflows.base.errors import AbsentError, CredentialsError, InvalidInputError, RefusedError
from eoflows.services.geo_engine import (
    Anonymous,
    ColorBreakpoint,
    EmailLogin,
    LinearGradientColorizer,
    QueryRectangle,
    RasterQueryRectangle,
    SingleBandRasterColorizer,
    SpatialResolution,
    TaskPhase,
    UsageSummaryGranularity,
    data_usage,
    data_usage_summary,
    get_quota,
    get_task_list,
    register_workflow,
    update_quota,
    workflow_by_id,
)
from eoflows.services.geo_engine.frames import NAME

VERSIONS = pytest.mark.parametrize("profile", ["0.8", "0.9", "0.10"])
NDVI = {"type": "GdalSource", "params": {"data": "ndvi"}}
BOX = (-10, -10, 10.5, 10)
QUERY = RasterQueryRectangle(BOX, "2014-01-05", 0)
WIDE = RasterQueryRectangle((-100, -50, 100, 50), "2014-02-05", 0)


def raster(operator=NDVI):
    return register_workflow({"type": "Raster", "operator": operator})


@VERSIONS
def test_what_a_workflow_is(engine, profile, tmp_path):
    with opened(engine, profile):
        workflow = raster()
        assert workflow.get_result_descriptor().kind == "raster"
        assert workflow.workflow_definition()["operator"]["type"] == "GdalSource"
        assert workflow_by_id(str(workflow)).workflow_id == raster().workflow_id
        assert workflow.get_provenance()[0].provenance.citation
        memory = io.BytesIO()
        workflow.metadata_zip(memory)
        workflow.metadata_zip(tmp_path / "all.zip")
        assert set(zipfile.ZipFile(memory).namelist()) == {"workflow.json", "metadata.json", "citation.json"}
        with pytest.raises(AbsentError, match="NoWorkflowForGivenId"):
            workflow_by_id("5b9508a8-bd34-5a1c-acd6-75bb832d2d38")
        with pytest.raises(RefusedError):
            raster({"type": "GdalSource", "params": {"data": "unknown"}})


@VERSIONS
def test_a_plot(engine, profile):
    histogram = {"type": "Histogram", "params": {}, "sources": {"source": NDVI}}
    statistics = {"type": "Statistics", "params": {}, "sources": {"source": NDVI}}
    with opened(engine, profile):
        workflow = register_workflow({"type": "Plot", "operator": histogram})
        chart = workflow.plot_chart(QUERY, SpatialResolution(0.5, 0.5))
        assert chart.to_png()[:4] == b"\x89PNG"
        assert "<svg" in chart.to_svg()
        assert workflow.plot_json(QUERY).plot_type == "Histogram"
        plain = register_workflow({"type": "Plot", "operator": statistics})
        assert plain.plot_json(QUERY).output_format == "JsonPlain"
        with pytest.raises(InvalidInputError, match="chart"):
            plain.plot_chart(QUERY)


def test_a_map(engine):
    gradient = LinearGradientColorizer(
        (0, 0, 0, 0), [ColorBreakpoint(0, (0, 0, 0, 255)), ColorBreakpoint(255, (255, 255, 255, 255))]
    )
    with opened(engine):
        picture = raster().wms_get_map_as_image(
            QUERY, SingleBandRasterColorizer(0, gradient), SpatialResolution(0.1, 0.1)
        )
    assert (picture.format, picture.size) == ("PNG", (205, 200))


@pytest.mark.filterwarnings("ignore::eoflows.services.geo_engine.FillValueWarning")
def test_rasters_by_wcs_and_by_stream_are_the_same_pixels(engine, tmp_path):
    with opened(engine) as client:
        workflow = raster()
        array = workflow.get_array(QUERY)
        assert array.shape == (200, 205)
        assert np.ma.isMaskedArray(array)
        small = workflow.get_xarray(QUERY, force_no_data_value=7)
        assert small.dims == ("band", "y", "x")
        wide = workflow.get_xarray(WIDE, force_no_data_value=7)
        assert wide.shape == (1, 1000, 2000)
        assert (wide.dtype, wide.attrs["nodata"]) == (np.uint8, 7)
        workflow.download_raster(WIDE, str(tmp_path / "wide.tif"), force_no_data_value=7)
        with rasterio.open(tmp_path / "wide.tif") as file:
            np.testing.assert_array_equal(file.read(), wide.values)
        paths = [
            entry.path.rsplit("/", 2)[-2] for entry in engine.log.entries() if str(workflow) in entry.path
        ]
        assert "wcs" in paths
        part = wide.sel(x=slice(-10, 10.5), y=slice(10, -10))
        first = workflow.get_xarray(RasterQueryRectangle(BOX, "2014-02-05", 0), force_no_data_value=7)
        xr.testing.assert_allclose(part.drop_vars(["spatial_ref", "band_name"]).drop_attrs(),
                                   first.drop_vars(["spatial_ref", "band_name"]).drop_attrs())  # fmt: skip
        assert (first.name, small.name) == (NAME, NAME)
        with pytest.raises(InvalidInputError, match="Interpolation"):
            workflow.get_array(WIDE, SpatialResolution(0.05, 0.05))
        assert workflow.get_array(QUERY, SpatialResolution(0.2, 0.2)).shape in ((100, 102), (100, 103))
        assert client.origin


@pytest.mark.filterwarnings("ignore::eoflows.services.geo_engine.FillValueWarning")
def test_all_bands(engine):
    with opened(engine):
        workflow = raster({"type": "GdalSource", "params": {"data": "reflectance"}})
        query = QueryRectangle((399_960, 5_690_000, 405_000, 5_700_000), "2014-01-01", "EPSG:32632")
        found = workflow.get_xarray(query)
    assert found.shape == (3, 1000, 504)
    assert found.band_name.values.tolist() == ["B04", "B03", "B02"]
    assert found.y.values[0] == 5_699_995


@VERSIONS
def test_a_dataset_and_its_task(engine, profile):
    with opened(engine, profile):
        query = QueryRectangle(BOX, (START, START + DAY), resolution=0.1 if profile == "0.8" else None)
        task = raster().save_as_dataset(query, None, "Mine", "for tests")
        while not (status := task.get_status()).finished:
            assert status.phase is TaskPhase.RUNNING
        assert status.phase is TaskPhase.SUCCEEDED
        assert set(status.info) == {"dataset", "upload"}
        assert task in [one for one, _ in get_task_list()]
        other = raster().save_as_dataset(query, None, "Mine")
        other.abort()
        assert other.get_status().phase in (TaskPhase.CANCELLING, TaskPhase.CANCELLED)


def test_quota_and_usage(engine):
    admin = EmailLogin("admin@example.org", SecretStr("admin-password"))
    demo = EmailLogin("demo@example.org", SecretStr("demo-password"))
    with opened(engine, login=demo) as client:
        raster().get_array(QUERY)
        assert get_quota().used >= 1
        with pytest.raises(RefusedError, match="PermissionDenied"):
            data_usage(limit=5)
        with pytest.raises(RefusedError, match="PermissionDenied"):
            data_usage_summary(UsageSummaryGranularity.DAYS)
        with opened(engine, login=admin):
            used = data_usage(limit=5)
            assert used[0].data == "ndvi"
            frame = data_usage_summary(UsageSummaryGranularity.DAYS)
            assert frame["count"].sum() >= 1
        someone = used[0].user_id
        with pytest.raises(RefusedError):
            update_quota(someone, 5)
        with opened(engine, login=admin):
            update_quota(someone, 77)
            assert get_quota(someone).available == 77
        assert get_quota(client=client).available == 77


def test_who_may_not_enter(engine):
    wrong = EmailLogin("demo@example.org", SecretStr("falsch"))
    with opened(engine, login=wrong), pytest.raises((CredentialsError, RefusedError)) as found:
        get_quota()
    assert "falsch" not in str(found.value)
    with opened(engine, login=Anonymous()):
        assert get_quota().available > 0


async def _within_a_loop():
    return get_quota().available


@pytest.mark.anyio
async def test_plain_calls_work_where_a_loop_runs(engine):
    async with opened(engine):
        assert await _within_a_loop() > 0
        assert raster().get_result_descriptor().kind == "raster"
