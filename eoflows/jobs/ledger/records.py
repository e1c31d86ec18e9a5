"""What the ledger gives: rows, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import RowMapping

from eoflows.jobs.models import CLOSED, Billing, JobRef, JobRequest, JobState, Phase, fingerprint, intent_key
from eoflows.jobs.transitions import Standing

__all__ = ["Balance", "EndpointClaim", "Finding", "Intended", "Intent", "JobRecord", "Reservation"]


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Money to set aside for a job.

    Attributes:
        budget: Name of the budget.
        credits: How much, in the budget's unit.
    """

    budget: str
    credits: int


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What somebody wants to happen once.

    Attributes:
        request: What is asked for.
        endpoint: Public identity of where and whose.
        server: Name under which the endpoint's settings and credentials are kept.
        run_key: Another one asks for the same thing once more, on purpose.
        label: What it belongs to, for people and for `show-jobs`.
        who: Who asked.
        deadline: When nobody waits for it any more, aware UTC; None sets no limit.
        reservation: Money to set aside in the same transaction.
        most: Credits that it may cost in the moment of sending; None: what is set aside, or no limit.
    """

    request: JobRequest
    endpoint: str
    server: str
    run_key: str = ""
    label: str = ""
    who: str = ""
    deadline: datetime | None = None
    reservation: Reservation | None = None
    most: int | None = None

    @property
    def key(self) -> str:
        """The intent's name."""
        return intent_key(self.endpoint, self.request, self.run_key)

    @property
    def fingerprint(self) -> str:
        """Name of what is asked for, whatever the run."""
        return fingerprint(self.endpoint, self.request)


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """A row of the ledger: an intent, and what has become of it. Times are aware UTC.

    Attributes:
        key: Name of the intent.
        service: Name of the service's column.
        endpoint: Public identity of where and whose.
        server: Name under which the endpoint's settings are kept.
        process: What is to run.
        run_key: The caller's own distinction.
        fingerprint: Name of what is asked for, whatever the run.
        label: What it belongs to.
        who: Who asked.
        request: The request as JSON values.
        queued: Whether the tracker sends it when there is room.
        phase: Where it stands.
        remote_id: The service's id, once it is known.
        raw_status: The service's own word.
        progress: From 0 to 1, or None.
        message: What the service, or the ledger, says of it.
        credits: Its price, or None.
        billing: What has become of the price.
        document: The service's last answer.
        seen_before: Ids listed before it was sent that show no time of creation.
        attempts: How often it was sent, or was to be.
        planned_at: When it was written.
        sent_at: When it was last sent, or was to be.
        created_at: When the service took it.
        started_at: When work began.
        finished_at: When work ended.
        changed_at: When this row last changed in substance.
        missing_since: Since when the service has not known it, or None.
        deadline_at: When nobody waits for it any more, or None.
        cancel_wanted_at: When somebody asked to stop it, or None.
        wanted: Whether its results are to be fetched, and are not yet.
        collected_at: When its results were fetched, or None.
        collect_attempts: How often fetching was tried.
        outputs: What was fetched: name to href, size and checksum.
        lease_owner: Who works on it at the moment.
        lease_until: Until when nobody else does.
        fence: Number of the lease; a write under an older one is refused.
    """

    key: str
    service: str
    endpoint: str
    server: str
    process: str
    run_key: str
    fingerprint: str
    label: str
    who: str
    request: Mapping[str, Any]
    queued: bool
    phase: Phase
    remote_id: str | None
    raw_status: str
    progress: float | None
    message: str
    credits: int | None
    billing: Billing
    document: Mapping[str, Any] | None
    seen_before: list[str] | None
    attempts: int
    planned_at: datetime
    sent_at: datetime | None
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    changed_at: datetime
    missing_since: datetime | None
    deadline_at: datetime | None
    cancel_wanted_at: datetime | None
    wanted: bool
    collected_at: datetime | None
    collect_attempts: int
    outputs: Mapping[str, Any] | None
    lease_owner: str
    lease_until: datetime | None
    fence: int

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Read a row."""
        values = {one.name: row[one.name] for one in fields(cls)}
        values |= {"phase": Phase(row["phase"]), "billing": Billing(row["billing"] or Billing.NONE)}
        return cls(**values)

    @property
    def ref(self) -> JobRef | None:
        """The job, once the service has one."""
        return JobRef(self.service, self.endpoint, self.remote_id) if self.remote_id else None

    @property
    def closed(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.phase in CLOSED

    @property
    def sendable(self) -> bool:
        """Whether there is certainly no job at the service, so that it may be sent."""
        never_sent = self.phase in (Phase.REJECTED, Phase.CANCELLED) and self.remote_id is None
        return self.phase is Phase.PLANNED or never_sent

    @property
    def given_up(self) -> bool:
        """Whether its deadline passed while its service may still have been at it."""
        return self.phase in (Phase.OVERDUE, Phase.UNREACHABLE) and self.remote_id is not None

    @property
    def followed(self) -> bool:
        """Whether its service has it, so that it can be asked for by its id."""
        return self.remote_id is not None and not (self.doubtful or self.phase is Phase.PLANNED)

    @property
    def doubtful(self) -> bool:
        """Whether there may be a job at the service that the ledger has no id of."""
        return self.phase in (Phase.SENDING, Phase.UNKNOWN)

    @property
    def standing(self) -> Standing:
        """What of it decides where it goes."""
        return Standing(
            self.phase, self.remote_id is not None, self.queued, self.cancel_wanted_at is not None
        )

    @property
    def state(self) -> JobState:
        """The job as the service last described it.

        Raises:
            ValueError: The service has none.
        """
        if self.remote_id is None:
            raise ValueError(f"intent {self.key} has no job")
        return JobState(
            id=self.remote_id,
            phase=self.phase,
            raw_status=self.raw_status,
            progress=self.progress,
            message=self.message,
            process=self.process,
            created=self.created_at,
            started=self.started_at,
            finished=self.finished_at,
            credits=self.credits,
            billing=self.billing,
            document=self.document or {},
        )


class Finding(StrEnum):
    """What the ledger says to somebody who intends something."""

    SEND = "send"
    """It is yours to send, now."""
    RESOLVE = "resolve"
    """It may have been sent before: ask the service before anything else. The lease is yours."""
    BUSY = "busy"
    """Somebody else is at it."""
    KNOWN = "known"
    """The service has it, or had it: there is nothing to send."""


@dataclass(frozen=True)
class Intended:
    """An intent in the ledger, and what to do about it."""

    record: JobRecord
    finding: Finding


@dataclass(frozen=True, kw_only=True)
class EndpointClaim:
    """The right to follow the jobs of one endpoint for a while.

    Attributes:
        service: Name of the service's column.
        endpoint: Public identity of where and whose.
        server: Name under which its settings are kept.
        fence: Number of the lease.
        failures: Rounds without an answer so far.
        failing_since: When the first of them was, aware UTC, or None.
        asked_at: When it last answered, aware UTC, or None.
    """

    service: str
    endpoint: str
    server: str
    fence: int
    failures: int = 0
    failing_since: datetime | None = None
    asked_at: datetime | None = field(default=None)


@dataclass(frozen=True, kw_only=True)
class Balance:
    """A budget in its present period.

    Attributes:
        name: The budget.
        credits: Its limit.
        period: `day`, `month` or `year` (UTC), or empty: one limit for ever.
        reserved: Set aside for jobs whose price is not settled.
        spent: Settled.
    """

    name: str
    credits: int
    period: str
    reserved: int
    spent: int

    @property
    def left(self) -> int:
        """What may still be set aside."""
        return self.credits - self.reserved - self.spent
