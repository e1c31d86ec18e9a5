"""Watermarks in a storage: replaced only by who has read them (a folder, and moto)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

import anyio
import pytest
from pydantic import SecretStr

from eoflows.products.systematic import Reading, StreamProgress, Watermark, watermarks_beside
from eoflows.products.systematic.stores import DatabaseWatermarks, ObjectWatermarks
from eoflows.stores.catalog import Catalog
from eoflows.stores.catalog.database import Database
from eoflows.stores.storage import LocalStorage, ObjectStorage
from eoflows.stores.transfer import S3Bucket

httpx = pytest.importorskip("httpx")
pytest.importorskip("obstore")
pytestmark = pytest.mark.anyio
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectWatermarks:
    if request.param == "folder":
        return ObjectWatermarks(LocalStorage(tmp_path))
    s3_endpoint, name = request.getfixturevalue("s3_endpoint"), f"marks-{uuid4().hex}"
    assert httpx.put(f"{s3_endpoint}/{name}", trust_env=False).status_code == 200
    bucket = S3Bucket(name, endpoint=s3_endpoint, access_key="key", secret_key=SecretStr("secret"))
    return ObjectWatermarks(ObjectStorage(bucket, tmp_path))


async def test_only_who_has_read_it_may_replace_it(store: ObjectWatermarks) -> None:
    mark = Watermark(BEGIN, BEGIN)
    assert await store.read("a/b") is None
    assert await store.swap("a/b", None, mark)
    assert not await store.swap("a/b", None, mark)
    first = await store.read("a/b")
    assert first is not None
    later = Watermark(BEGIN, BEGIN + timedelta(hours=1))
    assert await store.swap("a/b", first.version, later)
    assert not await store.swap("a/b", first.version, mark)
    second = await store.read("a/b")
    assert second is not None
    assert second.watermark == later
    assert not await store.swap("a/b", first.version, None)
    assert await store.swap("a/b", second.version, None)
    assert await store.read("a/b") is None


async def test_writers_at_once_end_at_the_farthest(store: ObjectWatermarks) -> None:
    await StreamProgress(store, "k").begin(BEGIN)

    async def advance(hours: int) -> None:
        reading = Reading(BEGIN + timedelta(hours=hours), {}, set(), BEGIN)
        await StreamProgress(store, "k").advance(BEGIN, reading)

    async with anyio.create_task_group() as group:
        for hours in (3, 7, 5, 1):
            group.start_soon(advance, hours)
    found = await store.read("k")
    assert found is not None
    assert found.watermark.position == BEGIN + timedelta(hours=7)


async def test_the_file_of_earlier_versions_is_taken_over(tmp_path: Path) -> None:
    marks = [Watermark(BEGIN, BEGIN + timedelta(hours=hours)) for hours in range(3)]
    database = Database(tmp_path / "_watermarks.sqlite")
    for number, mark in enumerate(marks):
        assert await DatabaseWatermarks(database).swap(f"k{number}", None, mark)
    database.close()
    elsewhere = cast(Catalog, None)
    for _ in range(2):
        async with watermarks_beside(elsewhere, LocalStorage(tmp_path)) as store:
            found = [await store.read(f"k{number}") for number in range(3)]
        assert [one.watermark for one in found if one is not None] == marks
    assert not (tmp_path / "_watermarks.sqlite").exists()
