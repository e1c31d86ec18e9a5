"""Runs a scenario of an official client in a process of its own: they keep state in their modules."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def drive(script, url, scenario, **asked):
    """Return what a scenario printed."""
    command = [sys.executable, HERE / script, url, scenario, json.dumps(asked)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
