"""Where a ledger may be, and that no password is shown."""

from pathlib import Path

import pytest

from eoflows.base.errors import InvalidInputError, LedgerError
from eoflows.jobs.ledger import Ledger
from eoflows.jobs.ledger.database import read_url
from eoflows.stores.catalog import mounts


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("/var/lib/ledger.db", "sqlite+pysqlite"),
        ("sqlite:////var/lib/ledger.db", "sqlite+pysqlite"),
        ("postgresql://u:p@h/db", "postgresql+psycopg"),
        ("postgres://u:p@h/db", "postgresql+psycopg"),
        ("postgresql+asyncpg://u:p@h:5433/db?sslmode=require", "postgresql+psycopg"),
    ],
)
def test_urls_that_are_understood(url: str, driver: str) -> None:
    assert read_url(url).drivername == driver


@pytest.mark.parametrize(
    "url",
    [
        "ledger.db",
        "sqlite:///ledger.db",
        "sqlite://",
        "sqlite:///:memory:",
        "",
        "mysql://ann:hush@host/db",
        "postgresql//ann:hush@host/db",
        "postgresql://ann:hush@host:port/db",
        "postgresql://ann:hu:sh@host:54x/db",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_url(url)
    shown = f"{caught.value} {caught.value.__cause__}"
    assert "hush" not in shown


def test_a_network_file_system_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mounts, "file_system", lambda path, _=None: "nfs4")
    monkeypatch.setattr("eoflows.jobs.ledger.database.file_system", lambda path: "nfs4")
    with pytest.raises(LedgerError, match=r"network file system 'nfs4'.*PostgreSQL"):
        Ledger(f"sqlite:///{tmp_path / 'l.db'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anyio
async def test_a_database_that_cannot_be_reached_shows_no_password() -> None:
    with pytest.raises(LedgerError, match=r"db on 127.0.0.1:1 cannot be used") as caught:
        async with Ledger("postgresql://ann:hush@127.0.0.1:1/db"):
            pass
    assert "hush" not in str(caught.value)
