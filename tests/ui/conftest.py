"""Tests in a real browser, with a real server and worker; `make ui-test` runs them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from anyio.from_thread import start_blocking_portal
from browser import Pages, open_browser
from runs import Runs

from eoflows.deployments.stack import POOL, Stack, StackOptions

_WAITING = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED", "PENDING"]}}}}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation of its own with all deployments of prefect.yaml; costs two minutes once."""
    options = StackOptions(catalog=True, deployments=())
    with start_blocking_portal() as portal:
        state = tmp_path_factory.mktemp("ui") / "stack"
        with portal.wrap_async_context_manager(Stack(state, options)) as stack:
            yield stack


@pytest.fixture(scope="session")
def runs(stack: Stack) -> Iterator[Runs]:
    with Runs(stack.urls.api) as found:
        yield found


@pytest.fixture(scope="session")
def tab(stack: Stack) -> Iterator[Pages]:
    with open_browser() as context:
        yield Pages(context, stack.urls.ui)


@pytest.fixture
def pages(tab: Pages) -> Iterator[Pages]:
    """The one tab; a test fails when a page of it complained, or a picture did not come."""
    tab.faults.clear()
    yield tab
    assert tab.broken_images() == []
    assert tab.faults == []


@pytest.fixture(scope="module")
def held(runs: Runs) -> Iterator[None]:
    """Let no worker take the runs of a module."""
    with _paused(runs):
        yield


@contextmanager
def _paused(runs: Runs) -> Iterator[None]:
    runs.ask("PATCH", f"/work_pools/{POOL}", {"is_paused": True})
    try:
        yield
    finally:
        for run in runs.ask("POST", "/flow_runs/filter", _WAITING):
            runs.ask("DELETE", f"/flow_runs/{run['id']}")
        runs.ask("PATCH", f"/work_pools/{POOL}", {"is_paused": False})
