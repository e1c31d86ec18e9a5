"""Official clients that our own dependencies do not admit, each in a virtual environment of its own."""

import fcntl
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parents[2] / ".eoflows" / "peers"


def peer_python(name: str, *requirements: str) -> Path:
    """Return the interpreter of a peer's environment, which is built once and shared by all test processes.

    Args:
        name: Name of the environment; a changed list of requirements needs another name.
        requirements: What to install, with exact versions.
    """
    place = PEERS / name
    python, stamp = place / "bin" / "python", place / "complete"
    PEERS.mkdir(parents=True, exist_ok=True)
    with (PEERS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            _uv("venv", "--clear", "--python", sys.executable, str(place))
            _uv("pip", "install", "--python", str(python), *requirements)
            stamp.touch()
    return python


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uv", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"uv {' '.join(arguments)} failed:\n{done.stderr}")
