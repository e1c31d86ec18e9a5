"""One local installation for all integration tests of a session, whatever number of processes runs them."""

import asyncio
from collections.abc import Iterator

import pytest
from prefect_server import own_prefect_server
from shared_stack import SharedStack, shared_stack

from eoflows.blocks.logos import PUBLIC
from eoflows.deployments.register import register_types


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


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Prefect server for flows in this process, which knows our block types.

    Tests that use it are one group: it is one process of the session that has it.
    """
    with own_prefect_server(tmp_path_factory.mktemp("prefect") / "server"):
        asyncio.run(register_types(PUBLIC))
        yield
