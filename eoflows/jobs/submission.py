"""Submission: intent, request, id. Whatever dies in between, there is never a second job for an intent."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid5

import anyio

from eoflows.base.errors import (
    AbsentError,
    ContractError,
    EoError,
    ForbiddenAddressError,
    InvalidInputError,
    LateError,
    OutcomeUnknownError,
    PriceError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnreachableError,
    UnsentError,
)
from eoflows.jobs.ledger import Finding, Intent, JobRecord, Ledger
from eoflows.jobs.models import Phase, Recognition
from eoflows.jobs.recognise import is_another, recognise, same_before, seen_before
from eoflows.jobs.service import JobServer

__all__ = ["request_token", "send_held", "submit"]

_TOKENS = UUID("6d8f0b52-4c2e-5d1a-9a57-2f6f0d3c8a41")
_MARGIN = 5.0
"""Seconds before the end of a lease in which nothing is sent any more; of short leases the tenth part."""


def request_token(key: str) -> str:
    """Give the token of an intent for services that take one; the same for every attempt."""
    return str(uuid5(_TOKENS, key))


async def submit(
    ledger: Ledger,
    server: JobServer[Any],
    intent: Intent,
    *,
    patience: float = 60.0,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> JobRecord:
    """Make the job that an intent asks for, unless there is one.

    Args:
        ledger: Remembers it.
        server: The service.
        intent: What is asked for.
        patience: Seconds to wait for another run that is sending the same, or for the service to say
            whether a request whose answer was lost took effect.
        sleep: Waits seconds; replaced in tests.

    Returns:
        The job, as this or an earlier submission made it. It may have ended already.

    Raises:
        RefusedError, ThrottledError: A definite no; there is no job.
        UnsentError: The service cannot be reached; there is no job.
        BudgetError: The budget does not cover it; nothing was sent.
        PriceError: It costs more now than was agreed to; nothing was sent.
        OutcomeUnknownError: Nobody can say, after all patience. The intent stays in the ledger; the
            tracker goes on asking a service that can answer, else `resolve-job` is for a person.
    """
    waited, pause = 0.0, 0.2
    while True:
        # Cancelled in between, the ledger would have a row in doubt for a request that was never sent.
        with anyio.CancelScope(shield=True):
            found = await ledger.intend(intent)
        record = found.record
        if found.finding is Finding.SEND:
            record = await send_held(ledger, server, record, most=intent.most)
        elif found.finding is Finding.RESOLVE:
            record = await recognise(ledger, server, record, send=send_held)
        if record.sendable:
            continue
        if not record.doubtful:
            return record
        hopeless = found.finding is not Finding.BUSY and server.recognition is Recognition.NONE
        if hopeless or waited >= patience:
            raise OutcomeUnknownError(_words(record))
        await sleep(pause)
        waited, pause = waited + pause, min(5.0, pause * 2)


def _words(record: JobRecord) -> str:
    if record.phase is Phase.SENDING:
        what = f"another run ({record.lease_owner}) has been sending it since {record.sent_at}"
    else:
        what = record.message
    return (
        f"nobody can say whether {record.service} made a job for {record.process!r}: {what}. "
        f"Nothing is sent again before that is known; show-jobs and resolve-job know it as {record.key[:12]}"
    )


async def send_held(
    ledger: Ledger, server: JobServer[Any], held: JobRecord, *, again: bool = False, most: int | None = None
) -> JobRecord:
    """Send what a held row asks for, once, and write down what came of it.

    Args:
        ledger: Remembers it.
        server: The service.
        held: The row; its lease is ours, and ends here.
        again: Whether the same was sent before and may have taken effect. Then no refusal, and no failure
            to send, says that there is no job.
        most: Credits that it may cost now; None: what is set aside for it, or no limit.

    Returns:
        The row: with a job, or `unknown`.

    Raises:
        EoError: A definite no, after it was written down.
        LateError: Too late to send; nothing was sent by this call.
    """
    if held.remote_id is not None:
        held = await _asked_once_more(ledger, server, held)
        if held.phase is not Phase.SENDING:
            return held
    if server.recognition is Recognition.INPUTS and not again:
        ids = await same_before(server, held)
        held = held if ids is None else await ledger.note_same(held, ids)
    if server.recognition is Recognition.LISTING:
        try:
            held = await ledger.note_seen(held, await seen_before(server, held))
        except ServiceError as error:
            await ledger.put_back(held, f"not sent: {error}")
            raise
    if server.can.prices and not again:
        await _agreed(ledger, server, held, most)
    left = _left(ledger, held)
    if left <= 0:
        # Whoever finds the lease over may already be asking the service.
        message = f"job {held.key[:12]} was not sent in time; nothing was sent"
        await (ledger.unknown(held, message) if again else ledger.put_back(held, message))
        raise LateError(message)
    # A cancelled run learns first what became of its request. The lease bounds that: what still waits for
    # a connection when the lease is over is never sent.
    record = held
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(left) as scope:
            record = await _send(ledger, server, held, again=again)
        if scope.cancelled_caught:
            message = f"no answer in the {left:.0f} s that were left of its lease"
            record = await ledger.unknown(held, message)
    return record


async def _agreed(ledger: Ledger, server: JobServer[Any], held: JobRecord, most: int | None) -> None:
    """Ask for the price in the moment before a job is made; it may have risen since somebody agreed to it."""
    limits = [limit for limit in (most, await ledger.set_aside(held.key)) if limit is not None]
    if not limits:
        return
    try:
        price = await server.price(server.request(held.request))
        if price > min(limits):
            raise PriceError(f"it costs {price} credits now, {min(limits)} were agreed to; nothing was sent")
    except EoError as error:
        await ledger.put_back(held, f"not sent: {error}")
        raise


async def _asked_once_more(ledger: Ledger, server: JobServer[Any], held: JobRecord) -> JobRecord:
    """Ask for the job that a row had before it was lost, in the moment before another is made."""
    try:
        state = await server.state(held.remote_id or "")
    except AbsentError:
        return await ledger.forget_id(held)
    except EoError as error:
        await ledger.put_back(held, f"not sent: {error}")
        raise
    if is_another(server, held, state):
        return await ledger.forget_id(held)
    return await ledger.accepted(held, state)


def _left(ledger: Ledger, held: JobRecord) -> float:
    """Seconds in which a held row may still be sent; a part of its lease is kept to write down the answer."""
    if held.lease_until is None:
        return 0.0
    return (held.lease_until - ledger.now()).total_seconds() - min(_MARGIN, ledger.lease.seconds / 10)


async def _send(ledger: Ledger, server: JobServer[Any], held: JobRecord, *, again: bool) -> JobRecord:
    try:
        state = await server.send(server.request(held.request), request_token(held.key))
    except (ServiceError, ForbiddenAddressError, InvalidInputError) as error:
        if again or _vague(error):
            return await ledger.unknown(held, str(error))
        if isinstance(error, RefusedError):
            await ledger.refused(held, str(error))
        else:
            await ledger.put_back(held, str(error))
        raise
    record = held
    # The answer is there: it is written down, however little is left of the lease.
    with anyio.CancelScope(shield=True):
        try:
            record = await ledger.accepted(held, state)
        except LateError as error:
            raise LateError(f"{error}; the service made job {state.id} for it: adopt that") from error
    return record


def _vague(error: EoError) -> bool:
    """Whether the request may have taken effect all the same."""
    if isinstance(error, ThrottledError) and error.status == 429:
        return False
    return isinstance(error, UnreachableError | ContractError) and not isinstance(error, UnsentError)
