"""The command line names its commands without importing what they need, and ends with one clear error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eoflows.command import app
from eoflows.deployments.state import StateDirectory

LOADED = """
import sys
from eoflows.command import main
try:
    main()
except SystemExit:
    print(*sorted(name for name in sys.modules if name.startswith(("prefect", "eoflows."))))
"""


def test_help_names_the_commands_and_imports_nothing_of_theirs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "--help"], check=True, capture_output=True, text=True
    )
    *shown, loaded = done.stdout.splitlines()
    listed = {line.split()[1] for line in shown if line.startswith("│ ")}
    assert {"demo", "deploy", "up"} <= listed
    assert "eoflows.command" in loaded.split()
    assert not {"prefect", "eoflows.deployments", "eoflows.command.local"} & set(loaded.split())


@pytest.mark.parametrize("command", ["demo", "up"])
def test_a_state_in_use_is_one_line_and_a_code(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = StateDirectory.at(tmp_path).lock()
    try:
        with pytest.raises(SystemExit) as ended:
            app([command, "--state", str(tmp_path)])
    finally:
        os.close(lock)
    assert ended.value.code == 1
    said = f"{tmp_path} is in use by process {os.getpid()}: stop that one, or name another state directory"
    assert capsys.readouterr().err == f"error: {said}\n"


def test_a_deployment_that_is_not_described_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["deploy", "default", "nothing/here"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: prefect.yaml has no deployment nothing/here\n"
