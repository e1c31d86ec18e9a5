"""A state directory as a small file, in which places and addresses are named, and back at other places.

Databases are kept as SQL. What Prefect encrypts stays encrypted, by the key that is in its database too.
Keys of jobs are made of their endpoints: where a sandbox has another address, they are made anew, by the rule
that the old release had, whatever today's is.
"""

import hashlib
import json
import sqlite3
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
from cryptography.fernet import Fernet

DATABASES = ("prefect/prefect.db", "ledger.sqlite", "catalog.sqlite")
KEYS = "keys.json"
FOLDERS = ("storage", "pre-ard")
TEXTS = {".json", ".jsonl"}
Names = Mapping[str, str]


def pack(state: Path, archive: Path, names: Names, keys: Mapping[str, list[Any]]) -> None:
    """Pack a state whose stack has ended.

    Args:
        state: Its folder.
        archive: The file to write.
        names: What to write for each place and address.
        keys: What each job's key is made of.
    """
    for key, parts in keys.items():
        assert digest(parts) == key, "keys of jobs are made in another way"
    members = {KEYS: replaced(json.dumps(keys).encode(), names)}
    for name in DATABASES:
        with closing(sqlite3.connect(state / name)) as database:
            replace_all(database, names)
            members[f"{name}.sql"] = dump(database).encode()
    for folder in FOLDERS:
        for path in sorted((state / folder).rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                text = path.suffix in TEXTS
                members[str(path.relative_to(state))] = replaced(content, names) if text else content
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, BytesIO(content))


def unpack(archive: Path, state: Path, places: Names) -> None:
    """Unpack a state into a folder.

    Args:
        archive: What `pack` wrote.
        state: The folder, which is made.
        places: What to write for each name.
    """
    state.mkdir(parents=True)
    with tarfile.open(archive, "r:xz") as tar:
        tar.extractall(state, filter="data")
    old: dict[str, list[Any]] = json.loads((state / KEYS).read_text())
    moved = {key: orjson.loads(replaced(orjson.dumps(parts), places)) for key, parts in old.items()}
    # The fingerprint is the key of the same without the caller's own distinction.
    again = {digest(parts[:-1]): digest(moved[key][:-1]) for key, parts in old.items()}
    again |= {key: digest(parts) for key, parts in moved.items()}
    for path in sorted(state.rglob("*")):
        if path.suffix in TEXTS:
            path.write_bytes(replaced(path.read_bytes(), places))
    for name in DATABASES:
        sql = state / f"{name}.sql"
        with closing(sqlite3.connect(state / name)) as database:
            database.executescript(sql.read_text())
            replace_all(database, {**places, **again})
        sql.unlink()


def digest(parts: list[Any]) -> str:
    """Name a job as the old release did."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def dump(database: sqlite3.Connection) -> str:
    """Give a database as SQL, with the version that programs keep beside its tables."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return "\n".join([*database.iterdump(), f"PRAGMA user_version = {version};"])


def replaced(content: bytes, names: Names) -> bytes:
    """Replace texts, the longest first."""
    for old in sorted(names, key=len, reverse=True):
        content = content.replace(old.encode(), names[old].encode())
    return content


def replace_all(database: sqlite3.Connection, names: Names) -> None:
    """Replace texts in every value of a database, also in what Prefect encrypts."""
    tables = _tables(database)
    encrypted = _fernet(database) if "block_document" in tables else None
    for table in tables:
        rows = database.execute(f'SELECT * FROM "{table}"')
        columns = [column[0] for column in rows.description]
        before = rows.fetchall()
        after = [
            tuple(
                _value(value, names, encrypted if (table, column) == ("block_document", "data") else None)
                for column, value in zip(columns, row, strict=True)
            )
            for row in before
        ]
        if after != before:
            database.execute(f'DELETE FROM "{table}"')
            marks = ", ".join("?" * len(columns))
            database.executemany(f'INSERT INTO "{table}" VALUES ({marks})', after)
    database.commit()


def _value(value: Any, names: Names, encrypted: Fernet | None) -> Any:
    if encrypted is not None:
        clear = encrypted.decrypt(json.loads(value).encode())
        moved = replaced(clear, names)
        return value if moved == clear else json.dumps(encrypted.encrypt(moved).decode())
    if isinstance(value, str):
        return replaced(value.encode(), names).decode()
    return replaced(value, names) if isinstance(value, bytes) else value


def _fernet(database: sqlite3.Connection) -> Fernet:
    (kept,) = database.execute("SELECT value FROM configuration WHERE key = 'ENCRYPTION_KEY'").fetchone()
    return Fernet(json.loads(kept)["fernet_key"].encode())


def rows(path: Path, *tables: str) -> Iterator[str]:
    """Give what tables hold, all of them if none is named, for a comparison; nothing is written."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        for table in tables or _tables(database):
            yield from (
                f"{table} {row}" for row in sorted(map(repr, database.execute(f'SELECT * FROM "{table}"')))
            )


def _tables(database: sqlite3.Connection) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
