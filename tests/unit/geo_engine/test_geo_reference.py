"""The names of the reference document, as data typed from it, against those that we give."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

TABLE = Path(__file__).parents[3] / "docs" / "reference.md"
NEEDED = inspect.Parameter.empty
RASTER = {"timeout": 3600, "force_no_data_value": None}
STREAM = {"time_start_column": "time_start", "time_end_column": "time_end", "open_timeout": 60}

FUNCTIONS = {
    "register_workflow": {"workflow": NEEDED, "timeout": 60},
    "workflow_by_id": {"workflow_id": NEEDED},
    "get_quota": {"user_id": None, "timeout": 60},
    "update_quota": {"user_id": NEEDED, "new_available_quota": NEEDED, "timeout": 60},
    "data_usage": {"offset": 0, "limit": 10},
    "data_usage_summary": {"granularity": NEEDED, "dataset": None, "offset": 0, "limit": 10},
}
METHODS = {
    "WorkflowId": {"__init__": {"workflow_id": NEEDED}, "from_response": {"response": NEEDED}},
    "RasterStreamProcessing": {
        "read_arrow_ipc": {"arrow_ipc": NEEDED},
        "process_bytes": {"tile_bytes": NEEDED},
        "merge_tiles": {"tiles": NEEDED},
    },
    "Workflow": {
        "get_result_descriptor": {},
        "workflow_definition": {"timeout": 60},
        "get_dataframe": {"bbox": NEEDED, "timeout": 3600, "resolve_classifications": False},
        "wms_get_map_as_image": {"bbox": NEEDED, "raster_colorizer": NEEDED, "spatial_resolution": NEEDED},
        "plot_json": {"bbox": NEEDED, "spatial_resolution": None, "timeout": 3600},
        "plot_chart": {"bbox": NEEDED, "spatial_resolution": None, "timeout": 3600},
        "get_array": {"bbox": NEEDED, "spatial_resolution": None, **RASTER},
        "get_xarray": {"bbox": NEEDED, "spatial_resolution": None, **RASTER},
        "download_raster": {
            "bbox": NEEDED,
            "file_path": NEEDED,
            "timeout": 3600,
            "file_format": "image/tiff",
            "force_no_data_value": None,
            "spatial_resolution": None,
        },
        "get_provenance": {"timeout": 60},
        "metadata_zip": {"path": NEEDED, "timeout": 60},
        "save_as_dataset": {
            "query_rectangle": NEEDED,
            "name": NEEDED,
            "display_name": NEEDED,
            "description": "",
            "timeout": 3600,
        },
        "raster_stream": {"query_rectangle": NEEDED, "open_timeout": 60},
        "raster_stream_into_xarray": {
            "query_rectangle": NEEDED,
            "clip_to_query_rectangle": False,
            "open_timeout": 60,
        },
        "vector_stream": {"query_rectangle": NEEDED, **STREAM},
        "vector_stream_into_geopandas": {"query_rectangle": NEEDED, **STREAM},
    },
}
ASYNC = {"raster_stream_into_xarray", "vector_stream_into_geopandas"}
STREAMS = {"raster_stream", "vector_stream"}
TYPES = {
    *("IdResponse", "DataUsage", "ProvenanceEntry", "QueryRectangle", "Quota", "RasterColorizer"),
    *("RasterQueryRectangle", "RasterTile2D", "ResultDescriptor", "SpatialResolution", "Task"),
    *("UsageSummaryGranularity", "VegaLite", "WorkflowBuilderOperator", "WrappedPlotOutput"),
}
NAMES = {*FUNCTIONS, *METHODS, *TYPES}


def rows():
    found = re.findall(r"^\| (\w+) \| ([\w.]+) \| geo_engine \|$", TABLE.read_text(), re.MULTILINE)
    return dict(found)


def imported(name):
    module, _, attribute = rows()[name].rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def agree(function, documented):
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
    theirs, ours = parameters[: len(documented)], parameters[len(documented) :]
    assert {one.name: one.default for one in theirs} == documented
    assert [one.name for one in theirs] == list(documented)
    assert all(one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for one in theirs)
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY and one.default is not NEEDED for one in ours)


def test_every_name_has_a_row():
    assert set(rows()) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_is_public_and_described(name):
    assert name in importlib.import_module(rows()[name].rpartition(".")[0]).__all__
    assert inspect.getdoc(imported(name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    agree(imported(name), FUNCTIONS[name])
    assert not inspect.iscoroutinefunction(imported(name))


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in METHODS for name in METHODS[kind]])
def test_methods(kind, name):
    method = getattr(imported(kind), name)
    agree(method, METHODS[kind][name])
    assert inspect.iscoroutinefunction(method) is (name in ASYNC)
    assert inspect.isasyncgenfunction(method) is (name in STREAMS)


def test_importing_it_loads_no_heavy_library():
    code = "from eoflows.services.geo_engine import *; import sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"xarray", "zarr", "geopandas", "rasterio", "pyarrow", "pandas", "shapely", "pyproj", "PIL"}
    assert not heavy & set(done.stdout.split())
    assert "prefect" not in done.stdout.split()


def test_public_names_are_sorted_and_there():
    package = importlib.import_module("eoflows.services.geo_engine")
    assert package.__all__ == sorted(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)
