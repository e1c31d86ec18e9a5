"""Killed at any point and run again, and several at once: the content, the record, and nothing else."""

import asyncio
import functools
import gzip
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import tarfile
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from unpack_worker import COLLECTION, POINTS, storage_at
from waiting import LIMIT

from eoflows.base.errors import DeadlineError, StorageError
from eoflows.base.files.leftovers import sweep_folder
from eoflows.products.unpack import (
    CataloguedUnpacking,
    Limits,
    Unpacker,
    UnpackOutcome,
    archives_of,
)
from eoflows.products.unpack.workplace import Workplace
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.catalog.interface import UNPACKED_FROM
from eoflows.stores.storage import LocalStorage, Storage
from eoflows.stores.transfer import Checksum

pytest.importorskip("obstore")
pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
KEY = "o/c/i/P.SAFE.zip"
_CHANCE = random.Random(3)
FILES = {f"P.SAFE/d{n % 3}/f{n}.bin": _CHANCE.randbytes(150_000 + n) for n in range(12)}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["local", "s3"])
def where(request: pytest.FixtureRequest) -> str:
    """What `storage_at` takes."""
    if request.param == "local":
        return "local"
    endpoint: str = request.getfixturevalue("s3_endpoint")
    bucket = "b-" + hashlib.md5(request.node.nodeid.encode()).hexdigest()
    assert httpx.put(f"{endpoint}/{bucket}", trust_env=False).status_code == 200
    return f"{endpoint}/{bucket}"


@functools.cache
def archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in FILES.items():
            file.writestr(name, body)
    return target.getvalue()


async def stage(folder: Path, where: str, body: bytes | None = None) -> Storage:
    """Put an archive into a storage and its record into a catalogue."""
    storage, body = storage_at(folder, where), body or archive()
    path = storage.spool(KEY)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    checksum = Checksum("md5", hashlib.md5(body).digest())
    href = await storage.put(path, KEY, len(body), checksum)
    facts = {"href": href, "file:size": len(body), "file:checksum": checksum.multihash()}
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "i",
        "geometry": None,
        "links": [],
        "properties": {"datetime": "2025-01-01T00:00:00Z"},
        "assets": {"P.SAFE.zip": facts},
    }
    async with LocalCatalog(folder / "catalog.sqlite") as catalog:
        await catalog.upsert(COLLECTION, [item])
    return storage


def start(folder: Path, where: str, point: str = "never") -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "unpack_worker.py"), str(folder), where, point]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


async def ended(process: subprocess.Popen[str]) -> str:
    output, _ = await anyio.to_thread.run_sync(process.communicate)
    return output


def everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def parts(folder: Path) -> list[str]:
    return [path.name for path in everything(folder) if path.suffix == ".part"]


async def contents(storage: Storage) -> dict[str, bytes]:
    if isinstance(storage, LocalStorage):
        return {
            path.relative_to(storage.root).as_posix(): path.read_bytes()
            for path in everything(storage.root)
            if path.is_file() and not any(part.endswith(".part") for part in path.parts)
        }
    found = {}
    async for page in storage.list():
        for one in page:
            found[one.key] = b"".join([block async for block in storage.read(one.key)])
    return found


async def record_of(folder: Path) -> dict[str, Any]:
    async with LocalCatalog(folder / "catalog.sqlite") as catalog:
        item = await catalog.get(COLLECTION, "i")
    assert item is not None
    return item


async def run(folder: Path, storage: Storage) -> UnpackOutcome:
    async with LocalCatalog(folder / "catalog.sqlite") as catalog:
        unpacking = CataloguedUnpacking(catalog, COLLECTION, Unpacker(storage, "o", patience=60))
        (record,) = await unpacking.unpack(["i"])
    return record.outcome


async def check_finished(folder: Path, storage: Storage) -> None:
    assert await contents(storage) == {f"o/c/i/{name}": body for name, body in FILES.items()}
    assets = (await record_of(folder))["assets"]
    assert list(assets) == ["P.SAFE"]
    assert assets["P.SAFE"]["href"] == storage.href("o/c/i/P.SAFE") + "/"
    assert assets["P.SAFE"]["file:size"] == sum(map(len, FILES.values()))
    assert parts(folder) == []
    if not isinstance(storage, LocalStorage):
        assert everything(folder / "spool") == []


@pytest.mark.parametrize("point", POINTS)
async def test_kill_9_then_again(tmp_path: Path, where: str, point: str):
    if (where, point) == ("local", "placing"):
        pytest.skip("a local folder gets its name in one step")
    storage = await stage(tmp_path, where)
    whole = await contents(storage)
    first = start(tmp_path, where, point)
    await ended(first)
    assert first.returncode == -signal.SIGKILL
    if archives_of(await record_of(tmp_path)):
        # Whoever follows the record finds what it promises, at every moment.
        assert (await contents(storage))[KEY] == whole[KEY]
    outcomes = [await run(tmp_path, storage) for _ in range(2)]
    told = point in ("catalogued", "removed")
    assert outcomes == [UnpackOutcome.NOTHING if told else UnpackOutcome.UNPACKED, UnpackOutcome.NOTHING]
    await check_finished(tmp_path, storage)


