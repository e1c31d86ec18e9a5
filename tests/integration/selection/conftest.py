from collections.abc import Iterator
from datetime import date

import pytest

from eoflows.sandbox import Sandbox, SandboxSettings


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def policy_box() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(start=date(2025, 8, 1), days=6)) as running:
        yield running


@pytest.fixture
def box(policy_box: Sandbox) -> Sandbox:
    """A sandbox without faults."""
    policy_box.faults.clear()
    return policy_box
