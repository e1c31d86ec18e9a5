"""What holds for every test: the environment, which part of the tests it is, and which process runs it."""

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from examples import register_profiles

register_profiles()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A background job of a shell begins like this, and hands it on to all that the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything imports Prefect: without these it would make a .prefect in the user's home.
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="eoflows-prefect-")
os.environ.setdefault("DO_NOT_TRACK", "1")


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as Prefect does."""
    return "asyncio"


TESTS = Path(__file__).parent
ON_REQUEST = ("services", "ui", "prove")
"""Marks of tests that run only when -m names them."""

PROVEN_IN_THE_GATE = {"search", "stage", "submit", "track", "download", "stream", "kill"}
"""What tests that are marked as part of the gate have to say that they prove, all of them together."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests of the gate, put those of a server together and the long ones first."""
    asked = config.getoption("-m")
    left_out = [
        item for item in items if any(item.get_closest_marker(m) and m not in asked for m in ON_REQUEST)
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    gone = set(left_out)
    items[:] = sorted((item for item in items if item not in gone), key=_rank)
    proven = {what for item in items for mark in item.iter_markers("gate") for what in mark.args}
    if config.args_source is config.ArgsSource.TESTPATHS and proven != PROVEN_IN_THE_GATE:
        raise pytest.UsageError(
            f"the gate has tests for {sorted(proven)}, not for {sorted(PROVEN_IN_THE_GATE)}"
        )
    for item in items:
        folder = item.path.relative_to(TESTS).parts[:2]
        if folder[0] == "unit" and folder[1] != "sandbox":
            item.add_marker("gate")
        if server := _server(item):
            item.add_marker(pytest.mark.xdist_group(server))


def _server(item: pytest.Item) -> str | None:
    """Name the server that a test uses: one process runs all tests of it, so that there is one."""
    names = getattr(item, "fixturenames", ())
    return next((name for name in ("prefect_server", "stack") if name in names), None)


def _rank(item: pytest.Item) -> int:
    """Sort what takes long to the front: no process is left with it when the others have ended."""
    if server := _server(item):
        return 0 if server == "prefect_server" else 1
    return 2 if "integration" in item.path.parts else 3


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a server together, and those of a file."""
    from xdist.scheduler import LoadGroupScheduling

    class ByServerOrFile(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            group = super()._split_scope(nodeid)
            return nodeid.partition("::")[0] if group == nodeid else group

    return ByServerOrFile(config, log) if config.getoption("dist") == "loadgroup" else None
