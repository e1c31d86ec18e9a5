"""Server, worker and runs are killed together; after the restart every deployment with a limit runs again."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from runs import TERMINAL, Runs
from shared_stack import wait_until

from eoflows.deployments.environment import child_environment
from eoflows.deployments.lifetime import marked_processes
from eoflows.deployments.parts import prepare_database, start_server, start_worker
from eoflows.deployments.prefect_api import PrefectApi
from eoflows.deployments.prefect_database import cache_directory
from eoflows.deployments.services import Launcher
from eoflows.deployments.state import StateDirectory
from eoflows.tasks.limits import PREFIX

pytestmark = [pytest.mark.stack, pytest.mark.anyio, pytest.mark.timeout(600)]

PROJECT = Path(__file__).with_name("limited")
POOL = "eoflows"
KINDS = ("waits", "goes")
"""What a run does that meets the limit of its deployment: it waits, or goes away."""

SECONDS = 120.0
BOUND = 300.0
"""Seconds after the restart in which every deployment has to run."""

SHORTEST = {
    "PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION": "30",
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "1",
}
"""What Prefect allows at the least, so that leases end while the test looks."""

RENEWED = {"lease_duration": 60}
"""A running flow renews its lease for 300 s; Prefect takes this at the least."""


@asynccontextmanager
async def installed(state: StateDirectory, *, deploy: bool = False) -> AsyncIterator[Runs]:
    """Start a server and a worker as on a host of one's own: nothing is put right that a kill has left."""
    launcher = Launcher(PROJECT, child_environment(state, None) | SHORTEST, state.logs)
    try:
        await prepare_database(launcher, state, cache_directory())
        url = f"{await start_server(launcher, state)}/api"
        launcher = launcher.with_more({"PREFECT_API_URL": url})
        async with PrefectApi(url) as api:
            if deploy:
                await api.hold_pool(POOL)
                command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
                await launcher.run("deploy", command, seconds=SECONDS)
                await api.release_pool(POOL)
            await start_worker(launcher, api, POOL, "worker")
        with Runs(url) as runs:
            yield runs
    finally:
        kill_all(state)
        await launcher.stop_all()


def kill_all(state: StateDirectory) -> None:
    while alive := marked_processes(state.root):
        for process in alive:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def start(runs: Runs, deployment: str, **more: object) -> str:
    body = {"state": {"type": "SCHEDULED"}, **more}
    made: str = runs.ask("POST", f"/deployments/{runs.deployment(deployment)['id']}/create_flow_run", body)[
        "id"
    ]
    return made


async def test_what_has_a_limit_runs_again(tmp_path: Path) -> None:
    state = StateDirectory.at(tmp_path / "state")
    async with installed(state, deploy=True) as runs:
        running = []
        for kind in KINDS:
            runs.ask("POST", "/v2/concurrency_limits/", {"name": f"{PREFIX}{kind}.example", "limit": 1})
            held = {"host": f"{kind}.example", "mark": str(tmp_path / kind)}
            running.append(start(runs, f"hold/{kind}-running", parameters=held))
        for kind in KINDS:
            await asyncio.to_thread(wait_until, (tmp_path / kind).exists, SECONDS, "the flow that runs")
        # The worker starts this in place of Prefect's engine: a run that does not get beyond Pending.
        never = {"command": "sleep 600"}
        pending = [start(runs, f"hold/{kind}-pending", job_variables=never) for kind in KINDS]
        for run in pending:
            await asyncio.to_thread(runs.wait, run, frozenset({"PENDING"}))

    async with installed(state) as runs:
        until = time.monotonic() + BOUND
        assert {runs.state(run)["type"] for run in running} == {"RUNNING"}
        assert {runs.state(run)["type"] for run in pending} == {"PENDING"}
        for run in running:
            lease = runs.state(run)["state_details"]["deployment_concurrency_lease_id"]
            # So would the flow, if it were alive; refused, it would crash.
            runs.ask("POST", f"/v2/concurrency_limits/leases/{lease}/renew", RENEWED)
        async with asyncio.TaskGroup() as group:
            for kind in KINDS:
                group.create_task(asyncio.to_thread(goes_through, runs, f"hold/{kind}-pending", {}, until))
                same = {"host": f"{kind}.example"}
                group.create_task(asyncio.to_thread(goes_through, runs, f"hold/{kind}-running", same, until))


def goes_through(runs: Runs, deployment: str, parameters: dict[str, str], until: float) -> None:
    """Start runs of a deployment until one is not refused; that one completes."""
    while True:
        run = start(runs, deployment, parameters=parameters)
        state = runs.wait(run, TERMINAL, timeout=until - time.monotonic())
        if state["type"] != "CANCELLED":
            assert state["type"] == "COMPLETED", state
            print(f"{deployment}: {until - time.monotonic():.0f} s before the bound")
            return
        assert state["message"] == "Deployment concurrency limit reached."
