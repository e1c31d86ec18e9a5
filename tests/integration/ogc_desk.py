"""A ledger and servers of OGC API - Processes, as tasks use them, without Prefect's server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from waiting import becomes

from eoflows.blocks import OgcProcessesServer
from eoflows.jobs.collection import Collection, collect
from eoflows.jobs.ledger import Intent, JobFilter, JobRecord, Ledger
from eoflows.jobs.service import JobServer
from eoflows.jobs.submission import submit
from eoflows.jobs.tracker import EndpointRound, Pace, track_round
from eoflows.services.ogc_processes.request import OgcRequest
from eoflows.stores.storage import Storage, storage_from_url


@dataclass
class OgcDesk:
    """An opened ledger, and servers by name."""

    ledger: Ledger
    storage: Storage
    servers: dict[str, OgcProcessesServer] = field(default_factory=dict)

    @asynccontextmanager
    async def open_server(self, service: str, name: str) -> AsyncIterator[JobServer[Any]]:
        """As the tracker and the collector open them."""
        assert service in ("", "ogc-processes")
        async with self.servers[name].open_jobs() as opened:
            yield opened

    async def submit(
        self, name: str, process: str, *, patience: float = 0.0, run_key: str = "", **request: Any
    ) -> JobRecord:
        """Check a request and submit it."""
        async with self.open_server("ogc-processes", name) as opened:
            asked = OgcRequest(process_id=process, **request)
            intent = Intent(request=asked, endpoint=opened.endpoint, server=name, run_key=run_key)
            await opened.check(asked)
            return await submit(self.ledger, opened, intent, patience=patience)

    async def submit_all(self, name: str, requests: Sequence[OgcRequest]) -> None:
        """Check and submit requests, a few at a time."""
        limit = anyio.CapacityLimiter(8)
        async with self.open_server("ogc-processes", name) as opened, anyio.create_task_group() as group:

            async def one(asked: OgcRequest) -> None:
                async with limit:
                    await opened.check(asked)
                    await submit(
                        self.ledger, opened, Intent(request=asked, endpoint=opened.endpoint, server=name)
                    )

            for asked in requests:
                group.start_soon(one, asked)

    async def track(self) -> list[EndpointRound]:
        """Look at all open jobs, whatever their pace."""
        return await track_round(self.ledger, self.open_server, older_than=0.0, pace=Pace(shortest=0.0))

    async def ended(self, *keys: str) -> list[JobRecord]:
        """Track until jobs have ended."""

        async def tracked() -> list[JobRecord] | None:
            found = await self.rows(*keys)
            if all(one.closed for one in found):
                return found
            await self.track()
            return None

        return await becomes(tracked, "the end of the jobs") or []

    async def rows(self, *keys: str) -> list[JobRecord]:
        """The ledger's rows; all of them, if no key is given."""
        return await self.ledger.jobs(JobFilter(keys=keys or None))

    async def collect(self, *keys: str) -> list[Collection]:
        """Fetch the results of some jobs; all that are due, if no key is given."""
        return await collect(self.ledger, self.open_server, self.storage, most=1000, keys=keys or None)

    async def files(self, *keys: str) -> dict[str, bytes]:
        """Track, fetch, and give the results of one job by file name."""
        await self.ended(*keys)
        (done,) = await self.collect(*keys)
        assert not done.error, done.error
        return {name: _read(str(one["href"])) for name, one in done.outputs.items()}


def _read(href: str) -> bytes:
    return Path(href.removeprefix("file://")).read_bytes()


@asynccontextmanager
async def ogc_desk(folder: Path, **servers: OgcProcessesServer) -> AsyncIterator[OgcDesk]:
    """Open a desk whose ledger and results are in a folder."""
    async with Ledger(f"sqlite:///{folder / 'ledger.db'}", create=True) as ledger:
        yield OgcDesk(ledger, storage_from_url(str(folder / "results")), servers)
