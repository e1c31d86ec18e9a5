"""Prefect and ledger on PostgreSQL: two workers share fifty runs, and one of them is killed half-way."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from runs import Runs

from eoflows.deployments.databases.postgres import PrivatePostgres
from eoflows.deployments.stack import Stack, StackOptions

pytestmark = [pytest.mark.services, pytest.mark.anyio, pytest.mark.timeout(1500)]

ALL_DONE_SECONDS = 900
LIMIT = ("--limit", "6")


@pytest.fixture
async def stack(
    postgres: PrivatePostgres, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stack]:
    """Two workers, if the test wants no others; Prefect's database and the ledger's are PostgreSQL's."""
    name = f"many_{os.getpid()}_{time.time_ns()}"
    prefect = postgres.login(f"{name}_prefect").url.replace("postgresql://", "postgresql+asyncpg://")
    options = StackOptions(
        catalog=True,
        database=prefect,
        secrets={"EOFLOWS_LEDGER_URL": postgres.login(f"{name}_ledger").url},
        workers=getattr(request, "param", (LIMIT, LIMIT)),
    )
    async with Stack(tmp_path / "stack", options) as stack:
        yield stack


@pytest.fixture
def runs(stack: Stack) -> Iterator[Runs]:
    with Runs(stack.urls.api) as found:
        yield found


def asked() -> list[tuple[str, dict[str, Any]]]:
    """Fifty runs of seven kinds; what is paid or staged is asked for by two runs each."""
    jobs = [
        (
            "run-job/sandbox",
            {
                "requests": [
                    {"service": "dummy", "process": "wait", "inputs": {"n": n, "part": part, "seconds": 5}}
                    for part in range(4)
                ]
            },
        )
        for n in range(5)
    ]
    scene = {"width": 2, "height": 1, "red": [1, 0]}
    processes = [
        ("run-process/sandbox", {"inputs": {"scene": {"value": {**scene, "nir": [3, n]}}}}) for n in range(4)
    ]
    priced = [("run-up42-job/sandbox", {"title": f"Trees {n}"}) for n in range(4)]
    staged = [("aux-staging/sandbox", {}), ("on-demand-aux-staging/sandbox", {})]
    staged += [("on-demand-aux-staging/sandbox", {"catalog_collection_identifier": "other"})]
    looked = [("search-aux/sandbox", {}), ("list-processes/sandbox", {}), ("show-jobs/sandbox", {})]
    return [*jobs, *processes, *priced, *staged] * 2 + looked * 6


async def test_nothing_is_lost_or_done_twice(stack: Stack, runs: Runs) -> None:
    wanted = asked()
    assert len(wanted) == 50
    every_two_minutes(runs, "rerun-dead/sandbox")
    started = time.monotonic()
    ids = [runs.start(name, **parameters) for name, parameters in wanted]

    await until(lambda: ended(runs, ids) >= 15, "fifteen ended runs")
    killed = stack.workers[1].process
    os.kill(killed.pid, signal.SIGKILL)
    assert await asyncio.to_thread(killed.wait) == -signal.SIGKILL
    assert ended(runs, ids) < 45, "the worker was killed too late to be missed"

    await until(lambda: ended(runs, ids) == 50, "the end of all runs")
    seconds = time.monotonic() - started
    states = [runs.state(run) for run in ids]
    assert Counter(state["type"] for state in states) == {"COMPLETED": 50}, [
        (name, state["type"], state["message"])
        for (name, _), state in zip(wanted, states, strict=True)
        if state["type"] != "COMPLETED"
    ]
    assert seconds < ALL_DONE_SECONDS
    print(f"50 runs in {seconds:.0f} s")

    sandbox = stack.urls.sandbox
    assert sandbox is not None
    dummy = get(f"{sandbox.url}/dummy/inputs-sandbox/jobs")["jobs"]
    assert len(dummy) == 20
    assert len(posts(sandbox.url, "/ogc/processes/ndvi/execution")) == 4
    priced = get(f"{sandbox.url}/_sandbox/up42/state")["jobs"]
    assert [sum(f"Trees {n}" in str(job) for job in priced) for n in range(4)] == [1] * 4

    items = get(f"{stack.urls.catalog}/search?limit=1000")["features"]
    assert len(items) == len({(item["collection"], item["id"]) for item in items})
    places = [folder for folder in (stack.state.storage / "demo").iterdir() if folder.name[0] != "_"]
    files = [path for folder in places for path in folder.rglob("*") if path.is_file()]
    assert len(files) == len(items) > 22


@pytest.mark.parametrize("stack", [(("--limit", "1"),)], indirect=True)
async def test_urgent_runs_go_before_those_that_can_wait(stack: Stack, runs: Runs) -> None:
    requests = [{"service": "dummy", "process": "wait", "inputs": {"seconds": 20, "n": "first"}}]
    busy = runs.start("run-job/sandbox", requests=requests)
    await until(lambda: runs.state(busy)["type"] == "RUNNING", "a run that keeps the worker busy")
    waiting = [runs.start("expire-staged/sandbox") for _ in range(2)]
    usual = [runs.start("search-aux/sandbox") for _ in range(2)]
    urgent = [runs.start("stage-aux-for-scene/sandbox", plan_only=True) for _ in range(2)]
    assert runs.state(busy)["type"] == "RUNNING", "the worker was free too early"
    order = [*urgent, *usual, *waiting]
    await until(lambda: ended(runs, order) == 6, "the end of all runs")
    began = {run: runs.ask("GET", f"/flow_runs/{run}")["start_time"] for run in order}
    groups = [{began[run] for run in group} for group in (urgent, usual, waiting)]
    assert max(groups[0]) < min(groups[1]), groups
    assert max(groups[1]) < min(groups[2]), groups


def every_two_minutes(runs: Runs, name: str) -> None:
    """Switch the schedule of a deployment on, as an operator does."""
    deployment = runs.deployment(name)
    (schedule,) = deployment["schedules"]
    runs.ask("PATCH", f"/deployments/{deployment['id']}/schedules/{schedule['id']}", {"active": True})


def ended(runs: Runs, ids: list[str]) -> int:
    """Count the runs that have an outcome; one that crashed will be run again."""
    found = runs.ask("POST", "/flow_runs/filter", {"flow_runs": {"id": {"any_": ids}}, "limit": 200})
    return sum(run["state"]["type"] in ("COMPLETED", "FAILED") for run in found)


async def until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + ALL_DONE_SECONDS
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, f"{what} did not come in {ALL_DONE_SECONDS} s"
        await asyncio.sleep(0.5)


def get(url: str) -> Any:
    answer = httpx.get(url, trust_env=False, timeout=60)
    return json.loads(answer.raise_for_status().content)


def posts(sandbox: str, path: str) -> list[dict[str, Any]]:
    entries = get(f"{sandbox}/_sandbox/log?path={path}")["entries"]
    return [entry for entry in entries if entry["method"] == "POST" and entry["status"] < 400]
