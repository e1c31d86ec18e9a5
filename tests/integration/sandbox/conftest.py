import httpx
import pytest

from eoflows.sandbox import Sandbox, SandboxSettings

KEY = {"x-api-key": "sandbox-demo-key"}


@pytest.fixture(scope="session")
def shared_box():
    with Sandbox(SandboxSettings()) as box:
        yield box


@pytest.fixture
def box(shared_box):
    """The session's sandbox, without faults, with an empty catalogue."""
    shared_box.faults.clear()
    shared_box.catalogue.clear()
    yield shared_box
    shared_box.faults.clear()


@pytest.fixture
def http(box):
    with httpx.Client(base_url=box.url, headers=KEY, timeout=10) as client:
        yield client


@pytest.fixture
def orbit(box):
    """A plain product of the station."""
    return next(product for product in box.stations["auxip"].products if product.product_type == "AUX_POEORB")


@pytest.fixture
def address(orbit):
    return f"/auxip/Products({orbit.uuid})/$value"
