"""Streams and tasks of Geo Engine as deployments: cancelled, killed, and run again."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import pytest
import xarray as xr
from run_processes import kill_flow
from runs import Runs
from shared_stack import SharedStack, wait_until

from eoflows.sandbox.geo_engine.stream_faults import stream_fault
from eoflows.services.geo_engine import GeoEngineClient, RasterQueryRectangle, load_workflow

NAME = "stream-raster/sandbox"
TIMES = ("2014-01-01T00:00:00Z", "2014-01-03T00:00:00Z")
BOUNDS = (0.0, -64.0, 64.0, 0.0)


@pytest.fixture
def workflow(stack: SharedStack) -> str:
    """A raster of its own for each test: 16 tiles of 16 by 16 pixels in each of two days."""
    params = {
        "width": 64,
        "height": 64,
        "dataType": "F32",
        "origin": [0, 0],
        "pixelSize": [1, 1],
        "tileSize": 16,
        "seed": uuid.uuid4().int % 1_000_000,
        "time": {"start": 1_388_534_400_000, "count": 2},
    }
    url = f"{stack.sandbox}/geoengine/0.10"
    session = httpx.post(f"{url}/anonymous", trust_env=False).raise_for_status().json()
    body = {"type": "Raster", "operator": {"type": "SandboxRaster", "params": params}}
    headers = {"authorization": f"Bearer {session['id']}"}
    answer = httpx.post(f"{url}/processingGraphs", json=body, headers=headers, trust_env=False)
    return str(answer.raise_for_status().json()["id"])


def asked(workflow: str) -> dict[str, Any]:
    return {
        "workflow": workflow,
        "bbox": dict(zip(("xmin", "ymin", "xmax", "ymax"), BOUNDS, strict=True)),
        "start": TIMES[0],
        "end": TIMES[1],
        "name": f"{workflow}.zarr",
    }


@contextmanager
def slow_from(stack: SharedStack, workflow: str, message: int, seconds: float) -> Iterator[None]:
    """Each message from this one on comes late."""
    fault = stream_fault("slow", path=f"*{workflow}/rasterStream", message=message, seconds=seconds)
    faults = f"{stack.sandbox}/_sandbox/faults"
    (one,) = httpx.post(faults, json=[fault.to_dict()], trust_env=False).raise_for_status().json()["ids"]
    try:
        yield
    finally:
        httpx.delete(f"{faults}/{one}", trust_env=False)


def chunks(stack: SharedStack, workflow: str) -> int:
    folder = stack.state / "storage" / f"{workflow}.zarr" / "data" / "c"
    return sum(path.is_file() for path in folder.rglob("*"))


def streams(stack: SharedStack, workflow: str) -> list[dict[str, Any]]:
    """What the server noted of the streams of a workflow that have ended."""
    answer = httpx.get(f"{stack.sandbox}/_sandbox/log?path=*{workflow}/rasterStream", trust_env=False)
    return answer.raise_for_status().json()["entries"]


def in_memory(stack: SharedStack, workflow: str) -> xr.DataArray:
    async def stream() -> xr.DataArray:
        async with GeoEngineClient(f"{stack.sandbox}/geoengine/0.10") as client:
            query = RasterQueryRectangle(BOUNDS, TIMES, 0)
            return await (await load_workflow(client, workflow)).raster_stream_into_xarray(query)

    return asyncio.run(stream())


@pytest.mark.gate("stream")
def test_a_killed_stream_goes_on_and_is_equal_to_the_whole(
    stack: SharedStack, runs: Runs, workflow: str
) -> None:
    with slow_from(stack, workflow, 20, 2.0):
        run = runs.start(NAME, **asked(workflow))
        wait_until(lambda: chunks(stack, workflow) >= 18, 120, "the first chunks")
        kill_flow(run)
        assert runs.wait(run)["type"] == "CRASHED"
    there = chunks(stack, workflow)
    assert there < 32

    again = runs.start(NAME, **asked(workflow))
    state = runs.wait(again)
    assert state["type"] == "COMPLETED", state["message"]
    artifacts = runs.artifacts(again)
    facts = {row["what"]: row["value"] for row in json.loads(artifacts["stream-raster"]["data"])}
    assert facts["messages of earlier runs"] == str(there)
    assert facts["messages"] == str(32 - there)
    found = xr.open_zarr(stack.state / "storage" / f"{workflow}.zarr").data
    np.testing.assert_array_equal(found.values, in_memory(stack, workflow).values)


def test_cancelling_stops_the_stream(stack: SharedStack, runs: Runs, workflow: str) -> None:
    with slow_from(stack, workflow, 5, 60.0):
        run = runs.start(NAME, **asked(workflow))
        wait_until(lambda: chunks(stack, workflow) >= 4, 120, "the first chunks")
        runs.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
        wait_until(lambda: len(streams(stack, workflow)) == 1, 30, "the end of the stream")
        assert runs.wait(run)["type"] == "CANCELLED"
    assert streams(stack, workflow)[0]["aborted"]
    assert chunks(stack, workflow) >= 4


def test_a_dataset_is_made_by_a_deployment(stack: SharedStack, runs: Runs, workflow: str) -> None:
    given = {name: value for name, value in asked(workflow).items() if name != "name"}
    run = runs.start("save-dataset/sandbox", **given, display_name=workflow)
    state = runs.wait(run)
    assert (state["type"], state["message"]) == ("COMPLETED", "1 succeeded")
    again = runs.wait(runs.start("save-dataset/sandbox", **given, display_name=workflow))
    assert again["message"] == "1 succeeded"
    path = f"*datasetFromProcessingGraph/{workflow}"
    log = httpx.get(f"{stack.sandbox}/_sandbox/log?path={path}", trust_env=False).raise_for_status().json()
    assert len(log["entries"]) == 1
