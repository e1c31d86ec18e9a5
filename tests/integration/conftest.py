"""One local installation for all integration tests of a session, whatever number of processes runs them."""

from collections.abc import Iterator

import pytest
from shared_stack import SharedStack, shared_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[SharedStack]:
    """Sandbox, Prefect server and worker with this checkout's blocks and deployments; costs 20 s once.

    Tests share it: they must not count on being alone.
    """
    own = tmp_path_factory.getbasetemp()
    with shared_stack(own if worker_id == "master" else own.parent) as shared:
        yield shared
