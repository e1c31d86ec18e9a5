"""One model of a remote job, whatever service runs it."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from eoflows.base.digest import json_digest

__all__ = [
    "CLOSED",
    "OPEN",
    "Billing",
    "Capabilities",
    "JobRef",
    "JobRequest",
    "JobState",
    "Phase",
    "Recognition",
    "fingerprint",
    "intent_key",
    "phase_of_word",
]


class Phase(StrEnum):
    """Where a job stands. Every state of every service has exactly one of these."""

    PLANNED = "planned"
    """In the ledger, and certainly not at the service."""
    SENDING = "sending"
    """Being sent by the holder of the row's lease; when that lease has run out, nobody knows."""
    UNKNOWN = "unknown"
    """Sent, and the service has not yet been able to say whether it took effect."""
    SUBMITTED = "submitted"
    """The service knows it and has not accepted it for work yet."""
    QUEUED = "queued"
    """Accepted, waiting for the service."""
    RUNNING = "running"
    """Being worked on."""
    CANCELLING = "cancelling"
    """Asked to stop, and not stopped yet."""
    SUCCEEDED = "succeeded"
    """Its work is done and its results can be had."""
    FAILED = "failed"
    """It ran and did not succeed."""
    CANCELLED = "cancelled"
    """It was stopped."""
    REJECTED = "rejected"
    """It never ran: the caller must change the request, the account or the credentials."""
    LOST = "lost"
    """The service had it, and says now that there is no such job."""
    UNREACHABLE = "unreachable"
    """Its deadline passed while the service did not answer; it may have run."""
    OVERDUE = "overdue"
    """Its deadline passed while the service still worked on it."""
    ABANDONED = "abandoned"
    """A person has decided not to follow it any more."""


OPEN = frozenset({Phase.SUBMITTED, Phase.QUEUED, Phase.RUNNING, Phase.CANCELLING})
"""The service has it and is not done."""

CLOSED = frozenset({
    Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.REJECTED, Phase.LOST, Phase.UNREACHABLE,
    Phase.OVERDUE, Phase.ABANDONED,
})  # fmt: skip
"""Nothing more is expected of it."""


_WORDS = {
    Phase.QUEUED: "queued pending waiting scheduled ready",
    Phase.SUCCEEDED: "succeeded successful success finished completed complete done processsucceeded",
    Phase.FAILED: "failed failure error errored exception crashed timedout timeout expired processfailed",
    Phase.CANCELLED: "cancelled canceled dismissed aborted revoked killed terminated",
    Phase.RUNNING: "running started active processing processstarted",
}
_BY_WORD = {word: phase for phase, words in _WORDS.items() for word in words.split()}


def phase_of_word(word: str) -> Phase:
    """Say what a status means that a service's own table does not have: a total function.

    Args:
        word: As the service sent it.

    Returns:
        The phase that the word means at other services. One that none has is logged and taken as running:
        only a known end ends a job.
    """
    known = _BY_WORD.get("".join(filter(str.isalpha, word[:100].lower())))
    if known is None:
        logging.getLogger(__name__).warning("unknown job status %.80r is taken as running", word)
        return Phase.RUNNING
    return known


class Billing(StrEnum):
    """What has become of a job's price. Work done and billing done are two facts."""

    NONE = "none"
    """It costs nothing, or the service does not say."""
    WITHHELD = "withheld"
    """Set aside on the account while the job runs."""
    CAPTURED = "captured"
    """Taken from the account."""
    RELEASED = "released"
    """Given back."""


class Recognition(StrEnum):
    """How a service lets a job be recognised when the answer to its submission was lost."""

    TOKEN = "token"  # noqa: S105
    """It takes a token of ours and never makes a second job for the same one: sending again is safe."""
    INPUTS = "inputs"
    """It shows the inputs of its jobs: one with our inputs, made since, and not in the ledger, is ours."""
    LISTING = "listing"
    """It lists its jobs and nobody else uses it: one that was not there before is ours."""
    NONE = "none"
    """It does not. What is not known stays unknown until a person says."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a service can do for a job.

    Attributes:
        recognition: How a lost answer is made good.
        lists: Whether it lists jobs; else each open job is asked for by itself.
        cancels: Whether a job can be stopped.
        settle: Seconds after which a job is surely visible, by id and in the list, counted from when its
            sender heard the answer, or gave up waiting for it. An earlier "no such job" is not an answer.
        pending: Jobs that may wait or run at one endpoint at a time; None sets no limit.
        prices: Whether it says what a job would cost; then it is asked again in the moment before each one.
        discounts: Whether the contract of the service knows prices below zero; else such a price is none.
    """

    recognition: Recognition
    lists: bool = False
    cancels: bool = False
    settle: float = 60.0
    pending: int | None = None
    prices: bool = False
    discounts: bool = False


@dataclass(frozen=True, order=True)
class JobRef:
    """A job of a service: what any client of it would need to find it again.

    Attributes:
        service: Name of the service's column, like `ogc-processes`.
        endpoint: Public identity of where and whose: a URL, with an account after `#` where that matters.
        id: The service's id.
    """

    service: str
    endpoint: str
    id: str

    def __str__(self) -> str:
        return f"{self.service} job {self.id} at {self.endpoint}"


@dataclass(frozen=True, kw_only=True)
class JobState:
    """What a service says of a job, in our terms.

    Attributes:
        id: The service's id.
        phase: Where it stands.
        raw_status: The service's own word.
        progress: From 0 to 1, or None where the service does not say.
        message: What the service says of it, for people.
        process: What was asked to run, where the service says.
        inputs: The inputs as the service shows them, or None.
        created: When the service took it, aware UTC.
        started: When work began, aware UTC.
        finished: When work ended, aware UTC.
        updated: When the service last changed it, aware UTC.
        credits: Its price in the service's unit, or None.
        billing: What has become of the price.
        document: The answer as it came.
    """

    id: str
    phase: Phase
    raw_status: str = ""
    progress: float | None = None
    message: str = ""
    process: str | None = None
    inputs: Any = None
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime | None = None
    credits: int | None = None
    billing: Billing = Billing.NONE
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether neither work nor billing is expected to change any more."""
        return self.phase in CLOSED and self.billing is not Billing.WITHHELD


class JobRequest(BaseModel, ABC):
    """What is asked of a service. Each service has a model of its own, told apart by `service`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str

    @property
    @abstractmethod
    def process_name(self) -> str:
        """What is to run, as the service names it."""

    @abstractmethod
    def canonical(self) -> Any:
        """All that makes this request what it is, as JSON values; two that are equal ask for the same."""


def fingerprint(endpoint: str, request: JobRequest) -> str:
    """Name what is asked for and where: SHA-256 in hex over the canonical JSON."""
    return json_digest([request.service, endpoint, request.process_name, request.canonical()])


def intent_key(endpoint: str, request: JobRequest, run_key: str = "") -> str:
    """Name an intent: what is asked for, where, and the caller's own distinction; never when.

    Args:
        endpoint: Identity of the endpoint.
        request: What is asked for.
        run_key: Another one asks for the same thing once more, on purpose.
    """
    return json_digest([request.service, endpoint, request.process_name, request.canonical(), run_key])
