"""Pre-ARD of Earth Engine as deployments, on a worker: from the order to a Zarr, and a run that is killed."""

import contextlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from run_processes import kill_flow
from runs import Runs
from shared_stack import SharedStack, wait_until

from eoflows.services.earth_engine import open_ard

OLI, HLS = "LANDSAT/LC09/C02/T1_L2", "NASA/HLS/HLSS30/v002"
TILES = [[4, 3], [4, 4], [5, 3], [5, 4]]


@pytest.fixture
def mark() -> str:
    return f"T{uuid.uuid4().hex[:12]}"


def exports(stack: SharedStack, mark: str) -> list[str]:
    """The operations of a test at the service, as any client sees them."""
    found: list[str] = []
    page: str | None = ""
    while page is not None:
        query = {"pageSize": "500", **({"pageToken": page} if page else {})}
        url = f"{stack.sandbox}/v1/projects/demo-project/operations"
        # To be listed is what moves exports on, and what has ended by that makes its files.
        answer = httpx.get(url, params=query, trust_env=False, timeout=60).raise_for_status().json()
        listed = answer.get("operations", ())
        found += [one["name"] for one in listed if mark in one["metadata"]["description"]]
        page = answer.get("nextPageToken")
    return found


def parameters(mark: str, **changes: Any) -> dict[str, Any]:
    return {
        "name_template": f"{mark}_{{collection}}_{{tile.name}}_{{date_start}}",
        "tracking_template": mark,
        **changes,
    }


def test_two_collections_four_tiles_three_periods(stack: SharedStack, runs: Runs, mark: str) -> None:
    given = parameters(mark, collections=[OLI, HLS], tile_indices=TILES, period_end="2022-04-01T00:00:00Z")
    ordered = runs.start("order-pre-ard/sandbox", **given)
    state = runs.wait(ordered, timeout=240)
    assert (state["type"], state["name"]) == ("COMPLETED", "StillRunning"), state
    plan = json.loads(runs.artifacts(ordered)["pre-ard-plan"]["data"])
    assert len(plan) == 24
    assert len(exports(stack, mark)) == 24

    for _ in range(6):
        tracked = runs.start("track-pre-ard/sandbox", tracking_names=[mark])
        state = runs.wait(tracked, timeout=240)
        if state["name"] != "StillRunning":
            break
    assert state["message"] == f"{mark}: 24 COMPLETED"
    shown = runs.artifacts(tracked)
    table = json.loads(shown[f"pre-ard-{mark.lower()}"]["data"])
    assert len(table) == 8
    assert all(list(row.values()).count("COMPLETED") == 3 for row in table)
    assert shown[f"pre-ard-grid-{mark.lower()}"]["data"].startswith("data:image/svg+xml;base64,")
    assert float(shown["pre-ard-progress"]["data"]) == 100

    of = {"tracking_name": mark}
    state = runs.wait(runs.start("download-pre-ard/sandbox", **of), timeout=240)
    assert state["type"] == "COMPLETED", state
    assert state["message"].startswith("24 orders downloaded: 120 files")
    state = runs.wait(runs.start("convert-pre-ard/sandbox", **of), timeout=240)
    assert state["message"].startswith("8 tiles converted to zarr"), state
    for collection in (OLI, HLS):
        for row, column in TILES:
            name = f"{collection.replace('/', '_')}_h{column:03d}v{row:03d}.zarr"
            dataset = open_ard(Path(stack.state) / "pre-ard" / f"{mark}-ard" / name)
            months = {int(month) for month in dataset.time.dt.month}
            assert months == {1, 2, 3}
            assert (dataset.sizes["y"], dataset.sizes["x"]) == (40, 50)

    refused = runs.start("clean-pre-ard/sandbox", **of)
    assert runs.wait(refused)["message"].startswith("24 orders would be cleaned: 120 files")
    cleaned = runs.start("clean-pre-ard/sandbox", **of, plan_only=False)
    assert runs.wait(cleaned)["message"].startswith("24 orders cleaned: 120 files")


@contextlib.contextmanager
def slow_exports(stack: SharedStack) -> Iterator[None]:
    """Let each export take four seconds, so that a run can be killed while it sends."""
    faults = f"{stack.sandbox}/_sandbox/faults"
    fault = {"kind": "latency", "path": "*image:export", "parameters": {"seconds": 4}}
    name = httpx.post(faults, json=fault, trust_env=False).raise_for_status().json()["ids"][0]
    try:
        yield
    finally:
        httpx.delete(f"{faults}/{name}", trust_env=False).raise_for_status()


# What was being sent at the kill is the dead run's for the ledger's lease.
@pytest.mark.timeout(600)
def test_a_killed_order_is_ordered_once(stack: SharedStack, runs: Runs, mark: str) -> None:
    given = parameters(mark, collections=[OLI], tile_indices=TILES, period_end="2022-04-01T00:00:00Z")
    with slow_exports(stack):
        run = runs.start("order-pre-ard/sandbox", **given)
        wait_until(lambda: exports(stack, mark), 120, "the first export")
        kill_flow(run)
    assert runs.wait(run)["type"] == "CRASHED"

    def ordered() -> bool:
        # The dead run holds what it was sending for the ledger's lease; a later round goes on with it.
        return runs.wait(runs.start("track-pre-ard/sandbox", tracking_names=[mark]))["name"] == "Completed"

    assert runs.wait(runs.start("order-pre-ard/sandbox", **given), timeout=240)["type"] == "COMPLETED"
    wait_until(ordered, 280, "all orders are complete")
    assert len(set(exports(stack, mark))) == 12
