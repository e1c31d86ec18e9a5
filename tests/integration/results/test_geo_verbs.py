"""Stream, download and plot: killed on the way and run again, and several at once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from deadly import die_on_the_way, run_groups
from geo_actions import SUFFIXES
from result_actions import bucket_at, storage_at
from test_results import left_in, objects

from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.stores.transfer import Checksum

pytestmark = pytest.mark.anyio
HERE = Path(__file__)
PRODUCE = "geo_actions:produce"
MOST = 5


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A Geo Engine."""
    with Sandbox(SandboxSettings(days=1)) as box:
        yield f"{box.url}/geoengine/0.9"


async def result(where: str, folder: Path, name: str, verb: str) -> dict[str, bytes]:
    """What is under a name; a Zarr says that it is complete, and a file's proof is right."""
    found = await objects(storage_at(where, str(folder), name))
    path = f"maps/one.{SUFFIXES[verb]}"
    if verb == "zarr":
        noted = orjson.loads(found[f"{path}/zarr.json"])["attributes"]["eoflows"]
        assert orjson.loads(noted)["complete"] is True
        # What a dead run was writing is overwritten by nobody, and read by nobody.
        return {key: body for key, body in found.items() if not key.endswith(".partial")}
    assert sorted(found) == [path, f"{path}.json"]
    proof = orjson.loads(found.pop(f"{path}.json"))
    (body,) = found.values()
    assert proof["state"] == "whole"
    assert (proof["size"], proof["checksum"]) == (len(body), str(Checksum.of_bytes(body)))
    return found


async def test_kill_9_on_the_way(tmp_path: Path, url: str, s3_endpoint: str) -> None:
    """Files go to buckets in one way, which `test_results` kills at every step: of those only a Zarr."""
    bucket = bucket_at(s3_endpoint, "geo-verbs")
    kinds = [*((verb, "folder") for verb in SUFFIXES), ("zarr", bucket)]
    variants = [(where, str(tmp_path), url, verb) for verb, where in kinds]
    for (verb, where), deaths in zip(
        kinds, die_on_the_way(PRODUCE, tmp_path, MOST, variants, HERE), strict=True
    ):
        assert [death for death in deaths if "failed" in death] == []
        whole = await result(where, tmp_path, deaths[0]["name"], verb)
        for death in deaths[1:]:
            await storage_at(where, str(tmp_path), death["name"]).sweep(timedelta(0))
            assert await result(where, tmp_path, death["name"], verb) == whole, (verb, death["name"])
    assert left_in(tmp_path) == []


async def test_equal_ones_at_once(tmp_path: Path, url: str) -> None:
    groups = [[[verb, "folder", str(tmp_path), url, verb]] * 3 for verb in SUFFIXES]
    for verb, done in zip(SUFFIXES, run_groups(PRODUCE, groups, HERE), strict=True):
        assert [one for one in done if "failed" in one] == []
        assert sorted(one["told"]["found"] for one in done) == [False, True, True]
        assert await result("folder", tmp_path, verb, verb)
    assert left_in(tmp_path) == []


async def test_different_ones_at_once(tmp_path: Path, url: str) -> None:
    """One is refused; both are made where they may replace each other; what is there is one of them."""
    edges = (57.0, 41.0)
    given = ("folder", str(tmp_path), url)
    groups = [
        group
        for verb in SUFFIXES
        for group in (
            [[f"{verb}-refused", *given, verb, east] for east in edges],
            [[f"{verb}-replaced", *given, verb, east, True] for east in edges],
            [[f"{verb}-{east}", *given, verb, east] for east in edges],
        )
    ]
    done = iter(run_groups(PRODUCE, groups, HERE))
    for verb in SUFFIXES:
        refused, replaced, alone = (
            [one["failed"] for one in next(done) if "failed" in one] for _ in range(3)
        )
        assert [one.partition(":")[0] for one in refused] == ["StorageError"]
        assert replaced == alone == []
        wholes = [await result("folder", tmp_path, f"{verb}-{east}", verb) for east in edges]
        for name in (f"{verb}-refused", f"{verb}-replaced"):
            assert await result("folder", tmp_path, name, verb) in wholes
    assert left_in(tmp_path) == []
