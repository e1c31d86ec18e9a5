import json
import subprocess
from pathlib import Path

import httpx
import pytest
from peers import peer_python

from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.up42.settings import Up42Settings

SCENARIOS = Path(__file__).with_name("sdk_scenarios.py")


@pytest.fixture(scope="session")
def up42_box():
    """One sandbox for the session: each test starts with a reset of UP42."""
    settings = Up42Settings(budgets={"small": 10, "large": 500}, requests_per_second=None)
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box:
        yield box


@pytest.fixture
def box(up42_box):
    up42_box.faults.clear()
    for region in up42_box.up42_regions.values():
        region.reset()
    yield up42_box
    up42_box.faults.clear()


@pytest.fixture
def up42(box):
    return box.up42


@pytest.fixture
def login():
    """Log a person in at a region and return a client of the API host."""
    opened = []

    def log_in(up42, name="demo"):
        form = {"grant_type": "password", "username": name, "password": up42.user(name).password}
        answer = httpx.post(
            f"{up42.auth_url}/realms/public/protocol/openid-connect/token",
            data={**form, "client_id": "up42-sdk", "scope": "openid"},
        )
        bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
        opened.append(httpx.Client(base_url=up42.url, headers=bearer, timeout=10))
        return opened[-1]

    yield log_in
    for client in opened:
        client.close()


@pytest.fixture
def api(up42, login):
    return login(up42)


@pytest.fixture
def run(up42):
    """Make a job with the API: `run(client, process, title, **query)`."""

    def make(client, process="pansharpening", title="A title", item=0, **query):
        inputs = {"title": title, "item": up42.item_url(up42.sources()[item])}
        return client.post(
            f"/v2/processing/processes/{process}/execution", json={"inputs": inputs}, params=query
        )

    return make


@pytest.fixture(scope="session")
def sdk_python():
    return peer_python("up42-py-4.3.0", "up42-py==4.3.0")


@pytest.fixture
def sdk(sdk_python):
    """Run a scenario of the official SDK in its own environment."""

    def drive(up42, scenario, **asked):
        command = [sdk_python, SCENARIOS, up42.url, up42.auth_url, scenario, json.dumps(asked)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return drive
