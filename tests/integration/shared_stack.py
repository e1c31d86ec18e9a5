"""A stack that several test processes use: the first one starts it, the last one to leave ends it.

Each user holds a shared lock on a file. The stack's runner, a process of its own (stack_host.py), ends once
it gets that lock for itself: nobody uses it any more, however its users ended.
"""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST = Path(__file__).with_name("stack_host.py")
START_SECONDS = 400
STOP_SECONDS = 60.0
POLL_SECONDS = 0.1

# The host outlives the test process that starts it: it must be nobody's child.
_DETACH = "import os, subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True); os._exit(0)"


@dataclass(frozen=True)
class SharedStack:
    """Where the session's installation answers."""

    ui: str
    """Prefect's pages."""
    api: str
    """Prefect's API, as PREFECT_API_URL."""
    sandbox: str
    """The stand-ins of the five services."""
    sandbox_other: str
    """The same under another origin."""
    catalog: str
    """The read-only view of the catalogue."""
    state: Path
    """State directory: storage/, catalog.sqlite, logs/."""
    environment: dict[str, str]
    """The whole environment for a subprocess that works with this installation."""


@contextlib.contextmanager
def shared_stack(directory: Path) -> Iterator[SharedStack]:
    """Use the stack in `directory`, which all processes of a test session name alike."""
    users = os.open(directory / "stack-users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with _exclusive(directory / "stack-join.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)  # Waits until a host that is ending has ended.
            found = _join(directory)
        yield _read(found)
        _leave(users, directory)
    finally:
        os.close(users)


def _join(directory: Path) -> dict[str, Any]:
    ready = directory / "stack-ready.json"
    if not ready.exists():
        command = [sys.executable, str(HOST), str(directory / "stack"), "--ready-file", str(ready)]
        users = ["--users", str(directory / "stack-users.lock")]
        with (directory / "stack-host.log").open("wb") as log:
            start = [sys.executable, "-c", _DETACH, *command, *users]
            subprocess.run(start, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    wait_until(ready.exists, START_SECONDS, f"the shared stack; see {directory / 'stack-host.log'}")
    found: dict[str, Any] = json.loads(ready.read_text())
    if "error" in found:
        raise RuntimeError(found["error"])
    return found


def _leave(users: int, directory: Path) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # Others still use it.
    fcntl.flock(users, fcntl.LOCK_UN)
    wait_until(lambda: not (directory / "stack-ready.json").exists(), STOP_SECONDS, "the stack's end")


def _read(found: dict[str, Any]) -> SharedStack:
    return SharedStack(**{**found, "state": Path(found["state"])})


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_until(condition: Any, seconds: float, what: str) -> None:
    """Wait until `condition()` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come in {seconds:.0f} s")
        time.sleep(POLL_SECONDS)
