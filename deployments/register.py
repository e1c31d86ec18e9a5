"""Registers the block types, and writes the blocks of the sandbox environment.

    python -m deployments.register                       the block types
    python -m deployments.register --sandbox-url URL --state-dir DIR    and the environment `sandbox`

Applied again it changes what differs. It talks to the Prefect server of `PREFECT_API_URL`.
"""

import argparse
import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentCreate, BlockDocumentUpdate
from prefect.exceptions import ObjectAlreadyExists

import blocks
from blocks import (
    DummyServer,
    EoEnvironment,
    JobLedger,
    LocalCatalog,
    OAuth2Credentials,
    ObjectStorage,
    OgcProcessesServer,
    RsServerCredentials,
    StacApi,
    Up42Credentials,
)
from blocks.logos import PUBLIC, logo

# No secrets: every sandbox accepts them.
SANDBOX_KEY = "sandbox-demo-key"
SANDBOX_PASSWORD = "demo-password"  # noqa: S105


async def register_types(logos: str) -> None:
    """Register all block types, with the pictures found under `logos`."""
    for name in blocks.__all__:
        block = getattr(blocks, name)
        block._logo_url = logo(str(block._logo_url).rsplit("/", 1)[-1].removesuffix(".png"), logos)
        await block.register_type_and_schema()


async def write_sandbox(url: str, other_url: str, state: Path) -> None:
    """Write the blocks of a local sandbox, its catalogue and its storage, for owner `demo`."""
    key = RsServerCredentials(user="demo", api_key=SANDBOX_KEY)
    await key.save("sandbox", overwrite=True)
    apis = {}
    login = OAuth2Credentials(token_url=f"{url}/oauth2/token", user="demo", password=SANDBOX_PASSWORD)
    await login.save("sandbox", overwrite=True)
    for name in ("auxip", "cadip", "prip", "cdse"):
        # One origin has one kind of credentials; CDSE's are others than RS-Server's.
        if name == "cdse":
            api = StacApi(url=f"{other_url}/cdse/", login=login)
        else:
            api = StacApi(url=f"{url}/{name}/", credentials=key)
        await api.save(f"sandbox-{name}", overwrite=True)
        apis[name] = api
    catalog = LocalCatalog(path=state / "catalog.sqlite")
    await catalog.save("sandbox", overwrite=True)
    storage = ObjectStorage(url=str(state / "storage"))
    await storage.save("sandbox", overwrite=True)
    environment = EoEnvironment(owners=["demo"], catalog=catalog, storage=storage, **apis)
    await environment.save("sandbox", overwrite=True)
    ledger = JobLedger(url=str(state / "ledger.sqlite"), results=storage)
    await ledger.save("sandbox", overwrite=True)
    for kind in ("token", "inputs", "listing", "none"):
        place = DummyServer(url=f"{url}/dummy/{kind}-sandbox", exclusive=kind == "listing")
        await place.save(f"sandbox-{kind}", overwrite=True)
    await _write_processes(url, other_url)
    await _write_up42(url, other_url)
    remote = StacApi(url=f"{url}/catalog", credentials=key)
    await remote.save("sandbox-catalog", overwrite=True)
    parts = {**apis, "catalog": remote, "storage": storage}
    served = {"staging": "service", "staging_server": "sandbox-staging", "ledger": "sandbox"}
    await _save_environment("sandbox-service", parts, {"owners": ["demo"], **served})


async def _save_environment(name: str, parts: Mapping[str, Block], values: Mapping[str, Any]) -> None:
    """Write an environment of saved blocks, whose type is known already: `save` would need many seconds."""
    EoEnvironment(**parts, **values)
    references = {
        key: {"$ref": {"block_document_id": str(one._block_document_id)}} for key, one in parts.items()
    }
    data = {**values, **references}
    async with get_client() as client:
        kind = await client.read_block_type_by_slug(EoEnvironment.get_block_type_slug())
        checksum = EoEnvironment._calculate_schema_checksum()
        schema = await client.read_block_schema_by_checksum(checksum)
        try:
            await client.create_block_document(
                BlockDocumentCreate(name=name, data=data, block_schema_id=schema.id, block_type_id=kind.id)
            )
        except ObjectAlreadyExists:
            known = await client.read_block_document_by_name(name, EoEnvironment.get_block_type_slug())
            await client.update_block_document(
                known.id, BlockDocumentUpdate(block_schema_id=schema.id, data=data)
            )


async def _write_processes(url: str, other_url: str) -> None:
    """Write the sandbox's server of processes, and RS-Server's staging service, which is another."""
    server = OgcProcessesServer(
        url=f"{url}/ogc", recognition="listing", exclusive=True, settle=2.0, result_origins=[other_url]
    )
    await server.save("sandbox", overwrite=True)
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
    await staging.save("sandbox-staging", overwrite=True)


async def _write_up42(url: str, other_url: str) -> None:
    """Write the sandbox's account of UP42."""
    account = Up42Credentials(
        username="demo",
        password=SANDBOX_PASSWORD,
        api_url=f"{url}/up42",
        auth_url=f"{url}/up42-auth",
        storage_origins=[other_url],
        visible=2.0,
    )
    await account.save("sandbox", overwrite=True)


def main() -> None:
    """Read the command line and register."""
    parser = argparse.ArgumentParser(prog="python -m deployments.register", description=__doc__)
    parser.add_argument("--logos", default=PUBLIC, help="address under which the blocks' pictures are served")
    parser.add_argument("--sandbox-url", help="a running sandbox; without it only types are registered")
    parser.add_argument("--other-url", help="the sandbox's second origin")
    parser.add_argument("--state-dir", type=Path, help="folder for catalogue and storage of the sandbox")
    given = parser.parse_args()
    if len({given.sandbox_url is None, given.other_url is None, given.state_dir is None}) > 1:
        parser.error("--sandbox-url, --other-url and --state-dir go together")

    async def apply() -> None:
        await register_types(given.logos)
        if given.sandbox_url:
            await write_sandbox(given.sandbox_url, given.other_url, given.state_dir.resolve())

    asyncio.run(apply())


if __name__ == "__main__":
    main()
