"""Writers of one process share commits, and none of them pays for another's failure."""

import threading

import anyio
import pytest
import sqlalchemy as sa

from eoflows.base.errors import BudgetError, LedgerError
from eoflows.jobs.ledger.database import Database, read_url

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(ledger_url: str):
    async with Database(read_url(ledger_url), create=True) as found:
        await found.write(lambda c: c.execute(sa.text("CREATE TABLE t (n INTEGER)")), durable=True)
        yield found


def adding(number: int):
    def work(connection: sa.Connection) -> int:
        connection.execute(sa.text("INSERT INTO t VALUES (:n)"), {"n": number})
        return number

    return work


def numbers(connection: sa.Connection) -> list[int]:
    return list(connection.execute(sa.text("SELECT n FROM t ORDER BY n")).scalars())


async def test_those_who_wait_share_a_commit(database: Database) -> None:
    commits = []
    sa.event.listen(database._writer, "commit", commits.append)
    async with anyio.create_task_group() as group:
        for number in range(250):
            group.start_soon(lambda n=number: database.write(adding(n), durable=True))
    assert await database.read(numbers) == list(range(250))
    # The first goes alone, while the others gather.
    assert len(commits) <= 5


@pytest.mark.parametrize("error", [BudgetError("no"), KeyError("a mistake"), LedgerError("no")])
async def test_what_fails_fails_alone(database: Database, error: Exception) -> None:
    outcomes: dict[int, object] = {}

    def failing(connection: sa.Connection) -> int:
        adding(-1)(connection)
        raise error

    async def one(number: int) -> None:
        try:
            outcomes[number] = await database.write(
                failing if number in (3, 7) else adding(number), durable=True
            )
        except (LedgerError, KeyError) as caught:
            outcomes[number] = caught

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(one, number)
    assert outcomes == {n: error if n in (3, 7) else n for n in range(10)}
    assert await database.read(numbers) == [n for n in range(10) if n not in (3, 7)]


async def test_a_broken_statement_fails_alone(database: Database) -> None:
    outcomes: dict[int, object] = {}

    def broken(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO nowhere VALUES (1)"))

    async def one(number: int) -> None:
        try:
            outcomes[number] = await database.write(broken if number == 2 else adding(number), durable=True)
        except LedgerError as caught:
            outcomes[number] = type(caught)

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(one, number)
    assert outcomes == {0: 0, 1: 1, 2: LedgerError, 3: 3, 4: 4}
    assert await database.read(numbers) == [0, 1, 3, 4]


async def test_one_who_is_cancelled_while_waiting_writes_nothing(database: Database) -> None:
    entered, go_on = anyio.Event(), anyio.Event()

    def slow(connection: sa.Connection) -> int:
        anyio.from_thread.run_sync(entered.set)
        anyio.from_thread.run(go_on.wait)
        return adding(1)(connection)

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: database.write(slow, durable=True))
        await entered.wait()
        with anyio.move_on_after(0.01) as scope:
            await database.write(adding(2), durable=True)
        go_on.set()
    assert scope.cancelled_caught
    assert await database.write(adding(3), durable=True) == 3
    assert await database.read(numbers) == [1, 3]


async def test_who_loses_a_deadlock_tries_again(ledger_url: str) -> None:
    """Two processes change the same two rows, in opposite orders, and have both changed the first."""
    if ledger_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    url, both, met = read_url(ledger_url), threading.Barrier(2), threading.Event()

    def changing(first: int, second: int):
        def work(connection: sa.Connection) -> None:
            connection.execute(sa.text("UPDATE t SET n = n + 10 WHERE id = :id"), {"id": first})
            if not met.is_set():
                both.wait(10)
                met.set()
            connection.execute(sa.text("UPDATE t SET n = n + 10 WHERE id = :id"), {"id": second})

        return work

    def table(connection: sa.Connection) -> None:
        connection.execute(sa.text("CREATE TABLE t (id INTEGER, n INTEGER)"))
        connection.execute(sa.text("INSERT INTO t VALUES (1, 0), (2, 0)"))

    async with Database(url, create=True) as one, Database(url, create=True) as other:
        await one.write(table, durable=True)
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: one.write(changing(1, 2), durable=True))
            group.start_soon(lambda: other.write(changing(2, 1), durable=True))
        assert await one.read(numbers) == [20, 20]
