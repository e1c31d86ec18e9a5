"""What a job's status means for its work and for its price: a total function."""

from dataclasses import dataclass
from enum import StrEnum

from eoflows.jobs.models import CLOSED, Billing, Phase, phase_of_word

__all__ = ["TERMINAL", "JobStatus", "Up42Standing", "standing_of", "status_of"]


class JobStatus(StrEnum):
    """Possible statuses of a job."""

    CREATED = "created"
    """Created, not yet accepted."""
    LICENSED = "licensed"
    """The EULA of the process is accepted; validation comes next."""
    UNLICENSED = "unlicensed"
    """The EULA is not accepted: accept it, and try again."""
    VALID = "valid"
    """The inputs are valid."""
    INVALID = "invalid"
    """The inputs are not valid: correct them, and try again."""
    ACCEPTED = "accepted"
    """Accepted; the credits are withheld until the job is over."""
    REJECTED = "rejected"
    """The balance does not cover it: top it up, and try again."""
    RUNNING = "running"
    """In progress."""
    SUCCESSFUL = "successful"
    """The results are in storage. Newer servers stop here."""
    FAILED = "failed"
    """It did not succeed; the credits are still withheld."""
    CAPTURED = "captured"
    """The results are in storage and the credits are taken."""
    RELEASED = "released"
    """It failed and the credits are given back."""


@dataclass(frozen=True)
class Up42Standing:
    """Where a job stands. That its work is done and that its price is settled are two facts.

    Attributes:
        phase: Where the work stands.
        billing: Where the credits are.
        work_done: Whether its results can be had.
        billing_done: Whether no credits will move any more.
    """

    phase: Phase
    billing: Billing
    work_done: bool = False
    billing_done: bool = False


_REJECTED = Up42Standing(Phase.REJECTED, Billing.NONE, billing_done=True)
_CAPTURED = Up42Standing(Phase.SUCCEEDED, Billing.CAPTURED, work_done=True, billing_done=True)
_STANDINGS: dict[str, Up42Standing] = {
    JobStatus.CREATED: Up42Standing(Phase.SUBMITTED, Billing.NONE),
    JobStatus.LICENSED: Up42Standing(Phase.SUBMITTED, Billing.NONE),
    JobStatus.UNLICENSED: _REJECTED,
    JobStatus.VALID: Up42Standing(Phase.SUBMITTED, Billing.NONE),
    JobStatus.INVALID: _REJECTED,
    JobStatus.ACCEPTED: Up42Standing(Phase.QUEUED, Billing.WITHHELD),
    JobStatus.REJECTED: _REJECTED,
    JobStatus.RUNNING: Up42Standing(Phase.RUNNING, Billing.WITHHELD),
    JobStatus.SUCCESSFUL: Up42Standing(Phase.SUCCEEDED, Billing.WITHHELD, work_done=True),
    JobStatus.FAILED: Up42Standing(Phase.FAILED, Billing.WITHHELD),
    JobStatus.CAPTURED: _CAPTURED,
    JobStatus.RELEASED: Up42Standing(Phase.FAILED, Billing.RELEASED, billing_done=True),
}
_UNKNOWN = Up42Standing(Phase.RUNNING, Billing.WITHHELD)

TERMINAL = frozenset(status for status in JobStatus if _STANDINGS[status].billing_done)
"""The terminal statuses of the reference document: nothing follows them on any server."""


def status_of(text: str) -> JobStatus | str:
    """Give the status that a text means; the text itself where there is none."""
    return next((status for status in JobStatus if status == text), text)


def standing_of(status: str, *, consumed: bool = False, silent: bool = False) -> Up42Standing:
    """Say what a status means.

    Args:
        status: As the service sent it. One that no service has is logged and taken as still running, with
            credits withheld: only a known end ends a job, and money may be at stake.
        consumed: Whether the service says what the job has consumed. It does so once the credits are
            taken, which servers that stop at `successful` do there.
        silent: Whether it has long been asked what became of the price, and has not said. Then work that
            is done is taken as paid, and work that failed as free, because failed jobs consume nothing.
    """
    standing = _STANDINGS.get(status)
    if standing is None:
        phase = phase_of_word(status)
        if phase not in CLOSED:
            return _UNKNOWN
        standing = Up42Standing(phase, Billing.WITHHELD, work_done=phase is Phase.SUCCEEDED)
    if standing.work_done and (consumed or silent):
        return _CAPTURED
    if silent and standing.phase in CLOSED and standing.billing is Billing.WITHHELD:
        return Up42Standing(standing.phase, Billing.NONE, billing_done=True)
    return standing
