"""Follows one product type as a process of its own, so that a test can kill it."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from eoflows.base.http import AddressPolicy, ApiKey, HttpClient, Keyring, Origin
from eoflows.products.staging import Place, Stager
from eoflows.products.systematic import (
    Pace,
    Publications,
    Settler,
    Stream,
    StreamProgress,
    follow,
    watermarks_beside,
)
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.stac import StacClient
from eoflows.stores.storage import LocalStorage
from eoflows.stores.transfer import TransferEngine

KEY = "followed"


async def follow_all(url: str, state: Path, product_type: str) -> datetime:
    """Follow a type from a sandbox's AUXIP into `state`, and give the position of its watermark."""
    origin = Origin.of(url)
    keyring = Keyring([(origin, ApiKey(SecretStr("sandbox-demo-key")))])
    storage, now = LocalStorage(state / "storage"), datetime.now(UTC)
    async with (
        HttpClient(keyring=keyring, trusted=[origin]) as http,
        TransferEngine(None, keyring, AddressPolicy([origin])) as engine,
        LocalCatalog(state / "catalog.sqlite") as catalog,
        watermarks_beside(catalog, storage) as store,
    ):
        stager = Stager(Place("demo", "aux"), catalog, storage, engine)
        source = Publications(StacClient(f"{url}/auxip/", http), Stream(None, product_type), page=10)
        steps = follow(
            source,
            StreamProgress(store, KEY),
            Settler(stager, catalog, stager.stage, batch=5),
            start=datetime(2025, 7, 1, tzinfo=UTC),
            end=now,
            pace=Pace(timedelta(0), timedelta(days=400)),
        )
        async for _ in steps:
            pass
        found = await store.read(KEY)
        assert found is not None
        return found.watermark.position


if __name__ == "__main__":
    asyncio.run(follow_all(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
