"""What every look at the ledger has: an open connection, the time, and the leases that its holder takes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import sqlalchemy as sa

from eoflows.jobs.ledger.tables import jobs

__all__ = ["Lease", "Look", "Opened", "reads", "writes"]

P = ParamSpec("P")
T = TypeVar("T")


class Lease:
    """Who takes a row, and for how long.

    Args:
        owner: Any text that no other process uses.
        seconds: Must be longer than one request may take.
    """

    def __init__(self, owner: str, seconds: float) -> None:
        self.owner, self.seconds = owner, seconds

    def until(self, now: datetime) -> datetime:
        """When it is over, if it begins now."""
        return now + timedelta(seconds=self.seconds)

    def values(self, now: datetime) -> dict[str, Any]:
        """The columns of a row that is taken."""
        return {"lease_owner": self.owner, "lease_until": self.until(now), "fence": jobs.c.fence + 1}


@dataclass(frozen=True)
class Look:
    """One transaction.

    Attributes:
        connection: It is open.
        now: Aware UTC, as all workers agree on.
        lease: Of rows.
        round: Of endpoints.
    """

    connection: sa.Connection
    now: datetime
    lease: Lease
    round: Lease


class Opened(Protocol):
    """What runs work in transactions: the ledger."""

    async def read(self, work: Callable[[Look], T]) -> T:
        """Run work that only reads."""
        ...

    async def write(self, work: Callable[[Look], T], *, durable: bool, order: str) -> T:
        """Run work in a transaction; it may be run again if that failed for another's sake."""
        ...


def reads(work: Callable[Concatenate[Look, P], T]) -> Callable[Concatenate[Opened, P], Awaitable[T]]:
    """Make a method of the ledger of work that only reads."""

    @wraps(work)
    async def method(self: Opened, /, *args: P.args, **options: P.kwargs) -> T:
        return await self.read(lambda look: work(look, *args, **options))

    return method


def writes(
    work: Callable[Concatenate[Look, P], T], *, durable: bool = True
) -> Callable[Concatenate[Opened, P], Awaitable[T]]:
    """Make a method of the ledger of work that writes.

    Args:
        work: Its first argument besides the transaction may be the row, or the intent, that it changes.
        durable: Whether it must survive a loss of power; else only a crash of this process.
    """

    @wraps(work)
    async def method(self: Opened, /, *args: P.args, **options: P.kwargs) -> T:
        key = getattr(args[0], "key", "") if args else ""
        return await self.write(lambda look: work(look, *args, **options), durable=durable, order=key)

    return method
