import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from job_world import World
from ledger_processes import Drivers, Nursery
from pydantic import SecretStr

from eoflows.base.http import ApiKey, HttpClient, Keyring, Origin
from eoflows.jobs.ledger import Ledger
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.catalog.interface import Catalog
from eoflows.stores.catalog.remote import CatalogProfile, RemoteCatalog

KEY = "sandbox-demo-key"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres():
    from eoflows.deployments.databases.postgres import PrivatePostgres

    with PrivatePostgres(postgis=True) as server:
        yield server


@pytest.fixture(scope="session")
def pgstac(postgres):
    from eoflows.deployments.databases.pgstac import PrivatePgstac

    with PrivatePgstac(postgres, workers=2) as server:
        yield server


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(days=0)) as found:
        yield found


@pytest.fixture
def http_for() -> Callable[[str], HttpClient]:
    """Opens clients that may reach a server of the tests."""

    def opened(url: str) -> HttpClient:
        origin = Origin.of(url)
        return HttpClient(keyring=Keyring([(origin, ApiKey(SecretStr(KEY)))]), trusted=[origin], timeout=120)

    return opened


@pytest.fixture(params=["local", "sandbox", pytest.param("pgstac", marks=pytest.mark.services)])
async def catalog(request, tmp_path, http_for) -> AsyncIterator[Catalog]:
    """Each implementation in turn."""
    if request.param == "local":
        async with LocalCatalog(tmp_path / "c.sqlite") as found:
            yield found
        return
    if request.param == "sandbox":
        url, profile = request.getfixturevalue("box").url + "/catalog", CatalogProfile.RS_SERVER
    else:
        url, profile = request.getfixturevalue("pgstac").url, CatalogProfile.PGSTAC
    async with http_for(url) as http:
        yield RemoteCatalog(url, http, profile=profile)


_numbers = itertools.count()


@pytest.fixture
def collection() -> str:
    """A collection that no other test uses."""
    return f"owner{os.getpid()}:c-{next(_numbers)}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def ledger_url(request, tmp_path) -> str:
    """A ledger of its own, in each database in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return request.getfixturevalue("postgres").login(f"ledger_{os.getpid()}_{next(_numbers)}").url


@pytest.fixture(scope="session")
def nursery():
    with Nursery() as found:
        yield found


@pytest.fixture
def drivers(nursery, box, ledger_url, tmp_path) -> Drivers:
    """Processes that share a ledger."""
    return Drivers(nursery, box, ledger_url, tmp_path)


@pytest.fixture
def careless(nursery, box, tmp_path) -> Drivers:
    """Processes that work as most do it, without a ledger."""
    return Drivers(nursery, box, "", tmp_path)


@pytest.fixture
def world(ledger_url: str) -> World:
    return World(ledger_url)


@pytest.fixture
async def ledger(world: World) -> AsyncIterator[Ledger]:
    async with world.ledger() as found:
        yield found
