"""The daily work, as deployments: stage for a scene, unpack, follow publications, audit, expire."""

import json
import uuid
from pathlib import Path

import pytest
from runs import Runs
from shared_stack import SharedStack


@pytest.fixture
def collection() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


def test_stage_for_a_scene(runs: Runs, collection: str) -> None:
    run = runs.start("stage-aux-for-scene/sandbox", catalog_collection_identifier=collection)
    state = runs.wait(run)
    assert state["type"] == "COMPLETED", state["message"]
    rows = json.loads(runs.artifacts(run)["stage-aux-for-scene"]["data"])
    assert len(rows) > 1


def test_stage_unpack_and_stage_again(stack: SharedStack, runs: Runs, collection: str) -> None:
    staging = "on-demand-aux-staging/sandbox"
    staged = runs.wait(runs.start(staging, catalog_collection_identifier=collection))
    assert staged["message"] == "11 found in auxip: 11 staged."
    unpacked = runs.wait(runs.start("unpack-aux/sandbox", collection=collection))
    assert unpacked["type"] == "COMPLETED", unpacked["message"]
    folder = stack.state / "storage/demo" / collection
    assert not list(folder.rglob("*.zip"))
    assert any(path.is_dir() and path.suffix == ".SEN3" for path in folder.rglob("*"))

    again = runs.wait(runs.start(staging, catalog_collection_identifier=collection))
    assert again["message"] == "11 found in auxip: 11 already there."


def test_follow_audit_damage_repair_expire(stack: SharedStack, runs: Runs, collection: str) -> None:
    into = {"catalog_collection_identifier": collection}
    followed = runs.wait(runs.start("systematic-aux-staging/sandbox", **into))
    assert followed["type"] == "COMPLETED", followed["message"]
    files = sorted(path for path in (stack.state / "storage/demo" / collection).rglob("*") if path.is_file())
    assert len(files) > 100

    sound = runs.wait(runs.start("audit-storage/sandbox", **into))
    assert sound["name"] == "Consistent", sound["message"]
    files[3].unlink()
    Path(files[5]).write_bytes(b"rotten")
    damaged = runs.wait(runs.start("audit-storage/sandbox", **into))
    assert damaged["name"] == "Inconsistent", damaged["message"]
    repaired = runs.wait(runs.start("audit-storage/sandbox", repair=True, **into))
    assert repaired["name"] == "Repaired", repaired["message"]
    assert files[3].exists()
    assert files[5].stat().st_size > len(b"rotten")

    planned = runs.wait(runs.start("expire-staged/sandbox", **into))
    assert planned["type"] == "COMPLETED", planned["message"]
