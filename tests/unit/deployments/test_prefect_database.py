"""The database that servers begin with: copied whole, or not at all."""

import contextlib
import gzip
import shutil
import sqlite3
from pathlib import Path

import pytest

from eoflows.deployments.prefect_database import copied, make_template, template


def rows(database: Path) -> list[tuple[str]]:
    with contextlib.closing(sqlite3.connect(database)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return opened.execute("SELECT name FROM things").fetchall()


def made(path: Path, name: str) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("CREATE TABLE things (name TEXT)")
        opened.execute("INSERT INTO things VALUES (?)", [name])
        opened.commit()
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache whose template is a small database."""
    folder = tmp_path / "cache"
    folder.mkdir()
    template(folder).write_bytes(gzip.compress(made(tmp_path / "first", "ours").read_bytes()))
    return folder


def test_a_copy_is_the_database_that_was_kept(cache, tmp_path):
    assert copied(tmp_path / "copy", cache)
    assert rows(tmp_path / "copy") == [("ours",)]


def test_another_version_has_another_template(cache, tmp_path, monkeypatch):
    monkeypatch.setattr("eoflows.deployments.prefect_database.version", lambda name: "0")
    assert not copied(tmp_path / "copy", cache)


def test_an_empty_cache_gives_nothing(tmp_path):
    assert not copied(tmp_path / "copy", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def whole(cache):
    return template(cache).read_bytes()


def test_half_a_template_is_never_used(cache, tmp_path, whole):
    for size in range(len(whole)):
        template(cache).write_bytes(whole[:size])
        assert not copied(tmp_path / "copy", cache)
    assert not (tmp_path / "copy").exists()


def test_a_damaged_template_is_never_used(cache, tmp_path, whole):
    content = gzip.decompress(whole)
    for place in range(0, len(whole), 3):
        template(cache).write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        # Some bytes of the head tell only when and where it was made.
        if copied(tmp_path / "copy", cache):
            assert place < 10
            assert (tmp_path / "copy").read_bytes() == content


def test_what_another_database_left_does_not_enter_the_copy(cache, tmp_path):
    other = made(tmp_path / "other", "other")
    with contextlib.closing(sqlite3.connect(other)) as opened:
        opened.execute("INSERT INTO things VALUES ('unwritten')")
        opened.commit()
        for rest in ("-wal", "-shm"):
            shutil.copyfile(f"{other}{rest}", tmp_path / f"copy{rest}")
    assert (tmp_path / "copy-wal").stat().st_size > 0
    assert copied(tmp_path / "copy", cache)
    assert rows(tmp_path / "copy") == [("ours",)]


def test_a_template_that_is_there_is_not_made_again(cache):
    before = template(cache).stat()
    make_template(cache)
    after = template(cache).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
