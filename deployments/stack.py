"""A private local installation: all that a user needs, started together and ended with whoever started it.

async with Stack(Path(".eoflows/demo")) as stack:
    subprocess.run([...], env=stack.environment)
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from eoflows.deployments import lifetime
from eoflows.deployments.environment import child_environment
from eoflows.deployments.errors import StackError
from eoflows.deployments.package import PREFECT_FILE
from eoflows.deployments.parts import (
    SandboxUrls,
    prepare_database,
    start_catalog,
    start_sandbox,
    start_server,
    start_worker,
)
from eoflows.deployments.prefect_api import PrefectApi
from eoflows.deployments.prefect_database import cache_directory
from eoflows.deployments.services import Launcher, Service
from eoflows.deployments.state import StateDirectory

__all__ = ["POOL", "Stack", "StackOptions", "StackUrls"]

POOL = "eoflows"
"""The work pool of every deployment in prefect.yaml."""

WORKER = "worker"
SETUP_SECONDS = 600.0


@dataclass(frozen=True)
class StackUrls:
    """Where the services of a stack answer."""

    ui: str
    """Prefect's pages."""
    api: str
    """Prefect's API."""
    sandbox: SandboxUrls | None
    """The stand-ins of the five services; None when started without."""
    catalog: str | None
    """The read-only STAC view of the catalogue; None when started without."""


@dataclass(frozen=True)
class StackOptions:
    """What a stack starts."""

    sandbox: Sequence[str] | None = ()
    """Further arguments of the sandbox; None: no sandbox, and no blocks."""
    catalog: bool = False
    """Whether to serve the read-only view of the catalogue."""
    # The others name blocks that only an operator can make, and each deployment costs a second.
    deployments: Sequence[str] = ("sandbox", "sandbox-service")
    """Names of what is deployed, as `deploy` takes them."""
    prefect_file: Path = PREFECT_FILE
    """What describes the deployments."""
    database: str | None = None
    """Prefect's database, like `postgresql+asyncpg://user:password@host/name`; None: SQLite in the state."""
    cache: Path = field(default_factory=cache_directory)
    """Where a migrated database is kept, which a new state's server begins with."""
    prefect_blocks: bool = True
    """Whether Prefect's own block types are offered too; a new database takes two seconds for them."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Environment variables for the process that writes the blocks."""
    workers: Sequence[Sequence[str]] = ((),)
    """One worker for each: further arguments of `prefect worker start`."""
    progress: Callable[[str], None] = lambda phase: None
    """Told the name of each phase of the start when it has ended."""


