"""Every kind of store does the same: generated histories, and what is seen of them."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from eoflows.base.errors import IntegrityError, StorageError, UnsafeNameError
from eoflows.base.http import RetryPolicy
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.stores.storage import LocalStorage, ObjectStorage, Storage
from eoflows.stores.transfer import (
    Checksum,
    Download,
    GoogleBucket,
    S3Bucket,
    TransferEngine,
    TransferSettings,
)

KINDS = ["folder", "s3", "google"]
NAMES = ["a", "b c", "é", "50%", "a#1", "x?y", "[1]{2}", "~+=&"]
_number = itertools.count()
Open = Callable[[Path], Storage]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(days=0)) as box:
        yield box


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest) -> Open:
    """Open a store of one kind that has nothing yet, with a folder for its spool."""
    if request.param == "folder":
        return lambda folder: LocalStorage(folder / f"store-{next(_number)}")
    bucket: S3Bucket | GoogleBucket
    if request.param == "s3":
        endpoint, name = request.getfixturevalue("s3_endpoint"), "contract"
        assert httpx.put(f"{endpoint}/{name}", trust_env=False).status_code == 200
        bucket = S3Bucket(name, endpoint=endpoint, access_key="key", secret_key=SecretStr("secret"))
    else:
        url = request.getfixturevalue("box").url
        bucket = GoogleBucket("eo-bucket", url=url, retry=RetryPolicy(attempts=3, base=0.01))
    return lambda folder: ObjectStorage(bucket, folder / "spool", prefix=f"p-{next(_number)}")


keys = st.builds(
    "/".join, st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(lambda parts: ["f", *parts, "end"])
)
bodies = st.binary(max_size=20)
which = st.sampled_from(["now", "old", "none"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, bodies),
        st.tuples(st.just("save"), keys, bodies),
        st.tuples(st.just("cut"), keys, bodies),
        st.tuples(st.just("delete"), keys, st.just(b"")),
        st.tuples(st.just("swap"), keys, st.tuples(which, bodies)),
        st.tuples(st.just("remove"), keys, which),
        st.tuples(st.just("list"), keys, st.integers(0, 20)),
    ),
    min_size=1,
    max_size=10,
)


@dataclass
class History:
    """What a store must hold, and how it came to that."""

    storage: Storage
    there: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    gone: dict[str, list[str]] = field(default_factory=dict)

    def version(self, key: str, kind: str) -> str | None:
        """The version that is there, one that is not any more, or none."""
        now, old = self.versions.get(key), self.gone.get(key, [])
        return {"now": now, "old": old[-1] if old else now, "none": None}[kind]

    def replaced(self, key: str, version: str | None) -> None:
        if key in self.versions:
            self.gone.setdefault(key, []).append(self.versions.pop(key))
        if version is not None:
            assert version not in self.gone.get(key, [])
            self.versions[key] = version

    async def put(self, key: str, body: bytes) -> None:
        spooled = self.storage.spool(key).with_name(f"{next(_number)}.bin")
        spooled.parent.mkdir(parents=True, exist_ok=True)
        spooled.write_bytes(body)
        href = await self.storage.put(spooled, key, len(body), Checksum.of_bytes(body))
        assert href == self.storage.href(key)
        assert not spooled.exists()
        self.there[key] = body

    async def save(self, key: str, body: bytes) -> None:
        await self.storage.save(key, body)
        self.there[key] = body

    async def cut(self, key: str, body: bytes) -> None:
        """Store it and be stopped at some moment: all of it is there, or what was before."""
        with anyio.move_on_after(0.001 * (len(body) % 4)):
            await self.storage.save(key, body)
        while (found := await self.storage.load(key)) is None and key in self.there:
            pass
        assert found is None or found.body in (body, self.there.get(key))
        # A thread that could not be stopped may still be at it.
        await self.save(key, body)

    async def delete(self, key: str, _: bytes) -> None:
        await self.storage.delete([key, f"{key}/absent"] if key not in self.there else [key])
        self.there.pop(key, None)

    async def swap(self, key: str, wanted: tuple[str, bytes]) -> None:
        kind, body = wanted
        # An ETag is the same again with the same bytes.
        body += b"%d" % next(_number)
        before = self.version(key, kind)
        made = await self.storage.swap(key, before, body)
        assert (made is not None) == (before == self.versions.get(key))
        if made is not None:
            self.replaced(key, made)
            self.there[key] = body

    async def remove(self, key: str, kind: str) -> None:
        version = self.version(key, kind)
        if version is None:
            return
        gone = await self.storage.remove(key, version)
        assert gone == (self.versions.get(key) in (None, version))
        if gone:
            self.replaced(key, None)
            self.there.pop(key, None)

    async def list(self, key: str, length: int) -> None:
        await self.check(key[:length])

    async def check(self, prefix: str = "") -> None:
        """Listing, description and content agree with what must be there."""
        wanted = {key: body for key, body in self.there.items() if key.startswith(prefix)}
        listed = [one async for page in self.storage.list(prefix) for one in page]
        assert sorted(one.key for one in listed) == sorted(wanted)
        for one in listed:
            assert one.size == len(wanted[one.key])
            assert one.version == self.versions.get(one.key, one.version)
            found, told = await self.storage.load(one.key), await self.storage.stat(one.key)
            assert (found.body, found.version, told.version) == (wanted[one.key], one.version, one.version)
            assert told.checksum in (None, Checksum.of_bytes(wanted[one.key]))


def _run(work: Callable[..., Any], *args: Any) -> None:
    anyio.run(work, *args)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=steps)
def test_histories(opened, tmp_path, plan):
    async def work() -> None:
        history = History(opened(tmp_path))
        for name, key, value in plan:
            # What is swapped is not put.
            await getattr(history, name)(key.replace("f/", f"{name in ('swap', 'remove')}/", 1), value)
        await history.check()

    _run(work)


# The S3 server of these tests takes no lock between a condition and the write.
locked = pytest.mark.parametrize("opened", ["folder", "google"], indirect=True)


@locked
def test_of_writers_that_saw_the_same_version_one_wins(opened, tmp_path):
    async def work() -> None:
        storage = opened(tmp_path)
        first = await storage.swap("k", None, b"0")
        won: list[bytes] = []

        async def write(body: bytes) -> None:
            if await storage.swap("k", first, body):
                won.append(body)

        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(write, b"by %d" % number)
        assert len(won) == 1
        assert (await storage.load("k")).body == won[0]

    _run(work)


@locked
def test_a_remover_and_a_writer_of_one_version(opened, tmp_path):
    async def work() -> None:
        storage = opened(tmp_path)
        for round_ in range(3):
            key = f"k{round_}"
            version = await storage.swap(key, None, b"old")
            told: dict[str, Any] = {}

            async def remove(key: str = key, version: str = version, told: dict[str, Any] = told) -> None:
                told["removed"] = await storage.remove(key, version)

            async def write(key: str = key, version: str = version, told: dict[str, Any] = told) -> None:
                told["written"] = await storage.swap(key, version, b"new")

            async with anyio.create_task_group() as group:
                for one in (remove, write) if round_ % 2 else (write, remove):
                    group.start_soon(one)
            found = await storage.load(key)
            assert told["removed"] == (not told["written"])
            assert (found.body if found else None) == (b"new" if told["written"] else None)

    _run(work)


def test_what_is_no_name_is_refused_and_left_out_of_lists(opened, tmp_path):
    async def work() -> None:
        storage = opened(tmp_path)
        await storage.save("o/c/i/a", b"x")
        for key in ("../x", "a//b", "/a", "a/..", "a/", "", ".h/a", "a\\b", "a/.x.part"):
            for call in (
                storage.stat(key),
                storage.save(key, b""),
                storage.load(key),
                storage.swap(key, None, b""),
                storage.remove(key, "1"),
                storage.delete([key]),
            ):
                with pytest.raises(UnsafeNameError):
                    await call
        assert [one.key async for page in storage.list() for one in page] == ["o/c/i/a"]

    _run(work)


def test_lists_are_complete_beyond_a_page(opened, tmp_path):
    names = {f"many/{number:04d}" for number in range(1005)}

    async def work() -> None:
        storage = opened(tmp_path)
        limiter = anyio.CapacityLimiter(16)

        async def save(key: str) -> None:
            async with limiter:
                await storage.save(key, b"x")

        async with anyio.create_task_group() as group:
            for key in names:
                group.start_soon(save, key)
        pages = [page async for page in storage.list("many/")]
        assert {one.key for page in pages for one in page} == names
        assert [one.key async for page in storage.list("many/100") for one in page] == sorted(
            key for key in names if key.startswith("many/100")
        )
        await storage.delete(names)
        assert [one async for page in storage.list() for one in page] == []

    _run(work)


def test_a_listed_object_is_fetched_by_the_engine(opened, tmp_path):
    body = bytes(range(256)) * 50_000
    promised = Checksum.of_bytes(body, "crc32c")

    async def work() -> None:
        storage = opened(tmp_path)
        history = History(storage)
        await history.put("o/c/i/a 1%#2", body)
        (one,) = [one async for page in storage.list("o/c/i/a") for one in page]
        assert one.checksum in (None, promised)
        async with TransferEngine(storage.reading(TransferSettings())) as engine:
            target = tmp_path / "home" / "a"
            receipt = await engine.fetch(Download((storage.source(one),), target, one.size, (promised,)))
            assert (target.read_bytes(), receipt.size) == (body, len(body))
            wrong = Checksum.of_bytes(b"other", "crc32c")
            with pytest.raises(IntegrityError):
                await engine.fetch(Download((storage.source(one),), tmp_path / "b", one.size, (wrong,)))
            assert not (tmp_path / "b").exists()

    _run(work)


def test_absent_objects(opened, tmp_path):
    async def work() -> None:
        storage = opened(tmp_path)
        assert await storage.stat("k") is None
        assert await storage.load("k") is None
        assert await storage.remove("k", "12345")
        assert await storage.swap("k", "12345", b"x") is None
        with pytest.raises(StorageError, match="not "):
            [block async for block in storage.read("k")]
        assert [one async for page in storage.list() for one in page] == []

    _run(work)
