"""Disks with less room than is asked for: what fits is staged, the rest refused, no later run blocked."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from shifting_station import Answer, Item, Station, left_in, opened_shop, served_station

from eoflows.base.files.leftovers import part_names
from eoflows.products.staging import Outcome
from eoflows.stores.storage import ObjectStorage
from eoflows.stores.transfer import S3Bucket, parts
from eoflows.stores.transfer.room import Disks

pytestmark = pytest.mark.anyio

SIZE, SPARE = 3_000_000, 500_000


class SmallDisk:
    """A disk of some bytes below a folder."""

    def __init__(self, folder: Path, room: int) -> None:
        self.folder, self.room, self.least = folder, room, room

    def free(self, _: str = "") -> int:
        used = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                try:
                    used += os.lstat(os.path.join(folder, name)).st_size
                except FileNotFoundError:
                    continue
        self.least = min(self.least, self.room - used)
        return self.room - used


@pytest.fixture
def station() -> Iterator[Station]:
    with served_station() as station:
        yield station


def five(station: Station, *, promise: bool = True) -> list[Item]:
    return [station.item(f"P{n}", a=bytes([n]) * SIZE, promise=promise) for n in range(5)]


@pytest.mark.parametrize("promise", [True, False])
async def test_room_for_one_of_five(station: Station, tmp_path: Path, promise: bool) -> None:
    items = five(station, promise=promise)
    disk = SmallDisk(tmp_path / "storage", SIZE + SPARE + 1000)
    async with opened_shop(tmp_path, station.url, disks=Disks(disk.free), spare_bytes=SPARE) as shop:
        found = await shop.run(*items)
        assert sorted(one.outcome for one in found.values()) == ["failed"] * 4 + ["staged"]
        reasons = [one.reason for one in found.values() if one.outcome is Outcome.FAILED]
        assert all(f"{SPARE} must stay free" in reason for reason in reasons)
        assert disk.free() >= SPARE
        assert disk.least >= SPARE - 1
        disk.room = 5 * SIZE + SPARE + 1000
        found = await shop.run(*items)
        assert sorted(one.outcome for one in found.values()) == ["already there"] + ["staged"] * 4
    left = await left_in(tmp_path)
    assert (len(left.bodies), left.wrong, left.strays) == (5, [], [])


async def test_what_leaves_the_spool_makes_room_for_the_next(
    station: Station, tmp_path: Path, s3_endpoint: str
) -> None:
    bucket = "small-disks"
    await anyio.to_thread.run_sync(lambda: httpx.put(f"{s3_endpoint}/{bucket}", trust_env=False))
    storage = ObjectStorage(S3Bucket(bucket, s3_endpoint), tmp_path / "spool")
    disk = SmallDisk(tmp_path / "spool", SIZE + SPARE + 1000)
    async with opened_shop(
        tmp_path, station.url, storage=storage, disks=Disks(disk.free), spare_bytes=SPARE
    ) as shop:
        found = await shop.run(*five(station))
    assert [one.outcome for one in found.values()] == [Outcome.STAGED] * 5
    assert disk.least >= SPARE
    assert sum([len(page) async for page in storage.list()]) == 5


async def test_parts_of_dead_runs_give_way_to_what_can_be_whole(station: Station, tmp_path: Path) -> None:
    items = five(station)
    disk = SmallDisk(tmp_path / "storage", 2 * SIZE + SPARE)
    for item in items:
        target = tmp_path / f"storage/demo/aux/{item['id']}/a"
        os.makedirs(target.parent)
        with open(next(part_names(str(target))), "wb") as part:  # noqa: ASYNC230
            part.write(bytes(SIZE // 5 * 2))
    async with opened_shop(tmp_path, station.url, disks=Disks(disk.free), spare_bytes=SPARE) as shop:
        found = await shop.run(*items)
    assert sorted(one.outcome for one in found.values()) == ["failed"] * 3 + ["staged"] * 2
    assert disk.free() == SPARE
    left = await left_in(tmp_path)
    assert (left.wrong, left.strays) == ([], [])


async def test_what_no_disk_can_hold_is_refused_at_once_and_harms_nobody(
    station: Station, tmp_path: Path
) -> None:
    huge = station.item("huge", a=b"x")
    huge["assets"]["a"]["file:size"] = 10**15
    good = station.item("good", a=b"y" * SIZE)
    disk = SmallDisk(tmp_path / "storage", 2 * SIZE + SPARE)
    with anyio.fail_after(60):
        async with opened_shop(tmp_path, station.url, disks=Disks(disk.free), spare_bytes=SPARE) as shop:
            found = await shop.run(huge, good)
    assert (found["huge"].outcome, found["good"].outcome) == (Outcome.FAILED, Outcome.STAGED)
    assert not any("huge" in path for path in station.asked)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_a_disk_that_fills_in_the_middle_blocks_no_later_run(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    items, real, written = five(station), os.pwritev, 0

    def full(*given: object) -> int:
        nonlocal written
        written += 1
        if written > 8:
            raise OSError(code, os.strerror(code))
        return real(*given)  # type: ignore[arg-type]

    disk = SmallDisk(tmp_path / "storage", 5 * SIZE + SPARE)
    async with opened_shop(tmp_path, station.url, disks=Disks(disk.free), spare_bytes=SPARE) as shop:
        with monkeypatch.context() as patched:
            patched.setattr(parts.os, "pwritev", full)
            found = await shop.run(*items)
        assert {one.outcome for one in found.values()} == {Outcome.FAILED}
        # Somebody else has taken the room of three.
        disk.room = 2 * SIZE + SPARE
        found = await shop.run(*items)
        assert sorted(one.outcome for one in found.values()) == ["failed"] * 3 + ["staged"] * 2
        disk.room = 5 * SIZE + SPARE
        await shop.run(*items)
    left = await left_in(tmp_path)
    assert (len(left.bodies), left.wrong, left.strays) == (5, [], [])


async def test_a_folder_that_becomes_a_link_is_noticed_before_a_byte_is_written(
    station: Station, tmp_path: Path
) -> None:
    owner, outside = tmp_path / "storage/demo", tmp_path / "outside"
    outside.mkdir()

    def swap() -> None:
        if not owner.is_symlink():
            owner.rename(outside / "moved")
            owner.symlink_to(outside)

    item = station.item("A", a=b"a" * 2_000_000)
    station.answers["/0/A/a"] = Answer(b"a" * 2_000_000, before=swap)
    async with opened_shop(tmp_path, station.url) as shop:
        found = await shop.run(item)
        assert found["A"].outcome is Outcome.FAILED
        assert "symbolic link" in found["A"].reason
        assert [path for path in outside.rglob("*") if path.is_file() and path.stat().st_size] == []
        owner.unlink()
        (outside / "moved").rename(owner)
        station.answers["/0/A/a"] = Answer(b"a" * 2_000_000)
        assert (await shop.run(item))["A"].outcome is Outcome.STAGED
    assert (await left_in(tmp_path)).strays == []


async def test_files_have_the_mode_of_the_umask(station: Station, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        async with opened_shop(tmp_path, station.url) as shop:
            await shop.run(station.item("A", small=b"a", large=b"a" * 2_000_000))
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "storage/demo/aux/A").iterdir()}
    assert modes == {"small": 0o640, "large": 0o640}
