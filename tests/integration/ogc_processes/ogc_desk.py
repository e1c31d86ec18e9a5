"""A ledger and servers of OGC API - Processes, as tasks use them, without Prefect's server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from blocks import OgcProcessesServer
from eokit.jobs.collect import Collection, collect
from eokit.jobs.service import JobServer
from eokit.jobs.submit import submit
from eokit.jobs.tracker import EndpointRound, Pace, track_round
from eokit.ledger import Intent, JobFilter, JobRecord, Ledger
from eokit.ogc_processes.service import OgcRequest
from eokit.storage import Storage, storage_from_url


@dataclass
class OgcDesk:
    """An opened ledger, and servers by name."""

    ledger: Ledger
    storage: Storage
    servers: dict[str, OgcProcessesServer] = field(default_factory=dict)

    @asynccontextmanager
    async def open_server(self, service: str, name: str) -> AsyncIterator[JobServer[Any]]:
        """As the tracker and the collector open them."""
        assert service == "ogc-processes"
        async with self.servers[name].open_jobs() as opened:
            yield opened

    async def submit(self, name: str, process: str, *, patience: float = 0.0, **request: Any) -> JobRecord:
        """Submit a request; `run_key` and others of an intent are told apart by name."""
        run_key = request.pop("run_key", "")
        async with self.open_server("ogc-processes", name) as opened:
            intent = Intent(
                request=OgcRequest(process_id=process, **request),
                endpoint=opened.endpoint,
                server=name,
                run_key=run_key,
            )
            await opened.check(intent.request)
            return await submit(self.ledger, opened, intent, patience=patience)

    async def track(self) -> list[EndpointRound]:
        """Look at all open jobs, whatever their pace."""
        return await track_round(self.ledger, self.open_server, older_than=0.0, pace=Pace(shortest=0.0))

    async def ended(self, *keys: str, seconds: float = 30) -> list[JobRecord]:
        """Track until jobs have ended."""
        with anyio.fail_after(seconds):
            while True:
                found = await self.rows(*keys)
                if all(one.closed for one in found):
                    return found
                await self.track()
                await anyio.sleep(0.05)

    async def rows(self, *keys: str) -> list[JobRecord]:
        """The ledger's rows; all of them, if no key is given."""
        return await self.ledger.jobs(JobFilter(keys=keys or None))

    async def collect(self) -> list[Collection]:
        """Fetch what is wanted."""
        return await collect(self.ledger, self.open_server, self.storage, most=1000)

    async def files(self, *keys: str) -> dict[str, bytes]:
        """Track, fetch, and give the results of one job by file name."""
        await self.ended(*keys)
        (done,) = await self.collect()
        assert not done.error, done.error
        hrefs = {name: str(one["href"]).removeprefix("file://") for name, one in done.outputs.items()}
        return {name: Path(href).read_bytes() for name, href in hrefs.items()}


@asynccontextmanager
async def ogc_desk(folder: Path, **servers: OgcProcessesServer) -> AsyncIterator[OgcDesk]:
    """Open a desk whose ledger and results are in a folder."""
    async with Ledger(f"sqlite:///{folder / 'ledger.db'}") as ledger:
        yield OgcDesk(ledger, storage_from_url(str(folder / "results")), servers)
