"""Asking a service whether it made a job whose id was never heard."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from eoflows.base.errors import AbsentError, InvalidInputError, ServiceError, TakenError, TruncatedError
from eoflows.jobs.border import Unread, read_time
from eoflows.jobs.ledger import JobRecord, Ledger, Likeness
from eoflows.jobs.models import JobState, Phase, Recognition
from eoflows.jobs.service import JobPage, JobServer

__all__ = ["is_another", "recognise", "same_before", "seen_before"]

_SKEW = 7200.0
"""Seconds by which a service's clock may be wrong before its first answer tells; only the filter uses it."""

_DAY = 86_400.0
"""Seconds by which no clock is wrong that anybody uses."""

_KEPT = 30.0
_PAGES_BEFORE = 10
"""Pages that are looked at before a request is sent; of a longer list, the times of creation tell."""

_NAMED = 50
"""So many jobs that a page only names are asked for by themselves."""

_REDATED = 60.0
"""Seconds by which a service may date a job anew, where its inputs show that it is the same."""

_TOLERANCE = 2.0
"""Seconds by which a service's `Date`, which has no fractions, and its times of creation may differ."""


class Send(Protocol):
    """Sends what a held row asks for."""

    async def __call__(
        self, ledger: Ledger, server: JobServer[Any], held: JobRecord, *, again: bool
    ) -> JobRecord:
        """Send it, `again` if an earlier attempt may have taken effect."""


async def seen_before(server: JobServer[Any], record: JobRecord) -> list[str]:
    """Give the listed jobs that are there already, so that none of them is taken for the one to be made.

    Those of which the service says that they are older than a day are left out: no clock is that wrong.
    """
    known, states = await _listed(server, record.process, pages=None)
    old = server.now() + timedelta(seconds=server.clock.offset - _DAY)
    return [*known, *(state.id for state in states if state.created is None or state.created > old)]


async def same_before(server: JobServer[Any], record: JobRecord) -> list[str] | None:
    """Give the listed jobs that have a request's inputs already; None where the list does not say.

    A short time's list serves all requests of a wave.
    """
    try:
        async with server.listing_turn:
            kept = server.kept_lists.get(record.process)
            if kept is None or server.now() - kept[0] > timedelta(seconds=_KEPT):
                known, states = await _listed(server, record.process, pages=_PAGES_BEFORE)
                kept = server.kept_lists[record.process] = server.now(), known, states
        request = server.request(record.request)
        return [*kept[1], *(state.id for state in kept[2] if server.service.is_same(request, state))]
    except (ServiceError, NotImplementedError):
        return None


async def _listed(
    server: JobServer[Any], process: str, *, pages: int | None
) -> tuple[list[str], list[JobState]]:
    """Give what is listed: ids of what cannot be read, and the jobs.

    Raises:
        TruncatedError: There are more pages than wanted.
    """
    known: list[str] = []
    states: list[JobState] = []
    since = server.now() + timedelta(seconds=server.clock.offset - _SKEW)
    number = 0
    async for page in server.pages(process=process, since=since):
        number += 1
        if pages is not None and number > pages:
            raise TruncatedError(f"the list of jobs has more than {pages} pages", url=server.endpoint)
        known += [one.id for one in page.unread if one.id is not None]
        states += page.states
    return known, states


