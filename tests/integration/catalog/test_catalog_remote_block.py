"""An environment whose catalogue is a STAC API."""

from pathlib import Path

import pytest

from eoflows.base.errors import CatalogError
from eoflows.blocks import EoEnvironment, LocalCatalog, ObjectStorage, RsServerCredentials, StacApi
from eoflows.products.environment import FlowEnvArgs
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.stores.catalog import CatalogProfile, RemoteCatalog

pytestmark = pytest.mark.anyio
ITEM = {
    "id": "a",
    "geometry": None,
    "properties": {"datetime": "2025-01-01T00:00:00Z"},
    "assets": {"a": {"href": "file:///data/a"}},
}


async def test_the_catalogue_of_an_environment(tmp_path: Path) -> None:
    with Sandbox(SandboxSettings(days=0)) as box:
        key = RsServerCredentials(user="demo", api_key="sandbox-demo-key")
        environment = EoEnvironment(
            owners=["demo"],
            catalog=StacApi(url=f"{box.url}/catalog", credentials=key),
            storage=ObjectStorage(url=str(tmp_path)),
            auxip=StacApi(url=f"{box.url}/auxip", credentials=key),
        )
        assert [str(source) for source in environment.apis] == ["auxip"]
        async with environment.open(FlowEnvArgs(owner_id="demo")) as opened:
            assert isinstance(opened.catalog, RemoteCatalog)
            await opened.catalog.upsert("demo:s1-aux", [ITEM])
            assert set(await opened.catalog.known("demo:s1-aux", ["a", "b"])) == {"a"}
        async with environment.open(FlowEnvArgs(owner_id="demo"), writable=False) as opened:
            with pytest.raises(CatalogError, match="reading only"):
                await opened.catalog.upsert("demo:s1-aux", [ITEM])


def test_the_form_offers_both_kinds() -> None:
    schema = EoEnvironment.model_json_schema()
    kinds = [choice["block_type_slug"] for choice in schema["block_schema_references"]["catalog"]]
    assert kinds == [LocalCatalog.get_block_type_slug(), StacApi.get_block_type_slug()]
    assert StacApi(url="https://cat.example").catalog_profile is CatalogProfile.RS_SERVER
