"""UP42 jobs that a person must approve, through a real server and worker."""

import uuid
from typing import Any

import httpx
import pytest
from runs import Runs
from shared_stack import SharedStack, wait_until

TREES = "detection-trees-spacept"
PAUSED = frozenset({"PAUSED", "COMPLETED", "FAILED", "CRASHED"})


def made(stack: SharedStack, title: str) -> int:
    """Jobs that the service has under a title."""
    state = httpx.get(f"{stack.sandbox}/_sandbox/up42/state", trust_env=False).raise_for_status().json()
    return sum(title in str(job) for job in state["jobs"])


def start(runs: Runs, title: str, **options: Any) -> str:
    given = {"process": TREES, "title": title, "approval": "always", "run_key": title, **options}
    return runs.start("run-up42-job/sandbox", **given)


def answer(runs: Runs, run: str, **said: Any) -> None:
    """Resume a run; Prefect writes the form just after the state, and refuses an answer in between."""

    def accepted() -> bool:
        body = runs.ask("POST", f"/flow_runs/{run}/resume", {"run_input": said})
        return body["status"] == "ACCEPT"

    wait_until(accepted, 60, "the answer's acceptance")


@pytest.fixture
def title() -> str:
    return f"Trees {uuid.uuid4().hex[:8]}"


def test_approved(stack: SharedStack, runs: Runs, title: str) -> None:
    run = start(runs, title)
    assert runs.wait(run, PAUSED)["name"] == "Suspended"
    assert made(stack, title) == 0

    answer(runs, run, approve=True, who="ada", why="needed")
    state = runs.wait(run)
    assert (state["type"], state["message"]) == ("COMPLETED", "1 succeeded")
    assert made(stack, title) == 1
    assert "Approved by ada: needed" in runs.artifacts(run)["up42-costs"]["description"]


@pytest.mark.parametrize(
    "said", [{"approve": False, "who": "ada", "why": "too dear"}, pytest.param({}, marks=pytest.mark.prove)]
)
def test_rejected(stack: SharedStack, runs: Runs, title: str, said: dict[str, Any]) -> None:
    run = start(runs, title)
    assert runs.wait(run, PAUSED)["name"] == "Suspended"
    answer(runs, run, **said)
    state = runs.wait(run)
    assert (state["type"], state["name"]) == ("FAILED", "Rejected")
    assert "nothing was sent" in state["message"]
    assert made(stack, title) == 0


def test_expired(stack: SharedStack, runs: Runs, title: str) -> None:
    run = start(runs, title, approval_hours=5 / 3600)
    assert runs.wait(run, PAUSED)["name"] == "Suspended"
    wait_until(lambda: runs.state(run)["type"] == "FAILED", 120, "the time-out")
    assert made(stack, title) == 0
    tracked = runs.start("track-jobs/sandbox")
    assert runs.wait(tracked)["type"] in ("COMPLETED", "CANCELLED")


def test_a_price_that_rose_is_asked_for_again(stack: SharedStack, runs: Runs, title: str) -> None:
    # Prices are the sandbox's, which other tests share: this process is run here alone.
    process = "detection-shadows-spacept"
    run = start(runs, title, process=process)
    assert runs.wait(run, PAUSED)["name"] == "Suspended"
    admin = f"{stack.sandbox}/_sandbox/up42/state"
    httpx.patch(admin, json={"prices": {process: 50}}, trust_env=False).raise_for_status()
    answer(runs, run, approve=True, who="ada", why="at the old price")
    wait_until(lambda: questions(runs, run) == 2, 120, "the second question")
    assert runs.wait(run, PAUSED)["name"] == "Suspended"
    assert made(stack, title) == 0

    answer(runs, run, approve=True, who="bob", why="at the new price")
    assert runs.wait(run)["type"] == "COMPLETED"
    assert made(stack, title) == 1
    assert "Approved by bob" in runs.artifacts(run)["up42-costs"]["description"]


def questions(runs: Runs, run: str) -> int:
    return len(runs.ask("GET", f"/flow_runs/{run}")["empirical_policy"]["pause_keys"])
