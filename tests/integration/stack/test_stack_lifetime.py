"""Whatever ends a runner, nothing of its stack remains, and the next start is clean."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from runs import Runs
from shared_stack import wait_until
from stack.runners import PROJECT, SECONDS, Runner, remains
from waiting import content

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


def nothing_remains(state: Path) -> bool:
    return not remains(state)


def test_killed_runner_leaves_nothing_and_the_next_start_repairs(tmp_path: Path) -> None:
    state, home, mark = tmp_path / "state", tmp_path / "home", tmp_path / "mark"
    with Runner(state, home) as first:
        with Runs(first.places()["api"]) as server:
            interrupted = server.start("endless/trial", mark=str(mark))
            child = int(content(mark))
        assert child in remains(state)
        first.stop(signal.SIGKILL)
    # As if the server had been writing a lease, and somebody had its number since: ourselves.
    (state / "prefect" / "concurrency_leases" / "expirations.lock").write_text(str(os.getpid()))

    # At once: the killed runner's processes are still being ended.
    with Runner(state, home) as second:
        with Runs(second.places()["api"]) as server:
            assert child not in remains(state)
            assert server.state(interrupted)["type"] == "CRASHED"
            again = server.start("endless/trial", mark=str(mark))
            assert server.wait(again)["type"] == "COMPLETED", "the concurrency limit of 1 is still taken"
        assert second.stop(signal.SIGINT) == 128 + signal.SIGINT
        assert nothing_remains(state)
    assert list(home.iterdir()) == [], "something was written into the user's home"


def test_two_at_once_and_a_third_is_refused(tmp_path: Path) -> None:
    home, mark = tmp_path / "home", tmp_path / "mark"
    with Runner(tmp_path / "one", home) as one, Runner(tmp_path / "two", home) as two:
        urls = {one.places()["api"], two.places()["api"]}
        assert len(urls) == 2
        with Runner(one.state, home) as third:
            assert third.process.wait(SECONDS) == 1
            assert f"is in use by process {one.process.pid}" in third.log.read_text()
        one.ready.write_text('{"api": "unchanged"}')

        assert one.stop(signal.SIGTERM) == 128 + signal.SIGTERM
        assert nothing_remains(one.state)
        with Runs(two.places()["api"]) as server:
            server.start("endless/trial", mark=str(mark))
            assert content(mark), "the flow of the other stack"
        assert two.stop(signal.SIGINT) == 128 + signal.SIGINT
        assert nothing_remains(two.state)


def test_a_start_can_be_interrupted(tmp_path: Path) -> None:
    with Runner(tmp_path / "state", tmp_path / "home") as runner:
        server_log = runner.state / "logs" / "server.log"
        wait_until(server_log.exists, SECONDS, "the start of the server")
        assert runner.stop(signal.SIGINT) == 128 + signal.SIGINT
        assert nothing_remains(runner.state)
        assert not runner.ready.exists()


def test_a_failed_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    project = Path(shutil.copytree(PROJECT, tmp_path / "project"))
    (project / "trial_flows.py").write_text("raise RuntimeError('a flow file that cannot be loaded')\n")
    with Runner(tmp_path / "state", tmp_path / "home", project) as runner:
        assert runner.process.wait(SECONDS) == 1
        said = runner.log.read_text()
        assert "setup ended with exit code" in said
        assert "trial_flows.py" in said
        assert "Traceback" not in said.splitlines()[0]
        assert nothing_remains(runner.state)
