"""Jobs: their life, and the credits that move with it."""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from eoflows.sandbox.up42.accounts import Account, Hold
from eoflows.sandbox.up42.settings import Up42Settings

__all__ = ["Job", "JobStore"]

_STARTS = ("running",)
_FINISHES = ("successful", "failed")


@dataclass
class Job:
    """A job, as the service knows it."""

    number: int
    """1, 2, 3 ... in order of creation."""
    id: str
    process_id: str
    account: str
    workspace: str | None
    budget: str | None
    inputs: Mapping[str, Any]
    credits: int
    """What it costs, fixed when it was created."""
    errors: tuple[tuple[str, str], ...]
    """Name and message of what validation found."""
    path: list[str]
    """Statuses still to come."""
    created: datetime
    updated: datetime
    hidden: int
    """Lists that it will be missing from."""
    status: str = "created"
    started: datetime | None = None
    finished: datetime | None = None
    collection: str | None = None
    consumed: int | None = None
    """Credits captured."""
    past: list[str] = field(default_factory=lambda: ["created"])
    """Statuses so far, with the present one."""

    @property
    def title(self) -> str:
        """The `title` among the inputs."""
        return str(self.inputs.get("title", ""))

    def duration(self, now: datetime) -> float | None:
        """Return for how many seconds it has run, None if it never did."""
        return None if self.started is None else ((self.finished or now) - self.started).total_seconds()

    def metadata(self, settings: Up42Settings) -> dict[str, Any]:
        """Return the document that the service shows."""
        results: dict[str, Any] = {}
        if self.collection and settings.results_at in self.past:
            results["collection"] = self.collection
        if self.errors and self.status == "invalid":
            results["errors"] = [{"name": name, "message": message} for name, message in self.errors]
        return {
            "processID": self.process_id,
            "jobID": self.id,
            "accountID": self.account,
            "workspaceID": self.workspace,
            "definition": {"inputs": dict(self.inputs)},
            "results": results or None,
            "creditConsumption": None if self.consumed is None else {"credits": self.consumed},
            "status": self.status,
            "created": self._text(self.created, settings),
            "started": self._text(self.started, settings),
            "finished": self._text(self.finished, settings),
            "updated": self._text(self.updated, settings),
        }

    def _text(self, moment: datetime | None, settings: Up42Settings) -> str | None:
        if moment is None:
            return None
        digits = f"{moment:%f}{self.number % 1000:03}"[: settings.fraction_digits]
        return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if digits else ''}{digits}Z"


class JobStore:
    """All jobs of a region, safe for threads."""

    def __init__(
        self, settings: Up42Settings, clock: Callable[[], datetime], deliver: Callable[[Job], str]
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._deliver = deliver
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self.accounts: dict[str, Account] = {}
        """Credits, by account identifier."""
        self.clear()

    def clear(self) -> None:
        """Forget all jobs and set all credits back."""
        with self._lock:
            self._jobs.clear()
            names = {user.account for user in self._settings.users.values()}
            self.accounts = {name: Account(self._settings.credits) for name in sorted(names)}

    def create(
        self,
        *,
        process_id: str,
        account: str,
        workspace: str | None,
        budget: str | None,
        inputs: Mapping[str, Any],
        credits: int,
        errors: tuple[tuple[str, str], ...],
        path: Iterable[str],
    ) -> Job:
        """Add a job in the status `created`."""
        with self._lock:
            number, now = len(self._jobs) + 1, self._clock()
            job = Job(
                number=number,
                id=str(uuid.uuid4()),
                process_id=process_id,
                account=account,
                workspace=workspace,
                budget=budget,
                inputs=inputs,
                credits=credits,
                errors=errors,
                path=list(path),
                created=now,
                updated=now,
                hidden=self._settings.listing_lag,
            )
            self._jobs[job.id] = job
            return job

    @property
    def all(self) -> list[Job]:
        """All jobs of all accounts, oldest first, for an oracle; looking moves nothing but the clock's."""
        with self._lock:
            self._catch_up()
            return list(self._jobs.values())

    def titled(self, title: str) -> list[Job]:
        """Return the jobs with this title, oldest first."""
        return [job for job in self.all if job.title == title]

    def get(self, job_id: str) -> Job:
        """Return a job of any account; looking moves nothing but the clock's.

        Raises:
            KeyError: There is none.
        """
        with self._lock:
            self._catch_up()
            return self._jobs[job_id]

    def asked(self, account: str, job_ids: Iterable[str]) -> list[Job]:
        """Return an account's jobs that a client asks for by identifier, which is a poll."""
        with self._lock:
            self._catch_up()
            found = [self._jobs[name] for name in job_ids if name in self._jobs]
            mine = [job for job in found if job.account == account]
            if self._settings.pace == "polls":
                for job in mine:
                    self.advance(job.id, self._settings.steps_per_poll)
            return mine

    def listed(self, account: str) -> list[Job]:
        """Return an account's jobs, as a list shows them: without those that lag behind."""
        with self._lock:
            self._catch_up()
            mine = [job for job in self._jobs.values() if job.account == account]
            seen = [job for job in mine if job.hidden <= 0]
            for job in mine:
                job.hidden -= 1
            return seen

    def advance(self, job_id: str, steps: int = 1) -> Job:
        """Move a job on, at most to the end of its path."""
        with self._lock:
            job = self._jobs[job_id]
            while steps > 0 and job.path:
                self._step(job, self._clock())
                steps -= 1
            return job

    def finish(self, job_id: str) -> Job:
        """Move a job on to the end of its path."""
        with self._lock:
            return self.advance(job_id, len(self._jobs[job_id].path))

    def redirect(self, job_id: str, *path: str) -> Job:
        """Give a job another future; `advance` it to see any of it."""
        with self._lock:
            self._jobs[job_id].path = list(path)
            return self._jobs[job_id]

    def _catch_up(self) -> None:
        """With `pace="clock"`: carry out, in order of time, every step that is due."""
        if self._settings.pace != "clock":
            return
        now = self._clock()
        live = [job for job in self._jobs.values() if job.path]
        while live:
            job = min(live, key=self._due)
            if self._due(job) > now:
                return
            self._step(job, self._due(job))
            live = [job for job in live if job.path]

    def _due(self, job: Job) -> datetime:
        return job.updated + timedelta(seconds=self._settings.durations.get(job.status, 1.0))

    def _step(self, job: Job, now: datetime) -> None:
        account, status = self.accounts[job.account], job.path.pop(0)
        if status == "accepted":
            hold = Hold(job.credits, job.budget)
            if not account.withhold(job.id, hold, self._settings.budgets):
                status, job.path = "rejected", []
        if status == "successful" and job.collection is None:
            job.collection = self._deliver(job)
        if status == self._settings.ending:
            job.consumed = account.capture(job.id)
        if status == "released":
            account.release(job.id)
        job.started = now if status in _STARTS else job.started
        job.finished = now if status in _FINISHES else job.finished
        job.status, job.updated = status, now
        job.past.append(status)
