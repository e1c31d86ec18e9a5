"""What a failure of Earth Engine means, judged by its text: the codes are few and do not tell."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["QUEUE_FULL", "Failure", "FailureKind", "judge"]

QUEUE_FULL: Final = "too many tasks already in the queue"
"""In the refusal of an export for which a project has no room; it is not wrong, it has to wait."""


class FailureKind(StrEnum):
    """What is to be done about a failure."""

    USER = "user"
    """The request is wrong, and will fail again."""
    MEMORY = "memory"
    """Too much for one export."""
    TIME = "time"
    """Too long for one export."""
    TRANSIENT = "transient"
    """The service's own trouble: another attempt may succeed."""
    UNKNOWN = "unknown"
    """Nothing that is known here; a person should look."""


_ADVICE = {
    FailureKind.USER: "correct the order; the same one is not sent again",
    FailureKind.MEMORY: "too much for one export: order shorter periods, or smaller tiles",
    FailureKind.TIME: "too long for one export: order shorter periods, or smaller tiles",
    FailureKind.TRANSIENT: "the service's own trouble: another attempt may succeed",
    FailureKind.UNKNOWN: "a kind of failure that is not known here; look at it before ordering again",
}
_TEXTS = (
    (
        FailureKind.MEMORY,
        ("memory limit exceeded", "memory capacity exceeded", "out of memory", "too much memory"),
    ),
    (FailureKind.TIME, ("timed out", "execution time limit", "deadline exceeded")),
    (
        FailureKind.TRANSIENT,
        (
            *("internal error", "internal server error", "backend error", "unavailable", "try again"),
            *("aborted by the server", "connection", "too many concurrent", "quota exceeded for"),
            *("too many requests", "rate limit", QUEUE_FULL),
        ),
    ),
    (
        FailureKind.USER,
        (
            *("did not match any band", "is not defined", "not found", "does not exist", "permission"),
            *("must be", "must have", "too large", "too many pixels", "unable to export", "invalid"),
            *(
                "is required",
                "no bands",
                "no band named",
                "unrecognized",
                "cannot",
                "is missing",
                "not authorized",
            ),
        ),
    ),
)
# google.rpc.Code: invalid argument, not found, permission denied, failed precondition, out of range.
_USER_CODES = frozenset({3, 5, 7, 9, 11, 16})
# Aborted, internal, unavailable.
_TRANSIENT_CODES = frozenset({10, 13, 14})


@dataclass(frozen=True)
class Failure:
    """A failed export.

    Attributes:
        kind: What is to be done about it.
        message: What the service says.
        code: Its number (google.rpc.Code), or None.
    """

    kind: FailureKind
    message: str
    code: int | None = None

    @property
    def advice(self) -> str:
        """What to do, for people."""
        return _ADVICE[self.kind]

    def __str__(self) -> str:
        return f"{self.message.rstrip('.')} ({self.advice})"


def judge(message: str, code: int | None = None) -> Failure:
    """Say what a failure means.

    Args:
        message: What the service says.
        code: Its number (google.rpc.Code), or None.
    """
    text = message.lower()
    for kind, marks in _TEXTS:
        if any(mark in text for mark in marks):
            return Failure(kind, message, code)
    if code in _USER_CODES:
        return Failure(FailureKind.USER, message, code)
    kind = FailureKind.TRANSIENT if code in _TRANSIENT_CODES else FailureKind.UNKNOWN
    return Failure(kind, message, code)