@dataclass
class Stack:
    """A private local installation, for one `async with`."""

    path: Path
    """The state directory: made if absent, and kept."""
    options: StackOptions = field(default_factory=StackOptions)
    timings: dict[str, float] = field(default_factory=dict, init=False)
    """Seconds that each phase of the start took; phases overlap."""
    workers: list[Service] = field(default_factory=list, init=False)
    """The workers' processes, in the order of the options."""

    def __post_init__(self) -> None:
        self.state = StateDirectory.at(self.path)
        bare = child_environment(self.state, None)
        self._launcher = Launcher(self.state.root, bare, self.state.logs)
        self._urls: StackUrls | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    @property
    def urls(self) -> StackUrls:
        """Where the services answer.

        Raises:
            StackError: The stack is not started.
        """
        if self._urls is None:
            raise StackError("the stack is not started")
        return self._urls

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment for a program that works with this stack; the program ends with the stack."""
        return child_environment(self.state, self.urls.api)

    async def __aenter__(self) -> Self:
        self._lock = self.state.lock()
        try:
            # It holds the lock too: after our sudden death a successor waits until nothing of ours is left.
            self._watchdog = _start_watchdog(self.state.root, self._lock)
            with self._phase("total"):
                await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _start(self) -> None:
        await asyncio.to_thread(lifetime.end_marked, self.state.root)
        self.state.forget_the_killed()
        # Its imports take as long as the start of the server does.
        setup = self._launcher.with_more(self.options.secrets).start(
            "setup", [sys.executable, "-m", "eoflows.deployments.setup"], waits=True
        )
        self._urls = await self._start_services()
        self._launcher = self._launcher.with_environment(self.environment)
        async with PrefectApi(self.urls.api) as api:
            await api.crash_unfinished_runs()
            await api.hold_pool(POOL)
            await self._fill(api, setup)
            await api.release_pool(POOL)

    async def _start_services(self) -> StackUrls:
        with _one_error():
            async with asyncio.TaskGroup() as group:
                server = group.create_task(self._start_server())
                sandbox = group.create_task(self._start_sandbox())
                catalog = group.create_task(self._start_catalog())
        return StackUrls(server.result(), f"{server.result()}/api", sandbox.result(), catalog.result())

    async def _start_server(self) -> str:
        with self._phase("server"):
            database = self.options.database
            more = {"PREFECT_SERVER_REGISTER_BLOCKS_ON_START": str(self.options.prefect_blocks)}
            if database is None:
                await prepare_database(self._launcher, self.state, self.options.cache)
            else:
                more["PREFECT_API_DATABASE_CONNECTION_URL"] = database
            return await start_server(self._launcher.with_more(more), self.state)

    async def _start_sandbox(self) -> SandboxUrls | None:
        if self.options.sandbox is None:
            return None
        with self._phase("sandbox"):
            return await start_sandbox(self._launcher, self.state, self.options.sandbox)

    async def _start_catalog(self) -> str | None:
        if not self.options.catalog:
            return None
        with self._phase("catalog"):
            return await start_catalog(self._launcher, self.state)

    async def _fill(self, api: PrefectApi, setup: Service) -> None:
        """Write blocks, deploy, and start the worker, which may take no run before these have finished."""
        with _one_error():
            async with asyncio.TaskGroup() as group:
                group.create_task(self._set_up(setup))
                group.create_task(self._start_workers(api))

    async def _set_up(self, setup: Service) -> None:
        with self._phase("setup"):
            sandbox = self.urls.sandbox
            order = {
                "api": self.urls.api,
                "logos": f"{self.urls.ui}/logos",
                "sandbox": sandbox and (sandbox.url, sandbox.other_url),
                "state": str(self.state.root),
                "prefect_file": str(self.options.prefect_file),
                "deployments": list(self.options.deployments),
            }
            setup.give(json.dumps(order))
            await setup.succeed(seconds=SETUP_SECONDS)

    async def _start_workers(self, api: PrefectApi) -> None:
        with self._phase("worker"):
            for number, arguments in enumerate(self.options.workers, start=1):
                name = WORKER if number == 1 else f"{WORKER}-{number}"
                worker = await start_worker(self._launcher, api, POOL, name, arguments)
                self.workers.append(worker)

    async def stop(self) -> None:
        """End every process of the stack.

        Raises:
            StackError: Some could not be ended.
        """
        try:
            await self._launcher.stop_all()
        finally:
            watchdog, self._watchdog = self._watchdog, None
            lock, self._lock = self._lock, None
            try:
                if watchdog is not None:
                    await asyncio.to_thread(_release, watchdog)
            finally:
                if lock is not None:
                    os.close(lock)

    @contextlib.contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.timings[name] = time.monotonic() - started
        self.options.progress(name)


@contextlib.contextmanager
def _one_error() -> Iterator[None]:
    """Raise the first error of a task group instead of the group: the others were cancelled because of it."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def _start_watchdog(state_dir: Path, lock: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", lifetime.__file__, str(state_dir)],
        stdin=subprocess.PIPE,
        pass_fds=[lock],
        start_new_session=True,
    )


def _release(watchdog: subprocess.Popen[bytes]) -> None:
    """Let the watchdog end what is left and go.

    Raises:
        StackError: It could not end everything.
    """
    watchdog.communicate()
    if watchdog.returncode != 0:
        raise StackError(f"processes remain: the watchdog ended with exit code {watchdog.returncode}")
