"""The installation that the integration tests share: a schedule makes runs, and the worker runs them."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from runs import Runs
from shared_stack import SharedStack, wait_until
from stack.runners import PROJECT, SECONDS

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def server(stack: SharedStack) -> Iterator[Runs]:
    deploy = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    subprocess.run(deploy, cwd=PROJECT, env=stack.environment, check=True, stdin=subprocess.DEVNULL)
    with Runs(stack.api) as opened:
        yield opened


def test_a_run_goes_through_the_worker(server: Runs) -> None:
    run = server.start("double/trial")
    assert server.wait(run)["type"] == "COMPLETED"


def test_a_schedule_makes_runs(server: Runs) -> None:
    deployment = server.ask("GET", "/deployments/name/double/scheduled")["id"]
    scheduled = {"deployments": {"id": {"any_": [deployment]}}}
    wait_until(lambda: server.ask("POST", "/flow_runs/filter", scheduled), SECONDS, "a scheduled run")
    runs = server.ask("POST", "/flow_runs/filter", scheduled)
    assert all(run["auto_scheduled"] for run in runs)
    assert {run["created_by"]["type"] for run in runs} == {"SCHEDULE"}


def test_no_stored_parameter_holds_a_secret(server: Runs) -> None:
    deployments = server.ask("POST", "/deployments/filter", {})
    assert {"on-demand-aux-staging/sandbox"} <= {_full_name(server, each) for each in deployments}
    assert "sandbox-demo-key" not in str([each["parameters"] for each in deployments])


def _full_name(server: Runs, deployment: dict[str, str]) -> str:
    flow = server.ask("GET", f"/flows/{deployment['flow_id']}")
    return f"{flow['name']}/{deployment['name']}"
