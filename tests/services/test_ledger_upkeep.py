"""Retention, copies and migration of a ledger: nothing is made twice for them."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
import sqlalchemy as sa
from alembic import command
from job_world import KINDS, World, intent, rows, sqlite_url

from eoflows.base.errors import InvalidInputError, LedgerError, RefusedError
from eoflows.jobs.ledger import Finding, Ledger, Reservation
from eoflows.jobs.ledger.__main__ import main
from eoflows.jobs.ledger.backups import back_up, restore
from eoflows.jobs.ledger.database import Database, read_url
from eoflows.jobs.ledger.schema import _config, newest, version
from eoflows.jobs.models import Phase

pytestmark = pytest.mark.anyio
DAY = 86400.0


async def finish(world: World, ledger: Ledger) -> None:
    world.clock.advance(5)
    await world.track(ledger)
    await ledger.mark_told(await ledger.untold())
    for held in await ledger.hold_wanted(50):
        await ledger.collected(held, {"result": {"href": "/results/a", "size": 3}})


async def test_what_is_done_with_is_slimmed_and_never_made_again(world: World, ledger: Ledger) -> None:
    await ledger.set_budget("spring", 100)
    paid = await world.submit(
        ledger, "inputs-a", inputs={"credits": 7}, reservation=Reservation(budget="spring", credits=10)
    )
    with pytest.raises(RefusedError):
        await world.submit(ledger, "inputs-a", n="no", inputs={"refuse": True})
    await finish(world, ledger)
    await world.submit(ledger, "inputs-a", n="open", inputs={"seconds": 1000 * DAY})
    before = await rows(ledger)
    balance = await ledger.balance("spring")

    world.clock.advance(100 * DAY)
    young = await ledger.tidy(ledger.now() - timedelta(days=101))
    assert (young.documents, young.rows) == (0, 0)
    plan = await ledger.tidy(ledger.now() - timedelta(days=90), plan_only=True)
    assert (plan.documents, plan.rows) == (1, 1)
    assert await rows(ledger) == before
    assert await ledger.tidy(ledger.now() - timedelta(days=90)) == plan
    again = await ledger.tidy(ledger.now() - timedelta(days=90))
    assert (again.documents, again.rows) == (0, 0)

    kept = {record.key: record for record in await rows(ledger)}
    assert len(kept) == 2
    slim = kept[paid.key]
    assert slim.document is None
    assert (slim.phase, slim.remote_id, slim.outputs) == (
        Phase.SUCCEEDED,
        paid.remote_id,
        {"result": {"href": "/results/a", "size": 3}},
    )
    assert await ledger.balance("spring") == balance
    asked = intent("inputs-a", inputs={"credits": 7})
    assert (await ledger.intend(asked)).finding is Finding.KNOWN
    assert len(world.jobs("inputs-a")) == 2


async def test_what_is_not_done_with_stays_whole(world: World, ledger: Ledger) -> None:
    await world.submit(ledger, "inputs-a")
    world.clock.advance(5)
    await world.track(ledger)
    world.clock.advance(100 * DAY)
    tidied = await ledger.tidy(ledger.now() - timedelta(days=1))
    assert (tidied.documents, tidied.rows) == (0, 0), "its end is not told, its results are not fetched"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_sent_after_the_copy_is_not_sent_twice(tmp_path: Path, kind: str) -> None:
    world = World(sqlite_url(tmp_path))
    copy = tmp_path / "copy.sqlite"
    async with world.ledger() as ledger:
        await ledger.plan([intent(f"{kind}-a", inputs={"seconds": 600})])
        assert await anyio.to_thread.run_sync(back_up, world.url, copy) == 1
        await world.track(ledger)
    assert len(world.jobs(f"{kind}-a")) == 1
    for ending in ("", "-wal", "-shm"):
        (tmp_path / f"ledger.db{ending}").unlink(missing_ok=True)

    assert await restore(copy, world.url) == 1
    world.clock.advance(5)
    async with world.ledger() as ledger:
        for _ in range(3):
            await world.track(ledger)
            world.clock.advance(5)
        (record,) = await rows(ledger)
    assert len(world.jobs(f"{kind}-a")) == 1
    assert record.phase is (Phase.UNKNOWN if kind == "none" else Phase.RUNNING)


async def test_what_was_not_sent_after_the_copy_is_sent_once(tmp_path: Path) -> None:
    world = World(sqlite_url(tmp_path / "old"))
    async with world.ledger() as ledger:
        await ledger.plan([intent("inputs-a")])
    back_up(world.url, tmp_path / "copy.sqlite")
    new = World(sqlite_url(tmp_path / "new"))
    await restore(tmp_path / "copy.sqlite", new.url)
    new.clock.advance(5)
    async with new.ledger() as ledger:
        for _ in range(2):
            await new.track(ledger)
            new.clock.advance(5)
        await new.track(ledger)
        assert [record.phase for record in await rows(ledger)] == [Phase.SUCCEEDED]
    assert len(new.jobs("inputs-a")) == 1


async def test_a_copy_is_whole_while_workers_write(tmp_path: Path) -> None:
    world = World(sqlite_url(tmp_path))
    async with world.ledger() as ledger:
        await ledger.plan([intent("inputs-a", n=0)])

        async def write() -> None:
            for number in range(1, 40):
                await ledger.plan([intent("inputs-a", n=number), intent("inputs-a", n=-number)])

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            counts = []
            for number in range(5):
                copy = tmp_path / f"copy-{number}.sqlite"
                counts.append(await anyio.to_thread.run_sync(back_up, world.url, copy))
    assert all(count % 2 == 1 for count in counts), "a transaction was cut in two"


def test_nothing_is_overwritten_and_a_damaged_copy_is_refused(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    with pytest.raises(LedgerError, match="there is no ledger"):
        back_up(url, tmp_path / "copy")
    (tmp_path / "copy").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(LedgerError, match="cannot be copied"):
        anyio.run(restore, tmp_path / "copy", url)
    assert not (tmp_path / "ledger.db").exists()
    assert not list(tmp_path.glob("*.part"))
    (tmp_path / "ledger.db").touch()
    with pytest.raises(InvalidInputError, match="is there already"):
        anyio.run(restore, tmp_path / "copy", url)
    with pytest.raises(InvalidInputError, match="pg_dump"):
        back_up("postgresql://u:hush@h/ledger", tmp_path / "other")


async def test_an_old_worker_goes_on_while_the_schema_is_expanded(ledger_url: str) -> None:
    world = World(ledger_url)
    async with world.ledger() as old:
        await world.submit(old, "inputs-a", inputs={"seconds": 600})

        def expand(connection: sa.Connection) -> None:
            connection.execute(sa.text("ALTER TABLE jobs ADD COLUMN later VARCHAR(20) DEFAULT '' NOT NULL"))
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

        async with Database(read_url(ledger_url), create=True) as database:
            await database.write(expand, durable=True)
        await world.submit(old, "inputs-a", n=2)
        world.clock.advance(5)
        await world.track(old)
        assert sorted(record.phase for record in await rows(old)) == [Phase.RUNNING, Phase.SUCCEEDED]
    with pytest.raises(LedgerError, match=r"newer than this release knows .* update this worker"):
        async with world.ledger():
            pass


async def test_the_first_schema_is_upgraded_with_its_rows(ledger_url: str, capsys) -> None:
    def make_first(connection: sa.Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        insert = "INSERT INTO jobs (key, service, request, phase, planned_at, changed_at) VALUES "
        when = "'2025-01-01 00:00:00'"
        connection.execute(sa.text(f"{insert} ('{'k' * 64}', 'dummy', '{{}}', 'succeeded', {when}, {when})"))

    url = read_url(ledger_url)
    async with Database(url, create=True) as database:
        await database.write(make_first, durable=True)
        assert await database.read(version) == "0001"
    with pytest.raises(LedgerError, match=r"python -m eoflows\.jobs\.ledger upgrade URL"):
        async with Ledger(ledger_url, create=True):
            pass
    assert await anyio.to_thread.run_sync(main, ["upgrade", ledger_url]) == 0
    assert f"has schema {newest()}" in capsys.readouterr().out
    async with Ledger(ledger_url, create=True) as ledger:
        assert [record.phase for record in await rows(ledger)] == [Phase.SUCCEEDED]


def test_the_command_line_hides_the_url(tmp_path: Path) -> None:
    async def make() -> None:
        async with Ledger(sqlite_url(tmp_path), create=True):
            pass

    anyio.run(make)
    environment = os.environ | {"EOFLOWS_LEDGER_URL": sqlite_url(tmp_path)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "eoflows.jobs.ledger", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    copy = tmp_path / "copy.sqlite"
    assert run("backup", "-", str(copy)).stdout == f"{copy}: 0 jobs\n"
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    again = run("backup", "-", str(copy))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
