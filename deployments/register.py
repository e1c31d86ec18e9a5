"""Registers the block types, and writes the blocks of the sandbox environment.

    python -m eoflows.deployments.register                       the block types
    python -m eoflows.deployments.register --sandbox-url URL --state-dir DIR    and the environment `sandbox`

Applied again it changes what differs. It talks to the Prefect server of `PREFECT_API_URL`.
"""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import BlockDocumentCreate, BlockDocumentUpdate
from prefect.exceptions import ObjectAlreadyExists
from pydantic import Secret, SecretStr
from pydantic_core import to_jsonable_python

from eoflows import blocks
from eoflows.blocks import (
    DummyServer,
    EarthEngineProject,
    EoEnvironment,
    GeoEngineServer,
    JobLedger,
    LocalCatalog,
    OAuth2Credentials,
    ObjectStorage,
    OgcProcessesServer,
    PreArdStore,
    RsServerCredentials,
    StacApi,
    TileGrid,
    Up42Credentials,
)
from eoflows.blocks.logos import PUBLIC, logo
from eoflows.jobs.ledger import Ledger
from eoflows.services.earth_engine.grid import known_grids

Save = Callable[[Block, str], Awaitable[None]]

Registered = dict[type[Block], tuple[UUID, UUID]]
"""The ids of a block's type and schema."""

LEDGER_URL = "EOFLOWS_LEDGER_URL"
"""Environment variable: the database of the ledger `sandbox`, which may hold a password; SQLite without."""

# No secrets: every sandbox accepts them.
SANDBOX_KEY = "sandbox-demo-key"
SANDBOX_PASSWORD = "demo-password"  # noqa: S105


async def register_types(logos: str) -> Registered:
    """Register all block types, with the pictures found under `logos`, and tell their ids."""
    registered: Registered = {}
    async with get_client() as client:
        for name in blocks.__all__:
            block = getattr(blocks, name)
            block._logo_url = logo(str(block._logo_url).rsplit("/", 1)[-1].removesuffix(".png"), logos)
            await block.register_type_and_schema(client=client)
            registered[block] = (block._block_type_id, block._block_schema_id)
    return registered


async def write_sandbox(url: str, other_url: str, state: Path, registered: Registered | None = None) -> None:
    """Write the blocks of a local sandbox, its catalogue and its storage, for owner `demo`.

    Their types must be registered; whoever has just done that tells their ids.
    """
    async with get_client() as client:
        await _write_all(partial(_save, client, dict(registered or {})), url, other_url, state)


async def _write_all(save: Save, url: str, other_url: str, state: Path) -> None:
    key = RsServerCredentials(user="demo", api_key=SANDBOX_KEY)
    await save(key, "sandbox")
    apis = {}
    login = OAuth2Credentials(token_url=f"{url}/oauth2/token", user="demo", password=SANDBOX_PASSWORD)
    await save(login, "sandbox")
    for name in ("auxip", "cadip", "prip", "cdse"):
        # One origin has one kind of credentials; CDSE's are others than RS-Server's.
        if name == "cdse":
            api = StacApi(url=f"{other_url}/cdse/", login=login)
        else:
            api = StacApi(url=f"{url}/{name}/", credentials=key)
        await save(api, f"sandbox-{name}")
        apis[name] = api
    catalog = LocalCatalog(path=state / "catalog.sqlite")
    await save(catalog, "sandbox")
    storage = ObjectStorage(url=str(state / "storage"))
    await save(storage, "sandbox")
    environment = EoEnvironment(owners=["demo"], catalog=catalog, storage=storage, **apis)
    await save(environment, "sandbox")
    ledger_url = os.environ.get(LEDGER_URL, str(state / "ledger.sqlite"))
    ledger = JobLedger(url=ledger_url, results=storage, lease=45, lost_after=2)
    await save(ledger, "sandbox")
    async with Ledger(ledger_url, create=True):
        pass
    for kind in ("token", "inputs", "listing", "none"):
        place = DummyServer(url=f"{url}/dummy/{kind}-sandbox", exclusive=kind == "listing")
        await save(place, f"sandbox-{kind}")
    await _write_processes(save, url, other_url)
    await _write_up42(save, url, other_url)
    await _write_geo_engine(save, url)
    await _write_earth_engine(save, url, state)
    remote = StacApi(url=f"{url}/catalog", credentials=key)
    await save(remote, "sandbox-catalog")
    parts = {**apis, "catalog": remote, "storage": storage}
    served = {"staging": "service", "staging_server": "sandbox-staging", "ledger": "sandbox"}
    await save(EoEnvironment(owners=["demo"], **parts, **served), "sandbox-service")


