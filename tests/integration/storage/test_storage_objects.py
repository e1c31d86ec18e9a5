"""Objects in an S3 service that runs here (moto)."""

import asyncio
import hashlib
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from eoflows.base.errors import (
    AbsentError,
    CredentialsError,
    IntegrityError,
    StorageError,
    UnreachableError,
    UnsafeNameError,
)
from eoflows.stores.storage import Existing, ObjectStorage
from eoflows.stores.storage import s3 as module
from eoflows.stores.transfer import Checksum, Download, S3Bucket, TransferEngine, TransferSettings

httpx = pytest.importorskip("httpx")
obstore = pytest.importorskip("obstore")
pytestmark = pytest.mark.anyio

KEY = "owner/collection/item/asset.zip"
BODY = os.urandom(300_000)


def md5(body: bytes) -> Checksum:
    return Checksum("md5", hashlib.md5(body).digest())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def bucket(s3_endpoint: str, request: pytest.FixtureRequest) -> S3Bucket:
    name = "b-" + hashlib.md5(request.node.nodeid.encode()).hexdigest()
    assert httpx.put(f"{s3_endpoint}/{name}", trust_env=False).status_code == 200
    return S3Bucket(name, endpoint=s3_endpoint, access_key="key", secret_key=SecretStr("secret"))


@pytest.fixture
def storage(bucket: S3Bucket, tmp_path: Path) -> ObjectStorage:
    return ObjectStorage(bucket, tmp_path / "spool", prefix="staged")


def spool(storage: ObjectStorage, body: bytes = BODY, key: str = KEY) -> Path:
    path = storage.spool(key)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body)
    return path


async def read(storage: ObjectStorage, key: str = KEY) -> bytes:
    return b"".join([block async for block in storage.read(key)])


async def test_put_stat_read_delete(storage, bucket):
    href = await storage.put(spool(storage), KEY, len(BODY), md5(BODY))
    assert href == f"s3://{bucket.bucket}/staged/{KEY}"
    found = await storage.stat(KEY)
    assert (found.key, found.size, found.checksum) == (KEY, len(BODY), md5(BODY))
    assert found.modified.tzinfo is not None
    assert await read(storage) == BODY
    assert os.listdir(storage.spool(KEY).parent) == []
    await storage.delete([KEY, "not/there"])
    assert await storage.stat(KEY) is None
    with pytest.raises(StorageError, match="not there"):
        await read(storage)


async def test_equal_bytes_again_are_no_error_and_no_second_object(storage):
    await storage.put(spool(storage), KEY, len(BODY), md5(BODY))
    first = await storage.stat(KEY)
    await storage.put(spool(storage), KEY, len(BODY), md5(BODY))
    assert await storage.stat(KEY) == first


async def test_two_at_the_same_time(storage, bucket, tmp_path):
    other = ObjectStorage(bucket, tmp_path / "other", prefix="staged")
    await asyncio.gather(*(each.put(spool(each), KEY, len(BODY), md5(BODY)) for each in (storage, other)))
    assert await read(storage) == BODY


async def test_the_same_spool_of_two_runs(storage):
    path = spool(storage)
    await storage.put(path, KEY, len(BODY), md5(BODY))
    assert await storage.put(path, KEY, len(BODY), md5(BODY)) == storage.href(KEY)
    with pytest.raises(StorageError, match="gone"):
        await storage.put(path, KEY, len(BODY), md5(b"other"))


async def test_other_bytes_by_policy(storage, bucket, tmp_path):
    await storage.put(spool(storage, b"old"), KEY, 3, md5(b"old"))
    careful = ObjectStorage(bucket, tmp_path / "spool", prefix="staged", existing=Existing.REFUSE)
    with pytest.raises(StorageError, match="holds other bytes"):
        await careful.put(spool(careful), KEY, len(BODY), md5(BODY))
    assert await read(storage) == b"old"
    await storage.put(spool(storage), KEY, len(BODY), md5(BODY))
    assert await read(storage) == BODY


async def test_a_spooled_file_of_the_wrong_size_is_not_put(storage):
    with pytest.raises(IntegrityError, match="size"):
        await storage.put(spool(storage), KEY, 5, md5(BODY))
    assert await storage.stat(KEY) is None


