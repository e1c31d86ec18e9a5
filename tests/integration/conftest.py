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


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A real S3 server without a bucket; each test makes its own."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
