"""Jobs in memory, and the pace at which they go."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

__all__ = ["Job", "JobStore", "Output", "Status", "Steps"]

Status = Literal["accepted", "running", "successful", "failed", "dismissed"]
FINAL: frozenset[Status] = frozenset({"successful", "failed", "dismissed"})


@dataclass(frozen=True)
class Output:
    """One output of a finished job."""

    value: Any
    """Bytes, or what JSON can say."""
    media_type: str = "application/json"
    by_reference: bool = False
    """The client asked for a link instead of the value."""


@dataclass
class Job:
    """One execution; all times are aware UTC."""

    id: str
    process: str
    created: datetime
    inputs: Mapping[str, Any]
    """As they were sent."""
    owner: str | None = None
    response: Literal["raw", "document"] = "raw"
    subscriber: Mapping[str, str] = field(default_factory=dict)
    """`successUri`, `inProgressUri`, `failedUri`."""
    listed: bool = True
    """False for a synchronous execution, which shows no job."""
    hidden: int = 0
    """Requests that still do not see it."""
    status: Status = "accepted"
    progress: int = 0
    """Percent."""
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime | None = None
    outputs: Mapping[str, Output] = field(default_factory=dict)
    http_status: int = 500
    """What asking for the results of a failed job answers."""
    work: "asyncio.Task[None] | None" = None

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in FINAL

    def duration(self, now: datetime) -> float | None:
        """Return the seconds since the start, up to the end; None before the start."""
        return None if self.started is None else ((self.finished or now) - self.started).total_seconds()


class JobStore:
    """The jobs of one server, oldest first; safe for threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}

    def create(self, process: str, inputs: Mapping[str, Any], *, id_prefix: str = "", **more: Any) -> Job:
        """Add a job."""
        job = Job(f"{id_prefix}{uuid.uuid4()}", process, self.clock(), inputs, **more)
        with self._lock:
            self._jobs[job.id] = job
        return job

    def all(self) -> list[Job]:
        """Return all jobs, for an oracle; those of synchronous executions are not `listed`."""
        with self._lock:
            return list(self._jobs.values())

    def get(self, name: str) -> Job | None:
        """Return a job."""
        with self._lock:
            return self._jobs.get(name)

    def forget(self, name: str) -> None:
        """Lose a job, as a server does that restarts with an empty memory."""
        with self._lock:
            self._jobs.pop(name, None)

    def clear(self) -> None:
        """Lose all jobs; their work goes on unseen."""
        with self._lock:
            self._jobs.clear()

    def change(self, job: Job, **changes: Any) -> None:
        """Change a job that is not final, and note the time."""
        with self._lock:
            if job.is_final:
                return
            now = self.clock()
            for name, value in changes.items():
                setattr(job, name, value)
            job.updated = now
            if job.status != "accepted" and job.started is None:
                job.started = now
            if job.is_final:
                job.finished = now

    def dismiss(self, job: Job) -> None:
        """End a job, finished or not, and drop its results."""
        self.change(job, status="dismissed", message="Job dismissed")
        with self._lock:
            job.status, job.outputs, job.updated = "dismissed", {}, self.clock()


class Steps:
    """A pace that a test sets: each wait of a process takes one released step, however many seconds it names.

    Example:
        >>> steps = Steps()
        >>> settings = OgcProcessesSettings(pace=steps)  # doctest: +SKIP
        >>> steps.release(3)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = 0
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def __call__(self, seconds: float) -> None:
        """Wait for a step."""
        turn = asyncio.Event()
        place = asyncio.get_running_loop(), turn
        with self._lock:
            if self._free:
                self._free -= 1
                return
            self._waiting.append(place)
        try:
            await turn.wait()
        finally:
            with self._lock:
                if place in self._waiting:  # cancelled
                    self._waiting.remove(place)

    def release(self, count: int = 1) -> None:
        """Let so many steps happen, those waiting longest first; from any thread."""
        with self._lock:
            for _ in range(count):
                if self._waiting:
                    loop, turn = self._waiting.pop(0)
                    loop.call_soon_threadsafe(turn.set)
                else:
                    self._free += 1
