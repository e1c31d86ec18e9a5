"""Watermarks are kept beside the items, and change only under who has read them."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from eoflows.base.errors import CatalogError
from eoflows.products.systematic import Failure, Reading, StreamProgress, Watermark, watermarks_beside
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.storage import LocalStorage

pytestmark = pytest.mark.anyio
MARK = Watermark(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC))
LATER = Watermark(
    MARK.origin,
    MARK.position + timedelta(hours=1),
    {"A": Failure(MARK.position, MARK.position + timedelta(days=1))},
)


async def test_swap_changes_only_what_was_read(tmp_path: Path) -> None:
    async with (
        LocalCatalog(tmp_path / "catalog.sqlite") as catalog,
        watermarks_beside(catalog, LocalStorage(tmp_path)) as store,
    ):
        assert await store.read("k") is None
        assert await store.swap("k", None, MARK)
        assert not await store.swap("k", None, LATER)
        first = await store.read("k")
        assert first is not None
        assert first.watermark == MARK
        assert await store.swap("k", first.version, LATER)
        assert not await store.swap("k", first.version, MARK)
        second = await store.read("k")
        assert second is not None
        assert second.watermark == LATER
        assert not await store.swap("k", first.version, None)
        assert await store.swap("k", second.version, None)
        assert await store.read("k") is None


async def test_catalogue_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    async with LocalCatalog(path) as catalog:
        await catalog.upsert("demo:aux", [{"id": "A", "properties": {}, "assets": {}}])
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE watermarks")
        old.execute("PRAGMA user_version = 1")
    old.close()
    async with (
        LocalCatalog(path) as catalog,
        watermarks_beside(catalog, LocalStorage(tmp_path)) as store,
    ):
        assert await store.swap("k", None, MARK)
        assert await catalog.get("demo:aux", "A")


async def test_absent_catalogue_has_no_watermarks_and_stays_absent(tmp_path: Path) -> None:
    async with (
        LocalCatalog(tmp_path / "catalog.sqlite", create=False) as catalog,
        watermarks_beside(catalog, LocalStorage(tmp_path)) as store,
    ):
        assert await store.read("k") is None
    assert is_empty(tmp_path)


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


async def test_writers_of_one_file_end_at_the_farthest(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"

    async def advance(hours: int) -> None:
        async with (
            LocalCatalog(path) as catalog,
            watermarks_beside(catalog, LocalStorage(tmp_path)) as store,
        ):
            progress = StreamProgress(store, "k")
            await progress.begin(MARK.origin)
            for minutes in range(20):
                reached = MARK.origin + timedelta(hours=hours, minutes=minutes)
                await progress.advance(MARK.origin, Reading(reached, {}, set(), MARK.origin))

    async with anyio.create_task_group() as group:
        for hours in (3, 7, 5, 1):
            group.start_soon(advance, hours)
    async with LocalCatalog(path) as catalog, watermarks_beside(catalog, LocalStorage(tmp_path)) as store:
        found = await store.read("k")
    assert found is not None
    assert found.watermark.position == MARK.origin + timedelta(hours=7, minutes=19)


def test_damaged_watermark_is_an_error() -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        Watermark.from_json(b'{"origin": 3}')
