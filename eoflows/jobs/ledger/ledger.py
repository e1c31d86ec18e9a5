"""The ledger: remote jobs and money, and nothing else."""

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar
from uuid import uuid4

import sqlalchemy as sa

from eoflows.base.errors import LedgerError
from eoflows.jobs.clocks import StepWatch, utc_now
from eoflows.jobs.ledger import (
    approvals,
    collecting,
    figures,
    intents,
    money,
    queries,
    resubmission,
    retention,
    tracking,
)
from eoflows.jobs.ledger.database import Database, read_url
from eoflows.jobs.ledger.queries import JobFilter
from eoflows.jobs.ledger.records import JobRecord
from eoflows.jobs.ledger.schema import check_schema
from eoflows.jobs.ledger.statements import read_job
from eoflows.jobs.ledger.transaction import Lease, Look, reads, writes

__all__ = ["Ledger"]

T = TypeVar("T")
_ROUND = 15.0
"""Seconds for which a round keeps its endpoint unless it shows that it lives."""


class Ledger:
    """Remembers jobs across crashes of everything else.

    What each write survives: the transitions around a submission (`intend`, `accepted`, `refused`, `resend`,
    `adopt` ...) and all that is decided by people survive a loss of power; observations survive a crash of
    the process, and are made again by the next round. Writers of one process that wait at the same moment
    share a commit.

    Times are the host's; with PostgreSQL they are corrected to the server's clock when the ledger is opened,
    because leases are compared between hosts.

    Its methods are the functions of this package, each in a transaction of its own; they are described there.

    Args:
        url: An absolute path of a SQLite file, `sqlite:////path`, or `postgresql://user:password@host/name`.
        lease: Seconds for which a submission or a collection is nobody else's; longer than any one
            request may take.
        absence: Seconds for which a service must deny a job that it had before it counts as lost.
        create: Whether a ledger is made where there is none. Else that is refused: a disk that is not
            mounted is no new ledger.
        clock: Aware UTC.
    """

    def __init__(
        self,
        url: str,
        *,
        lease: float = 180.0,
        absence: float = 3600.0,
        create: bool = False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database, self._create = Database(read_url(url), create=create), create
        self.absence = absence
        self._clock, self._ahead = clock, timedelta()
        self.steps = StepWatch(clock)
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.lease = Lease(owner, lease)
        self.round = Lease(owner, min(lease, _ROUND))

    async def __aenter__(self) -> Self:
        try:
            await check_schema(self._database, create=self._create)
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

    def _look(self, connection: sa.Connection) -> Look:
        return Look(connection, self.now(), self.lease, self.round)

    async def read(self, work: Callable[[Look], T]) -> T:
        """Run work that only reads.

        Raises:
            LedgerError: The database cannot be used.
        """
        return await self._database.read(lambda connection: work(self._look(connection)))

    async def write(self, work: Callable[[Look], T], *, durable: bool, order: str) -> T:
        """Run work in a transaction; see `Database.write`.

        Raises:
            LedgerError: The database cannot be used.
        """
        return await self._database.write(
            lambda connection: work(self._look(connection)), durable=durable, order=order
        )

    # Submission
    intend = writes(intents.intend)
    plan = writes(intents.plan)
    hold_planned = writes(intents.hold_planned)
    take = writes(intents.take)
    note_seen = writes(intents.note_seen)
    note_same = writes(intents.note_seen, durable=False)
    forget_id = writes(intents.forget_id)
    follow = writes(intents.follow)
    resend = writes(intents.resend)
    accepted = writes(intents.accepted)
    refused = writes(intents.refused)
    put_back = writes(intents.put_back)
    unknown = writes(intents.unknown)
    rivals = reads(intents.rivals)
    adopt = writes(intents.adopt)
    renew = writes(intents.renew, durable=False)
    abandon = writes(intents.abandon)
    paid = writes(intents.paid)
    resubmit_lost = writes(resubmission.resubmit_lost)

    # Following
    due_endpoints = reads(tracking.due_endpoints)
    claim_endpoint = writes(tracking.claim_endpoint, durable=False)
    keep_endpoint = writes(tracking.keep_endpoint, durable=False)
    release_endpoint = writes(tracking.release_endpoint, durable=False)
    watched = reads(tracking.watched)
    observe = writes(tracking.observe, durable=False)
    missing = writes(tracking.missing, durable=False)
    close = writes(tracking.close)
    want_cancelled = writes(tracking.want_cancelled)
    untold = reads(tracking.untold)
    mark_told = writes(tracking.mark_told, durable=False)

    # Results
    hold_wanted = writes(collecting.hold_wanted, durable=False)
    collected = writes(collecting.collected)
    collect_failed = writes(collecting.collect_failed, durable=False)
    want_again = writes(collecting.want_again)

    # Money
    set_budget = writes(money.set_budget)
    balance = reads(money.balance)
    balances = reads(money.balances)
    set_aside = reads(money.set_aside)

    # Approvals
    ask_approval = writes(approvals.ask)
    decide_approval = writes(approvals.decide)
    expire_approvals = writes(approvals.expire)
    approvals = reads(approvals.find_approvals)

    # Upkeep
    figures = reads(figures.figures)
    tidy = writes(retention.tidy)

    # Reading
    jobs = reads(queries.find)

    async def job(self, key: str) -> JobRecord:
        """Give a job by its key, or the beginning of it.

        Raises:
            LedgerError: There is none, or there are several.
        """
        found = await self.jobs(JobFilter(keys=(key,)))
        if len(found) > 1:
            raise LedgerError(f"{len(found)} jobs have keys that begin with {key!r}; give more of it")
        return found[0] if found else await self.read(lambda look: read_job(look, key, lock=False))
