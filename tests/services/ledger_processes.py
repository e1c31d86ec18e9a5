"""Starts drivers as processes, and judges what they have left behind."""

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eokit.ledger import JobFilter, JobRecord, Ledger
from sandbox import Sandbox
from sandbox.dummy import DummyJob

_DRIVER = Path(__file__).with_name("ledger_driver.py")


@dataclass(frozen=True)
class Ran:
    """What became of a driver: its exit code, and its last word."""

    code: int
    said: str


@dataclass(frozen=True)
class Drivers:
    """Starts drivers that share a ledger, a sandbox and a file of announcements."""

    box: Sandbox
    ledger: str
    told: Path

    def start(self, work: str, place: str = "none", **options: object) -> "subprocess.Popen[str]":
        """Start one."""
        more = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        common = ["--ledger", self.ledger, "--base", self.box.url, "--told", str(self.told)]
        return subprocess.Popen(
            [sys.executable, str(_DRIVER), work, "--place", place, *common, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, work: str, place: str = "none", **options: object) -> Ran:
        """Run one to its end, whatever that is."""
        return ended(self.start(work, place, **options))

    def announcements(self) -> Counter[str]:
        """How often each key was told of."""
        lines = self.told.read_text().splitlines() if self.told.exists() else []
        return Counter(line.partition(" ")[0] for line in lines)

    async def records(self, **wanted: object) -> list[JobRecord]:
        """What the ledger has."""
        async with Ledger(self.ledger) as ledger:
            return await ledger.jobs(JobFilter(**wanted))


def ended(process: "subprocess.Popen[str]") -> Ran:
    """Wait for the end of a driver."""
    said, errors = process.communicate(timeout=120)
    assert process.returncode <= 0, errors
    return Ran(process.returncode, said.strip())


def check_never_two(jobs: Sequence[DummyJob]) -> None:
    """The one law: what was asked for once is at the service once at the most."""
    twice = {name: many for name, many in Counter(job.inputs["n"] for job in jobs).items() if many > 1}
    assert not twice, f"asked for once, and there more often: {twice}"