async def test_large_objects_go_in_parts(storage, monkeypatch):
    monkeypatch.setattr(module, "_SINGLE_PUT", 1 << 20)
    body = os.urandom(20_000_000)
    for _ in range(2):
        await storage.put(spool(storage, body), KEY, len(body), md5(body))
    found = await storage.stat(KEY)
    assert (found.size, found.checksum) == (len(body), md5(body))
    assert await read(storage) == body


async def test_listing(storage):
    keys = [f"o/c/i{number}/a" for number in range(5)]
    for key in keys:
        await storage.put(spool(storage, b"x", key), key, 1, None)
    assert [found.key async for page in storage.list() for found in page] == keys
    assert [found.key async for page in storage.list("o/c/i3/") for found in page] == keys[3:4]


async def test_odd_but_legal_names(storage):
    for name in ("a b (1)+~=@,:;", "été", "50%", "a%2Fb", "x?y#z", "[1]{2}"):
        key = f"o/c/i/{name}"
        await storage.put(spool(storage, name.encode(), key), key, len(name.encode()), md5(name.encode()))
        assert (await storage.stat(key)).checksum == md5(name.encode())
        assert await read(storage, key) == name.encode()
        assert [found.key async for page in storage.list("o/c/i") for found in page] == [key]
        await storage.delete([key])


async def test_unsafe_keys(storage):
    for key in ("../x", "a//b", "/a", "a/.."):
        with pytest.raises(UnsafeNameError):
            storage.href(key)
        with pytest.raises(UnsafeNameError):
            await storage.stat(key)
    with pytest.raises(UnsafeNameError, match="1024"):
        storage.href("/".join(["x" * 255] * 4))


async def test_sweeping_the_spool(storage):
    path = spool(storage)
    path.with_name(f".{path.name}.part").write_bytes(b"half")
    assert await storage.sweep(timedelta(hours=1)) == 0
    assert await storage.sweep(timedelta(0)) == 2


async def test_nobody_there(tmp_path):
    bucket = S3Bucket("b-1", endpoint="http://127.0.0.1:9", retry_seconds=0.2)
    with pytest.raises(UnreachableError, match="object store"):
        await ObjectStorage(bucket, tmp_path).stat(KEY)


async def test_a_bucket_as_source_with_alternatives(storage, bucket, tmp_path):
    await storage.put(spool(storage), KEY, len(BODY), md5(BODY))
    settings = TransferSettings(buckets={bucket.bucket: bucket}, threads=2)
    target = tmp_path / "in" / "asset.zip"
    async with TransferEngine(settings) as engine:
        urls = (f"s3://{bucket.bucket}/staged/none", storage.href(KEY))
        receipt = await engine.fetch(Download(urls, target, len(BODY), (md5(BODY),)))
        assert receipt.url == storage.href(KEY)
        assert target.read_bytes() == BODY
        with pytest.raises(IntegrityError, match="size"):
            await engine.fetch(Download(urls[1:], tmp_path / "x", None, (), most=1000))
        with pytest.raises(AbsentError):
            await engine.fetch(Download(urls[:1], tmp_path / "y"))


async def test_a_broken_read_is_resumed_if_the_object_is_the_same(storage, bucket, tmp_path):
    body = os.urandom(3_000_000)
    await storage.put(spool(storage, body), KEY, len(body), md5(body))
    settings = TransferSettings(buckets={bucket.bucket: bucket}, threads=2)
    for changed in (False, True):
        target = tmp_path / f"in-{changed}"
        part = target.with_name(f".{target.name}.part")
        part.write_bytes(body[:2_000_000])
        etag = '"other"' if changed else '"' + hashlib.md5(body).hexdigest() + '"'
        note = {"url": storage.href(KEY), "validator": etag, "total": len(body)}
        part.with_name(part.name + ".json").write_bytes(json.dumps(note).encode())
        async with TransferEngine(settings) as engine:
            receipt = await engine.fetch(Download((storage.href(KEY),), target, len(body), (md5(body),)))
        assert target.read_bytes() == body
        assert receipt.resumed_from == (0 if changed else 2_000_000)


def test_refused_keys_are_told_as_such():
    from eoflows.stores.transfer.objects import _translated

    error = _translated(obstore.exceptions.PermissionDeniedError("x"), "s3://b/k")
    assert isinstance(error, CredentialsError)
