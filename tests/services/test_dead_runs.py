"""A run whose process and worker are both killed: it is found, holds nothing up, and a rerun completes."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from runs import Runs

from eoflows.deployments.stack import Stack, StackOptions

pytestmark = [pytest.mark.services, pytest.mark.anyio, pytest.mark.timeout(900)]

STAGE = "aux-staging/sandbox"
FOUND_SECONDS = 150.0
"""90 s without a beat, and what Prefect takes to look."""


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Two workers, so that one is left."""
    async with Stack(tmp_path / "stack", StackOptions(workers=((), ()))) as stack:
        yield stack


@pytest.fixture
def runs(stack: Stack) -> Iterator[Runs]:
    with Runs(stack.urls.api) as found:
        yield found


async def test_a_run_that_died_with_its_worker_is_found(stack: Stack, runs: Runs) -> None:
    command = [sys.executable, "-m", "eoflows.deployments.automations", "--deployment", "sandbox"]
    await anyio.run_process(command, env=stack.environment)
    assert stack.urls.sandbox is not None
    faults = f"{stack.urls.sandbox.url}/_sandbox/faults"
    hang = {"kind": "hang", "path": "*$value", "parameters": {"seconds": 600}}
    async with httpx.AsyncClient(trust_env=False) as http:
        (await http.post(faults, json=hang)).raise_for_status()

    first = runs.start(STAGE)
    await until(lambda: "aux-staging-progress" in runs.artifacts(first), 120, "a run that stages")
    flow = process_of(first)
    worker = worker_of(flow, [service.process.pid for service in stack.workers])
    second = runs.start(STAGE)
    await until(lambda: runs.state(second)["name"] == "AwaitingConcurrencySlot", 120, "a run that waits")
    for process in (worker, flow):
        os.kill(process, signal.SIGKILL)
    killed = time.monotonic()
    assert runs.state(first)["type"] == "RUNNING"
    async with httpx.AsyncClient(trust_env=False) as http:
        (await http.delete(faults)).raise_for_status()

    await until(lambda: runs.state(first)["type"] != "RUNNING", FOUND_SECONDS, "the dead run's end")
    found = runs.state(first)
    print(f"found after {time.monotonic() - killed:.0f} s")
    assert found["type"] == "CRASHED"
    assert found["message"] == "No heartbeat for 90 s: its process and worker are gone."
    ended = await asyncio.to_thread(runs.wait, second)
    assert (ended["type"], ended["name"]) == ("COMPLETED", "Completed")


def process_of(run: str) -> int:
    """Give the process of a flow run: the one whose parent is none of them."""
    mine = f"PREFECT__FLOW_RUN_ID={run}".encode()
    found = {int(one.name) for one in Path("/proc").glob("[0-9]*") if mine in environment(one)}
    (oldest,) = [process for process in found if parent(process) not in found]
    return oldest


def environment(process: Path) -> list[bytes]:
    with contextlib.suppress(OSError):
        return (process / "environ").read_bytes().split(b"\0")
    return []


def parent(process: int) -> int:
    stat = Path(f"/proc/{process}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def worker_of(process: int, workers: list[int]) -> int:
    """Give the worker that started a process."""
    while process not in workers:
        process = parent(process)
    return process


async def until(condition: Callable[[], Any], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, f"{what} did not come in {seconds:.0f} s"
        await asyncio.sleep(0.2)
