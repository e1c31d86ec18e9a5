"""The SQLite file: one writer at a time, readers beside it, and a schema that is checked when opened."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from eoflows.base.errors import CatalogError
from eoflows.stores.catalog.mounts import refuse_network

__all__ = ["Database"]

_BUSY_SECONDS = 30.0
_IDLE_READERS = 4
_STEPS = (
    """
CREATE TABLE collections (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE items (
    collection TEXT NOT NULL REFERENCES collections (id),
    id TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    product_type TEXT,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    published_us INTEGER NOT NULL,
    west REAL, south REAL, east REAL, north REAL,
    brief BLOB NOT NULL,
    doc BLOB NOT NULL,
    PRIMARY KEY (collection, id)
);
CREATE INDEX items_validity ON items (collection, start_us, id, end_us);
CREATE INDEX items_type ON items (product_type, collection, id, start_us, end_us);
CREATE INDEX items_updated ON items (updated_us, collection, id);
CREATE INDEX items_bounds ON items (collection, west, south, east, north) WHERE west IS NOT NULL;
""",
    """
CREATE TABLE watermarks (key TEXT PRIMARY KEY, version TEXT NOT NULL, doc BLOB NOT NULL) WITHOUT ROWID;
""",
)
"""What makes each schema out of the one before; a new file is schema 0."""
_VERSION = len(_STEPS)


class Database:
    """Opens the file when it is first used; safe with threads and with processes of one host.

    Args:
        path: The file; created when absent, in a folder that exists.
        create: Whether it may be created and written; else an absent file reads as an empty one.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path, self.create = path, create
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._readers: list[sqlite3.Connection] = []

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for queries.

        Raises:
            CatalogError: The file cannot be opened or read, or is of a newer schema.
        """
        if self.absent:
            with closing(_blank()) as nothing:
                yield nothing
            return
        self.open()
        with self._lock:
            connection = self._readers.pop() if self._readers else None
        with self._explained():
            connection = connection or self._connect()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                self._give_back(connection)

    @property
    def absent(self) -> bool:
        """Whether there is no file and none may be made."""
        return not self.create and not self.path.exists()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        connection.rollback()
        with self._lock:
            if self._writer is not None and len(self._readers) < _IDLE_READERS:
                self._readers.append(connection)
                return
        connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the writing connection for one transaction, committed at the end or rolled back.

        Raises:
            CatalogError: The file cannot be opened or written, or is of a newer schema.
        """
        if not self.create:
            raise CatalogError(f"the catalogue {self.path} was opened for reading only")
        writer = self.open()
        with self._write_lock, self._explained(), _transaction(writer):
            yield writer

    def open(self) -> sqlite3.Connection:
        """Open the file and make or check its schema, if that was not done yet."""
        with self._lock:
            if self._writer is None:
                refuse_network(self.path)
                with self._explained():
                    self._writer = self._prepared()
            return self._writer

    def close(self) -> None:
        """Close all connections; the file can be opened again."""
        with self._write_lock, self._lock:
            for connection in [*self._readers, self._writer]:
                if connection is not None:
                    connection.close()
            self._readers, self._writer = [], None

    def _prepared(self) -> sqlite3.Connection:
        connection = self._connect()
        with _closed_on_error(connection):
            _use_wal(connection)
            self._check_schema(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        with _closed_on_error(connection):
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _check_schema(self, connection: sqlite3.Connection) -> None:
        if _version(connection) == _VERSION:
            return
        with _transaction(connection):
            found = _version(connection)
            if found > _VERSION:
                raise CatalogError(
                    f"the catalogue {self.path} has schema {found}, known is {_VERSION}: update eoflows"
                )
            _migrate(connection, found)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            hint = (
                ""
                if self.path.parent.is_dir()
                else f"; the folder {self.path.parent} does not exist, make it"
            )
            raise CatalogError(f"the catalogue {self.path} cannot be used: {error}{hint}") from error


def _migrate(connection: sqlite3.Connection, found: int) -> None:
    for step in _STEPS[found:]:
        for statement in filter(str.strip, step.split(";")):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {_VERSION}")


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """Close a connection that could not be prepared."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _blank() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _migrate(connection, 0)
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; SQLite does not wait by itself while another process does the same."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            with closing(connection.execute("PRAGMA journal_mode = WAL")) as answer:
                answer.fetchone()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.02)
