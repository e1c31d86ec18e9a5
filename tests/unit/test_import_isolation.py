"""A flow loads its own column and no other; nothing below the blocks loads Prefect."""

import subprocess
import sys

import pytest

OTHER_COLUMNS = [
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
    code = f"import {module}, sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "flow",
    [
        "eoflows.flows.search_aux",
        "eoflows.flows.stage_aux",
        "eoflows.flows.track_jobs",
        "eoflows.flows.order_pre_ard",
        "eoflows.flows.download_pre_ard",
        "eoflows.flows.convert_pre_ard",
    ],
)
def test_a_flow_loads_its_own_column(flow):
    modules = loaded(flow)
    assert "prefect" in modules
    assert not {name for name in [*OTHER_COLUMNS, *OPTIONAL] if name in modules}


@pytest.mark.parametrize(
    "room",
    [
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
    above = {"prefect", "blocks", "tasks", "flows", "deployments"}
    assert not above & modules
    assert not {name for name in [*OTHER_COLUMNS, *OPTIONAL] if name in modules}


@pytest.mark.parametrize("room", ["eoflows.base.errors", "eoflows.base.times", "eoflows.stores.stac"])
def test_searching_needs_no_transfer(room):
    assert "pycurl" not in loaded(room)


def test_staging_needs_no_ledger():
    assert not {"sqlalchemy", "alembic", "eoflows.jobs.ledger"} & loaded("eoflows.flows.stage_aux")
