"""Tasks: they live in memory and go by the clock."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from eoflows.sandbox.geo_engine.errors import EngineError
from eoflows.sandbox.geo_engine.sessions import timestamp

__all__ = ["Task", "TaskStore"]


@dataclass(frozen=True)
class Task:
    """A task; what it is now follows from the time."""

    id: UUID
    kind: str
    description: str
    started: datetime
    seconds: float
    clean_up_seconds: float
    info: Any = None
    """What it tells when it has completed."""
    error: str | None = None
    """How it fails; None: it completes."""
    aborted: datetime | None = None
    forced: bool = False

    def status(self, now: datetime) -> dict[str, Any]:
        """Return the task's status document."""
        start = {"timeStarted": timestamp(self.started)}
        about = {"taskType": self.kind, "description": self.description}
        if self.aborted is not None:
            return {"status": "aborted", "cleanUp": self._clean_up(self.aborted, now)}
        end = self.started + timedelta(seconds=self.seconds)
        if now < end:
            part = (now - self.started).total_seconds() / self.seconds
            left = timedelta(seconds=int((end - now).total_seconds()))
            estimate = f"0{left} (± 0:00:00)" if part else "? (± ?)"
            return {
                **about,
                "status": "running",
                "pctComplete": f"{part:.2%}",
                "estimatedTimeRemaining": estimate,
                "info": None,
                **start,
            }
        if self.error is not None:
            return {"status": "failed", "error": self.error, "cleanUp": self._clean_up(end, now)}
        total = timedelta(seconds=int(self.seconds))
        return {**about, "status": "completed", "info": self.info, "timeTotal": f"0{total}", **start}

    def _clean_up(self, since: datetime, now: datetime) -> dict[str, Any]:
        if self.forced:
            return {"status": "noCleanUp"}
        if now < since + timedelta(seconds=self.clean_up_seconds):
            return {"status": "running", "pctComplete": "0.00%", "info": None}
        return {"status": "completed", "info": None}


@dataclass
class TaskStore:
    """The tasks of a server that has not been restarted; thread-safe."""

    seconds: float
    clean_up_seconds: float
    clock: Callable[[], datetime]
    _tasks: dict[UUID, Task] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(
        self,
        kind: str,
        description: str,
        info: Any,
        *,
        error: str | None = None,
        seconds: float | None = None,
        clean_up_seconds: float | None = None,
    ) -> Task:
        """Start a task.

        Args:
            kind: Its `taskType`.
            description: For people.
            info: What it tells when it has completed.
            error: How it fails; None: it completes.
            seconds: How long it runs; None: as the settings say.
            clean_up_seconds: How long its clean-up runs, likewise.
        """
        task = Task(
            uuid4(),
            kind,
            description,
            self.clock(),
            self.seconds if seconds is None else seconds,
            self.clean_up_seconds if clean_up_seconds is None else clean_up_seconds,
            info,
            error,
        )
        with self._lock:
            self._tasks[task.id] = task
        return task

    def forget(self) -> None:
        """Lose all tasks, as a restart of the server does."""
        with self._lock:
            self._tasks.clear()

    def status(self, key: str) -> dict[str, Any]:
        """Return a task's status document.

        Raises:
            EngineError: It is unknown.
        """
        return self._find(key).status(self.clock())

    def page(self, wanted: str | None, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return a page of status documents with `taskId`, the latest task first."""
        now = self.clock()
        with self._lock:
            tasks = list(self._tasks.values())[::-1]
        documents = [{"taskId": str(task.id), **task.status(now)} for task in tasks]
        return [one for one in documents if wanted in (None, one["status"])][offset : offset + limit]

    def abort(self, key: str, *, force: bool) -> None:
        """Abort a task; with `force` nothing is cleaned up.

        Raises:
            EngineError: It is unknown, or has ended.
        """
        task, now = self._find(key), self.clock()
        match task.status(now)["status"]:
            case "aborted":
                raise EngineError("TaskError", f"TaskError: Task was already aborted: {task.id}")
            case "running":
                with self._lock:
                    self._tasks[task.id] = replace(task, aborted=now, forced=force)
            case _:
                raise EngineError("TaskError", f"TaskError: Task already finished: {task.id}")

    def _find(self, key: str) -> Task:
        try:
            number = UUID(key)
        except ValueError as error:
            raise EngineError("NotFound", "Not Found", 404) from error
        with self._lock:
            found = self._tasks.get(number)
        if found is None:
            raise EngineError("TaskError", f"TaskError: Task not found with id: {key}")
        return found
