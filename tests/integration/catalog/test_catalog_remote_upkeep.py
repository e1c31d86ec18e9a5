"""Expiry and audit where the catalogue is behind RS-Server's STAC API."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eoflows.base.times import Interval
from eoflows.blocks import EoEnvironment, ObjectStorage, RsServerCredentials, StacApi
from eoflows.completeness.audit import Inventory, Kind, Scope, take_census
from eoflows.products.environment import AuxiliarySource, FlowEnv, FlowEnvArgs
from eoflows.products.expiry import Expirer, Rules, plan_expiry
from eoflows.products.staging import Outcome, Place, Stager, StagingReport, stage_pages
from eoflows.products.systematic import Publications, Stream
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.stores.stac import SearchRequest

pytestmark = pytest.mark.anyio
PLACE = Place("demo", "s1-aux")
ORBIT = {"op": "=", "args": [{"property": "product:type"}, "AUX_POEORB"]}
SPAN = Interval(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))


def environment(box: Sandbox, folder: Path) -> EoEnvironment:
    key = RsServerCredentials(user="demo", api_key="sandbox-demo-key")
    return EoEnvironment(
        owners=["demo"],
        catalog=StacApi(url=f"{box.url}/catalog", credentials=key),
        storage=ObjectStorage(url=str(folder)),
        auxip=StacApi(url=f"{box.url}/auxip", credentials=key, asset_origins=[box.other_url]),
    )


async def stage(env: FlowEnv) -> int:
    source = env.source(AuxiliarySource.AUXIP)
    stager = Stager(PLACE, env.catalog, env.storage, env.engine, source_url=source.url)
    with StagingReport() as report:
        pages = env.client(AuxiliarySource.AUXIP).pages(SearchRequest(filter=ORBIT, collections=("s1-aux",)))
        await stage_pages(pages, stager, report)
    return report.count(Outcome.STAGED)


async def faults(env: FlowEnv, folder: Path) -> set[tuple[str, Kind]]:
    (folder / "inventory.sqlite").unlink(missing_ok=True)
    source = Publications(env.client(AuxiliarySource.AUXIP), Stream("s1-aux", "AUX_POEORB"))
    with Inventory(folder / "inventory.sqlite") as inventory:
        await take_census(inventory, Scope(PLACE, SPAN, fraction=1.0), [source], env.catalog, env.storage)
        return {(one.item, one.kind) for one in inventory.findings(datetime.now(UTC).timestamp() + 1)}


async def test_expired_items_stay_marked_and_are_no_fault(tmp_path: Path) -> None:
    with Sandbox(SandboxSettings(days=3)) as box:
        async with environment(box, tmp_path / "storage").open(FlowEnvArgs(owner_id="demo")) as env:
            count = await stage(env)
            assert count > 3
            assert await faults(env, tmp_path) == set()
            expirer = Expirer(env.catalog, env.storage, PLACE)
            old = Rules(timedelta(days=1), "end_datetime")
            pages = plan_expiry(env.catalog, PLACE.catalog_collection, old, datetime.now(UTC))
            expired = [one.item async for page in pages for one in page]
            assert len(expired) == count
            first, second, *_ = sorted(expired)
            assert await expirer.expire([first]) == 1
            assert await expirer.unfinished() == []
            record = await env.catalog.get(PLACE.catalog_collection, first)
            assert record is not None
            assert (record["assets"], bool(record["properties"]["unpublished"])) == ({}, True)
            assert await faults(env, tmp_path) == set()

            await env.catalog.delete(PLACE.catalog_collection, [second])
            assert await faults(env, tmp_path) == {(second, Kind.MISSING), (second, Kind.UNREGISTERED)}
            assert await stage(env) == 2
            assert await faults(env, tmp_path) == set()
