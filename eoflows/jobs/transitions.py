"""How a row of the ledger moves: one table of phases and events, and what follows from a move.

Pure: no database, no clock. What writes a row asks here, so that no flag is set by hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from eoflows.base.errors import InvalidInputError
from eoflows.jobs.models import CLOSED, OPEN, Billing, Phase

__all__ = ["Event", "Move", "Standing", "moved", "phases_of"]


class Event(StrEnum):
    """What can happen to a row."""

    PLAN = "plan"
    """Somebody wants it sent later."""
    SEND = "send"
    """Its holder begins the one request that cannot be repeated."""
    REFUSE = "refuse"
    """There is no job: the service, or we, said a definite no."""
    PUT_BACK = "put back"
    """There is certainly no job; it may be sent later."""
    DOUBT = "doubt"
    """Nobody can say whether there is a job."""
    SAY = "say"
    """The service says what its job is at."""
    END = "end"
    """It ends without a word of the service: lost, unreachable, overdue, or stopped and gone."""
    STOP = "stop"
    """Somebody wants it stopped."""
    DENY = "deny"
    """A person denied it, or nobody approved it in time."""
    ABANDON = "abandon"
    """A person has given it up."""
    PAY = "pay"
    """A person says what it has cost."""
    FOLLOW = "follow"
    """Nothing more was expected of it, and its service may have it all the same: it is followed again."""
    RESUBMIT = "resubmit"
    """It was lost, cost nothing, and is wanted again."""


@dataclass(frozen=True)
class Standing:
    """What of a row decides where it goes.

    Attributes:
        phase: Where it stands.
        known: Whether it has an id at the service.
        queued: Whether the tracker sends it when there is room.
        stopping: Whether somebody wants it stopped.
    """

    phase: Phase
    known: bool = False
    queued: bool = False
    stopping: bool = False


@dataclass(frozen=True)
class Move:
    """Where a row goes.

    Attributes:
        phase: Where it stands then.
        watched: Whether the tracker still looks at it.
        untold: Whether its end is still to be announced; None: as before.
        wanted: Whether its results are to be fetched; None: as before.
        ends: Whether it ends by this.
        begins: Whether it had ended, and begins anew.
        frees: Whether money that was set aside is free, since there is no job.
    """

    phase: Phase
    watched: bool
    untold: bool | None
    wanted: bool | None
    ends: bool
    begins: bool
    frees: bool


_NEW = frozenset({Phase.PLANNED, Phase.SENDING, Phase.UNKNOWN})
"""The ledger has no id of it."""

_TABLE: Mapping[Event, Mapping[Phase, Phase | None]] = {
    Event.PLAN: {Phase.PLANNED: Phase.PLANNED},
    Event.SEND: dict.fromkeys(_NEW, Phase.SENDING),
    Event.REFUSE: dict.fromkeys(_NEW, Phase.REJECTED),
    Event.PUT_BACK: dict.fromkeys(_NEW, Phase.PLANNED),
    Event.DOUBT: dict.fromkeys(_NEW, Phase.UNKNOWN),
    Event.SAY: dict.fromkeys(_NEW | OPEN, None) | {phase: phase for phase in CLOSED},
    Event.END: dict.fromkeys({Phase.PLANNED} | OPEN, None) | {phase: phase for phase in CLOSED},
    Event.STOP: {phase: phase for phase in Phase if phase not in CLOSED} | {Phase.PLANNED: Phase.CANCELLED},
    Event.DENY: {Phase.PLANNED: Phase.CANCELLED},
    Event.ABANDON: dict.fromkeys(_NEW, Phase.ABANDONED),
    Event.PAY: {phase: phase for phase in CLOSED},
    Event.FOLLOW: dict.fromkeys(
        (Phase.OVERDUE, Phase.UNREACHABLE, Phase.LOST, Phase.ABANDONED), Phase.RUNNING
    ),
    Event.RESUBMIT: {Phase.LOST: Phase.PLANNED},
}
"""Where an event takes a row; None: to what is said. A phase that an event does not name stays as it is."""

_ENDED_UNSENT = frozenset({Phase.REJECTED, Phase.CANCELLED})
_ANEW = frozenset(
    {Event.PLAN, Event.SEND, Event.REFUSE, Event.PUT_BACK, Event.DOUBT, Event.SAY, Event.ABANDON}
)
"""What a row that ended before it was sent takes as if it were planned."""


def phases_of(event: Event) -> frozenset[Phase]:
    """Give the phases in which an event means something, for rows whatever else they have."""
    return frozenset(_TABLE[event])


def moved(row: Standing, event: Event, *, said: Phase | None = None, billing: Billing = Billing.NONE) -> Move:
    """Tell where an event takes a row.

    Args:
        row: How it stands.
        event: What happens.
        said: What is said of it, by `SAY` and `END`.
        billing: What the service says has become of its price, by `SAY`.

    Raises:
        InvalidInputError: The event means nothing to it.
    """
    unsent = row.phase in _ENDED_UNSENT and not row.known
    start = Phase.PLANNED if unsent and event in _ANEW else row.phase
    if event is Event.FOLLOW and not row.known:
        raise InvalidInputError(f"a job is {row.phase}, and its service never named one: nothing to {event}")
    phase = _TABLE[event].get(start) or (said if start in _TABLE[event] else None)
    if phase is None:
        raise InvalidInputError(f"a job is {row.phase}: to {event} it means nothing")
    if event is Event.PUT_BACK and row.stopping:
        phase = Phase.CANCELLED
    ends, begins = phase in CLOSED and start not in CLOSED, row.phase in CLOSED and phase not in CLOSED
    return Move(
        phase=phase,
        watched=_watched(row, event, phase, billing),
        untold=True if ends else False if begins or event in _SENT_ANEW else None,
        wanted=_wanted(event, phase, ends=ends, begins=begins),
        ends=ends,
        begins=begins,
        frees=event in (Event.REFUSE, Event.PUT_BACK, Event.DENY)
        or (event is Event.STOP and phase is Phase.CANCELLED),
    )


_SENT_ANEW = frozenset({Event.PLAN, Event.SEND})


def _watched(row: Standing, event: Event, phase: Phase, billing: Billing) -> bool:
    if phase in CLOSED:
        return event is Event.SAY and billing is Billing.WITHHELD
    return phase is not Phase.PLANNED or row.queued or event is Event.RESUBMIT


def _wanted(event: Event, phase: Phase, *, ends: bool, begins: bool) -> bool | None:
    if ends and phase is Phase.SUCCEEDED:
        return True
    return False if begins or event is Event.ABANDON else None
