"""Runs in the environment of the official client, which is not ours: every call of it that we implement.

Called with the server's address and a folder; leaves `report.json` and `.npy` arrays there.
"""

import asyncio
import io
import json
import sys
import time
import warnings
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import geoengine as ge
import numpy as np
from geoengine.workflow import (
    data_usage,
    data_usage_for_computation,
    data_usage_summary,
    get_quota,
    update_quota,
)
from geoengine_api_client.exceptions import ApiException

warnings.filterwarnings("ignore")
RASTER = {
    "width": 40,
    "height": 20,
    "dataType": "U8",
    "nullShare": 0.1,
    "origin": [-20, 10],
    "pixelSize": [1, 1],
    "bands": 2,
    "time": {"count": 3},
    "tileSize": 16,
    "spatialReference": "EPSG:4326",
}
JANUARY = datetime(2014, 1, 1, tzinfo=UTC)
FOURTH = datetime(2014, 1, 4, tzinfo=UTC)


def operator(kind, **params):
    return {"type": kind, "operator": {"type": f"Sandbox{kind}", "params": params}}


def query(box, start=JANUARY, end=FOURTH, bands=None):
    rectangle = ge.QueryRectangle(ge.BoundingBox2D(*box), ge.TimeInterval(start, end))
    return rectangle if bands is None else rectangle.with_raster_bands(bands)


def sessions(url):
    found = {}
    for name, options in {
        "anonymous": {},
        "login": {"credentials": ("demo@example.org", "demo-password")},
    }.items():
        ge.initialize(url, **options)
        found[name] = str(ge.get_session().user_id)
    token = str(ge.get_session().auth_header["Authorization"]).removeprefix("Bearer ")
    ge.initialize(url, token=token)
    found["token"] = str(ge.get_session().user_id)
    try:
        ge.initialize(url, credentials=("demo@example.org", "wrong"))
    except ge.GeoEngineException as error:
        found["wrong"] = str(error)
    return found


def workflows(folder):
    workflow = ge.register_workflow(operator("Raster", **RASTER))
    again = ge.register_workflow(operator("Raster", **RASTER))
    data = ge.register_workflow(
        {"type": "Raster", "operator": {"type": "GdalSource", "params": {"data": "ndvi"}}}
    )
    packed = io.BytesIO()
    data.metadata_zip(packed)
    try:
        ge.workflow_by_id("7f8a4cfe-76ab-4972-b347-b197e5ef0f3c")
        unknown = None
    except ApiException as error:
        unknown = error.body
    return {
        "same": str(workflow) == str(again),
        "descriptor": repr(workflow.get_result_descriptor()),
        "definition": data.workflow_definition().to_dict(),
        "provenance": [one.provenance.citation for one in data.get_provenance()],
        "zip": sorted(zipfile.ZipFile(packed).namelist()),
        "unknown": unknown,
    }


def rasters(folder):
    workflow = ge.register_workflow(operator("Raster", **RASTER))
    where = query((-20, -10, 20, 10), bands=[0, 1])
    stream = asyncio.run(workflow.raster_stream_into_xarray(where))
    np.save(folder / "stream.npy", stream.values)
    clipped = asyncio.run(workflow.raster_stream_into_xarray(query((-5, -5, 5, 5), bands=[1]), True))
    np.save(folder / "clipped.npy", clipped.values)
    whole = ge.register_workflow(operator("Raster", **{**RASTER, "nullShare": 0, "tileSize": 64}))
    small = query((-20, -10, 20, 10), end=JANUARY)
    np.save(folder / "array.npy", whole.get_array(small))
    half = whole.get_array(small, spatial_resolution=ge.SpatialResolution(2.0, 2.0))
    coverage = whole.get_xarray(small)
    filled = ge.register_workflow(operator("Raster", **{**RASTER, "tileSize": 64}))
    np.save(folder / "filled.npy", filled.get_array(small, force_no_data_value=7))
    whole.download_raster(small, str(folder / "coverage.tif"))
    colours = ge.Colorizer.linear_with_mpl_cmap("viridis", (0, 255))
    image = whole.wms_get_map_as_image(
        small, ge.SingleBandRasterColorizer(0, colours), ge.SpatialResolution(0.5, 0.5)
    )
    try:
        whole.wms_get_map_as_image(
            query((-20, -10, 20, 10), end=JANUARY),
            ge.SingleBandRasterColorizer(9, colours),
            ge.SpatialResolution(1, 1),
        )
        refused = None
    except ge.OGCXMLError as error:
        refused = str(error)
    tile_limit = None
    try:
        workflow.get_array(query((-20, -10, 20, 10), end=JANUARY))
    except Exception as error:  # noqa: BLE001  OWSLib's errors are many
        tile_limit = str(error)
    return {
        "dims": list(stream.dims),
        "shape": list(stream.shape),
        "dtype": str(stream.dtype),
        "x": stream.x.values.tolist(),
        "y": stream.y.values.tolist(),
        "clipped": [list(clipped.shape), clipped.x.values.tolist()],
        "half": list(half.shape),
        "coverage": [list(coverage.shape), str(coverage.rio.crs), list(coverage.rio.bounds())],
        "tif": (folder / "coverage.tif").stat().st_size,
        "image": [image.format, image.mode, list(image.size)],
        "colours": len(image.getcolors(100_000)),
        "refused": refused,
        "tile_limit": tile_limit,
    }


