"""Tasks of the server: what it answers, read into the terms that all jobs share."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from eoflows.base.current_client import current
from eoflows.base.errors import ContractError
from eoflows.jobs.border import read_time
from eoflows.jobs.models import phase_of_word
from eoflows.services.geo_engine.client import GeoEngineClient, checked_id

__all__ = ["Task", "TaskPhase", "TaskStatusInfo", "fetch_tasks", "get_task_list", "read_task"]


class TaskPhase(StrEnum):
    """Where a task stands; the words are those of `eoflows.jobs`."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_PHASES = {
    "running": TaskPhase.RUNNING,
    "completed": TaskPhase.SUCCEEDED,
    "aborted": TaskPhase.CANCELLED,
    "failed": TaskPhase.FAILED,
}


@dataclass(frozen=True)
class TaskStatusInfo:
    """What the server says of a task.

    Attributes:
        phase: Where it stands. A task that still cleans up after it was aborted is `cancelling`, one that
            cleans up after it failed is `running`: it is not over. A word that is not known is `running`.
        status: The server's own word.
        progress: From 0 to 1, or None.
        message: What it is, or why it failed.
        info: What it made, when it has succeeded: `{"dataset", "upload"}` of a new dataset.
        started: When it began, aware UTC, where the server says.
        document: The answer as it came.
    """

    phase: TaskPhase
    status: str
    progress: float | None
    message: str
    info: Any
    started: datetime | None
    document: Mapping[str, Any]

    @property
    def known(self) -> bool:
        """Whether the server's word has a meaning here."""
        return self.status in _PHASES

    @property
    def finished(self) -> bool:
        """Whether nothing more happens."""
        return self.phase in (TaskPhase.SUCCEEDED, TaskPhase.FAILED, TaskPhase.CANCELLED)


def read_task(document: Any, *, url: str = "") -> TaskStatusInfo:
    """Read a status document; every word of the server has a phase.

    Raises:
        ContractError: It is no status document.
    """
    if not isinstance(document, dict) or not isinstance(document.get("status"), str):
        raise ContractError("this is no status of a task", url=url)
    status: str = document["status"]
    clean_up = document.get("cleanUp")
    phase = _PHASES.get(status) or _phase_of(status)
    if isinstance(clean_up, dict) and clean_up.get("status") == "running":
        phase = TaskPhase.CANCELLING if phase is TaskPhase.CANCELLED else TaskPhase.RUNNING
    message = document.get("error") or document.get("description") or ""
    return TaskStatusInfo(
        phase,
        status,
        1.0 if phase is TaskPhase.SUCCEEDED else _part(document.get("pctComplete")),
        str(message),
        document.get("info"),
        read_time(document.get("timeStarted")),
        document,
    )


def _phase_of(status: str) -> TaskPhase:
    """What a word means that is none of the server's: a task that waits counts as running."""
    return next((one for one in TaskPhase if one == str(phase_of_word(status))), TaskPhase.RUNNING)


def _part(text: Any) -> float | None:
    """`12.00%` as 0.12."""
    try:
        part = float(str(text).rstrip("% ")) / 100
    except ValueError:
        return None
    return min(1.0, max(0.0, part)) if math.isfinite(part) else None


class Task:
    """A task of a server.

    Args:
        task_id: Its id.
        client: The server; None is the one of the nearest `with client:`.
    """

    def __init__(self, task_id: UUID | str, *, client: GeoEngineClient | None = None) -> None:
        self.task_id = checked_id(task_id)
        self._client = current(GeoEngineClient, client)

    def get_status(self, timeout: int = 3600) -> TaskStatusInfo:
        """Ask how it stands.

        Raises:
            AbsentError: The server does not know it; tasks do not outlive a restart of the server.
        """
        return self._client.wait(self.status(timeout=timeout))

    async def status(self, *, timeout: float = 60) -> TaskStatusInfo:
        """Ask how it stands; for async code."""
        path = f"tasks/{self.task_id}/status"
        return read_task(await self._client.document("GET", path, timeout=timeout), url=self._client.url)

    def abort(self, force: bool = False, timeout: int = 3600) -> None:
        """Stop it.

        Args:
            force: Do not wait for it to clean up.
            timeout: Seconds to wait.

        Raises:
            RefusedError: It has finished, or was stopped before.
        """
        params = {"force": "true"} if force else None
        call = self._client.call("DELETE", f"tasks/{self.task_id}", params=params, timeout=timeout)
        self._client.wait(call)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self.task_id == other.task_id

    def __hash__(self) -> int:
        return hash(self.task_id)

    def __repr__(self) -> str:
        return f"Task({str(self.task_id)!r})"


async def fetch_tasks(
    client: GeoEngineClient, *, offset: int = 0, limit: int = 20
) -> dict[UUID, TaskStatusInfo]:
    """Give one page of the server's tasks by id.

    Args:
        client: The server.
        offset: Tasks to leave out.
        limit: Most tasks to give; servers take up to 20.
    """
    params = {"offset": str(offset), "limit": str(limit)}
    document = await client.document("GET", "tasks/list", params=params)
    if not isinstance(document, list):
        raise ContractError("this is no list of tasks", url=client.url)
    return {checked_id(str(entry.get("taskId"))): read_task(entry, url=client.url) for entry in document}


def get_task_list(
    offset: int = 0, limit: int = 20, *, client: GeoEngineClient | None = None
) -> list[tuple[Task, TaskStatusInfo]]:
    """Give one page of the server's tasks."""
    server = current(GeoEngineClient, client)
    found = server.wait(fetch_tasks(server, offset=offset, limit=limit))
    return [(Task(name, client=server), status) for name, status in found.items()]
