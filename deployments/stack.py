"""A private local installation: all that a user needs, started together and ended with whoever started it.

async with Stack(Path(".eoflows/demo"), StackOptions(register=blocks)) as stack:
    subprocess.run([...], env=stack.environment)
"""

import asyncio
import contextlib
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
from eoflows.deployments.state import CHECKOUT, StateDirectory

__all__ = ["POOL", "Register", "Stack", "StackOptions", "StackUrls"]

POOL = "eoflows"
"""The work pool of every deployment in prefect.yaml."""

WORKER = "worker"
COMMAND_SECONDS = 600.0


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


Register = Callable[[StackUrls, StateDirectory], Sequence[str]]
"""Returns the command that registers the blocks, which hold the addresses of this start."""


@dataclass(frozen=True)
class StackOptions:
    """What a stack starts."""

    project_dir: Path = CHECKOUT
    """The directory of prefect.yaml, and the working directory of every process."""
    sandbox: Sequence[str] | None = ()
    """Further arguments of the sandbox; None: no sandbox."""
    catalog: bool = False
    """Whether to serve the read-only view of the catalogue."""
    register: Register | None = None
    """What registers the blocks; None: nothing does."""
    deployments: Sequence[str] = ("--all",)
    """Arguments of `prefect deploy` that choose what is deployed."""
    database: str | None = None
    """Prefect's database, like `postgresql+asyncpg://user:password@host/name`; None: SQLite in the state."""
    cache: Path = field(default_factory=cache_directory)
    """Where a migrated database is kept, which a new state's server begins with."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Environment variables for the command that registers the blocks."""
    workers: Sequence[Sequence[str]] = ((),)
    """One worker for each: further arguments of `prefect worker start`."""


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
        bare = child_environment(self.state, self.options.project_dir, None)
        self._launcher = Launcher(self.options.project_dir, bare, self.state.logs)
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
        return child_environment(self.state, self.options.project_dir, self.urls.api)

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
        self.state.empty_temporary()
        self._urls = await self._start_services()
        self._launcher = self._launcher.with_environment(self.environment)
        async with PrefectApi(self.urls.api) as api:
            await api.crash_unfinished_runs()
            await api.hold_pool(POOL)
            await self._fill(api)
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
            if database is None:
                await prepare_database(self._launcher, self.state, self.options.cache)
                return await start_server(self._launcher, self.state)
            more = {"PREFECT_API_DATABASE_CONNECTION_URL": database}
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

    async def _fill(self, api: PrefectApi) -> None:
        """Register and deploy, and start the worker, which may take no run before these have finished."""
        with _one_error():
            async with asyncio.TaskGroup() as group:
                group.create_task(self._register())
                group.create_task(self._start_workers(api))

    async def _register(self) -> None:
        # One after the other: Prefect's server has one writer on SQLite, and clients wait long to try again.
        if self.options.register is not None:
            command = self.options.register(self.urls, self.state)
            await self._run("blocks", command, self.options.secrets)
        deploy = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *self.options.deployments]
        await self._run("deploy", deploy)

    async def _run(self, name: str, command: Sequence[str], more: Mapping[str, str] | None = None) -> None:
        with self._phase(name):
            await self._launcher.with_more(more or {}).run(name, command, seconds=COMMAND_SECONDS)

    async def _start_workers(self, api: PrefectApi) -> None:
        with self._phase("worker"):
            for number, arguments in enumerate(self.options.workers, start=1):
                name = WORKER if number == 1 else f"{WORKER}-{number}"
                worker = await start_worker(self._launcher, api, POOL, name, arguments)
                self.workers.append(worker)

    async def show(self, name: str, command: Sequence[str], *, seconds: float) -> int:
        """Run a command of a user, with its output on ours, and return its exit code.

        Raises:
            NotReadyInTime: It took longer than `seconds`.
        """
        service = self._launcher.start(name, command, visible=True)
        try:
            await service.wait(seconds=seconds)
        finally:
            await service.stop()
        return int(service.process.returncode)

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
        try:
            yield
        finally:
            self.timings[name] = time.monotonic() - started


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
