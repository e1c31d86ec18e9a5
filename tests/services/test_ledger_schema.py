"""The schema's version: equal to the tables, made once, and refused in one line when it is another."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from eoflows.base.errors import LedgerError
from eoflows.jobs.ledger import Ledger
from eoflows.jobs.ledger.database import Database, read_url
from eoflows.jobs.ledger.schema import newest, upgrade, version
from eoflows.jobs.ledger.tables import metadata

pytestmark = pytest.mark.anyio


@pytest.fixture
async def made(ledger_url: str) -> sa.URL:
    """A ledger that was opened once."""
    async with Ledger(ledger_url, create=True):
        pass
    return read_url(ledger_url)


async def set_version(url: sa.URL, value: str) -> None:
    async with Database(url, create=True) as database:
        await database.write(
            lambda c: c.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": value}),
            durable=True,
        )


async def test_the_steps_make_the_tables(made: sa.URL) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        options = {"compare_type": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    async with Database(made, create=True) as database:
        assert await database.read(differences) == []
        await database.write(lambda c: c.execute(sa.text("DROP INDEX ix_jobs_label")), durable=True)
        assert [kind for kind, *_ in await database.read(differences)] == ["add_index"]


async def test_opening_again_changes_nothing(made: sa.URL, ledger_url: str) -> None:
    async with Ledger(ledger_url, create=True) as ledger:
        assert await ledger.balances() == []
    async with Database(made, create=True) as database:
        assert await database.read(version) == newest()


async def test_a_newer_ledger_is_refused_in_one_line(made: sa.URL, ledger_url: str) -> None:
    await set_version(made, "9999")
    with pytest.raises(
        LedgerError, match=r"schema 9999, which is newer than .* update this worker"
    ) as caught:
        async with Ledger(ledger_url, create=True):
            pass
    assert "\n" not in str(caught.value)


async def test_an_older_ledger_is_refused_in_one_line(
    made: sa.URL, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eoflows.jobs.ledger.schema.newest", lambda: "9999")
    with pytest.raises(LedgerError, match=r"has schema \d+, this release needs 9999: back it up") as caught:
        async with Ledger(ledger_url, create=True):
            pass
    assert "\n" not in str(caught.value)


async def test_an_upgrade_that_fails_leaves_nothing(ledger_url: str) -> None:
    class CutError(Exception):
        pass

    def cut(connection: sa.Connection) -> None:
        raise CutError

    url = read_url(ledger_url)
    async with Database(url, create=True) as database:
        work = upgrade.__globals__["_upgrade"]
        with pytest.raises(CutError):
            await database.write(lambda c: (work(c), cut(c)), durable=True)
        assert await database.read(version) is None
        assert await database.read(lambda c: sa.inspect(c).get_table_names()) == []
    async with Ledger(ledger_url, create=True) as ledger:
        assert await ledger.balances() == []


async def test_an_error_shows_no_password_and_no_parameters(made: sa.URL) -> None:
    async with Database(made, create=True) as database:
        with pytest.raises(LedgerError, match="cannot be used") as caught:
            await database.write(
                lambda c: c.execute(sa.text("SELECT :v FROM nowhere"), {"v": "hush"}), durable=True
            )
    assert "hush" not in str(caught.value)
    assert made.password is None or made.password not in str(caught.value)


async def test_what_is_not_there_is_no_new_ledger(tmp_path) -> None:
    place = tmp_path / "mount" / "ledger.sqlite"
    with pytest.raises(LedgerError, match=r"no ledger in .*ledger.sqlite: is its disk mounted"):
        Ledger(str(place))
    assert not place.parent.exists()
    async with Ledger(str(place), create=True):
        pass
    async with Ledger(str(place)) as found:
        assert await found.balances() == []
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    with pytest.raises(LedgerError, match="no ledger in"):
        async with Ledger(str(empty)):
            pass
