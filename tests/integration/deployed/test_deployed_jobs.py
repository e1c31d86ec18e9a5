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


class Jobs:
    """Two jobs at a place of the service that is one test's own."""

    def __init__(self, stack: SharedStack, runs: Runs) -> None:
        self._runs = runs
        self._place = f"inputs-{uuid.uuid4().hex[:8]}"
        self._url = f"{stack.sandbox}/dummy/{self._place}"
        known = runs.ask("GET", "/block_types/slug/dummy-server/block_documents/name/sandbox-inputs")
        same = {name: known[name] for name in ("block_type_id", "block_schema_id")}
        data = {**known["data"], "url": self._url}
        runs.ask("POST", "/block_documents/", {"name": self._place, "data": data, **same})

    def start(self, **options: Any) -> str:
        """Start a run that makes them, or finds them, and wait until it follows them."""
        asked = [
            {"service": "dummy", "process": "wait", "inputs": {"n": n, "seconds": 600}} for n in range(2)
        ]
        server = f"dummy-server/{self._place}"
        run = self._runs.start("run-job/sandbox", requests=asked, server=server, wait_seconds=600, **options)
        wait_until(lambda: "jobs-progress" in self._runs.artifacts(run), 120, "a run that follows them")
        assert self.statuses() == ["running"] * 2
        return run

    def statuses(self) -> list[str]:
        """Where the jobs stand, as any client of the service sees them."""
        answer = httpx.get(f"{self._url}/jobs", trust_env=False).raise_for_status()
        return [job["status"] for job in answer.json()["jobs"]]

    def wait(self, status: str) -> None:
        wait_until(lambda: self.statuses() == [status] * 2, 120, f"jobs {status}")


# What is left when its run is cancelled is tried with a process.
@pytest.mark.parametrize(
    ("policy", "expected"),
    [("cancel", "cancelled"), pytest.param("leave", "running", marks=pytest.mark.prove)],
)
def test_cancelling_a_run(stack: SharedStack, runs: Runs, policy: str, expected: str) -> None:
    jobs = Jobs(stack, runs)
    run = jobs.start(on_cancel=policy)
    runs.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    assert runs.wait(run)["type"] == "CANCELLED"
    jobs.wait(expected)


@pytest.mark.parametrize(("policy", "expected"), [("cancel", "cancelled"), ("leave", "running")])
def test_killing_a_run(stack: SharedStack, runs: Runs, policy: str, expected: str) -> None:
    jobs = Jobs(stack, runs)
    run = jobs.start(on_crash=policy)
    kill_flow(run)
    assert runs.wait(run)["type"] == "CRASHED"
    jobs.wait(expected)
    if policy == "leave":
        again = jobs.start(on_cancel="cancel")
        runs.ask("POST", f"/flow_runs/{again}/set_state", {"state": {"type": "CANCELLING"}})
        runs.wait(again)


def test_finished_jobs_are_fetched_by_the_automation(stack: SharedStack, runs: Runs) -> None:
    command = [sys.executable, "-m", "eoflows.deployments.automations", "--deployment", "sandbox"]
    for _ in range(2):
        subprocess.run(command, env=stack.environment, check=True, timeout=120)
    mine = runs.ask("POST", "/automations/filter", {})
    assert sorted(one["name"] for one in mine) == ["collect finished jobs (sandbox)", "crash dead runs"]
    try:
        inputs = {"mark": uuid.uuid4().hex, "size": 1234}
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
        for one in mine:
            runs.ask("DELETE", f"/automations/{one['id']}")


@pytest.mark.gate("track")
def test_the_tracker_deployment(stack: SharedStack, runs: Runs) -> None:
    run = runs.start("track-jobs/sandbox")
    assert runs.wait(run)["type"] in ("COMPLETED", "CANCELLED")
