import hashlib
import os
from datetime import timedelta
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from eoflows.base.errors import IntegrityError, InvalidInputError, StorageError, UnsafeNameError
from eoflows.stores.storage import LocalStorage, ObjectStorage, storage_from_url
from eoflows.stores.storage.budget import Budget
from eoflows.stores.transfer import Checksum, S3Bucket

pytestmark = pytest.mark.anyio
KEY = "owner/collection/item/asset.zip"
BODY = b"bytes" * 1000
MD5 = Checksum("md5", hashlib.md5(BODY).digest())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "root")


def spooled(tmp_path: Path) -> Path:
    path = tmp_path / "spooled"
    path.write_bytes(BODY)
    return path


async def test_a_download_in_its_place_stays_there(storage):
    path = storage.spool(KEY)
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY)
    assert await storage.put(path, KEY, len(BODY), MD5) == storage.href(KEY) == path.as_uri()
    found = await storage.stat(KEY)
    assert (found.key, found.size, found.checksum) == (KEY, len(BODY), None)
    with pytest.raises(IntegrityError):
        await storage.put(path, KEY, 1, MD5)


async def test_a_file_from_elsewhere_is_moved_in_whole(storage, tmp_path):
    for _ in range(2):
        path = spooled(tmp_path)
        await storage.put(path, KEY, len(BODY), MD5)
        assert not path.exists()
    assert b"".join([block async for block in storage.read(KEY)]) == BODY
    assert os.listdir(storage.spool(KEY).parent) == ["asset.zip"]
    with pytest.raises(IntegrityError, match="size"):
        await storage.put(spooled(tmp_path), KEY, 3, MD5)
    assert os.listdir(storage.spool(KEY).parent) == ["asset.zip"]


async def test_what_is_not_there(storage):
    assert await storage.stat(KEY) is None
    with pytest.raises(StorageError, match="is not in"):
        _ = [block async for block in storage.read(KEY)]
    await storage.delete([KEY])
    assert [page async for page in storage.list()] == []
    with pytest.raises(IntegrityError):
        await storage.put(storage.spool(KEY), KEY, 1, None)


async def test_listing_and_deleting(storage, tmp_path):
    keys = [f"o/c/{item}/{asset}" for item in ("i1", "i2") for asset in ("a", "b")]
    for key in keys:
        await storage.put(spooled(tmp_path), key, len(BODY), MD5)
    storage.spool("o/c/i1/x").with_name(".x.part").write_bytes(b"half")
    assert [found.key async for page in storage.list() for found in page] == keys
    assert [found.key async for page in storage.list("o/c/i2/") for found in page] == keys[2:]
    await storage.delete(keys[2:])
    assert [found.key async for page in storage.list("o/") for found in page] == keys[:2]
    assert not (storage.root / "o/c/i2").exists()
    assert await storage.sweep(timedelta(0)) == 1
    assert sorted(os.listdir(storage.root / "o/c/i1")) == ["a", "b"]


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "a//b", "a/\0", ""])
async def test_the_root_is_never_left(storage, key):
    for use in (storage.spool, storage.href):
        with pytest.raises(UnsafeNameError):
            use(key)
    with pytest.raises(UnsafeNameError):
        await storage.stat(key)
    with pytest.raises(UnsafeNameError):
        await storage.delete([key])


async def test_links_are_refused(storage, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (storage.root / "owner").mkdir(parents=True)
    (storage.root / "owner/collection").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="not a folder"):
        storage.spool(KEY)
    (storage.root / "owner/collection").unlink()
    (storage.root / "owner/collection/item").mkdir(parents=True)
    storage._path(KEY).symlink_to("/etc/hostname")
    with pytest.raises(StorageError, match="plain file"):
        await storage.stat(KEY)
    with pytest.raises(StorageError, match="symbolic link"):
        _ = [block async for block in storage.read(KEY)]


def test_a_storage_from_its_url(tmp_path):
    assert isinstance(storage_from_url(str(tmp_path)), LocalStorage)
    assert storage_from_url("file:///data/a%20b").root == Path("/data/a b")
    bucket = S3Bucket("b-1", endpoint="http://127.0.0.1:9")
    storage = storage_from_url("s3://b-1/pre/fix", bucket=bucket, spool=tmp_path)
    assert isinstance(storage, ObjectStorage)
    assert storage.href(KEY) == f"s3://b-1/pre/fix/{KEY}"
    assert storage.spool(KEY).parent == tmp_path
    assert storage.spool(KEY) != storage.spool(KEY + "x")
    for bad in ("relative", "gs://b/x", "s3://", "file://host/x", "file:///", "s3://other"):
        with pytest.raises(InvalidInputError):
            storage_from_url(bad, bucket=bucket, spool=tmp_path)


async def test_a_budget_is_never_overdrawn():
    budget, inside, most = Budget(10), 0, 0

    async def use(amount: int) -> None:
        nonlocal inside, most
        async with budget.take(amount):
            inside += min(amount, 10)
            most = max(most, inside)
            await anyio.lowlevel.checkpoint()
            inside -= min(amount, 10)

    async with anyio.create_task_group() as group:
        for amount in (1, 4, 9, 20, 3, 10, 2):
            group.start_soon(use, amount)
    assert most <= 10


async def test_hidden_files_of_an_unpacked_folder_are_files_like_others(storage, tmp_path):
    keys = ["o/c/i/P.zarr/.zgroup", "o/c/i/P.zarr/x/.zattrs"]
    for key in keys:
        await storage.put(spooled(tmp_path), key, len(BODY), MD5)
    assert [found.key async for page in storage.list("o/c/i/") for found in page] == keys
    assert b"".join([block async for block in storage.read(keys[1])]) == BODY
    await storage.delete(keys)
    assert not (storage.root / "o").exists()


async def test_hidden_files_that_others_put_at_the_top_are_not_listed(storage, tmp_path):
    """No key names them, so nobody could read or remove what such a listing gives."""
    await storage.put(spooled(tmp_path), "o/c/i/a", len(BODY), MD5)
    for name in (".DS_Store", "o/.cache", "o/c/i/.nfs0001"):
        (storage.root / name).write_bytes(b"x")
    found = [one.key async for page in storage.list() for one in page]
    assert found == ["o/c/i/a"]
