"""The documents of the processing API, and a job as we read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypedDict, TypeVar

from eoflows.base.errors import ContractError, DeadlineError
from eoflows.jobs.border import read_time
from eoflows.jobs.models import JobState
from eoflows.services.up42.cost import whole_credits
from eoflows.services.up42.states import JobStatus, Up42Standing, standing_of, status_of

__all__ = [
    "JobMetadata",
    "JobRecord",
    "JobResults",
    "UnfinishedJob",
    "ValidationError",
    "read_findings",
    "read_job",
]

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class ValidationError:
    """Something that validation found.

    Attributes:
        message: What is wrong, for people.
        name: What is wrong, as a name: `MissingPanchromaticAsset`.
    """

    message: str
    name: str


class JobResults(TypedDict, total=False):
    """Results, as the service shows them."""

    collection: str | None
    """URL of the STAC collection with the results."""
    errors: list[dict[str, Any]] | None
    """What validation found."""


class JobMetadata(TypedDict):
    """A job, as the service shows it. Times are RFC 3339 in UTC with nine fraction digits."""

    processID: str
    jobID: str
    accountID: str
    workspaceID: str | None
    definition: dict[str, Any]
    """`inputs`, as they were sent."""
    results: JobResults | None
    creditConsumption: dict[str, Any] | None
    """`credits`, once they are taken; null for a job that failed."""
    status: str
    created: str
    started: str | None
    finished: str | None
    updated: str


class UnfinishedJob(DeadlineError):
    """The job is not finished, and was asked for as often as the caller allowed."""


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """A job, read.

    Attributes:
        process_id: Name of the process.
        id: The job's id.
        account_id: The account that pays.
        workspace_id: The workspace it belongs to, or None.
        definition: `inputs`, as they were sent.
        status: Status; the plain text where we do not know it.
        created: When it was created, aware UTC.
        updated: When it last changed, aware UTC.
        collection_url: STAC collection with the results, once there are any.
        errors: What validation found, or None.
        credits: Credits taken, or None while none are.
        started: When work began, aware UTC.
        finished: When work ended, aware UTC.
        seen: When the service said all this, by its own clock, aware UTC; None if that is not known.
        document: The answer as it came.
    """

    process_id: str
    id: str
    account_id: str
    workspace_id: str | None
    definition: Mapping[str, Any]
    status: JobStatus | str
    created: datetime
    updated: datetime
    collection_url: str | None = None
    errors: tuple[ValidationError, ...] | None = None
    credits: int | None = None
    started: datetime | None = None
    finished: datetime | None = None
    seen: datetime | None = field(default=None, repr=False, compare=False)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def standing(self, patience: timedelta | None = None) -> Up42Standing:
        """Say what its status means for work and price.

        Args:
            patience: Time after the end of its work in which the service still may say what became of
                the price; None waits for ever. Newer servers stop at `successful` and need not say it.
        """
        quiet = self.seen - (self.finished or self.updated) if self.seen else timedelta()
        silent = patience is not None and quiet > patience
        return standing_of(self.status, consumed=self.credits is not None, silent=silent)

    def state(self, patience: timedelta | None = None) -> JobState:
        """Give the job in the terms of all services; `patience` as for `standing`."""
        standing = self.standing(patience)
        return JobState(
            id=self.id,
            phase=standing.phase,
            raw_status=str(self.status),
            message="; ".join(f"{one.name}: {one.message}" for one in self.errors or ()),
            process=self.process_id,
            inputs=self.definition.get("inputs"),
            created=self.created,
            started=self.started,
            finished=self.finished,
            updated=self.updated,
            credits=self.credits,
            billing=standing.billing,
            document=self.document,
        )


def read_job(document: object, *, seen: datetime | None = None) -> JobRecord:
    """Read a job's metadata. What only informs may be absent or odd.

    Args:
        document: The JSON of the answer.
        seen: When the service gave it, by its own clock, aware UTC.

    Raises:
        ContractError: It has no id, process, status or date of creation, or consumed no number of credits.
    """
    if not isinstance(document, dict):
        raise ContractError(f"a job's metadata is {type(document).__name__}, not an object")
    results = _optional(document, "results", dict) or {}
    created = _time(document, "created")
    if created is None:
        raise ContractError(f"a job was created at {document.get('created')!r:.80}, which is no time")
    consumed = (_optional(document, "creditConsumption", dict) or {}).get("credits")
    return JobRecord(
        process_id=_required(document, "processID"),
        id=_required(document, "jobID"),
        account_id=_optional(document, "accountID", str) or "",
        workspace_id=_optional(document, "workspaceID", str),
        definition=_optional(document, "definition", dict) or {},
        status=status_of(_required(document, "status")),
        created=created,
        updated=_time(document, "updated") or created,
        collection_url=_optional(results, "collection", str),
        errors=read_findings(results.get("errors")) or None,
        credits=None if consumed is None else whole_credits(consumed, "a job's consumption"),
        started=_time(document, "started"),
        finished=_time(document, "finished"),
        seen=seen,
        document=document,
    )


def read_findings(errors: object) -> tuple[ValidationError, ...]:
    """Read a list of validation errors; one of another form is kept as its text."""
    found = errors if isinstance(errors, list) else []
    return tuple(_finding(one) for one in found)


def _finding(error: object) -> ValidationError:
    if not isinstance(error, dict):
        return ValidationError(message=str(error), name="Unknown")
    name, message = error.get("name"), error.get("message")
    return ValidationError(message=str(message or error), name=str(name or "Unknown"))


def _required(fields: Mapping[str, Any], name: str) -> str:
    text = _optional(fields, name, str)
    if not text:
        raise ContractError(f"a job's {name!r} is {fields.get(name)!r:.80}, not a text")
    return text


def _optional(fields: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    value = fields.get(name)
    return value if isinstance(value, kind) else None


def _time(fields: Mapping[str, Any], name: str) -> datetime | None:
    return read_time(fields.get(name))
