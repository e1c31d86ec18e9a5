"""The ledger: remote jobs and money, and nothing else."""

import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import sqlalchemy as sa

from eoflows.base.errors import LedgerError
from eoflows.jobs.ledger import approvals, collecting, intents, money, tracking
from eoflows.jobs.ledger.approvals import Approval
from eoflows.jobs.ledger.database import Database, read_url
from eoflows.jobs.ledger.figures import Figures, figures
from eoflows.jobs.ledger.intents import Lease, Likeness, Rivals
from eoflows.jobs.ledger.queries import JobFilter, find
from eoflows.jobs.ledger.records import Balance, EndpointClaim, Intended, Intent, JobRecord
from eoflows.jobs.ledger.resubmission import resubmit_lost
from eoflows.jobs.ledger.retention import Tidied, tidy
from eoflows.jobs.ledger.schema import check_schema
from eoflows.jobs.ledger.statements import read_job
from eoflows.jobs.models import JobState, Phase

__all__ = ["Ledger"]

T = TypeVar("T")
_ROUND = 15.0
"""Seconds for which a round keeps its endpoint unless it shows that it lives."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """Remembers jobs across crashes of everything else.

    What each write survives: the transitions around a submission (`intend`, `accepted`, `refused`, `resend`,
    `adopt` ...) and all that is decided by people survive a loss of power; observations survive a crash of
    the process, and are made again by the next round. Writers of one process that wait at the same moment
    share a commit.

    Times are the host's; with PostgreSQL they are corrected to the server's clock when the ledger is opened,
    because leases are compared between hosts.

    Args:
        url: An absolute path of a SQLite file, `sqlite:////path`, or `postgresql://user:password@host/name`.
        lease: Seconds for which a submission or a collection is nobody else's; longer than any one
            request may take.
        clock: Aware UTC.
    """

    def __init__(self, url: str, *, lease: float = 180.0, clock: Callable[[], datetime] = _utc_now) -> None:
        self._database = Database(read_url(url))
        self._clock, self._ahead = clock, timedelta()
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.lease = Lease(owner, lease)
        self.round = Lease(owner, min(lease, _ROUND))

    async def __aenter__(self) -> Self:
        try:
            await check_schema(self._database)
            await self._compare_clocks()
        except BaseException:
            await self._database.__aexit__()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._database.__aexit__(kind, error, trace)

    async def _compare_clocks(self) -> None:
        if self._database.sqlite:
            return
        theirs: datetime = await self._database.read(
            lambda c: c.execute(sa.select(sa.func.now())).scalar_one()
        )
        self._ahead = theirs.astimezone(UTC) - self._clock()

    @property
    def where(self) -> str:
        """Where it is, without a password."""
        return self._database.where

    def now(self) -> datetime:
        """The time that all workers agree on, aware UTC."""
        return self._clock() + self._ahead

    async def _write(
        self, work: Callable[[sa.Connection, datetime], T], *, durable: bool = True, order: str = ""
    ) -> T:
        return await self._database.write(
            lambda connection: work(connection, self.now()), durable=durable, order=order
        )

    # Submission

    async def intend(self, intent: Intent) -> Intended:
        """Write an intent and its reservation, or find what has become of it.

        Raises:
            BudgetError: The budget does not cover it; nothing was written.
        """
        return await self._write(lambda c, now: intents.intend(c, intent, self.lease, now), order=intent.key)

    async def plan(self, planned: Sequence[Intent]) -> list[JobRecord]:
        """Write intents that the tracker sends when the service has room."""
        return await self._write(lambda c, now: intents.plan(c, planned, now))

    async def hold_planned(self, service: str, endpoint: str, most: int) -> list[JobRecord]:
        """Take planned jobs of an endpoint for sending, the oldest first."""
        return await self._write(
            lambda c, now: intents.hold_planned(c, service, endpoint, most, self.lease, now)
        )

    async def take(self, key: str) -> Intended:
        """Take the lease of a row that is planned or doubtful, if it is free."""
        return await self._write(lambda c, now: intents.take(c, key, self.lease, now))

    async def note_seen(self, held: JobRecord, ids: Sequence[str]) -> JobRecord:
        """Remember which ids were listed before the request is sent."""
        return await self._write(lambda c, _: intents.note_seen(c, held.key, held.fence, ids), order=held.key)

    async def resend(self, held: JobRecord) -> JobRecord:
        """Begin another attempt, after the service was asked and has no such job."""
        return await self._write(
            lambda c, now: intents.resend(c, held.key, held.fence, self.lease, now), order=held.key
        )

    async def accepted(self, held: JobRecord, state: JobState) -> JobRecord:
        """Write down the job that the service has made."""
        return await self._write(
            lambda c, now: intents.accepted(c, held.key, held.fence, state, now), order=held.key
        )

    async def refused(self, held: JobRecord, message: str) -> JobRecord:
        """Write down a definite no."""
        return await self._write(
            lambda c, now: intents.refused(c, held.key, held.fence, message, now), order=held.key
        )

    async def put_back(self, held: JobRecord, message: str) -> JobRecord:
        """Write down that there is certainly no job, so that it may be sent later."""
        return await self._write(
            lambda c, now: intents.put_back(c, held.key, held.fence, message, now), order=held.key
        )

    async def unknown(self, held: JobRecord, message: str) -> JobRecord:
        """Write down that nobody can say yet whether there is a job."""
        return await self._write(
            lambda c, now: intents.unknown(c, held.key, held.fence, message, now), order=held.key
        )

    async def rivals(self, held: JobRecord, ids: Sequence[str], *, like: Likeness) -> Rivals:
        """Look at other rows that may own some jobs; see `intents`."""
        return await self._database.read(lambda c: intents.rivals(c, held, ids, self.now(), like=like))

    async def adopt(self, held: JobRecord, state: JobState) -> JobRecord:
        """Write down that a job of the service is this one."""
        return await self._write(
            lambda c, now: intents.adopt(c, held.key, held.fence, state, now), order=held.key
        )

    async def renew(self, held: JobRecord) -> None:
        """Keep a row for longer.

        Raises:
            LateError: Somebody has taken it over meanwhile.
        """
        await self._write(
            lambda c, now: intents.renew(c, held.key, held.fence, self.lease, now), durable=False
        )

    async def abandon(self, held: JobRecord, message: str) -> JobRecord:
        """Write down that a person has given a job up."""
        return await self._write(
            lambda c, now: intents.abandon(c, held.key, held.fence, message, now), order=held.key
        )

    async def paid(self, record: JobRecord, credits: int, message: str) -> JobRecord:
        """Write down what a person says that an ended job has cost.

        Raises:
            LedgerError: No money is set aside for it.
        """
        return await self._write(
            lambda c, now: intents.paid(c, record, credits, message, now), order=record.key
        )

    async def resubmit_lost(
        self, services: Sequence[str], message: str, *, keys: Sequence[str] | None = None
    ) -> list[JobRecord]:
        """Have lost jobs sent again that can have cost nothing; see `resubmission`."""
        return await self._write(lambda c, now: resubmit_lost(c, services, message, now, keys=keys))

    # Following

    async def due_endpoints(self, older_than: float | None = None) -> list[tuple[str, str]]:
        """Give service and endpoint of those whose jobs are to be looked at now; see `tracking`."""
        return await self._database.read(lambda c: tracking.due_endpoints(c, self.now(), older_than))

    async def claim_endpoint(self, service: str, endpoint: str) -> EndpointClaim | None:
        """Take the right to follow an endpoint's jobs; None if somebody has it."""
        return await self._write(
            lambda c, now: tracking.claim_endpoint(c, service, endpoint, self.round, now), durable=False
        )

    async def keep_endpoint(self, claim: EndpointClaim) -> None:
        """Keep an endpoint for longer.

        Raises:
            LateError: Somebody has taken it over meanwhile.
        """
        await self._write(lambda c, now: tracking.keep_endpoint(c, claim, self.round, now), durable=False)

    async def release_endpoint(self, claim: EndpointClaim, due: datetime, **how: Any) -> None:
        """End a round; see `tracking.release_endpoint`."""
        await self._write(lambda c, _: tracking.release_endpoint(c, claim, due, **how), durable=False)

    async def watched(self, service: str, endpoint: str) -> list[JobRecord]:
        """Give the jobs of an endpoint that are to be looked at, oldest first."""
        return await self._database.read(lambda c: tracking.watched(c, service, endpoint))

    async def observe(self, claim: EndpointClaim, found: Sequence[tuple[JobRecord, JobState]]) -> int:
        """Write down what a service says of its jobs; give the number that have ended now."""
        return await self._write(
            lambda c, now: tracking.observe(c, claim, found, self.round, now), durable=False
        )

    async def missing(self, claim: EndpointClaim, keys: Iterable[str]) -> None:
        """Note since when a service has not known some jobs."""
        listed = list(keys)
        await self._write(lambda c, now: tracking.missing(c, claim, listed, self.round, now), durable=False)

    async def close(self, claim: EndpointClaim, keys: Iterable[str], phase: Phase, message: str) -> int:
        """End jobs without a word of the service; give the number that have ended now."""
        listed = list(keys)
        return await self._write(lambda c, now: tracking.close(c, claim, listed, phase, message, now))

    async def want_cancelled(self, keys: Iterable[str]) -> list[JobRecord]:
        """Note that somebody wants some jobs stopped; give those that still go on."""
        listed = list(keys)
        return await self._write(lambda c, now: tracking.want_cancelled(c, listed, now))

    async def untold(self, most: int = 500) -> list[JobRecord]:
        """Give jobs whose end has not been announced, oldest first."""
        return await self._database.read(lambda c: tracking.untold(c, most))

    async def mark_told(self, records: Iterable[JobRecord]) -> None:
        """Note that the end of some jobs, as `untold` gave them, has been announced."""
        listed = list(records)
        await self._write(lambda c, _: tracking.mark_told(c, listed), durable=False)

    # Results

    async def hold_wanted(self, most: int, keys: Sequence[str] | None = None) -> list[JobRecord]:
        """Take jobs whose results are to be fetched."""
        return await self._write(
            lambda c, now: collecting.hold_wanted(c, most, self.lease, now, keys), durable=False
        )

    async def collected(self, held: JobRecord, outputs: Mapping[str, Any]) -> JobRecord:
        """Write down what was fetched of a job."""
        return await self._write(lambda c, now: collecting.collected(c, held.key, held.fence, outputs, now))

    async def collect_failed(self, held: JobRecord, message: str, again: datetime | None) -> JobRecord:
        """Write down that results could not be fetched, and when to try again."""
        return await self._write(
            lambda c, now: collecting.collect_failed(c, held.key, held.fence, message, again, now),
            durable=False,
        )

    async def want_again(self, keys: Sequence[str]) -> int:
        """Have results fetched again; give the number of jobs."""
        return await self._write(lambda c, now: collecting.want_again(c, keys, now))

    # Money

    async def set_budget(self, name: str, credits: int, period: money.Period = "") -> None:
        """Make a budget, or change its limit."""
        await self._write(lambda c, _: money.set_budget(c, name, credits, period))

    async def balance(self, name: str) -> Balance:
        """Give a budget's balance in its present period."""
        return await self._database.read(lambda c: money.balance(c, name, self.now()))

    async def balances(self) -> list[Balance]:
        """Give all budgets' balances, by name."""
        return await self._database.read(lambda c: money.balances(c, self.now()))

    # Approvals

    async def ask_approval(self, wanted: Approval, planned: Sequence[Intent]) -> Approval:
        """Ask for an approval, and set aside the money of what it is about.

        Raises:
            BudgetError: A budget does not cover it; nothing is asked.
        """
        return await self._write(lambda c, now: approvals.ask(c, wanted, planned, now))

    async def decide_approval(self, name: str, *, approve: bool, who: str, why: str) -> Approval:
        """Write down what a person said; what has been decided, or is void, stays as it is."""
        return await self._write(lambda c, now: approvals.decide(c, name, approve, who, why, now))

    async def expire_approvals(self) -> int:
        """Make void what nobody has decided in time, and free its money; give the number."""
        return await self._write(approvals.expire)

    async def approvals(self, subject: str) -> list[Approval]:
        """Give what was asked and decided about a subject, the newest first."""
        return await self._database.read(lambda c: approvals.find_approvals(c, subject))

    # Upkeep

    async def figures(self) -> Figures:
        """Count jobs, results and failures, for whoever watches an installation."""
        return await self._database.read(figures)

    async def tidy(self, before: datetime, *, plan_only: bool = False) -> Tidied:
        """Forget what ended before a time and is not needed; see `retention`."""
        return await self._write(lambda c, now: tidy(c, before, now, plan_only=plan_only))

    # Reading

    async def job(self, key: str) -> JobRecord:
        """Give a job by its key, or the beginning of it.

        Raises:
            LedgerError: There is none, or there are several.
        """
        found = await self.jobs(JobFilter(keys=(key,)))
        if len(found) > 1:
            raise LedgerError(f"{len(found)} jobs have keys that begin with {key!r}; give more of it")
        return found[0] if found else await self._database.read(lambda c: read_job(c, key, lock=False))

    async def jobs(self, wanted: JobFilter) -> list[JobRecord]:
        """Give jobs, the newest first."""
        return await self._database.read(lambda c: find(c, wanted))
