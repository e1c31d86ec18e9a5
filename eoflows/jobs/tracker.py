"""The tracker: one round over all open jobs of all services."""

import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import anyio

from eoflows.base.concurrency import one_error
from eoflows.base.errors import (
    AbsentError,
    ContractError,
    EoError,
    LateError,
    LedgerError,
    ThrottledError,
    UnreachableError,
    UnsentError,
    public_url,
)
from eoflows.jobs.border import read_time, reading
from eoflows.jobs.ledger import EndpointClaim, Finding, JobRecord, Ledger
from eoflows.jobs.models import CLOSED, OPEN, Billing, JobState, Phase, Recognition
from eoflows.jobs.recognise import is_another, recognise
from eoflows.jobs.service import JobServer, OpenServer
from eoflows.jobs.submission import send_held

__all__ = ["EndpointRound", "Pace", "track_round"]

_log = logging.getLogger(__name__)

_FEW = 3
"""So many jobs are asked for one by one even where the service has a list."""
_SINGLE = 200
_DOUBTFUL = 50
_SENT = 400
_CONCURRENT = 8


@dataclass(frozen=True)
class Pace:
    """How often an endpoint is asked: often while things happen, seldom while nothing does.

    Attributes:
        shortest: Seconds between two rounds at least.
        longest: Seconds between two rounds at the most; a longer `Retry-After` is obeyed all the same.
        part: The next round comes after this part of the time since anything last changed.
        endpoints: Endpoints asked at the same time.
    """

    shortest: float = 5.0
    longest: float = 600.0
    part: float = 0.1
    endpoints: int = 4

    def after(self, quiet: float) -> timedelta:
        """Give the pause after so many seconds in which nothing changed."""
        return timedelta(seconds=min(self.longest, max(self.shortest, self.part * quiet)))

    def after_failure(self, failures: int, asked: float | None) -> timedelta:
        """Give the pause after so many rounds without an answer."""
        backoff = min(self.longest, self.shortest * 2.0 ** min(failures, 30))
        return timedelta(seconds=max(backoff, asked or 0.0))


@dataclass
class EndpointRound:
    """What a round found at one endpoint.

    Attributes:
        service: Name of the service's column.
        endpoint: Where.
        looked_at: Jobs that were to be looked at.
        changed: Jobs of which there was news.
        ended: Jobs that have ended.
        sent: Planned jobs that were sent.
        resolved: Doubtful jobs of which is known now whether they exist.
        failures: What went wrong with single jobs, by key.
        error: Why the endpoint could not be asked; empty if it could.
        unlisted: Why its list of jobs did not do, so that jobs were asked for one by one; empty if it did.
    """

    service: str
    endpoint: str
    looked_at: int = 0
    changed: int = 0
    ended: int = 0
    sent: int = 0
    resolved: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    error: str = ""
    unlisted: str = ""


async def track_round(
    ledger: Ledger,
    open_server: OpenServer,
    *,
    pace: Pace | None = None,
    only: Collection[tuple[str, str]] | None = None,
    older_than: float | None = None,
) -> list[EndpointRound]:
    """Look at the open jobs of every endpoint whose time has come; an endpoint that fails harms no other.

    Args:
        ledger: Says what is open, and takes what is found.
        open_server: Opens a server by the names of its service and of its settings.
        pace: How often endpoints are asked; None: the default.
        only: Service and endpoint of those to look at; None: of all.
        older_than: Look also at those that answered more than so many seconds ago.

    Returns:
        What was found, per endpoint that nobody else was looking at.
    """
    pace = pace or Pace()
    due = await ledger.due_endpoints(older_than)
    rounds: list[EndpointRound] = []
    limiter = anyio.CapacityLimiter(pace.endpoints)

    async def look(service: str, endpoint: str) -> None:
        async with limiter:
            claim = await ledger.claim_endpoint(service, endpoint)
            if claim is not None:
                rounds.append(await _Round(ledger, claim, pace).run(open_server))

    async with one_error(), anyio.create_task_group() as group:
        for service, endpoint in due:
            if only is None or (service, endpoint) in only:
                group.start_soon(look, service, endpoint)
    return sorted(rounds, key=lambda one: (one.service, one.endpoint))


