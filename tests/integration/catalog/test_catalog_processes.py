"""Several processes write one catalogue, and one of them is killed."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

WRITER = """
import sys
import anyio
from eoflows.stores.catalog import LocalCatalog

PAD = {"pad": "x" * 300}
TIME = {"datetime": "2020-01-01T00:00:00Z"}

async def main(path, name, batches, size):
    async with LocalCatalog(path) as catalog:
        for batch in range(batches):
            items = [
                {"id": f"{name}-{batch}-{number}", "properties": TIME | {"batch": f"{name}-{batch}"} | PAD}
                for number in range(size)
            ]
            shared = [{"id": f"shared-{number}", "properties": TIME | {"by": name}} for number in range(20)]
            await catalog.upsert("o:c", items)
            await catalog.upsert("o:c", shared)
            print(batch, flush=True)

path, name, batches, size = sys.argv[1:]
anyio.run(main, path, name, int(batches), int(size))
"""


def writer(path: Path, name: str, batches: int, size: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", WRITER, str(path), name, str(batches), str(size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_four_writers_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    writers = [writer(path, name, 15, 40) for name in "abcd"]
    for process in writers:
        _, said = process.communicate()
        assert (process.returncode, said) == (0, "")
    assert rows(path, "SELECT count(*) FROM items WHERE id NOT LIKE 'shared%'") == [(4 * 15 * 40,)]
    # Each batch is one transaction, so the shared items all bear the name of one writer.
    writer_of = "json_extract(CAST(doc AS TEXT), '$.properties.by')"
    names = f"SELECT count(*), count(DISTINCT {writer_of}) FROM items WHERE id LIKE 'shared%'"
    assert rows(path, names) == [(20, 1)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("pause", [0.0, 0.013, 0.037])
def test_a_killed_writer_leaves_whole_transactions(tmp_path: Path, pause: float) -> None:
    path = tmp_path / "c.sqlite"
    process = writer(path, "k", 10_000, 700)
    assert process.stdout is not None
    assert process.stderr is not None
    for _ in range(3):
        process.stdout.readline()
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stderr.close()

    batch = "json_extract(CAST(doc AS TEXT), '$.properties.batch')"
    counts = rows(path, f"SELECT {batch}, count(*) FROM items WHERE id LIKE 'k-%' GROUP BY 1")
    assert len(counts) >= 3
    assert {count for _, count in counts} == {700}
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    survivor = writer(path, "s", 1, 5)
    _, said = survivor.communicate()
    assert (survivor.returncode, said) == (0, "")