async def _save(client: PrefectClient, registered: Registered, block: Block, name: str) -> None:
    """Write a block whose type is registered; the blocks in it are referred to, and must be written before.

    `Block.save` registers types, and computes schemas for each field: half a minute for the sandbox's.
    """
    kind = type(block)
    data = {field: _plain(getattr(block, field)) for field in kind.model_fields}
    slug = kind.get_block_type_slug()
    if kind not in registered:
        type_id = (await client.read_block_type_by_slug(slug)).id
        schema_id = (await client.read_block_schema_by_checksum(kind._calculate_schema_checksum())).id
        registered[kind] = (type_id, schema_id)
    type_id, schema_id = registered[kind]
    try:
        document = await client.create_block_document(
            BlockDocumentCreate(name=name, data=data, block_schema_id=schema_id, block_type_id=type_id)
        )
    except ObjectAlreadyExists:
        document = await client.read_block_document_by_name(name, slug)
        await client.update_block_document(
            document.id, BlockDocumentUpdate(block_schema_id=schema_id, data=data)
        )
    block._block_document_id = document.id


def _plain(value: Any) -> Any:
    if isinstance(value, Block):
        return {"$ref": {"block_document_id": str(value._block_document_id)}}
    if isinstance(value, SecretStr | Secret):
        return _plain(value.get_secret_value())
    return to_jsonable_python(value)


async def _write_processes(save: Save, url: str, other_url: str) -> None:
    """Write the sandbox's server of processes, and RS-Server's staging service, which is another."""
    server = OgcProcessesServer(
        url=f"{url}/ogc", recognition="listing", exclusive=True, settle=2.0, result_origins=[other_url]
    )
    await save(server, "sandbox")
    staging = OgcProcessesServer(
        url=url,
        auth="api-key",
        user="demo",
        secret=SANDBOX_KEY,
        recognition="listing",
        exclusive=True,
        cancels=False,
        settle=2.0,
    )
    await save(staging, "sandbox-staging")


async def _write_up42(save: Save, url: str, other_url: str) -> None:
    """Write the sandbox's account of UP42."""
    account = Up42Credentials(
        username="demo",
        password=SANDBOX_PASSWORD,
        api_url=f"{url}/up42",
        auth_url=f"{url}/up42-auth",
        storage_origins=[other_url],
        visible=2.0,
    )
    await save(account, "sandbox")


async def _write_earth_engine(save: Save, url: str, state: Path) -> None:
    """Write the sandbox's project of Earth Engine and its bucket, which ask for no credentials."""
    await save(EarthEngineProject(project="demo-project", settle=2.0, url=url, storage_url=url), "sandbox")
    store = PreArdStore(bucket="eo-bucket", downloads=state / "pre-ard", url=url)
    await save(store, "sandbox")
    # The tiles of Landsat ARD with a hundredth of their pixels along each edge, and fewer rows.
    known = known_grids()["LANDSAT_ARD_CU"].to_dict()
    coarse = {**known, "res": [3000, 3000], "size": [50, 40], "limits": None, "name": "sandbox"}
    await save(TileGrid(definition=coarse), "sandbox")


async def _write_geo_engine(save: Save, url: str) -> None:
    """Write a user of the sandbox's Geo Engine, and the same server for everybody."""
    engine = f"{url}/geoengine/0.10"
    server = GeoEngineServer(
        url=engine,
        login="password",
        user="demo@example.org",
        secret=SANDBOX_PASSWORD,
        exclusive=True,
        settle=2.0,
    )
    await save(server, "sandbox")
    await save(GeoEngineServer(url=engine, max_gigabytes=1.0), "sandbox-anonymous")


def main() -> None:
    """Read the command line and register."""
    parser = argparse.ArgumentParser(prog="python -m eoflows.deployments.register", description=__doc__)
    parser.add_argument("--logos", default=PUBLIC, help="address under which the blocks' pictures are served")
    parser.add_argument("--sandbox-url", help="a running sandbox; without it only types are registered")
    parser.add_argument("--other-url", help="the sandbox's second origin")
    parser.add_argument("--state-dir", type=Path, help="folder for catalogue and storage of the sandbox")
    given = parser.parse_args()
    if len({given.sandbox_url is None, given.other_url is None, given.state_dir is None}) > 1:
        parser.error("--sandbox-url, --other-url and --state-dir go together")

    async def apply() -> None:
        registered = await register_types(given.logos)
        if given.sandbox_url:
            state = given.state_dir.resolve()
            await write_sandbox(given.sandbox_url, given.other_url, state, registered)

    asyncio.run(apply())


if __name__ == "__main__":
    main()
