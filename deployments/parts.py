"""How each service of a stack is started, and when it counts as ready."""

import asyncio
import contextlib
import shutil
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eoflows.deployments.errors import ServiceFailed
from eoflows.deployments.package import LOGOS
from eoflows.deployments.prefect_api import PrefectApi
from eoflows.deployments.prefect_database import copied
from eoflows.deployments.services import Launcher, Service
from eoflows.deployments.state import StateDirectory

START_SECONDS = 180.0
"""A cold disk and a busy machine make a start of 10 s much longer."""

PORT_ATTEMPTS = 5
HOST = "127.0.0.1"


@dataclass(frozen=True)
class SandboxUrls:
    """Where a sandbox answers."""

    url: str
    """The stand-ins of the five services."""
    other_url: str
    """The same under another origin, for redirects."""


async def start_sandbox(launcher: Launcher, state: StateDirectory, arguments: Sequence[str]) -> SandboxUrls:
    """Start the local servers that stand in for the five services."""
    file = _fresh(state.ready_file("sandbox"))
    command = [sys.executable, "-m", "eoflows.sandbox", "--port", "0", "--ready-file", str(file), *arguments]
    ready = await launcher.start("sandbox", command).ready(file, seconds=START_SECONDS)
    return SandboxUrls(ready["url"], ready["other_url"])


async def start_catalog(launcher: Launcher, state: StateDirectory) -> str:
    """Start the read-only view of the catalogue and return its address."""
    file = _fresh(state.ready_file("catalog"))
    serve = ["-m", "eoflows.stores.catalog", "serve", str(state.catalog)]
    command = [sys.executable, *serve, "--port", "0", "--ready-file", str(file)]
    ready = await launcher.start("catalog", command).ready(file, seconds=START_SECONDS)
    return str(ready["url"])


def _fresh(ready_file: Path) -> Path:
    ready_file.unlink(missing_ok=True)
    return ready_file


async def prepare_database(launcher: Launcher, state: StateDirectory, cache: Path) -> None:
    """Spare a new state's server its migrations: give it a copy of a database that had them.

    Args:
        launcher: Starts what makes the one that is copied, where the cache has none.
        state: The state whose server will start.
        cache: Where the one that is copied is kept.
    """
    database = state.prefect_home / "prefect.db"
    if database.exists() or await asyncio.to_thread(copied, database, cache):
        return
    command = [sys.executable, "-m", "eoflows.deployments.prefect_database", "--cache", str(cache)]
    # A cache that cannot be written costs time only: the server does its own migrations, or says why not.
    with contextlib.suppress(ServiceFailed):
        await launcher.run("database", command, seconds=START_SECONDS)
        await asyncio.to_thread(copied, database, cache)


async def start_server(launcher: Launcher, state: StateDirectory) -> str:
    """Start a Prefect server on a free port and return its address.

    Raises:
        ServiceFailed: It ended, for another reason than a port that somebody else took first.
    """
    for remaining in reversed(range(PORT_ATTEMPTS)):
        url = f"http://{HOST}:{_free_port()}"
        try:
            await _server_ready(launcher, state, url)
        except ServiceFailed as failure:
            if remaining == 0 or "in use" not in str(failure):
                raise
        else:
            return url
    raise AssertionError("the last attempt returns or raises")


async def _server_ready(launcher: Launcher, state: StateDirectory, url: str) -> None:
    port = url.rpartition(":")[2]
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", port]
    # The pages ask port 4200 otherwise. Relative, it holds through a tunnel or a proxy too.
    server = launcher.with_more({"PREFECT_UI_API_URL": "/api"}).start("server", command)
    async with PrefectApi(f"{url}/api") as api:

        async def ours() -> bool:
            # Whoever took the port between our look and our start could be another stack's server.
            return await api.home() == str(state.prefect_home)

        await server.until(ours, what="the health answer", seconds=START_SECONDS)
    # Prefect copies its pages at its start; ours are put beside them, so that they show without internet.
    shutil.copytree(LOGOS, state.ui / "v1" / "logos", dirs_exist_ok=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def start_worker(
    launcher: Launcher, api: PrefectApi, pool: str, name: str, arguments: Sequence[str] = ()
) -> Service:
    """Start a process worker and wait until the server knows it."""
    await api.forget_worker(pool, name)
    options = ["--type", "process", "--pool", pool, "--name", name, "--install-policy", "never", *arguments]
    worker = launcher.start(name, [sys.executable, "-m", "prefect", "worker", "start", *options])

    async def online() -> bool:
        return await api.worker_online(pool, name)

    await worker.until(online, what="the worker's first report", seconds=START_SECONDS)
    return worker
