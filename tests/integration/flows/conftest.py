"""Flows in this process, against a Prefect server and a sandbox that last for the session."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eoflows.deployments.register import write_sandbox
from eoflows.products.environment import FlowEnvArgs
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.settings import StagingSettings
from eoflows.sandbox.up42.schedule import CAPTURED
from eoflows.sandbox.up42.settings import Up42Settings

# Prefect leaves connections to its server to the garbage collector; ours are counted in a test.
_LEFT_OPEN = "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(_LEFT_OPEN))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def flow_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    staging = StagingSettings(directory=tmp_path_factory.mktemp("bucket"))
    quick = dict.fromkeys(("created", *CAPTURED), 0.05)
    up42 = Up42Settings(pace="clock", durations=quick, requests_per_second=None, sources=200)
    with Sandbox(SandboxSettings(days=6, staging=staging, up42=up42)) as box:
        yield box


@dataclass
class Place:
    """Where the flows of one test work."""

    box: Sandbox
    state: Path
    since: int

    @property
    def env(self) -> FlowEnvArgs:
        """What flows take."""
        return FlowEnvArgs(owner_id="demo", environment="sandbox")

    def files(self, collection: str = "s1-aux") -> dict[str, Path]:
        """The staged files of a collection, by name."""
        folder = self.state / "storage" / "demo" / collection
        return {path.name: path for path in folder.rglob("*") if path.is_file()}

    def made(self) -> list[str]:
        """What there is beside the ledger, which is there from the beginning."""
        return [path.name for path in self.state.iterdir() if path.name != "ledger.sqlite"]

    def downloads(self) -> int:
        """Requests for bytes since the test began."""
        return len(self.box.log.entries("*$value", since=self.since))


@pytest.fixture(scope="session")
def blocks_of_the_sandbox(
    prefect_server: None, flow_box: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Write the blocks once (it takes seconds) and give the folder that they name."""
    state = tmp_path_factory.mktemp("flows")
    asyncio.run(write_sandbox(flow_box.url, flow_box.other_url, state))
    shutil.copy(state / "ledger.sqlite", state.with_suffix(".new"))
    return state


@pytest.fixture
def place(blocks_of_the_sandbox: Path, flow_box: Sandbox) -> Place:
    """The environment `sandbox` with no fault, an empty storage, an empty ledger and no catalogue."""
    state = blocks_of_the_sandbox
    shutil.rmtree(state)
    state.mkdir()
    shutil.copy(state.with_suffix(".new"), state / "ledger.sqlite")
    flow_box.faults.clear()
    flow_box.up42.reset()
    return Place(flow_box, state, flow_box.log.last)