async def test_finished_content_is_not_unpacked_again(tmp_path: Path, where: str):
    storage = await stage(tmp_path, where)
    await ended(start(tmp_path, where, "placed"))
    item = await record_of(tmp_path)
    none = Unpacker(storage, "o", limits=Limits(members=0))
    changes = await none.unpack(item)
    assert changes[0].assets["P.SAFE"]["file:size"] == sum(map(len, FILES.values()))


async def test_finished_content_that_was_damaged_is_unpacked_again(tmp_path: Path):
    storage = await stage(tmp_path, "local")
    await ended(start(tmp_path, "local", "placed"))
    victim = tmp_path / "storage/o/c/i" / next(iter(FILES))
    victim.write_bytes(b"\0" * victim.stat().st_size)
    assert await run(tmp_path, storage) is UnpackOutcome.UNPACKED
    await check_finished(tmp_path, storage)


async def test_four_at_once(tmp_path: Path, where: str):
    storage = await stage(tmp_path, where)
    runs = [start(tmp_path, where) for _ in range(4)]
    outputs = await asyncio.gather(*map(ended, runs))
    assert [run.returncode for run in runs] == [0] * 4, outputs
    assert not [output for output in outputs if "failed" in output]
    assert any(output.startswith("unpacked") for output in outputs)
    await check_finished(tmp_path, storage)


async def test_another_run_has_it(tmp_path: Path):
    storage = await stage(tmp_path, "local")
    other = Workplace.beside(storage.spool(KEY))
    assert other.claim()
    with pytest.raises(DeadlineError, match="another run"):
        await Unpacker(storage, "o", patience=0).unpack(await record_of(tmp_path))
    other.remove()
    assert await contents(storage) == {KEY: archive()}


async def test_cancelled_leaves_nothing(tmp_path: Path):
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as file:
        about = tarfile.TarInfo("big.bin")
        about.size = 100 << 20
        file.addfile(about, io.BytesIO(bytes(about.size)))
    storage = await stage(tmp_path, "local", gzip.compress(body.getvalue(), 1))
    item = await record_of(tmp_path)
    path = storage.spool(KEY).rename(storage.spool("o/c/i/P.tgz"))
    item["assets"] = {"P.tgz": {"href": path.as_uri()}}
    before = everything(tmp_path)
    workplace = Workplace.beside(path)
    async with asyncio.timeout(LIMIT), anyio.create_task_group() as group:
        group.start_soon(Unpacker(storage, "o", limits=Limits(ratio=10_000)).unpack, item)
        while not workplace.exists():  # noqa: ASYNC110
            await anyio.sleep(0.001)
        group.cancel_scope.cancel()
    assert everything(tmp_path) == before


async def test_dead_workplaces_are_swept_and_living_ones_not(tmp_path: Path):
    storage = await stage(tmp_path, "local")
    await ended(start(tmp_path, "local", "extracting"))
    living = Workplace.beside(tmp_path / "storage/o/c/j/Q.zip")
    assert living.claim()
    assert sweep_folder(tmp_path, timedelta(days=1)) == 0
    assert sweep_folder(tmp_path, timedelta(0)) == 1
    assert parts(tmp_path) == [".Q.zip.unpack.part"]
    living.remove()
    assert await contents(storage) == {KEY: archive()}


async def test_zarr_v2_with_its_hidden_files(tmp_path: Path, where: str):
    files = {
        "P.zarr/.zgroup": b"{}",
        "P.zarr/.zmetadata": b"{}",
        "P.zarr/t/.zarray": b"{}",
        "P.zarr/t/0.0": b"x",
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name, body in files.items():
            file.writestr(name, body)
    storage = await stage(tmp_path, where, target.getvalue())
    assert await run(tmp_path, storage) is UnpackOutcome.UNPACKED
    assert await contents(storage) == {f"o/c/i/{name}": body for name, body in files.items()}
    (asset,) = (await record_of(tmp_path))["assets"].values()
    assert (asset["href"], asset["file:size"]) == (storage.href("o/c/i/P.zarr"), 7)


async def test_one_bad_item_does_not_touch_the_others(tmp_path: Path):
    storage = await stage(tmp_path, "local")
    item = await record_of(tmp_path)
    bad = item | {"id": "bad", "assets": {"x.zip": {"href": storage.href("o/c/bad/x.zip")}}}
    async with LocalCatalog(tmp_path / "catalog.sqlite") as catalog:
        await catalog.upsert(COLLECTION, [bad])
        unpacking = CataloguedUnpacking(catalog, COLLECTION, Unpacker(storage, "o"))
        found = [item_id async for page in unpacking.candidates() for item_id in page]
        assert found == ["bad", "i"]
        records = await unpacking.unpack([*found, "absent"])
        assert [record.outcome for record in records] == [
            UnpackOutcome.FAILED,
            UnpackOutcome.UNPACKED,
            UnpackOutcome.FAILED,
        ]
        assert "is not there" in records[0].reason
        assert "not in o:c" in records[2].reason
        # The unpacked one is looked at again, in case its archive is still there.
        assert [page async for page in unpacking.candidates()] == [["bad", "i"]]
        assert (await unpacking.unpack(["i"]))[0].outcome is UnpackOutcome.NOTHING
    assert (await record_of(tmp_path))["assets"]["P.SAFE"][UNPACKED_FROM]["key"] == "P.SAFE.zip"
    with pytest.raises(StorageError):
        await Unpacker(storage, "o").unpack(bad | {"collection": COLLECTION})