class _Round:
    """One round at one endpoint."""

    def __init__(self, ledger: Ledger, claim: EndpointClaim, pace: Pace) -> None:
        self._ledger, self._claim, self._pace = ledger, claim, pace
        self.report = EndpointRound(claim.service, claim.endpoint)
        self._newest: datetime | None = None
        self._over: set[str] = set()
        self._seen: set[str] = set()
        self._asked = 0.0
        self._list_error: EoError | None = None

    async def run(self, open_server: OpenServer) -> EndpointRound:
        claim, ledger = self._claim, self._ledger
        try:
            async with one_error(), anyio.create_task_group() as group:
                group.start_soon(self._keep)
                async with open_server(claim.service, claim.server) as server:
                    await self._look(server)
                group.cancel_scope.cancel()
        except LateError as error:
            self.report.error = str(error)
        except Exception as error:  # noqa: BLE001 - the boundary of an endpoint
            # Where the ledger itself is the trouble, writing that down fails as well, and ends all.
            await self._failed(reading(error, claim.endpoint), cause=error)
        except anyio.get_cancelled_exc_class():
            # Whoever comes next need not wait until the lease is over.
            with anyio.CancelScope(shield=True), suppress(LateError):
                await self._end(ledger.now(), asked_at=claim.asked_at)
            raise
        else:
            quiet = (ledger.now() - (self._newest or ledger.now())).total_seconds()
            due = ledger.now() + max(self._pace.after(quiet), timedelta(seconds=self._asked))
            await self._end(due, asked_at=ledger.now())
        return self.report

    async def _end(self, due: datetime, *, asked_at: datetime | None) -> None:
        await self._ledger.release_endpoint(self._claim, due, asked_at=asked_at)

    async def _keep(self) -> None:
        """Keep the claim, however slowly the service answers."""
        while True:
            await anyio.sleep(self._ledger.round.seconds / 3)
            await self._ledger.keep_endpoint(self._claim)

    async def _failed(self, error: EoError, *, cause: Exception) -> None:
        """The endpoint does not answer: its jobs wait, until their deadline."""
        if cause is not error:
            _log.error("a round at %s ended", public_url(self._claim.endpoint), exc_info=cause)
        claim, ledger, now = self._claim, self._ledger, self._ledger.now()
        since = claim.failing_since or now
        self.report.error = str(error)
        with suppress(LateError):
            late = _overdue(await ledger.watched(claim.service, claim.endpoint), now)
            keys = [row.key for row in late if row.remote_id is not None]
            message = f"no answer since {since:%Y-%m-%d %H:%M} UTC: {error}"
            self.report.ended += await ledger.close(claim, keys, Phase.UNREACHABLE, message)
            await self._end_overdue([row for row in late if row.remote_id is None])
            asked = error.retry_after if isinstance(error, ThrottledError) else None
            await ledger.release_endpoint(
                claim,
                now + self._pace.after_failure(claim.failures, asked),
                asked_at=claim.asked_at,
                failing_since=since,
                failures=claim.failures + 1,
                message=str(error),
            )

    async def _look(self, server: JobServer[Any]) -> None:
        ledger, claim = self._ledger, self._claim
        rows = await ledger.watched(claim.service, claim.endpoint)
        self.report.looked_at = len(rows)
        self._newest = max((row.changed_at for row in rows), default=None)
        known = [row for row in rows if row.followed]
        left = await self._listed(server, known) if server.can.lists and len(known) > _FEW else known
        await self._single(server, left)
        await self._cancel(server, known)
        await self._doubtful(server, [row for row in rows if row.doubtful])
        await self._end_overdue(rows)
        await self._send_planned(server, rows)

    async def _end_overdue(self, rows: Sequence[JobRecord]) -> None:
        """End what nobody waits for any more."""
        ledger, late = self._ledger, _overdue(rows, self._ledger.now())
        for phases, message in (
            (OPEN, "its deadline passed while the service still worked on it"),
            ({Phase.PLANNED}, "its deadline passed before it was sent"),
        ):
            keys = [row.key for row in late if row.phase in phases]
            if keys:
                self.report.ended += await ledger.close(self._claim, keys, Phase.OVERDUE, message)

    async def _doubtful(self, server: JobServer[Any], rows: Sequence[JobRecord]) -> None:
        """Ask what became of requests whose answer was lost; those first that were asked for least."""
        if server.recognition is Recognition.NONE:
            return
        for row in sorted(rows, key=lambda row: row.fence)[:_DOUBTFUL]:
            taken = await self._ledger.take(row.key)
            if taken.finding is Finding.SEND:
                # Somebody has found out meanwhile that there is none.
                await self._ledger.put_back(taken.record, taken.record.message)
            if taken.finding is not Finding.RESOLVE:
                continue
            try:
                found = await recognise(self._ledger, server, taken.record, send=send_held)
            except Exception as error:  # noqa: BLE001 - the boundary of a job
                self._trouble(row, error)
                continue
            if not found.doubtful:
                self.report.resolved += 1
                self._note(found)
            elif server.recognition is Recognition.TOKEN:
                # It was sent, and not answered as it should be: the others wait for the next round.
                return

    async def _listed(self, server: JobServer[Any], rows: Sequence[JobRecord]) -> list[JobRecord]:
        """Look at jobs page by page; give those that the list does not have, or does not show as jobs."""
        left: dict[str | None, list[JobRecord]] = {}
        for row in rows:
            # A service may give one job to two who ask for the same.
            left.setdefault(row.remote_id, []).append(row)
        processes = {row.process for row in rows}
        process = processes.pop() if len(processes) == 1 else None
        try:
            async for page in server.pages(process=process, since=_oldest(rows)):
                for one in page.unread:
                    self._list_error = ContractError(f"the list has what is no job: {one.why}")
                await self._observe(
                    [
                        (row, state)
                        for state in page.states
                        if not any(is_another(server, row, state) for row in left.get(state.id, ()))
                        for row in left.pop(state.id, ())
                    ]
                )
                if not left:
                    break
        except (UnsentError, ThrottledError, LedgerError):
            raise
        except Exception as error:  # noqa: BLE001 - a list is a short cut: each job can be asked for by itself
            self._list_error = reading(error, self._claim.endpoint)
        return [row for several in left.values() for row in several]

    async def _single(self, server: JobServer[Any], rows: Sequence[JobRecord]) -> None:
        """Ask for jobs one by one, those first that have been missing longest, and the others in turn."""
        missing = sorted((row for row in rows if row.missing_since), key=lambda row: row.missing_since or 0)
        others = [row for row in rows if not row.missing_since]
        first = self._claim.fence * _SINGLE % max(1, len(others))
        ordered = [*missing[: _SINGLE // 2], *others[first:], *others[:first]][:_SINGLE]
        limiter = anyio.CapacityLimiter(_CONCURRENT)
        found: list[tuple[JobRecord, JobState]] = []
        gone: list[JobRecord] = []
        silent: list[EoError] = []

        async def ask(row: JobRecord) -> None:
            async with limiter:
                if _given_up(silent, answers=len(found) + len(gone)):
                    return
                try:
                    state = await server.state(row.remote_id or "")
                    if is_another(server, row, state):
                        # Its service has given its id to another one: of this one it knows nothing.
                        gone.append(row)
                    else:
                        found.append((row, state))
                except AbsentError:
                    gone.append(row)
                except UnreachableError as error:
                    silent.append(error)
                    self._trouble(row, error)
                except Exception as error:  # noqa: BLE001 - the boundary of a job
                    self._trouble(row, error)

        async with one_error(), anyio.create_task_group() as group:
            for row in ordered:
                group.start_soon(ask, row)
        self.report.unlisted = str(self._list_error or "")
        await self._observe(found)
        await self._gone(server, gone)
        if not found and not gone and ordered and (silent or self._list_error):
            raise self._list_error or silent[0]
        if asked := next((error for error in silent if isinstance(error, ThrottledError)), None):
            raise asked

    async def _observe(self, found: Sequence[tuple[JobRecord, JobState]]) -> None:
        self._seen |= {row.key for row, _ in found}
        news = [(row, state) for row, state in found if _differs(row, state)]
        if not news:
            return
        try:
            self.report.ended += await self._ledger.observe(self._claim, news)
        except LateError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary of a job
            if len(news) == 1:
                self._trouble(news[0][0], error)
                return
            # What cannot be written down is found by writing each for itself.
            for one in news:
                await self._observe([one])
            return
        self.report.changed += len(news)
        self._over |= {row.key for row, state in news if state.phase in CLOSED}
        self._newest = self._ledger.now()

    def _trouble(self, row: JobRecord, error: Exception) -> None:
        """Note what went wrong with one job; it harms no other."""
        known = reading(error, self._claim.endpoint)
        if known is not error:
            _log.error("job %s", row.key[:12], exc_info=error)
        self.report.failures[row.key] = str(known)

    async def _gone(self, server: JobServer[Any], rows: Sequence[JobRecord]) -> None:
        """Judge jobs that the service says it does not have."""
        now, settle = self._ledger.now(), timedelta(seconds=server.can.settle)
        late = [row for row in rows if row.sent_at is None or now >= row.sent_at + settle]
        stopped = [row for row in late if row.cancel_wanted_at or row.phase is Phase.CANCELLING]
        absence = timedelta(seconds=self._ledger.absence)
        denied = [row for row in late if row not in stopped and row.missing_since is not None]
        again = [row for row in denied if row.missing_since and now >= row.missing_since + absence]
        first = [row.key for row in late if row not in stopped and row.missing_since is None]
        if first:
            await self._ledger.missing(self._claim, first)
        for ended, phase, message in (
            (stopped, Phase.CANCELLED, "stopped, and removed by the service"),
            (again, Phase.LOST, f"{public_url(self._claim.endpoint)} has no such job any more"),
        ):
            if ended:
                keys = [row.key for row in ended]
                self.report.ended += await self._ledger.close(self._claim, keys, phase, message)
                self._newest = now

    async def _cancel(self, server: JobServer[Any], rows: Sequence[JobRecord]) -> None:
        """Stop what somebody wants stopped."""
        if not server.can.cancels:
            return
        for row in rows:
            going = row.phase in OPEN and row.phase is not Phase.CANCELLING
            if not (row.cancel_wanted_at and going) or row.key in self._over or row.key not in self._seen:
                # What has ended must not be asked to stop: some services remove its results. What was not
                # seen just now may be another's under the same id.
                continue
            try:
                state = await server.cancel(row.remote_id or "")
            except (UnsentError, ThrottledError):
                raise
            except Exception as error:  # noqa: BLE001 - the boundary of a job
                self._trouble(row, error)
            else:
                if state is not None:
                    await self._observe([(row, state)])

    async def _send_planned(self, server: JobServer[Any], rows: Sequence[JobRecord]) -> None:
        """Send planned jobs, as many as the service has room for."""
        ledger, claim = self._ledger, self._claim
        if not any(row.queued and row.phase is Phase.PLANNED for row in rows):
            return
        busy = sum((row.phase in OPEN and row.key not in self._over) or row.doubtful for row in rows)
        room = _SENT if server.can.pending is None else min(_SENT, server.can.pending - busy)
        held = await ledger.hold_planned(claim.service, claim.endpoint, max(0, room)) if room > 0 else []
        limiter = anyio.CapacityLimiter(_CONCURRENT)
        stopped: list[EoError] = []

        async def send(row: JobRecord) -> None:
            async with limiter:
                if stopped:
                    with suppress(LateError):
                        await ledger.put_back(row, f"not sent: {stopped[0]}")
                    return
                try:
                    self._note(await send_held(ledger, server, row))
                    self.report.sent += 1
                except (UnreachableError, ContractError) as error:
                    stopped.append(error)
                except Exception as error:  # noqa: BLE001 - the boundary of a job
                    self._trouble(row, error)

        async with one_error(), anyio.create_task_group() as group:
            for row in held:
                group.start_soon(send, row)
        for error in stopped:
            if not isinstance(error, ThrottledError):
                raise error
            # A full queue is no failure of the endpoint: what is planned waits.
            self._asked = max(self._asked, error.retry_after or 0.0)

    def _note(self, row: JobRecord) -> None:
        self._newest = max(self._newest or row.changed_at, row.changed_at)


def _overdue(rows: Sequence[JobRecord], now: datetime) -> list[JobRecord]:
    return [row for row in rows if row.deadline_at is not None and row.deadline_at <= now]


def _oldest(rows: Sequence[JobRecord]) -> datetime | None:
    """A time before all of them were made, whatever the service's clock says."""
    return min(read_time(row.created_at) or row.sent_at or row.planned_at for row in rows) - timedelta(
        hours=1
    )


def _given_up(silent: Sequence[EoError], *, answers: int) -> bool:
    """Whether nobody is there: asking on would only take time."""
    if any(isinstance(error, UnsentError | ThrottledError) for error in silent):
        return True
    return len(silent) >= _CONCURRENT and not answers


def _differs(row: JobRecord, state: JobState) -> bool:
    if row.missing_since is not None or row.billing is not (state.billing or Billing.NONE):
        return True
    if row.closed:
        return row.credits != state.credits
    shown = ("phase", "raw_status", "message", "credits", "started_at")
    now = (state.phase, state.raw_status, state.message, state.credits, state.started)
    return tuple(getattr(row, name) for name in shown) != now or _moved(row.progress, state.progress)


def _moved(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    return abs(before - after) >= 0.01
