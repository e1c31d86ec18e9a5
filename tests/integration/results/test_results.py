"""Results are whole and known, whenever a run is killed and however many make them at once."""

from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from deadly import die_at_every_step, run_together
from result_actions import KEY, content_of, make_file, storage_at

from eoflows.base.errors import StorageError
from eoflows.stores.storage import Storage
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
