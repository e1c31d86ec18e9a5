"""Results are whole and known, whenever a run is killed and however many make them at once."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from deadly import die_at_every_step, run_together
from result_actions import KEY, LEASE, bucket_at, content_of, make_file, storage_at

from eoflows.base.errors import DeadlineError, InvalidInputError, StorageError
from eoflows.stores.results import ResultPlace
from eoflows.stores.storage import ObjectStorage, Storage
from eoflows.stores.transfer import Checksum

pytestmark = pytest.mark.anyio
HERE = Path(__file__)
MAKE = "result_actions:make_file"
_MOST = 40
"""Steps that a replacement may have."""


async def objects(storage: Storage) -> dict[str, bytes]:
    """All objects; the leases of dead runs are no results."""
    keys = [one.key async for page in storage.list() for one in page if not one.key.startswith("_leases/")]
    return {key: b"".join([block async for block in storage.read(key)]) for key in keys}


async def check_result(storage: Storage, text: str) -> None:
    """The result of a text is there, its proof is of it, and nothing else is there."""
    found = await objects(storage)
    assert sorted(found) == [KEY, f"{KEY}.json"]
    assert found[KEY] == content_of(text)
    proof = orjson.loads(found[f"{KEY}.json"])
    assert proof["state"] == "whole"
    assert proof["request"] == {"text": text}
    assert proof["title"] == text
    assert (proof["size"], proof["checksum"]) == (len(found[KEY]), str(Checksum.of_bytes(found[KEY])))


def left_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(".part")]


async def test_a_result_is_made_once(tmp_path: Path, where: str) -> None:
    given = ("a", where, str(tmp_path))
    first = await make_file(*given, "one")
    assert not first["found"]
    assert await make_file(*given, "one") == {**first, "found": True}
    with pytest.raises(StorageError, match="another result"):
        await make_file(*given, "two")
    assert not (await make_file(*given, "two", overwrite=True))["found"]
    with pytest.raises(StorageError, match="another result"):
        await make_file(*given, "one")
    await check_result(storage_at(where, str(tmp_path), "a"), "two")
    assert left_in(tmp_path) == []


async def test_kill_9_at_every_step(tmp_path: Path, where: str) -> None:
    deaths = die_at_every_step(MAKE, tmp_path, where, str(tmp_path), "one", beside=HERE)
    assert len(deaths) > 10
    assert [death for death in deaths if "failed" in death] == []
    # Some died when all was there: that is found, not made once more.
    assert {death["told"]["found"] for death in deaths} == {True, False}
    for death in deaths:
        storage = storage_at(where, str(tmp_path), death["name"])
        await storage.sweep(timedelta(0))
        await check_result(storage, "one")
    assert left_in(tmp_path) == []


async def test_kill_9_at_every_step_of_a_replacement(tmp_path: Path, where: str) -> None:
    """What was there is known, or the new one is; a third one is refused."""
    folder = str(tmp_path)
    for step in range(_MOST):
        await make_file(f"step{step}", where, folder, "one")
    again = "result_actions:ask_and_replace_file"
    deaths = die_at_every_step(
        "result_actions:replace_file", tmp_path, where, folder, beside=HERE, again=again
    )
    assert 10 < len(deaths) <= _MOST
    assert [death for death in deaths if "failed" in death] == []
    kept = [death["told"] for death in deaths[1:]]
    assert {one["old"] for one in kept} == {"found", "refused"}
    assert all(one["third"] == "refused" for one in kept)
    for death in deaths:
        await check_result(storage_at(where, folder, death["name"]), "two")


@pytest.mark.parametrize("number", [2, 4])
async def test_equal_ones_at_once(tmp_path: Path, where: str, number: int) -> None:
    given = ["a", where, str(tmp_path), "one", False, 0.2]
    done = run_together(MAKE, *[given] * number, beside=HERE)
    assert [one for one in done if "failed" in one] == []
    assert sorted(one["told"]["found"] for one in done) == [False, *[True] * (number - 1)]
    await check_result(storage_at(where, str(tmp_path), "a"), "one")
    assert left_in(tmp_path) == []


async def test_different_ones_at_once(tmp_path: Path, where: str) -> None:
    given = [["a", where, str(tmp_path), text, False, 0.2] for text in ("one", "two")]
    done = run_together(MAKE, *given, beside=HERE)
    refused = [one["failed"] for one in done if "failed" in one]
    assert len(refused) == 1
    assert refused[0].startswith("StorageError: ")
    assert "choose another name" in refused[0]
    text = "two" if "failed" in done[0] else "one"
    await check_result(storage_at(where, str(tmp_path), "a"), text)
    assert left_in(tmp_path) == []


async def test_different_ones_that_may_replace_each_other(tmp_path: Path, where: str) -> None:
    given = [["a", where, str(tmp_path), text, True, 0.05] for text in ("one", "two", "three")]
    done = run_together(MAKE, *given, beside=HERE)
    assert [one for one in done if "failed" in one] == []
    storage = storage_at(where, str(tmp_path), "a")
    await check_result(storage, orjson.loads((await objects(storage))[f"{KEY}.json"])["title"])


async def test_a_run_that_is_cancelled_leaves_nothing(tmp_path: Path, where: str) -> None:
    given = ("a", where, str(tmp_path))
    with anyio.move_on_after(0.5) as scope:
        await make_file(*given, "one", pause=60)
    assert scope.cancelled_caught
    storage = storage_at(where, str(tmp_path), "a")
    assert [one.key async for page in storage.list() for one in page] == []
    assert left_in(tmp_path) == []
    with anyio.fail_after(LEASE / 2):
        assert not (await make_file(*given, "two"))["found"]


async def test_a_run_that_fails_leaves_what_was_there(tmp_path: Path, where: str) -> None:
    await make_file("a", where, str(tmp_path), "one")
    storage = storage_at(where, str(tmp_path), "a")

    async def fail(path: Path) -> Mapping[str, Any]:
        await anyio.Path(path).write_bytes(b"half")
        raise InvalidInputError("no")

    with pytest.raises(InvalidInputError):
        await ResultPlace(storage, KEY, overwrite=True).file({"text": "two"}, fail)
    await check_result(storage, "one")
    assert left_in(tmp_path) == []
    assert (await make_file("a", where, str(tmp_path), "one"))["found"]


async def test_a_claim_is_one_at_a_time(tmp_path: Path, where: str) -> None:
    storage, other = (storage_at(where, str(tmp_path), "a") for _ in range(2))
    async with storage.claim(KEY, "first") as found, other.claim(f"{KEY}x", "second") as free:
        assert found is None
        assert free is None
        async with other.claim(KEY, "third") as taken:
            assert taken == "first"
        place = ResultPlace(other, KEY, patience=0.5)
        with pytest.raises(StorageError, match="something else at"):
            async with place.claimed({"text": "one"}):
                pass
        with pytest.raises(DeadlineError, match="another run has been making"):
            async with ResultPlace(other, KEY, overwrite=True, patience=0.5).claimed({"text": "one"}):
                pass
    async with other.claim(KEY, "fourth") as found:
        assert found is None


async def test_a_claim_is_renewed_as_long_as_it_is_held(tmp_path: Path, s3_endpoint: str) -> None:
    where = bucket_at(s3_endpoint, "renewed")
    storage, other = (storage_at(where, str(tmp_path), "a", lease=1.0) for _ in range(2))
    async with storage.claim(KEY, "first") as found:
        assert found is None
        end = anyio.current_time() + 3
        while anyio.current_time() < end:
            async with other.claim(KEY, "second") as taken:
                assert taken == "first"
            await anyio.sleep(0.1)


async def test_a_claim_that_was_taken_ends_the_work(tmp_path: Path, s3_endpoint: str) -> None:
    where = bucket_at(s3_endpoint, "taken")
    storage = storage_at(where, str(tmp_path), "a", lease=1.0)
    assert isinstance(storage, ObjectStorage)

    async def hold() -> None:
        async with storage.claim(KEY, "first"):
            (lease,) = [one.key async for page in storage.list("_leases/") for one in page]
            await storage.save(lease, b'{"owner": "thief", "until": 1e12, "note": "second"}')
            await anyio.sleep(60)

    with anyio.fail_after(20), pytest.raises(StorageError, match="was lost"):
        await hold()
    async with storage.claim(KEY, "third") as taken:
        assert taken == "second"


@pytest.mark.parametrize(
    "lease", [b"", b"{}", b"[1]", b'{"owner": "x", "until": 1, "note": "long ago"}', b"{"]
)
async def test_a_lease_that_ended_or_is_none(tmp_path: Path, s3_endpoint: str, lease: bytes) -> None:
    where = bucket_at(s3_endpoint, "ended")
    storage = storage_at(where, str(tmp_path), str(len(lease)))
    assert isinstance(storage, ObjectStorage)
    async with storage.claim(KEY, "first"):
        (name,) = [one.key async for page in storage.list("_leases/") for one in page]
    await storage.save(name, lease)
    async with storage.claim(KEY, "second") as found:
        assert found is None


@pytest.mark.parametrize("proof", [b"", b"[]", b"{", b'{"request": 1}', b'{"state": "storing"}'])
async def test_a_file_without_a_proof_is_not_taken(tmp_path: Path, where: str, proof: bytes) -> None:
    storage = storage_at(where, str(tmp_path), "a")
    await storage.save(KEY, content_of("one"))
    if proof:
        await storage.save(f"{KEY}.json", proof)
    with pytest.raises(StorageError, match="another result"):
        await make_file("a", where, str(tmp_path), "one")
    assert not (await make_file("a", where, str(tmp_path), "one", overwrite=True))["found"]
    await check_result(storage, "one")


async def test_a_proof_of_an_earlier_version_is_known(tmp_path: Path, where: str) -> None:
    first = await make_file("a", where, str(tmp_path), "one")
    storage = storage_at(where, str(tmp_path), "a")
    proof = orjson.loads(b"".join([block async for block in storage.read(f"{KEY}.json")]))
    del proof["state"]
    await storage.save(f"{KEY}.json", orjson.dumps(proof))
    assert await make_file("a", where, str(tmp_path), "one") == {**first, "found": True}


async def test_bytes_that_somebody_changed_are_another_result(tmp_path: Path, where: str) -> None:
    await make_file("a", where, str(tmp_path), "one")
    await storage_at(where, str(tmp_path), "a").save(KEY, b"short")
    with pytest.raises(StorageError, match="another result"):
        await make_file("a", where, str(tmp_path), "one")
