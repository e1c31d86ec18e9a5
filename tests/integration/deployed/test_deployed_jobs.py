"""Remote jobs as deployments: what becomes of them when their run is cancelled or killed."""

import subprocess
import sys
import uuid
from typing import Any

import httpx
import pytest
from run_processes import kill_flow
from runs import Runs
from shared_stack import SharedStack, wait_until

PLACE = "inputs-sandbox"
SERVER = f"dummy-server/sandbox-{PLACE.partition('-')[0]}"


def remote(stack: SharedStack, mark: str) -> list[dict[str, Any]]:
    """The jobs of a test at the service, as any client sees them."""
    answer = httpx.get(f"{stack.sandbox}/dummy/{PLACE}/jobs", trust_env=False).raise_for_status()
    return [job for job in answer.json()["jobs"] if job["inputs"].get("mark") == mark]


def statuses(stack: SharedStack, mark: str) -> set[str]:
    return {job["status"] for job in remote(stack, mark)}


@pytest.fixture
def mark() -> str:
    return uuid.uuid4().hex


def start(runs: Runs, mark: str, count: int = 2, **options: Any) -> str:
    requests = [
        {"service": "dummy", "process": "wait", "inputs": {"mark": mark, "n": n, "seconds": 600}}
        for n in range(count)
    ]
    return runs.start("run-job/sandbox", requests=requests, wait_seconds=600, **options)


@pytest.mark.parametrize(("policy", "expected"), [("cancel", "cancelled"), ("leave", "running")])
def test_cancelling_a_run(stack: SharedStack, runs: Runs, mark: str, policy: str, expected: str) -> None:
    run = start(runs, mark, on_cancel=policy)
    wait_until(lambda: len(remote(stack, mark)) == 2, 120, "the jobs")
    runs.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    assert runs.wait(run)["type"] == "CANCELLED"
    wait_until(lambda: statuses(stack, mark) == {expected}, 120, f"jobs {expected}")


@pytest.mark.parametrize(("policy", "expected"), [("cancel", "cancelled"), ("leave", "running")])
def test_killing_a_run(stack: SharedStack, runs: Runs, mark: str, policy: str, expected: str) -> None:
    run = start(runs, mark, on_crash=policy)
    wait_until(lambda: len(remote(stack, mark)) == 2, 120, "the jobs")
    kill_flow(run)
    assert runs.wait(run)["type"] == "CRASHED"
    wait_until(lambda: statuses(stack, mark) == {expected}, 120, f"jobs {expected}")
    if policy == "leave":
        again = start(runs, mark, on_cancel="cancel")
        wait_until(lambda: "jobs-progress" in runs.artifacts(again), 120, "the second run follows them")
        assert len(remote(stack, mark)) == 2
        runs.ask("POST", f"/flow_runs/{again}/set_state", {"state": {"type": "CANCELLING"}})
        runs.wait(again)


def test_finished_jobs_are_fetched_by_the_automation(stack: SharedStack, runs: Runs, mark: str) -> None:
    command = [sys.executable, "-m", "deployments.automations", "--deployment", "sandbox"]
    for _ in range(2):
        subprocess.run(command, env=stack.environment, check=True, timeout=120)
    mine = [one for one in runs.ask("POST", "/automations/filter", {}) if one["name"].startswith("collect")]
    assert len(mine) == 1
    try:
        inputs = {"mark": mark, "size": 1234}
        run = runs.start(
            "run-job/sandbox",
            requests=[{"service": "dummy", "process": "wait", "inputs": inputs}],
            fetch="later",
        )
        assert runs.wait(run)["type"] == "COMPLETED"
        folder = stack.state / "storage/jobs"

        def fetched() -> bool:
            return any(path.stat().st_size == 1234 for path in folder.rglob("result.bin"))

        wait_until(fetched, 90, "the results")
    finally:
        runs.ask("DELETE", f"/automations/{mine[0]['id']}")


def test_the_tracker_deployment(stack: SharedStack, runs: Runs) -> None:
    run = runs.start("track-jobs/sandbox")
    assert runs.wait(run)["type"] in ("COMPLETED", "CANCELLED")
