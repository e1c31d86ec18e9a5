"""This release, on a state that another has left: a server, the command `eoflows`, and later a worker."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runs import Runs

from eoflows.deployments import lifetime
from eoflows.deployments.environment import child_environment
from eoflows.deployments.parts import start_server, start_worker
from eoflows.deployments.prefect_api import PrefectApi
from eoflows.deployments.services import Launcher
from eoflows.deployments.state import StateDirectory

POOL = "eoflows"
COMMAND = [sys.executable, "-c", "from eoflows.command import main; main()"]
SECONDS = 300.0
ASKED_AGAIN = Path(__file__).with_name("asked_again.py")

FORGOTTEN = {"status", "updated", "last_polled", "created_by", "updated_by"}
"""What a deployment's document has beside what somebody decided."""
CARRIED = {"entrypoint", "pull_steps", "parameter_openapi_schema"}
"""What the change of the release changes in it: the code, and the form of its parameters."""


class NewRelease:
    """Its Prefect server, which nobody has prepared: nothing is registered or deployed."""

    def __init__(self, state: StateDirectory, launcher: Launcher, url: str) -> None:
        self.state = state
        self.api = f"{url}/api"
        self._launcher = launcher.with_environment(child_environment(state, self.api))

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `eoflows` as a user would, without a terminal."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.state.root,
            env=dict(self._launcher.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> list[str]:
        """Run `eoflows`, and give the lines that it prints."""
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, said
        return said.splitlines()

    def asked_again(self, asked: list[tuple[str, dict[str, Any]]]) -> list[dict[str, str]]:
        """Run deployments to their ends, all in one process, and give their states."""
        command = [sys.executable, str(ASKED_AGAIN), json.dumps(asked)]
        environment = dict(self._launcher.environment)
        done = subprocess.run(
            command, cwd=self.state.root, env=environment, check=True, stdout=subprocess.PIPE, timeout=SECONDS
        )
        states: list[dict[str, str]] = json.loads(done.stdout)
        return states

    def work(self) -> None:
        """Start a worker, and let it take runs."""

        async def working() -> None:
            async with PrefectApi(self.api) as api:
                await start_worker(self._launcher, api, POOL, "worker")
                await api.release_pool(POOL)

        asyncio.run(working())


@contextmanager
def new_release(path: Path) -> Iterator[NewRelease]:
    """Start it on a state directory; everything that works there ends with it, and with this process."""
    state = StateDirectory.at(path)
    # As Prefect's own image would, in which our package is not.
    bare = {"PREFECT_API_BLOCKS_REGISTER_ON_START": "false"}
    launcher = Launcher(state.root, child_environment(state, None) | bare, state.logs)
    command = [sys.executable, "-I", "-S", lifetime.__file__, str(state.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watchdog:
        try:
            yield NewRelease(state, launcher, asyncio.run(start_server(launcher, state)))
        finally:
            watchdog.communicate()
            asyncio.run(launcher.stop_all())


def deployments(runs: Runs) -> dict[str, dict[str, Any]]:
    """Give what somebody decided of each deployment, by its id."""
    found = runs.ask("POST", "/deployments/filter", {})
    for one in found:
        for schedule in one["schedules"]:
            schedule.pop("updated")
        for moving in ("active_slots", "updated"):
            (one["global_concurrency_limit"] or {}).pop(moving, None)
    return {one["id"]: {key: value for key, value in one.items() if key not in FORGOTTEN} for one in found}


def decided(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give the same without what a change of the release changes."""
    return {
        name: {key: value for key, value in one.items() if key not in CARRIED} for name, one in found.items()
    }


def secrets(runs: Runs) -> dict[str, Any]:
    """Give all blocks with their secrets."""
    found = runs.ask("POST", "/block_documents/filter", {"include_secrets": True})
    return {f"{one['block_type']['slug']}/{one['name']}": one["data"] for one in found}
