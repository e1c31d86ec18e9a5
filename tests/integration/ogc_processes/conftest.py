from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from waiting import becomes

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.ogc_processes.settings import OgcProcessesSettings
from eoflows.services.ogc_processes import AsyncClient, ClientConfig, JobInfo, phase_of

AUTHS = ("basic", "bearer", "api_key", "login")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def ogc_box():
    servers = {
        "/ogc": OgcProcessesSettings(),
        "/many": OgcProcessesSettings(extra_processes=21),
        **{f"/{auth}": OgcProcessesSettings(auth=auth) for auth in AUTHS},
    }
    with Sandbox(SandboxSettings(days=0, ogc_processes=servers)) as box:
        yield box


@pytest.fixture
def box(ogc_box):
    """The session's sandbox, without faults and jobs."""
    ogc_box.faults.clear()
    for one in ogc_box.ogc_processes.values():
        one.jobs.clear()
    yield ogc_box
    ogc_box.faults.clear()


@pytest.fixture
def config(box) -> ClientConfig:
    return ClientConfig(server_url=f"{box.url}/ogc")


@pytest.fixture
def behave(box) -> Callable[..., None]:
    """Change the server's settings for the requests to come."""

    def order(**settings: Any) -> None:
        box.faults.add(Fault("behave", path="/ogc", parameters={"settings": settings}))

    return order


@pytest.fixture
async def client(config) -> AsyncIterator[AsyncClient]:
    opened = AsyncClient(config)
    yield opened
    await opened.close()


@pytest.fixture
def finished(client) -> Callable[[str], Awaitable[JobInfo]]:
    async def wait(name: str) -> JobInfo:
        async def ended() -> JobInfo | None:
            job = await client.get_job(name)
            return None if phase_of(job.status) in ("queued", "running") else job

        job = await becomes(ended, "the job's end")
        assert job is not None
        return job

    return wait
