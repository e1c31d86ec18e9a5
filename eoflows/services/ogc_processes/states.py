"""What a raw status means: a total function."""

import logging
from typing import Literal

__all__ = ["ENDED", "Phase", "phase_of"]

Phase = Literal["submitted", "queued", "running", "succeeded", "failed", "cancelled"]
"""Where a job is; the last three are ends."""

ENDED: frozenset[Phase] = frozenset({"succeeded", "failed", "cancelled"})
"""The phases that nothing follows."""

_PHASES: dict[str, Phase] = {
    "created": "submitted",
    "accepted": "queued",
    "running": "running",
    "successful": "succeeded",
    "succeeded": "succeeded",
    "success": "succeeded",
    "finished": "succeeded",
    "failed": "failed",
    "dismissed": "cancelled",
}


def phase_of(status: str) -> Phase:
    """Say what a raw status means.

    Args:
        status: As the server sent it: 1.0's `accepted`, `running`, `successful`, `failed`, `dismissed`,
            the 2.0 draft's `created` and `succeeded`, or whatever a server makes up.

    Returns:
        The phase. An unknown status is logged and taken as still running: only a known end ends a job.
    """
    phase = _PHASES.get(status.strip().lower())
    if phase is None:
        logging.getLogger(__name__).warning("unknown job status %.80r is taken as running", status)
        return "running"
    return phase
