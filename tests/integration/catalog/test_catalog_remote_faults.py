"""The sandbox's catalogue breaks in every way that it can; what is asked for is stored all the same."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from eoflows.base.errors import ContractError, CredentialsError, UnreachableError
from eoflows.base.http import ApiKey, HttpClient, Keyring, Origin, RetryPolicy
from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.settings import CatalogueSettings
from eoflows.stores.catalog.remote import RemoteCatalog

pytestmark = pytest.mark.anyio
HERE = "demo:faults"
FAST = RetryPolicy(attempts=5, base=0.001)


def item(number: int) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": f"i{number:03d}",
        "geometry": None,
        "properties": {"datetime": "2025-01-01T00:00:00Z"},
        "assets": {"a": {"href": f"s3://b/{number}", "file:size": number}},
        "links": [],
    }


@pytest.fixture(scope="module", params=[404, 500])
def server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """RS-Server's answer to a missing collection, and pgstac's, which also hangs up."""
    settings = CatalogueSettings(missing_collection=request.param, item_lifetime_days=None)
    with Sandbox(SandboxSettings(days=0, catalogue=settings)) as found:
        yield found


@pytest.fixture
async def catalog(server: Sandbox) -> AsyncIterator[RemoteCatalog]:
    server.faults.clear()
    server.catalogue.clear()
    url = f"{server.url}/catalog"
    key = ApiKey(SecretStr("sandbox-demo-key"))
    async with HttpClient(
        keyring=Keyring([(Origin.of(url), key)]), trusted=[Origin.of(url)], retry=FAST, timeout=10
    ) as http:
        yield RemoteCatalog(url, http, batch=10, retry=FAST)
    server.faults.clear()


def stored(server: Sandbox) -> list[str]:
    return sorted(found["id"] for found in server.catalogue.items(HERE))


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("server_error", {}),
        ("server_error", {"close": True}),
        ("reset", {}),
        ("lost_answer", {}),
        ("throttle", {"retry_after": 0}),
        ("unavailable", {"retry_after": 0}),
        ("truncate", {"after_bytes": 10}),
    ],
)
async def test_every_third_request_fails(
    server: Sandbox, catalog: RemoteCatalog, kind: str, parameters: dict[str, Any]
) -> None:
    for path in ("*/bulk_items", "*/collections", "*/search"):
        server.faults.add(Fault(kind, path=path, every=3, parameters=parameters))
    items = [item(number) for number in range(60)]
    await catalog.upsert(HERE, items)
    await catalog.upsert(HERE, items[30:] + [item(number) for number in range(60, 70)])
    assert stored(server) == [f"i{number:03d}" for number in range(70)]
    assert len(await catalog.known(HERE, [f"i{number:03d}" for number in range(80)])) == 70


async def test_a_collection_removed_while_it_is_written(server: Sandbox, catalog: RemoteCatalog) -> None:
    await catalog.upsert(HERE, [item(1)])
    server.catalogue.delete_collection(HERE)
    await catalog.upsert(HERE, [item(2)])
    assert stored(server) == ["i002"]


async def test_a_server_that_stays_down(server: Sandbox, catalog: RemoteCatalog) -> None:
    await catalog.upsert(HERE, [item(1)])
    server.faults.add(Fault("server_error", path="*/bulk_items"))
    with pytest.raises(UnreachableError):
        await catalog.upsert(HERE, [item(2)])
    assert stored(server) == ["i001"]


async def test_a_key_that_is_refused(server: Sandbox, catalog: RemoteCatalog) -> None:
    server.faults.add(Fault("forbidden", path="*/bulk_items"))
    with pytest.raises(CredentialsError):
        await catalog.upsert(HERE, [item(1)])


async def test_half_an_answer(server: Sandbox, catalog: RemoteCatalog) -> None:
    await catalog.upsert(HERE, [item(1)])
    server.faults.add(Fault("bad_json", path="*/search"))
    with pytest.raises(ContractError):
        await catalog.known(HERE, ["i001"])
