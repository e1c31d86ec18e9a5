"""A flow loads its own column and no other; nothing below the blocks loads Prefect.

Each import has a process of its own, forked from one that has loaded nothing, or Prefect alone.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

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
UNWANTED = {*HEAVY, *OPTIONAL}

COLUMNS: dict[str, set[str]] = {
    "search_aux": set(),
    "stage_aux": set(),
    "track_jobs": set(),
    "run_process": {"ogc_processes"},
    "run_up42_job": {"up42"},
    "order_pre_ard": {"earth_engine"},
    "download_pre_ard": {"earth_engine"},
    "convert_pre_ard": {"earth_engine"},
    "stream_raster": {"geo_engine"},
}
ROOMS = [
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
]
WITHOUT_TRANSFER = ["eoflows.base.errors", "eoflows.base.times", "eoflows.stores.stac"]

# Prefect takes most of the time of importing a flow.
SHARED = ["prefect", "prefect.client.orchestration", "prefect.artifacts", "prefect.tasks", "prefect.flows"]
STAGING = "eoflows.flows.stage_aux"
ALL_SERVICES = "eoflows.flows.run_job"

Loaded = dict[str, set[str]]


def imported(modules: list[str], shared: list[str]) -> Loaded:
    command = [sys.executable, str(Path(__file__).with_name("imports.py")), *modules, "--", *shared]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name: set(found) for name, found in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def after_nothing() -> Loaded:
    return imported([*ROOMS, *WITHOUT_TRANSFER, STAGING], [])


@pytest.fixture(scope="module")
def after_prefect() -> Loaded:
    return imported([*(f"eoflows.flows.{name}" for name in COLUMNS), ALL_SERVICES], SHARED)


def columns(modules: set[str]) -> set[str]:
    """The services of which more is loaded than the list of their names."""
    found = (re.match(r"eoflows\.services\.(\w+)\.", name) for name in modules)
    return {match[1] for match in found if match}


def test_what_is_forked_has_loaded_nothing_that_is_asked_of_an_import(after_nothing, after_prefect):
    shared = after_nothing[""] | after_prefect[""]
    assert not {name for name in shared if name.startswith("eoflows.")} | UNWANTED & shared
    assert "prefect" not in after_nothing[""]
    assert {"prefect", *after_prefect[""]} <= after_nothing[STAGING]


@pytest.mark.parametrize(("flow", "column"), COLUMNS.items())
def test_a_flow_loads_its_own_column(flow, column, after_prefect):
    modules = after_prefect[f"eoflows.flows.{flow}"]
    assert {"prefect", f"eoflows.flows.{flow}"} <= modules
    assert columns(modules) <= column
    assert not UNWANTED & modules


def test_a_flow_for_all_services_loads_what_their_requests_are_and_no_more(after_prefect):
    modules = after_prefect[ALL_SERVICES]
    assert columns(modules) == {"dummy", "earth_engine", "geo_engine", "ogc_processes", "up42"}
    assert {f"eoflows.services.{name}.request" for name in columns(modules)} <= modules
    clients = {
        f"eoflows.services.{name}.{part}" for name in columns(modules) for part in ("client", "service")
    }
    assert not (clients | UNWANTED) & modules


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_below_the_blocks_does_without_prefect(room, after_nothing):
    modules = after_nothing[room]
    above = {f"eoflows.{one}" for one in ("blocks", "tasks", "flows", "deployments", "command")}
    assert room in modules
    assert not (above | {"prefect"} | UNWANTED) & modules


@pytest.mark.parametrize("room", WITHOUT_TRANSFER)
def test_searching_needs_no_transfer(room, after_nothing):
    assert "pycurl" not in after_nothing[room]


def test_staging_needs_no_ledger(after_nothing):
    assert not {"sqlalchemy", "alembic", "eoflows.jobs.ledger"} & after_nothing[STAGING]
