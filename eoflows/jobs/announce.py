"""Telling that jobs have ended: at least once, and in batches."""

from collections.abc import Awaitable, Callable, Sequence

from eoflows.jobs.ledger import JobRecord, Ledger

__all__ = ["announce"]

Tell = Callable[[Sequence[JobRecord]], Awaitable[None]]


async def announce(ledger: Ledger, tell: Tell, *, batch: int = 200) -> int:
    """Tell of every job whose end has not been told; what dies in between is told again.

    Args:
        ledger: Its outbox.
        tell: Tells of some jobs; raises if it could not.
        batch: Jobs told of at once.

    Returns:
        The number of jobs told of.
    """
    told = 0
    while records := await ledger.untold(batch):
        await tell(records)
        await ledger.mark_told(records)
        told += len(records)
    return told
