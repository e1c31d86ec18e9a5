"""What a station offers is staged into a catalogue behind a STAC API, twice, and again once it expired."""

from pathlib import Path

import anyio
import pytest

from eoflows.base.errors import DeadlineError
from eoflows.blocks import EoEnvironment, ObjectStorage, RsServerCredentials, StacApi
from eoflows.products.environment import AuxiliarySource, CatalogSearch, FlowEnv, FlowEnvArgs
from eoflows.products.staging import Outcome, Place, Stager, StagingReport, stage_pages
from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.stores.stac import SearchRequest

pytestmark = pytest.mark.anyio
HERE = "demo:s1-aux"
COUNT = 25


async def staged(env: FlowEnv) -> dict[Outcome, int]:
    source = env.source(AuxiliarySource.AUXIP)
    stager = Stager(
        Place("demo", "s1-aux", source.schemes), env.catalog, env.storage, env.engine, source_url=source.url
    )
    with StagingReport() as report:
        pages = env.client(AuxiliarySource.AUXIP).pages(SearchRequest(limit=COUNT))
        await stage_pages(pages, stager, report)
    return {outcome: report.count(outcome) for outcome in Outcome if report.count(outcome)}


async def test_staging(tmp_path: Path) -> None:
    with Sandbox(SandboxSettings(days=3)) as box:
        key = RsServerCredentials(user="demo", api_key="sandbox-demo-key")
        environment = EoEnvironment(
            owners=["demo"],
            catalog=StacApi(url=f"{box.url}/catalog", credentials=key),
            storage=ObjectStorage(url=str(tmp_path)),
            auxip=StacApi(url=f"{box.url}/auxip", credentials=key, asset_origins=[box.other_url]),
        )
        async with environment.open(FlowEnvArgs(owner_id="demo")) as env:
            assert await staged(env) == {Outcome.STAGED: COUNT}
            items = box.catalogue.items(HERE)
            assert len(items) == COUNT
            for item in items:
                (asset,) = item["assets"].values()
                stored = await anyio.Path(asset["href"].removeprefix("file://")).stat()
                assert stored.st_size == asset["file:size"]
                assert asset["file:checksum"].startswith("d50110")
            assert await staged(env) == {Outcome.ALREADY: COUNT}
            box.catalogue.unpublish(HERE, items[3]["id"])
            assert await staged(env) == {Outcome.ALREADY: COUNT - 1, Outcome.STAGED: 1}
            (again,) = await env.catalog.get_many(HERE, [items[3]["id"]])
            assert again["assets"] == items[3]["assets"]
            assert "unpublished" not in again["properties"]


async def test_a_search_of_a_catalogue_that_hangs_ends_at_its_limit(tmp_path: Path) -> None:
    with Sandbox(SandboxSettings(days=0)) as box:
        key = RsServerCredentials(user="demo", api_key="sandbox-demo-key")
        api = StacApi(url=f"{box.url}/catalog", credentials=key)
        with box.faults.active(Fault("hang", "/catalog/search")):
            async with api.open_catalog(writable=False) as catalog:
                pages = CatalogSearch(catalog).pages(SearchRequest(), timeout=0.3, owner_id="demo")
                with pytest.raises(DeadlineError, match="its limit"):
                    await anext(pages)
