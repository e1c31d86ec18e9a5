"""The database behind the ledger: SQLite on one host, or PostgreSQL; and commits shared by those who wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import anyio
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from eoflows.base.errors import CatalogError, InvalidInputError, LedgerError
from eoflows.base.secrets import remember
from eoflows.stores.catalog.mounts import file_system, refuse_network

__all__ = ["Database", "absent", "read_url"]

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
_BUSY = 60.0
"""Seconds that a writer waits for others."""
_DEADLOCK, _DEADLOCKS = "40P01", 5
"""PostgreSQL's word for a deadlock, and how often a transaction is tried at the most for it."""
_SHARED = 100
"""So many writers share a commit at the most."""


def read_url(url: str) -> sa.URL:
    """Read where the ledger is.

    Args:
        url: An absolute path of a SQLite file, `sqlite:////path`, or `postgresql://user:password@host/name`.

    Raises:
        InvalidInputError: It is none of these. The message shows no password.
    """
    if url.startswith("/"):
        url = f"sqlite:///{url}"
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise InvalidInputError(
            "the ledger's URL cannot be read; write sqlite:////path or postgresql://..."
        ) from None
    driver = _DRIVERS.get(parsed.drivername.partition("+")[0])
    if driver is None:
        raise InvalidInputError(f"a ledger in {parsed.drivername} is not supported; use sqlite or postgresql")
    if driver.startswith("sqlite") and not Path(parsed.database or "").is_absolute():
        raise InvalidInputError(
            f"the ledger's path {parsed.database!r} is relative; workers start anywhere, give it absolute"
        )
    remember(*([parsed.password] if parsed.password else ()))
    return parsed.set(drivername=driver)


def absent(where: str) -> str:
    """Say that there is no ledger, and what to do."""
    return (
        f"there is no ledger in {where}: is its disk mounted, and its URL right? A new one is made by "
        "`python -m eoflows.jobs.ledger create URL`, once"
    )


@dataclass(eq=False)
class _Waiting(Generic[T]):
    """Work that waits for a transaction, and what came of it."""

    work: Work[T]
    durable: bool
    order: str
    done: bool = False
    value: Any = None
    error: BaseException | None = None

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        value: T = self.value
        return value


class Database:
    """Runs work in transactions; concurrent writers of one process share a commit.

    Args:
        url: As read by `read_url`.
        create: Whether a SQLite file is made where there is none.

    Raises:
        LedgerError: A SQLite file that is not there, or on a network file system.
    """

    def __init__(self, url: sa.URL, *, create: bool = False) -> None:
        self.url = url
        if self.sqlite:
            path = Path(url.database or "")
            try:
                refuse_network(path)
            except CatalogError:
                raise LedgerError(
                    f"the ledger {path} lies on the network file system {file_system(path)!r}, where SQLite "
                    "loses data: put it on a local disk of one host, or use PostgreSQL for several"
                ) from None
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
            elif not path.exists():
                # A disk that is not mounted is no new ledger.
                raise LedgerError(absent(str(path)))
        self._writer = _engine(url, writes=True)
        self._reader = _engine(url, writes=False)
        self._turn = anyio.Lock()
        self._waiting: list[_Waiting[Any]] = []

    @property
    def sqlite(self) -> bool:
        """Whether it is a file on this host."""
        return self.url.drivername.startswith("sqlite")

    @property
    def where(self) -> str:
        """Where it is, without a password."""
        if self.sqlite:
            return str(self.url.database)
        return f"{self.url.database} on {self.url.host}:{self.url.port or 5432}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._dispose)

    def _dispose(self) -> None:
        self._writer.dispose()
        self._reader.dispose()

    async def read(self, work: Work[T]) -> T:
        """Run work that only reads.

        Raises:
            LedgerError: The database cannot be used.
        """
        return await anyio.to_thread.run_sync(self._read, work)

    def _read(self, work: Work[T]) -> T:
        with self._errors(), self._reader.connect() as connection:
            return work(connection)

    async def write(self, work: Work[T], *, durable: bool, order: str = "") -> T:
        """Run work in a transaction, which it may share with others that wait at the same moment.

        Args:
            work: Called in the transaction; may be called again if the transaction failed for another's sake.
            durable: Whether the commit must survive a loss of power; else only a crash of this process.
            order: Those who share a commit take turns in this order. With the key of the row that is
                changed, two processes that change the same rows do not wait for each other in a circle.

        Raises:
            LedgerError: The database cannot be used.
        """
        entry = _Waiting(work, durable, order)
        self._waiting.append(entry)
        try:
            async with self._turn:
                while not entry.done:
                    batch, self._waiting = self._waiting[:_SHARED], self._waiting[_SHARED:]
                    batch.sort(key=lambda one: one.order)
                    # Whoever commits for others is not cancelled in the middle of it.
                    with anyio.CancelScope(shield=True):
                        await anyio.to_thread.run_sync(self._commit, batch)
        finally:
            if not entry.done and entry in self._waiting:
                self._waiting.remove(entry)
        return entry.result()

    def _commit(self, batch: list[_Waiting[Any]]) -> None:
        try:
            self._run(batch)
        except Exception as error:  # noqa: BLE001 - carried to the task whose work it is
            if len(batch) > 1:
                # What fails, fails alone.
                for entry in batch:
                    self._commit([entry])
            else:
                batch[0].error = error
        for entry in batch:
            entry.done = True

    def _run(self, batch: list[_Waiting[Any]]) -> None:
        engine = self._writer.execution_options(durable=any(entry.durable for entry in batch))
        with self._errors():
            for left in reversed(range(_DEADLOCKS)):
                try:
                    with engine.begin() as connection:
                        for entry in batch:
                            entry.value = entry.work(connection)
                    break
                except sa.exc.OperationalError as error:
                    # Of two who wait for each other, PostgreSQL undoes one; it may try again.
                    if left == 0 or getattr(error.orig, "sqlstate", "") != _DEADLOCK:
                        raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.SQLAlchemyError, OSError) as error:
            # The text of a failed statement has its parameters; the cause says enough.
            cause = getattr(error, "orig", None) or error
            raise LedgerError(
                f"the ledger {self.where} cannot be used: {type(cause).__name__}: {cause}"
            ) from error


def _engine(url: sa.URL, *, writes: bool) -> sa.Engine:
    if not url.drivername.startswith("sqlite"):
        import_module("psycopg")  # SQLAlchemy's own import could not say which extra has it.
        engine = sa.create_engine(url, pool_size=1 if writes else 4, max_overflow=0, pool_pre_ping=True)
        sa.event.listen(engine, "begin", _begin_postgres)
        return engine
    # One connection writes, used by one thread after the other; readers have some of their own.
    pool: dict[str, Any] = {"poolclass": StaticPool} if writes else {}
    arguments = {"timeout": _BUSY, "check_same_thread": False}
    engine = sa.create_engine(url, connect_args=arguments, **pool)
    sa.event.listen(engine, "connect", _connect_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite if writes else _begin_reading)
    return engine


def _connect_sqlite(connection: Any, _: object) -> None:
    # Transactions begin where we say, not where the driver guesses.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    level = "FULL" if connection.get_execution_options().get("durable") else "NORMAL"
    connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_postgres(connection: sa.Connection) -> None:
    if not connection.get_execution_options().get("durable", True):
        connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
