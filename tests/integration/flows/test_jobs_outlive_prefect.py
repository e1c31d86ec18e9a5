"""Losing the whole Prefect database in the middle of open jobs costs none, and sends none again."""

import os
import subprocess
import sys
from pathlib import Path

from eoflows.sandbox import Sandbox, SandboxSettings

JOBS = 200
LIFE = Path(__file__).with_name("one_life_of_prefect.py")
CHECKOUT = Path(__file__).parents[3]


def live(act: str, box: Sandbox, state: Path, home: Path) -> str:
    command = [sys.executable, str(LIFE), act, box.url, box.other_url, str(state), str(JOBS)]
    home.mkdir()
    environment = os.environ | {"PREFECT_HOME": str(home), "PYTHONPATH": str(CHECKOUT / "tests")}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=280, env=environment, cwd=CHECKOUT
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()[-1]


def test_a_new_prefect_goes_on_with_the_jobs_of_the_old_one(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with Sandbox(SandboxSettings(days=0)) as box:
        begun = live("begin", box, state, tmp_path / "first")
        assert "running" in begun
        assert len(box.dummy.jobs("inputs-sandbox")) == JOBS

        ended = live("go-on", box, state, tmp_path / "second")
        assert ended == f"{JOBS} ended, {JOBS} succeeded"
        assert len(box.dummy.jobs("inputs-sandbox")) == JOBS
    results = list((state / "storage/jobs").rglob("result.bin"))
    assert len(results) == JOBS
