import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from eoflows.deployments.register import write_sandbox
from eoflows.sandbox import Sandbox, SandboxSettings


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def state_folder(prefect_server: None, tmp_path: Path) -> Iterator[Path]:
    """Where catalogue and storage of the environment `sandbox` are; its sandbox runs."""
    with Sandbox(SandboxSettings(days=4)) as box:
        asyncio.run(write_sandbox(box.url, box.other_url, tmp_path))
        yield tmp_path
