"""Follows and announces jobs for a while, as a process of its own, so that a test can kill it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from eoflows.base.http import HttpClient, Origin, RetryPolicy
from eoflows.jobs.announce import announce
from eoflows.jobs.ledger import JobRecord, Ledger
from eoflows.jobs.service import JobServer
from eoflows.jobs.tracker import Pace, track_round
from eoflows.services.dummy import DummyRequest, DummyService


async def follow(url: str, base: str, told: Path) -> None:
    """Run rounds for four seconds."""

    @asynccontextmanager
    async def open_server(service: str, place: str) -> AsyncIterator[JobServer[DummyRequest]]:
        here = f"{base}/dummy/{place}"
        retry = RetryPolicy(attempts=2, base=0.05)
        async with HttpClient(trusted=[Origin.of(base)], retry=retry, timeout=5) as http:
            yield JobServer(DummyService(here), here, http)

    async def tell(records: Sequence[JobRecord]) -> None:
        with told.open("a") as file:
            file.writelines(f"{record.key}\n" for record in records)

    async with Ledger(url, lease=2.0, create=True) as ledger:
        until = ledger.now() + timedelta(seconds=4)
        while ledger.now() < until:
            await track_round(ledger, open_server, pace=Pace(shortest=0.2, longest=1.0))
            await announce(ledger, tell, batch=50)
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
