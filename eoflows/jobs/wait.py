"""A short wait for jobs: the tracker's round in a loop."""

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import anyio

from eoflows.base.errors import LedgerError
from eoflows.jobs.ledger import JobFilter, JobRecord, Ledger
from eoflows.jobs.service import OpenServer
from eoflows.jobs.tracker import Pace, track_round

__all__ = ["wait_for_jobs"]


async def wait_for_jobs(
    ledger: Ledger,
    open_server: OpenServer,
    keys: Sequence[str],
    *,
    until: datetime,
    pace: Pace | None = None,
    shortest: float = 0.25,
    longest: float = 30.0,
    on_change: Callable[[Sequence[JobRecord]], None] = lambda records: None,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> list[JobRecord]:
    """Follow jobs until all have ended or a time has come; what goes on then is the tracker's.

    Args:
        ledger: Says where they stand.
        open_server: Opens their servers.
        keys: Their keys.
        until: When to return at the latest, aware UTC.
        pace: How often endpoints are asked when nobody waits; None: the default.
        shortest: Seconds between the first two rounds; each pause is twice the last.
        longest: Seconds between two rounds at the most.
        on_change: Called with all records after each round.
        sleep: Waits seconds; replaced in tests.

    Returns:
        The records, in the order of the keys.

    Raises:
        LedgerError: The ledger does not have one of them.
    """
    pause = since = shortest
    while True:
        found = {record.key: record for record in await ledger.jobs(JobFilter(keys=keys))}
        if unknown := [key for key in keys if key not in found]:
            raise LedgerError(f"the ledger has no job with the key {unknown[0]!r}; give whole keys")
        records = [found[key] for key in keys]
        on_change(records)
        left = (until - ledger.now()).total_seconds()
        going = {(record.service, record.endpoint) for record in records if not record.closed}
        if not going or left <= 0:
            return records
        await track_round(ledger, open_server, pace=pace, only=going, older_than=since)
        await sleep(min(pause * random.uniform(0.8, 1.2), max(0.0, left)))  # noqa: S311
        # No shorter than the shortest sleep: what was asked before it is asked again.
        since, pause = 0.8 * pause, min(longest, 2.0 * pause)
