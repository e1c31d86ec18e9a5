"""Processes of a stack: their output goes to a log file, a condition says when they are ready."""

import asyncio
import contextlib
import json
import signal
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eoflows.deployments.errors import NotReadyInTime, ServiceFailed

POLL_SECONDS = 0.05
TAIL_LINES = 25


@dataclass(frozen=True)
class Launcher:
    """What all processes of a stack have in common."""

    directory: Path
    """Their working directory."""
    environment: Mapping[str, str]
    """Their whole environment."""
    logs: Path
    """Where each one's output goes, as `<name>.log`."""
    started: list["Service"] = field(default_factory=list)
    """Every process, in the order of their start."""

    def with_environment(self, environment: Mapping[str, str]) -> "Launcher":
        """Return a launcher for another environment that keeps the same list of processes."""
        return replace(self, environment=environment)

    def with_more(self, more: Mapping[str, str]) -> "Launcher":
        """Return a launcher whose environment has these variables too; it keeps the same list."""
        return self.with_environment({**self.environment, **more})

    def start(self, name: str, command: Sequence[str], *, waits: bool = False) -> "Service":
        """Start a process in a session of its own, so that Ctrl-C reaches the runner alone.

        Args:
            name: Names its log.
            command: Program and arguments.
            waits: It reads what `give` will tell it.
        """
        log = self.logs / f"{name}.log"
        with log.open("wb") as output, _interruptible_children():
            process = subprocess.Popen(  # noqa: S603
                command,
                cwd=self.directory,
                env=dict(self.environment),
                stdin=subprocess.PIPE if waits else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        service = Service(name, process, log)
        self.started.append(service)
        return service

    async def stop_all(self) -> None:
        """End the processes, the last started first."""
        while self.started:
            await self.started[-1].stop()
            self.started.pop()

    async def run(self, name: str, command: Sequence[str], *, seconds: float) -> None:
        """Run a command to its end.

        Raises:
            ServiceFailed: Its exit code is not 0.
            NotReadyInTime: It took longer than `seconds`.
        """
        await self.start(name, command).succeed(seconds=seconds)


@contextlib.contextmanager
def _interruptible_children() -> Iterator[None]:
    """Let children receive SIGINT although a shell started us in the background with it ignored.

    Prefect's worker turns SIGTERM into SIGINT, and would not end.
    """
    main = threading.current_thread() is threading.main_thread()
    ignored = main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass(frozen=True)
class Service:
    """A running process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """Return the last lines of its output, with where the whole is."""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join([*(f"  | {line}" for line in lines), f"  (all of it: {self.log})"])

    async def until(self, condition: Callable[[], Awaitable[bool]], *, what: str, seconds: float) -> None:
        """Wait until `condition` holds while the process runs.

        Raises:
            ServiceFailed: The process ended first.
            NotReadyInTime: `seconds` went by.
        """
        deadline = time.monotonic() + seconds
        while not await condition():
            if self.process.poll() is not None:
                message = f"{self.name} ended with exit code {self.process.returncode} before {what}"
                raise ServiceFailed(f"{message}\n{self.tail()}")
            if time.monotonic() > deadline:
                raise NotReadyInTime(f"{self.name}: {what} did not happen in {seconds:.0f} s\n{self.tail()}")
            await asyncio.sleep(POLL_SECONDS)

    async def ready(self, file: Path, *, seconds: float) -> dict[str, Any]:
        """Wait for the JSON object that the process writes to `file` once it serves."""
        found: dict[str, Any] = {}

        async def written() -> bool:
            # A file without its last character is still being written.
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                found.update(json.loads(await asyncio.to_thread(file.read_text)))
            return bool(found)

        await self.until(written, what=f"writing {file.name}", seconds=seconds)
        return found

    async def wait(self, *, seconds: float) -> None:
        """Wait for the process's own end.

        Raises:
            NotReadyInTime: It did not end in time.
        """
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise NotReadyInTime(f"{self.name} did not end in {seconds:.0f} s\n{self.tail()}")
            await asyncio.sleep(POLL_SECONDS)

    def give(self, text: str) -> None:
        """Write all that the process will read from its standard input."""
        stdin = self.process.stdin
        if stdin is None:
            raise ValueError(f"{self.name} reads nothing")
        # One that has ended cannot read; its exit code and its log say more.
        with contextlib.suppress(BrokenPipeError), stdin:
            stdin.write(text.encode())

    async def succeed(self, *, seconds: float) -> None:
        """Wait for the process's own end.

        Raises:
            ServiceFailed: Its exit code is not 0.
            NotReadyInTime: It did not end in time, and was ended.
        """
        try:
            await self.wait(seconds=seconds)
        finally:
            await self.stop()
        if self.process.returncode != 0:
            message = f"{self.name} ended with exit code {self.process.returncode}"
            raise ServiceFailed(f"{message}\n{self.tail()}")

    async def stop(self, *, seconds: float = 5.0) -> None:
        """End the process: SIGTERM, and SIGKILL after `seconds`."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            with contextlib.suppress(NotReadyInTime):
                await self.wait(seconds=seconds)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
