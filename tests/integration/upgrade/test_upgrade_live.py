"""Both releases, one after the other, beside one sandbox that runs all the while; the old one is from git."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from new_release import NewRelease, deployments, new_release, secrets
from old_release import REVISION, OldRelease, sandbox
from old_world import ENDED, OPEN, UNKNOWN, OldWorld, made, staged, until
from runs import Runs

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]

CHECKOUT = Path(__file__).resolve().parents[3]
SECONDS = 600.0


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> OldRelease:
    """The old release with an environment of its own, as somebody has it who has not updated yet."""
    folder = tmp_path_factory.mktemp("old") / "checkout"
    for command in (
        ["git", "clone", "--quiet", "--no-checkout", str(CHECKOUT), str(folder)],
        ["git", "-C", str(folder), "checkout", "--quiet", REVISION],
        ["make", "-C", str(folder), "venv"],
    ):
        subprocess.run(command, check=True, timeout=SECONDS)
    return OldRelease(folder)


@pytest.fixture
def world(old: OldRelease, tmp_path: Path) -> Iterator[tuple[OldRelease, str, Path, str]]:
    """A sandbox, and the state that the old release has left beside it; the run that waits for a person."""
    state = tmp_path / "state"
    with sandbox(old.python, old.checkout, "sandbox", tmp_path) as urls:
        with old.stack(state, urls) as places, Runs(f"{places['ui']}/api") as runs:
            left = OldWorld(old, places["environment"], urls["url"], runs)
            left.fill()
        httpx.delete(f"{urls['url']}/_sandbox/faults", trust_env=False).raise_for_status()
        yield old, urls["url"], state, left.waiting


def test_an_installation_goes_on_with_this_release(world: tuple[OldRelease, str, Path, str]) -> None:
    _, services, state, waiting = world
    until(lambda: staging(services) == "successful", "the end of the job that goes on without us", SECONDS)
    before = made(services)
    with new_release(state) as release, Runs(release.api) as runs:
        was, kept = deployments(runs), secrets(runs)
        said = release.run("upgrade", "--apply")
        assert said[-1].endswith(" carried over.")
        assert secrets(runs) == kept
        assert [one["schedules"] for one in deployments(runs).values()] == [
            one["schedules"] for one in was.values()
        ]
        release.work()
        goes_on(release, runs, services)
        assert made(services) == before

        approve(runs, waiting)
        assert made(services) == before + {"up42": 1}
        assert release.run("upgrade") == ["Nothing to carry over: all is as this release has it."]


def staging(services: str) -> str:
    """How the job of RS-Server's staging service stands."""
    key = {"x-api-key": "sandbox-demo-key"}
    answer = httpx.get(f"{services}/jobs", headers=key, trust_env=False).raise_for_status()
    (job,) = answer.json()["jobs"]
    return job["status"]


def goes_on(release: NewRelease, runs: Runs, services: str) -> None:
    """Follow what is open, and ask for everything again, also for what was under way."""
    assert runs.wait(runs.start("track-jobs/sandbox"), ENDED, SECONDS)["type"] in ("COMPLETED", "CANCELLED")
    for name, parameters in OPEN:
        state = runs.wait(runs.start(name, **parameters), ENDED, SECONDS)
        assert (name, state["type"]) == (name, "COMPLETED")
    in_doubt = runs.wait(runs.start("run-job/sandbox", **UNKNOWN), ENDED, SECONDS)
    assert "OutcomeUnknown" in in_doubt["message"]
    for deployment in ("aux-staging/sandbox", "aux-staging/sandbox-service"):
        state = runs.wait(runs.start(deployment, **staged()), ENDED, SECONDS)
        assert (deployment, state["type"]) == (deployment, "COMPLETED")


def approve(runs: Runs, run: str) -> None:
    """Say yes to what the old release has asked."""
    said = {"run_input": {"approve": True, "who": "ada", "why": "needed"}}
    until(lambda: runs.ask("POST", f"/flow_runs/{run}/resume", said)["status"] == "ACCEPT", "the answer")
    assert runs.wait(run, ENDED - {"PAUSED"}, SECONDS)["type"] == "COMPLETED"
