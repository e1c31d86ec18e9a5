"""What Prefect's own migrations leave is made once, and a server goes on from a copy of it."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from alembic.script import ScriptDirectory
from prefect.server.database import alembic_commands

from eoflows.deployments.environment import child_environment
from eoflows.deployments.parts import prepare_database, start_server
from eoflows.deployments.prefect_database import copied, template
from eoflows.deployments.services import Launcher
from eoflows.deployments.state import StateDirectory

MAKE = [sys.executable, "-m", "eoflows.deployments.prefect_database", "--cache"]


def revision(database: Path) -> list[tuple[str]]:
    with contextlib.closing(sqlite3.connect(database)) as opened:
        return opened.execute("SELECT version_num FROM alembic_version").fetchall()


def newest() -> str:
    config = alembic_commands.alembic_config()
    config.set_main_option("script_location", f"{Path(alembic_commands.__file__).parent}/_migrations")
    config.set_main_option(
        "version_locations", f"{Path(alembic_commands.__file__).parent}/_migrations/versions/sqlite"
    )
    head = ScriptDirectory.from_config(config).get_current_head()
    assert head
    return head


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache into which two processes made the template at once."""
    folder = tmp_path_factory.mktemp("cache")
    makers = [
        subprocess.Popen([*MAKE, str(folder)], stderr=subprocess.PIPE, text=True, env=os.environ)
        for _ in "12"
    ]
    said = [maker.communicate()[1] for maker in makers]
    assert [maker.returncode for maker in makers] == [0, 0], said
    assert sum("Migrations succeeded" in each for each in said) == 1
    return folder


def test_of_two_makers_one_makes_it_and_leaves_nothing_else(cache: Path) -> None:
    assert {path.name for path in cache.iterdir()} == {template(cache).name, "prefect-database.lock"}


def test_the_copy_needs_no_migration(cache: Path, tmp_path: Path) -> None:
    assert copied(tmp_path / "copy", cache)
    assert revision(tmp_path / "copy") == [(newest(),)]


@pytest.mark.anyio
async def test_a_server_serves_on_the_copy(cache: Path, tmp_path: Path) -> None:
    state = StateDirectory.at(tmp_path / "state")
    launcher = Launcher(tmp_path, child_environment(state, None), state.logs)
    database = state.prefect_home / "prefect.db"
    await prepare_database(launcher, state, cache)
    assert (launcher.started, database.stat().st_size > 0) == ([], True)
    try:
        url = await start_server(launcher, state)
        async with httpx.AsyncClient(base_url=f"{url}/api", trust_env=False) as client:
            made = await client.post("/flows/", json={"name": "kept"})
            found = (await client.get(f"/flows/{made.json()['id']}")).json()
    finally:
        await launcher.stop_all()
    assert (made.status_code, found["name"]) == (201, "kept")
    assert revision(database) == [(newest(),)]


@pytest.mark.anyio
async def test_a_state_that_has_a_database_keeps_it(cache: Path, tmp_path: Path) -> None:
    state = StateDirectory.at(tmp_path / "state")
    launcher = Launcher(tmp_path, child_environment(state, None), state.logs)
    (state.prefect_home / "prefect.db").write_bytes(b"kept")
    await prepare_database(launcher, state, cache)
    assert (state.prefect_home / "prefect.db").read_bytes() == b"kept"


@pytest.mark.anyio
async def test_a_cache_that_cannot_be_written_leaves_the_migrations_to_the_server(tmp_path: Path) -> None:
    state = StateDirectory.at(tmp_path / "state")
    launcher = Launcher(tmp_path, child_environment(state, None), state.logs)
    (tmp_path / "cache").write_text("in the way")
    await prepare_database(launcher, state, tmp_path / "cache")
    assert not (state.prefect_home / "prefect.db").exists()
    assert "FileExistsError" in (state.logs / "database.log").read_text()
