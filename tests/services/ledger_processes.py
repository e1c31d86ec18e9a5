"""Starts drivers as processes, and judges what they have left behind."""

import itertools
import json
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from eoflows.jobs.ledger import JobFilter, JobRecord, Ledger
from eoflows.sandbox import Sandbox
from eoflows.sandbox.dummy import DummyJob

_DRIVER = Path(__file__).with_name("ledger_driver.py")
_LIMIT = 120.0
_numbers = itertools.count()


@dataclass(frozen=True)
class Ran:
    """What became of a driver: its exit code, and its last word."""

    code: int
    said: str


@dataclass(frozen=True)
class Running:
    """A driver at work."""

    pid: int
    _code: "Future[int]"
    _said: Path

    @property
    def is_over(self) -> bool:
        return self._code.done()

    def end(self) -> Ran:
        """Wait for its end."""
        code = self._code.result(_LIMIT)
        said = self._said.read_text() if self._said.exists() else ""
        assert code <= 0, said
        return Ran(code, said)


class Nursery:
    """A process that has imported everything, and forks a driver for whoever asks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._started: queue.Queue[int] = queue.Queue()
        self._codes: dict[int, Future[int]] = {}
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def fork(self, arguments: Sequence[str], said: Path) -> Running:
        """Start a driver."""
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps([*arguments, "--said", str(said)]) + "\n")
            self._process.stdin.flush()
            pid = self._started.get(timeout=_LIMIT)
            return Running(pid, self._codes[pid], said)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, pid, *code = line.split()
            if word == "started":
                self._codes[int(pid)] = Future()
                self._started.put(int(pid))
            else:
                self._codes[int(pid)].set_result(int(code[0]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(_LIMIT)
        self._reader.join(_LIMIT)
        self._process.stdout.close()


@dataclass(frozen=True)
class Drivers:
    """Starts drivers that share a ledger, a sandbox and a folder."""

    nursery: Nursery
    box: Sandbox
    ledger: str
    folder: Path

    @property
    def told(self) -> Path:
        """The file of announcements."""
        return self.folder / "told"

    def start(self, work: str, place: str = "none", **options: object) -> Running:
        """Start one."""
        more = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        common = ["--ledger", self.ledger, "--base", self.box.url, "--told", str(self.told)]
        said = self.folder / f"said-{next(_numbers)}"
        return self.nursery.fork([work, "--place", place, *common, *more], said)

    def run(self, work: str, place: str = "none", **options: object) -> Ran:
        """Run one to its end, whatever that is."""
        return self.start(work, place, **options).end()

    def announcements(self) -> Counter[str]:
        """How often each key was told of."""
        lines = self.told.read_text().splitlines() if self.told.exists() else []
        return Counter(line.partition(" ")[0] for line in lines)

    async def records(self, **wanted: object) -> list[JobRecord]:
        """What the ledger has."""
        async with Ledger(self.ledger, create=True) as ledger:
            return await ledger.jobs(JobFilter(**wanted))


LATER = 100.0
"""Seconds by which the clock of who comes after the dead is ahead: their leases are over, without a wait."""


def check_never_two(jobs: Sequence[DummyJob]) -> None:
    """The one law: what was asked for once is at the service once at the most."""
    twice = {name: many for name, many in Counter(job.inputs["n"] for job in jobs).items() if many > 1}
    assert not twice, f"asked for once, and there more often: {twice}"
