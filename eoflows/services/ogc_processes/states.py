"""What a raw status means: a total function."""

from typing import Literal, cast

from eoflows.jobs.models import phase_of_word

__all__ = ["ENDED", "Phase", "phase_of"]

Phase = Literal["submitted", "queued", "running", "succeeded", "failed", "cancelled"]
"""Where a job is; the last three are ends."""

ENDED: frozenset[Phase] = frozenset({"succeeded", "failed", "cancelled"})
"""The phases that nothing follows."""

_OWN: dict[str, Phase] = {"created": "submitted", "accepted": "queued", "dismissed": "cancelled"}
"""Words of the standard and its 2.0 draft that mean something of their own."""


def phase_of(status: str) -> Phase:
    """Say what a raw status means.

    Args:
        status: As the server sent it: 1.0's `accepted`, `running`, `successful`, `failed`, `dismissed`,
            the 2.0 draft's `created` and `succeeded`, or whatever a server makes up.

    Returns:
        The phase. An unknown status is logged and taken as still running: only a known end ends a job.
    """
    own = _OWN.get(status.strip().lower())
    return own or cast(Phase, str(phase_of_word(status)))
