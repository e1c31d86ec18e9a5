import pytest
from official_google import drive

from eoflows.sandbox import Sandbox, SandboxSettings


@pytest.fixture(scope="session")
def google_box():
    """One sandbox for the session: each test starts without operations, objects and faults."""
    with Sandbox(SandboxSettings(days=0)) as box:
        yield box


@pytest.fixture
def box(google_box):
    google_box.faults.clear()
    google_box.earth_engine.operations.clear()
    google_box.cloud_storage.store.clear()
    yield google_box
    google_box.faults.clear()


@pytest.fixture
def earth_engine(box):
    return lambda scenario, **asked: drive("ee_scenarios.py", box.url, scenario, **asked)


@pytest.fixture
def storage(box):
    return lambda scenario, **asked: drive("storage_scenarios.py", box.url, scenario, **asked)
