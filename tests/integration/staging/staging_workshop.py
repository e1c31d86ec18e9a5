"""Staging without Prefect: an environment against a sandbox, opened and closed by the test."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from eoflows.base.http import AddressPolicy, ApiKey, HttpClient, Keyring, Origin, RetryPolicy
from eoflows.products.selection import Wanted, wire_filter
from eoflows.products.staging import Place, Stager, StagingReport, stage_pages
from eoflows.products.staging.pipeline import PipelineSettings
from eoflows.sandbox import Sandbox
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.stac import SearchRequest, StacClient
from eoflows.stores.storage.local import LocalStorage
from eoflows.stores.transfer import TransferEngine, TransferSettings

PLACE = Place("demo", "s1-aux")


def md5_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


@dataclass
class Workshop:
    """Everything that one staging run needs."""

    client: StacClient
    stager: Stager
    catalog: LocalCatalog
    root: Path

    async def run(self, search: Wanted | SearchRequest, **options: Any) -> StagingReport:
        """Stage what is wanted, or all that a search finds."""
        exact = isinstance(search, Wanted)
        request = SearchRequest(filter=wire_filter(search)) if exact else search
        judge = search.judge if exact else None
        with StagingReport(keep_present=True) as report:
            settings = PipelineSettings(batch=7)
            pages = self.client.pages(request)
            await stage_pages(pages, self.stager, report, judge=judge, settings=settings, **options)
        return report

    def files(self) -> dict[str, Path]:
        """The files in the storage, by name."""
        found = [path for path in self.root.rglob("*") if path.is_file()]
        assert len({path.name for path in found}) == len(found)
        return {path.name: path for path in found}


@asynccontextmanager
async def opened_workshop(
    folder: Path,
    box: Sandbox,
    station: str = "auxip",
    stall: float = 60.0,
    attempts: int = 2,
    **options: Any,
) -> AsyncIterator[Workshop]:
    """Open a workshop in a folder; opened again there, it goes on where the other ended."""
    home, url = Origin.of(box.url), f"{box.url}/{station}/"
    keyring = Keyring([(home, ApiKey(SecretStr("sandbox-demo-key")))])
    retry, root = RetryPolicy(attempts=attempts, base=0.01), folder / "storage"
    engine = TransferEngine(TransferSettings(threads=2, stall=stall), keyring, AddressPolicy([home]), retry)
    async with (
        HttpClient(keyring=keyring, trusted=[home], retry=retry, timeout=120) as http,
        engine,
        LocalCatalog(folder / "catalog.sqlite") as catalog,
    ):
        stager = Stager(PLACE, catalog, LocalStorage(root), engine, source_url=url, **options)
        yield Workshop(StacClient(url, http), stager, catalog, root)
