"""Asking a service whether it made a job whose id was never heard."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from eoflows.base.errors import InvalidInputError, ServiceError, TakenError
from eoflows.jobs.ledger import JobRecord, Ledger, Likeness
from eoflows.jobs.models import JobState, Phase, Recognition
from eoflows.jobs.service import JobServer

__all__ = ["recognise", "seen_before"]

_SKEW = 3600.0
"""Seconds by which a service's clock may be wrong before its first answer tells; only the filter uses it."""

_TOLERANCE = 2.0
"""Seconds by which a service's `Date`, which has no fractions, and its times of creation may differ."""


class Send(Protocol):
    """Sends what a held row asks for."""

    async def __call__(
        self, ledger: Ledger, server: JobServer[Any], held: JobRecord, *, again: bool
    ) -> JobRecord:
        """Send it, `again` if an earlier attempt may have taken effect."""


async def seen_before(server: JobServer[Any], record: JobRecord) -> list[str]:
    """Give the listed jobs that do not say when they were made: they are there already."""
    return [
        state.id
        async for states in server.states(process=record.process)
        for state in states
        if state.created is None
    ]


async def recognise(ledger: Ledger, server: JobServer[Any], held: JobRecord, *, send: Send) -> JobRecord:
    """Find out what became of a request, and write it down.

    A look counts as "there is none" only when it began after an accepted job would surely be visible.

    Args:
        ledger: Remembers it.
        server: The service.
        held: The row; its lease is ours, and ends here.
        send: Sends again, where that is safe.

    Returns:
        The row: with its job; or `planned`, when there is certainly none; or `unknown` still.
    """
    match server.recognition:
        case Recognition.TOKEN:
            return await send(ledger, server, await ledger.resend(held), again=True)
        case Recognition.NONE:
            reason = held.message or "the sender died before it could note the answer"
            return await ledger.unknown(held, reason)
        case Recognition.INPUTS | Recognition.LISTING:
            return await _look(ledger, server, held)


async def _look(ledger: Ledger, server: JobServer[Any], held: JobRecord) -> JobRecord:
    began, by_inputs = ledger.now(), server.recognition is Recognition.INPUTS
    sent = f"sent at {_sent_at(held):%Y-%m-%d %H:%M:%S} UTC without an answer"
    try:
        candidates = await _candidates(ledger, server, held)
    except (ServiceError, InvalidInputError) as error:
        return await ledger.unknown(held, f"{sent}; asking for it failed: {error}")
    ids = [state.id for state in candidates]
    rivals = await ledger.rivals(held, ids, like=_likeness(candidates, by_inputs=by_inputs))
    free = [state for state in candidates if state.id not in rivals.taken]
    if rivals.sending:
        doubt = "another run is sending the like at the moment"
    elif free and not by_inputs and (len(free) > 1 or rivals.doubtful):
        doubt = f"the service lists {', '.join(state.id for state in free[:5])}, one of which may be it"
    elif free:
        return await _adopt(ledger, held, free[0], sent)
    elif began < _given_up(ledger, held) + timedelta(seconds=server.can.settle):
        doubt = "the service does not list it yet"
    else:
        return await ledger.put_back(held, f"{sent}; the service was asked and has no such job")
    return await ledger.unknown(held, f"{sent}; {doubt}")


async def _adopt(ledger: Ledger, held: JobRecord, state: JobState, sent: str) -> JobRecord:
    try:
        return await ledger.adopt(held, state)
    except TakenError as error:
        return await ledger.unknown(held, f"{sent}; {error}")


def _likeness(candidates: Sequence[JobState], *, by_inputs: bool) -> Likeness:
    if by_inputs:
        return "inputs"
    return "all" if any(state.process is None for state in candidates) else "process"


def _sent_at(held: JobRecord) -> datetime:
    # Whatever is doubtful was about to be sent.
    return held.sent_at or held.planned_at


def _given_up(ledger: Ledger, held: JobRecord) -> datetime:
    """When nobody was sending it any more: its sender said so, or its lease ended at the latest."""
    if held.phase is Phase.UNKNOWN:
        return held.changed_at
    return _sent_at(held) + timedelta(seconds=ledger.lease.seconds)


async def _candidates(ledger: Ledger, server: JobServer[Any], held: JobRecord) -> Sequence[JobState]:
    """Give the listed jobs that may be the one, the oldest first."""
    sent = _sent_at(held)
    request = server.request(held.request)
    known, found = frozenset(held.seen_before or ()), []
    earliest = sent - timedelta(seconds=_SKEW)
    async for states in server.states(process=held.process, since=earliest):
        # From the service's clock to the ledger's; both are known against this host's.
        shift = ledger.now() - datetime.now(UTC) - timedelta(seconds=server.offset)
        for state in states:
            made = state.created and state.created + shift
            if made is not None and made < sent - timedelta(seconds=_TOLERANCE):
                continue
            if server.recognition is Recognition.INPUTS:
                matches = server.service.is_same(request, state)
            else:
                matches = state.process in (None, held.process) and state.id not in known
            if matches:
                found.append(state)
    return sorted(found, key=lambda state: (state.created or sent, state.id))
