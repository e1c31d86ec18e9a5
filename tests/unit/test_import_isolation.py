"""A flow loads its own column and no other; nothing below the blocks loads Prefect."""

import re
import subprocess
import sys

import pytest

HEAVY = [
    "ee",
    "google.cloud",
    "xarray",
    "geopandas",
    "rasterio",
    "zarr",
    "dask",
    "shapely",
    "up42",
]
# The S3 client is an extra, needed only where an asset is in a bucket; tests and stand-ins are never needed.
OPTIONAL = ["obstore", "moto", "boto3", "pytest", "hypothesis", "eoflows.sandbox"]


def loaded(module: str) -> set[str]:
    code = f"from {module} import *; import sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def columns(modules: set[str]) -> set[str]:
    """The services of which more is loaded than the list of their names."""
    found = (re.match(r"eoflows\.services\.(\w+)\.", name) for name in modules)
    return {match[1] for match in found if match}


@pytest.mark.parametrize(
    ("flow", "column"),
    [
        ("search_aux", set()),
        ("stage_aux", set()),
        ("track_jobs", set()),
        ("run_process", {"ogc_processes"}),
        ("run_up42_job", {"up42"}),
        ("order_pre_ard", {"earth_engine"}),
        ("download_pre_ard", {"earth_engine"}),
        ("convert_pre_ard", {"earth_engine"}),
        ("stream_raster", {"geo_engine"}),
    ],
)
def test_a_flow_loads_its_own_column(flow, column):
    modules = loaded(f"eoflows.flows.{flow}")
    assert "prefect" in modules
    assert columns(modules) <= column
    assert not {name for name in [*HEAVY, *OPTIONAL] if name in modules}


def test_a_flow_for_all_services_loads_what_their_requests_are_and_no_more():
    modules = loaded("eoflows.flows.run_job")
    assert columns(modules) == {"dummy", "earth_engine", "geo_engine", "ogc_processes", "up42"}
    assert {f"eoflows.services.{name}.request" for name in columns(modules)} <= modules
    clients = [
        f"eoflows.services.{name}.{part}" for name in columns(modules) for part in ("client", "service")
    ]
    assert not {name for name in [*clients, *HEAVY, *OPTIONAL] if name in modules}


@pytest.mark.parametrize(
    "room",
    [
        "eoflows",
        "eoflows.jobs",
        "eoflows.stores.catalog",
        "eoflows.base.http",
        "eoflows.jobs.tracker",
        "eoflows.jobs.ledger",
        "eoflows.services.ogc_processes",
        "eoflows.products.environment",
        "eoflows.products.selection",
        "eoflows.stores.stac",
        "eoflows.products.staging",
        "eoflows.stores.storage",
        "eoflows.stores.transfer",
    ],
)
def test_a_room_below_the_blocks_does_without_prefect(room):
    modules = loaded(room)
    above = {f"eoflows.{one}" for one in ("blocks", "tasks", "flows", "deployments", "command")}
    assert not (above | {"prefect"}) & modules
    assert not {name for name in [*HEAVY, *OPTIONAL] if name in modules}


@pytest.mark.parametrize("room", ["eoflows.base.errors", "eoflows.base.times", "eoflows.stores.stac"])
def test_searching_needs_no_transfer(room):
    assert "pycurl" not in loaded(room)


@pytest.mark.parametrize(
    "module", ["eoflows.stores.stac", "eoflows.stores.catalog.remote", "flows.stage_aux"]
)
def test_pystac_client_is_loaded_by_the_first_search(module):
    assert "pystac_client" not in loaded(module)


def test_staging_needs_no_ledger():
    assert not {"sqlalchemy", "alembic", "eoflows.jobs.ledger"} & loaded("eoflows.flows.stage_aux")
