from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.ogc_processes.jobs import Steps
from eoflows.sandbox.ogc_processes.settings import OgcProcessesSettings

ASYNC = {"prefer": "respond-async"}


@pytest.fixture(scope="session")
def ogc_box():
    servers = {
        "/ogc": OgcProcessesSettings(),
        "/many": OgcProcessesSettings(extra_processes=21),
        "/stepwise": OgcProcessesSettings(pace=Steps()),
        **{f"/{auth}": OgcProcessesSettings(auth=auth) for auth in ("basic", "bearer", "api_key", "login")},
    }
    with Sandbox(SandboxSettings(days=1, ogc_processes=servers)) as box:
        yield box


@pytest.fixture
def box(ogc_box):
    """The session's sandbox, without faults and jobs."""
    ogc_box.faults.clear()
    ogc_box.catalogue.clear()
    for one in (ogc_box.staging, *ogc_box.ogc_processes.values()):
        one.jobs.clear()
    yield ogc_box
    ogc_box.faults.clear()


@pytest.fixture
def ogc(box):
    with httpx.Client(base_url=f"{box.url}/ogc", timeout=10) as client:
        yield client


@pytest.fixture
def stepwise(box):
    """A server whose processes wait until the test releases a step."""
    with httpx.Client(base_url=f"{box.url}/stepwise", timeout=10) as client:
        yield client, box.ogc_processes["/stepwise"].settings.pace


@pytest.fixture
def behave(box):
    """Change settings for requests to come."""

    def order(times: int | None = None, path: str = "/ogc", **settings: Any) -> None:
        box.faults.add(Fault("behave", path=path, times=times, parameters={"settings": settings}))

    return order


@pytest.fixture
def execute(ogc):
    def run(process: str = "echo", *, headers: dict[str, str] | None = None, **document: Any) -> Any:
        document.setdefault("inputs", {"message": "a"} if process == "echo" else {})
        return ogc.post(f"/processes/{process}/execution", json=document, headers=headers or {})

    return run


@pytest.fixture
def wait_for():
    def wait(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
        """Poll until a condition holds, and return what it gave."""
        deadline = monotonic() + seconds
        while not (found := condition()):
            if monotonic() > deadline:
                raise TimeoutError
            sleep(0.005)
        return found

    return wait


@pytest.fixture
def finished(ogc, wait_for):
    """Wait for a job's end and return its status document."""

    def wait(name: str, client: httpx.Client = ogc) -> Any:
        def end() -> Any:
            document = client.get(f"/jobs/{name}").json()
            return document if document.get("status") not in ("accepted", "running") else None

        return wait_for(end)

    return wait
