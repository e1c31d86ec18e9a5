"""A runner started as a user starts one, in a process of its own, and what remains of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared_stack import HOST, wait_until

PROJECT = Path(__file__).with_name("project")
SECONDS = 120.0


@dataclass
class Runner:
    """One runner of the trial project on a state directory."""

    state: Path
    home: Path
    project: Path = PROJECT
    started: bool = field(default=False, init=False)

    def __enter__(self) -> "Runner":
        self.home.mkdir(exist_ok=True)
        # Entry points are files here, which are looked for where the processes run.
        shutil.copytree(self.project, self.state, dirs_exist_ok=True)
        self.ready = self.state.with_suffix(".ready")
        self.ready.unlink(missing_ok=True)
        self.log = self.state.with_suffix(".log")
        described = self.state / "prefect.yaml"
        command = [sys.executable, HOST, self.state, "--ready-file", self.ready, "--prefect-file", described]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, "HOME": str(self.home), "PREFECT_API_URL": "http://127.0.0.1:9/api"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()

    def places(self) -> dict[str, Any]:
        """Wait until it is up, and return what it says of itself."""
        wait_until(lambda: self.ready.exists() or self.process.poll() is not None, SECONDS, "the runner")
        assert self.ready.exists(), self.log.read_text()
        found: dict[str, Any] = json.loads(self.ready.read_text())
        assert "error" not in found, found["error"]
        return found

    def stop(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


def remains(state: Path) -> dict[int, str]:
    """Return the processes that have the state directory in their environment or command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(state).encode() in command + environment:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode()
    return found
