"""Stages one product type as a process of its own, so that a test can kill it."""

import asyncio
import sys
from pathlib import Path

from pydantic import SecretStr

from eoflows.base.http import AddressPolicy, ApiKey, HttpClient, Keyring, Origin
from eoflows.products.staging import Place, Stager, StagingReport, stage_pages
from eoflows.products.staging.pipeline import PipelineSettings
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.stac import SearchRequest, StacClient
from eoflows.stores.storage import LocalStorage
from eoflows.stores.transfer import TransferEngine, TransferSettings


async def stage(url: str, state: Path, product_type: str, batch: int) -> dict[str, int]:
    """Stage all products of a type from a sandbox's AUXIP into `state`."""
    origin = Origin.of(url)
    keyring = Keyring([(origin, ApiKey(SecretStr("sandbox-demo-key")))])
    settings = TransferSettings(stall=20)
    request = SearchRequest(filter={"op": "=", "args": [{"property": "product:type"}, product_type]})
    async with (
        HttpClient(keyring=keyring, trusted=[origin]) as http,
        TransferEngine(settings, keyring, AddressPolicy([origin])) as engine,
        LocalCatalog(state / "catalog.sqlite") as catalog,
    ):
        stager = Stager(Place("demo", "aux"), catalog, LocalStorage(state / "storage"), engine)
        pages = StacClient(f"{url}/auxip/", http, page_size=50).pages(request)
        with StagingReport() as report:
            await stage_pages(pages, stager, report, settings=PipelineSettings(batch=batch))
        return report.summary()


if __name__ == "__main__":
    done = asyncio.run(stage(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
    print(done, flush=True)
    sys.exit(1 if done["failed"] else 0)
