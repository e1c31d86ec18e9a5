"""OGC API - Processes and RS-Server's staging service as deployments, on a worker."""

import json
import uuid
from typing import Any

import httpx
import pytest
from run_processes import kill_flow
from runs import Runs
from shared_stack import SharedStack, wait_until

KEY = {"x-api-key": "sandbox-demo-key"}


@pytest.fixture
def seconds() -> float:
    """A number that no other test uses, so that its jobs are told apart."""
    return 600 + uuid.uuid4().int % 10**9 / 10**9


def jobs_of(runs: Runs, run: str) -> list[dict[str, Any]]:
    """The jobs of a run as its table shows them."""
    found = runs.artifacts(run).get("jobs")
    return json.loads(found["data"]) if found else []


def status(stack: SharedStack, job: str) -> int:
    return httpx.get(f"{stack.sandbox}/ogc/jobs/{job}", trust_env=False).status_code


@pytest.mark.gate("submit", "download")
def test_a_process_from_the_form_to_its_results(stack: SharedStack, runs: Runs) -> None:
    scene = {"width": 2, "height": 2, "red": [1, 0, 1, 1], "nir": [3, 0, uuid.uuid4().int % 1000, 1]}
    given = {"inputs": {"scene": {"value": scene}}}
    run = runs.start("run-process/sandbox", **given)
    state = runs.wait(run)
    assert (state["type"], state["message"]) == ("COMPLETED", "1 succeeded")
    (row,) = jobs_of(runs, run)
    folder = next((stack.state / "storage/jobs/ogc-processes").glob(f"{row['job']}*"))
    assert {path.name for path in folder.iterdir()} == {"ndvi.tif", "statistics.json"}
    assert json.loads((folder / "statistics.json").read_text())["width"] == 2

    again = runs.start("run-process/sandbox", **given)
    assert runs.wait(again)["message"] == "1 succeeded"
    assert [one["id"] for one in jobs_of(runs, again)] == [row["id"]]


def test_wrong_inputs_as_text_fail_with_one_line_each(runs: Runs) -> None:
    run = runs.start("run-process/sandbox", process_id="echo", inputs='{"message": 7, "number": 101}')
    state = runs.wait(run)
    assert state["type"] == "FAILED"
    assert "message: 7 is not of type 'string'" in state["message"]
    assert "number: 101 is greater than the maximum of 100" in state["message"]
    assert jobs_of(runs, run) == [{"job": "none"}]


# What is cancelled with its run is tried with jobs of a made-up service.
@pytest.mark.parametrize(
    ("policy", "expected"), [pytest.param("cancel", 410, marks=pytest.mark.prove), ("leave", 200)]
)
def test_cancelling_a_run(stack: SharedStack, runs: Runs, seconds: float, policy: str, expected: int) -> None:
    given = {"process_id": "slow", "inputs": {"seconds": seconds}}
    run = runs.start("run-process/sandbox", **given, on_cancel=policy)
    wait_until(lambda: "jobs-progress" in runs.artifacts(run), 120, "the run waits for its job")
    runs.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    assert runs.wait(run)["type"] == "CANCELLED"
    again = runs.start("run-process/sandbox", **given, wait_seconds=0)
    runs.wait(again)
    (job,) = jobs_of(runs, again)

    def tracked() -> bool:
        # A run that dies while it asks the server holds the server for the ledger's lease.
        return status(stack, job["id"]) == expected or not runs.wait(runs.start("track-jobs/sandbox"))

    wait_until(tracked, 240, f"the job answers {expected}")


@pytest.mark.gate("kill")
def test_a_killed_run_makes_no_second_job(stack: SharedStack, runs: Runs, seconds: float) -> None:
    given = {"process_id": "slow", "inputs": {"seconds": seconds}}
    run = runs.start("run-process/sandbox", **given)
    wait_until(lambda: "jobs-progress" in runs.artifacts(run), 120, "the run waits for its job")
    before = made(stack)
    kill_flow(run)
    assert runs.wait(run)["type"] == "CRASHED"
    again = runs.start("run-process/sandbox", **given, wait_seconds=0)
    assert runs.wait(again)["name"] == "StillRunning"
    (row,) = jobs_of(runs, again)
    assert row["id"] in before


def made(stack: SharedStack) -> set[str]:
    """The ids of the slow jobs of the server."""
    query = {"processID": "slow", "limit": "1000"}
    answer = httpx.get(f"{stack.sandbox}/ogc/jobs", params=query, trust_env=False).raise_for_status()
    return {job["jobID"] for job in answer.json()["jobs"]}


def test_processes_are_listed_and_described(runs: Runs) -> None:
    listed = runs.start("list-processes/sandbox")
    described = runs.start("describe-process/sandbox")
    assert runs.wait(listed)["type"] == runs.wait(described)["type"] == "COMPLETED"
    assert "ndvi" in runs.artifacts(listed)["processes"]["data"]
    assert "## Inputs" in runs.artifacts(described)["process"]["data"]


def test_staging_by_the_service(stack: SharedStack, runs: Runs) -> None:
    collection = f"c{uuid.uuid4().hex[:12]}"
    run = runs.start("aux-staging/sandbox-service", catalog_collection_identifier=collection)
    state = runs.wait(run)
    assert state["type"] == "COMPLETED", state
    staged = catalogued(stack, collection)
    assert state["message"] == f"{len(staged)} found in auxip: {len(staged)} staged."

    other = f"c{uuid.uuid4().hex[:12]}"
    items = {"type": "FeatureCollection", "features": staged_from(stack, staged[:2])}
    run = runs.start("staging/sandbox", stac_input=items, collection=other)
    assert runs.wait(run)["message"] == "2 found in the input: 2 staged."
    assert {item["id"] for item in catalogued(stack, other)} == {item["id"] for item in staged[:2]}


def catalogued(stack: SharedStack, collection: str) -> list[dict[str, Any]]:
    query = {"collections": [f"demo_{collection}"], "limit": 100}
    answer = httpx.post(f"{stack.sandbox}/catalog/search", json=query, headers=KEY, trust_env=False)
    return list(answer.raise_for_status().json()["features"])


def staged_from(stack: SharedStack, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items as their station has them."""
    query = {"ids": [item["id"] for item in items], "limit": 10}
    answer = httpx.post(f"{stack.sandbox}/auxip/search", json=query, headers=KEY, trust_env=False)
    return list({item["id"]: item for item in answer.raise_for_status().json()["features"]}.values())