def features(folder):
    workflow = ge.register_workflow(
        operator("Vector", count=50_000, columns={"a": "int", "b": "text", "c": "float"}, nullShare=0.1)
    )
    where = query((-180, -90, 180, 90))
    frame = asyncio.run(workflow.vector_stream_into_geopandas(where))
    np.save(
        folder / "places.npy",
        np.array([frame.geometry.get_coordinates().x, frame.geometry.get_coordinates().y]),
    )
    part = query((-30, -30, 30, 30))
    answered = workflow.get_dataframe(part)
    credits = data_usage_for_computation(answered.attrs["computation_id"])
    chunks = asyncio.run(count_chunks(workflow, where))
    return {
        "rows": len(frame),
        "columns": list(frame.columns),
        "crs": str(frame.crs),
        "start": frame.time_start.iloc[0].isoformat(),
        "nulls": int(frame.b.isna().sum()),
        "chunks": chunks,
        "wfs": [len(answered), sorted(answered.columns)],
        "wfs_start": answered.start.iloc[0].isoformat(),
        "credits": credits,
        "descriptor": repr(workflow.get_result_descriptor()),
    }


async def count_chunks(workflow, where):
    return [len(chunk) async for chunk in workflow.vector_stream(where)]


def plots(folder):
    source = operator("Raster", **RASTER)["operator"]
    workflow = ge.register_workflow(
        {"type": "Plot", "operator": {"type": "Histogram", "params": {}, "sources": {"source": source}}}
    )
    where = query((-20, -10, 20, 10), end=JANUARY)
    output = workflow.plot_json(where, ge.SpatialResolution(1, 1))
    chart = workflow.plot_chart(where, ge.SpatialResolution(1, 1))
    return {"type": output.plot_type, "format": str(output.output_format.value), "spec": chart.spec}


def tasks(folder):
    workflow = ge.register_workflow(operator("Raster", **RASTER))
    task = workflow.save_as_dataset(query((-20, -10, 20, 10)), "saved", "Saved", "a description")
    first = task.get_status()
    status = until(task, "completed")
    found = ge.register_workflow(
        {"type": "Raster", "operator": {"type": "GdalSource", "params": {"data": "saved"}}}
    )
    aborted = workflow.save_as_dataset(query((-20, -10, 20, 10)), None, "Aborted")
    aborted.abort()
    failed = workflow.save_as_dataset(query((-20, -10, 20, 10)), None, "to fail")
    return {
        "first": [first.status.value, getattr(first, "pct_complete", None), first.time_started.isoformat()],
        "info": status.info,
        "saved": repr(found.get_result_descriptor()) == repr(workflow.get_result_descriptor()),
        "aborted": until(aborted, "aborted").clean_up,
        "failed": until(failed, "failed").error,
        "list": [info.status.value for _, info in ge.tasks.get_task_list()],
    }


def until(task, wanted):
    deadline = time.monotonic() + 20
    while (status := task.get_status()).status.value != wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the task is {status.status}, not {wanted}")
        time.sleep(0.02)
    return status


def accounts(url):
    before = get_quota()
    user = ge.get_session().user_id
    ge.initialize(url, credentials=("admin@example.org", "admin-password"))
    update_quota(user, 77)
    other = get_quota(user)
    usage = data_usage(limit=3)
    summary = data_usage_summary("days")
    ge.initialize(url, credentials=("demo@example.org", "demo-password"))
    return {
        "used": before.used,
        "other": [other.available, other.used],
        "usage": [list(usage.columns), len(usage)],
        "summary": int(summary["count"].sum()),
    }


def truncated(url):
    """How often a stream that ends too early is passed off as whole; the faults are ordered from outside."""
    counts = {"short": 0, "error": 0, "whole": 0}
    workflow = ge.register_workflow(operator("Raster", **RASTER))
    for _ in range(10):
        try:
            count = asyncio.run(count_tiles(workflow))
        except Exception:  # noqa: BLE001  any error is better than none
            counts["error"] += 1
        else:
            counts["whole" if count == 8 * 2 * 3 else "short"] += 1
    return counts


async def count_tiles(workflow):
    return len([tile async for tile in workflow.raster_stream(query((-20, -10, 20, 10), bands=[0, 1]))])


def empty(url):
    workflow = ge.register_workflow(operator("Raster", **{**RASTER, "time": {"intervals": [[0, 1000]]}}))
    try:
        asyncio.run(workflow.raster_stream_into_xarray(query((-20, -10, 20, 10), bands=[0])))
    except Exception as error:  # noqa: BLE001
        return repr(error)
    return None


def main():
    url, folder, *only = sys.argv[1:]
    folder = Path(folder)
    report = {}
    steps = {
        "sessions": lambda: sessions(url),
        "workflows": lambda: workflows(folder),
        "rasters": lambda: rasters(folder),
        "features": lambda: features(folder),
        "plots": lambda: plots(folder),
        "tasks": lambda: tasks(folder),
        "accounts": lambda: accounts(url),
        "truncated": lambda: truncated(url),
        "empty": lambda: empty(url),
    }
    for name in only or [name for name in steps if name != "truncated"]:
        if name != "sessions":
            ge.initialize(url, credentials=("demo@example.org", "demo-password"))
        report[name] = steps[name]()
    (folder / "report.json").write_text(json.dumps(report, default=str))


main()