def is_another(server: JobServer[Any], record: JobRecord, state: JobState) -> bool:
    """Tell whether a service has given a job's id to another one, as some do that count anew after a restart.

    Args:
        server: The service.
        record: The job, as it is known.
        state: What the service says of its id.
    """
    before, now = read_time(record.created_at), state.created
    apart = abs((now - before).total_seconds()) if before and now else None
    if apart is not None and apart > _REDATED:
        return True
    recognises = server.can.recognition in (Recognition.INPUTS, Recognition.LISTING)
    if recognises and state.process is not None and state.process != record.process:
        return True
    if apart is not None and apart <= _TOLERANCE:
        return False
    if server.can.recognition is Recognition.INPUTS and state.inputs is not None:
        return not server.service.is_same(server.request(record.request), state)
    return apart is not None


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
        found = await _candidates(ledger, server, held)
    except (ServiceError, InvalidInputError) as error:
        return await ledger.unknown(held, f"{sent}; asking for it failed: {error}")
    ids = [state.id for state in (*found.likely, *found.early)] + [one.id for one in found.unread if one.id]
    rivals = await ledger.rivals(held, ids, like=_likeness(found.likely, by_inputs=by_inputs))
    free = [state for state in found.likely if state.id not in rivals.taken]
    early = [state for state in found.early if state.id not in rivals.taken]
    unread = [one for one in found.unread if one.id not in rivals.taken]
    if rivals.sending:
        doubt = "another run is sending the like at the moment"
    elif free and not by_inputs and (len(free) > 1 or rivals.doubtful):
        doubt = f"the service lists {_ids(free)}, one of which may be it"
    elif free:
        return await _adopt(ledger, held, free[0], sent)
    elif early:
        doubt = f"the service lists {_ids(early)}, made before by its clock, which may differ from ours"
    elif unread:
        doubt = f"the service lists {len(unread)} of which nobody can tell: {unread[0].why}"
    elif began < _given_up(ledger, held) + timedelta(seconds=server.can.settle):
        doubt = "the service does not list it yet"
    elif ledger.steps.step:
        doubt = f"this host's clock was set by {ledger.steps.step:.0f} s meanwhile; the next run asks again"
    else:
        return await ledger.put_back(held, f"{sent}; the service was asked and has no such job")
    return await ledger.unknown(held, f"{sent}; {doubt}")


def _ids(states: Sequence[JobState]) -> str:
    return ", ".join(state.id for state in states[:5])


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


@dataclass(frozen=True)
class _Found:
    """What is listed that has to do with a request.

    Attributes:
        likely: Jobs that may be the one, the oldest first.
        early: Jobs that would be, had they not been made before it was sent, as far as clocks tell.
        unread: What nobody can tell of.
    """

    likely: Sequence[JobState]
    early: Sequence[JobState]
    unread: Sequence[Unread]


async def _candidates(ledger: Ledger, server: JobServer[Any], held: JobRecord) -> _Found:
    sent, request = _sent_at(held), server.request(held.request)
    likely, early, unread = list[JobState](), list[JobState](), list[Unread]()
    known, told = frozenset(held.seen_before or ()), held.seen_before is not None
    by_inputs = server.recognition is Recognition.INPUTS
    earliest = sent - timedelta(seconds=_SKEW)
    async for page in server.pages(process=held.process, since=earliest):
        states, odd = await _with_single(server, page, known)
        unread += odd
        # From the service's clock to the ledger's; both are known against this host's.
        shift = ledger.now() - server.now() - timedelta(seconds=server.clock.offset)
        tolerance = timedelta(seconds=_TOLERANCE + server.clock.uncertainty)
        for state in states:
            made = state.created and state.created + shift
            if state.id in known or (made is not None and made < sent - timedelta(seconds=_DAY)):
                continue
            try:
                same = by_inputs and server.service.is_same(request, state)
            except ServiceError as error:
                unread.append(Unread(state.id, str(error)))
                continue
            if not (same if by_inputs else state.process in (None, held.process)):
                continue
            # What was not there before is new, whatever clocks say.
            if (by_inputs and told) or made is None or made >= sent - tolerance:
                likely.append(state)
            elif made >= sent - timedelta(seconds=_SKEW):
                early.append(state)
    likely.sort(key=lambda state: (state.created or sent, state.id))
    return _Found(likely, early, unread)


async def _with_single(
    server: JobServer[Any], page: JobPage, known: Collection[str]
) -> tuple[list[JobState], list[Unread]]:
    """Give a page's jobs, and those that it only names, as far as they can be asked for."""
    states, odd = list(page.states), list[Unread]()
    for number, one in enumerate(one for one in page.unread if one.id not in known):
        if one.id is None or number >= _NAMED:
            odd.append(one)
            continue
        try:
            states.append(await server.state(one.id))
        except AbsentError:
            continue
        except ServiceError as error:
            odd.append(Unread(one.id, str(error)))
    return states, odd
