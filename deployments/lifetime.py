"""Ends every process of a stack, even when its runner is killed without warning.

Each process of a stack carries its state directory in one environment variable, and its children inherit
it, whatever session or process group they move to. A watchdog (this file, run as a script) holds the reading
end of a pipe whose writing end only the runner holds: when that closes, for whatever reason, the marked
processes are ended.

Only the standard library is imported: the watchdog runs with `-I -S` and must be up before anything else.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

MARKER = "EOFLOWS_STACK"
"""The environment variable that ties a process to a stack: its value is the state directory."""

GRACE_SECONDS = 5.0
"""How long a process may take to answer SIGTERM before it gets SIGKILL."""

KILL_SECONDS = 10.0
"""How long the kernel may take to remove killed processes before we say that they remain."""

POLL_SECONDS = 0.05


def marked_processes(state_dir: Path) -> set[int]:
    """Return the processes that belong to the stack in `state_dir`, zombies and ourselves excepted."""
    found = _marked_in_proc(state_dir) if sys.platform == "linux" else _marked_in_ps(state_dir)
    return found - {os.getpid()}


def _marked_in_proc(state_dir: Path) -> set[int]:
    wanted = f"{MARKER}={state_dir}".encode()
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # It ended meanwhile, or belongs to another user.
        if wanted in environment.split(b"\0"):
            found.add(int(entry.name))
    return found


def _marked_in_ps(state_dir: Path) -> set[int]:
    listing = subprocess.run(
        ["/bin/ps", "-E", "-ww", "-axo", "pid=,command="], check=True, capture_output=True, text=True
    ).stdout
    wanted = f" {MARKER}={state_dir} "
    return {int(line.split(None, 1)[0]) for line in listing.splitlines() if wanted in f"{line} "}


def end_marked(state_dir: Path) -> set[int]:
    """End the processes of a stack: SIGTERM, then SIGKILL until none is left.

    Returns:
        Those that could not be ended: an empty set, unless the kernel holds one.
    """
    asked: set[int] = set()
    started = time.monotonic()
    while remaining := marked_processes(state_dir):
        waited = time.monotonic() - started
        if waited > GRACE_SECONDS + KILL_SECONDS:
            return remaining
        if waited > GRACE_SECONDS:
            _signal(remaining, signal.SIGKILL)
        else:
            _signal(remaining - asked, signal.SIGTERM)
            asked |= remaining
        time.sleep(POLL_SECONDS)
    return set()


def _signal(processes: set[int], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue  # It ended between the listing and now: what we wanted.


def watch(state_dir: Path) -> int:
    """Wait until the runner's end of the pipe on standard input closes, then end what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(sys.stdin.fileno(), 4096):
        pass
    return 1 if end_marked(state_dir) else 0


if __name__ == "__main__":
    sys.exit(watch(Path(sys.argv[1])))
