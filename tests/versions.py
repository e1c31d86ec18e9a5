"""Runs the unit tests with other versions: `python tests/versions.py [--only NAME ...] [PYTEST ARGUMENTS]`.

`lowest` has the oldest releases that pyproject.toml allows, `newest` the latest; `python3.12` and
`python3.13` have the lock's with that interpreter, where there is one. Each gets an environment under
`.eoflows/versions`. Prints a line each, and exits 1 if one failed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
HOME = CHECKOUT / ".eoflows" / "versions"
UV = [sys.executable, "-m", "uv"]
OTHER_PYTHONS = ("3.12", "3.13")
TESTS = ("tests/unit",)


@dataclass(frozen=True)
class Choice:
    """One set of versions."""

    name: str
    python: str
    resolution: str | None
    """`lowest-direct` or `highest`; None: the lock."""


def choices() -> Iterator[Choice]:
    """Give what can be tried here."""
    yield Choice("lowest", sys.executable, "lowest-direct")
    yield Choice("newest", sys.executable, "highest")
    for version in OTHER_PYTHONS:
        if python := interpreter(version):
            yield Choice(f"python{version}", python, None)
        else:
            print(f"python{version}: there is none here", flush=True)


def interpreter(version: str) -> str | None:
    """Find an interpreter: on the path, or among pyenv's."""
    found = shutil.which(f"python{version}")
    if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
        return found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return next((str(path / "bin" / "python") for path in sorted(pyenv.glob(f"{version}.*"))), None)


def requirements(choice: Choice) -> Path:
    """Resolve the versions, unless they are the lock's."""
    if choice.resolution is None:
        return CHECKOUT / "requirements.lock"
    path = HOME / f"{choice.name}.txt"
    asked = ["--all-extras", "--group", "dev", "--no-header", "--no-annotate", "--quiet"]
    wanted = ["--resolution", choice.resolution, "--python", choice.python]
    subprocess.run(
        [*UV, "pip", "compile", *asked, *wanted, "pyproject.toml", "-o", path], check=True, cwd=CHECKOUT
    )
    return path


def environment(choice: Choice) -> Path:
    """Make the virtual environment and give its interpreter."""
    folder = HOME / choice.name
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([*UV, "venv", "--quiet", "--python", choice.python, folder], check=True)
    install = [*UV, "pip", "sync", "--quiet", "--compile-bytecode", "--python", python]
    subprocess.run([*install, requirements(choice)], check=True)
    ours = [
        *UV,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--python",
        python,
        "-e",
        ".",
    ]
    subprocess.run(ours, check=True, cwd=CHECKOUT)
    return python


def main() -> int:
    """Try each, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", action="append", help="a name; may be given several times")
    given, further = parser.parse_known_args()
    HOME.mkdir(parents=True, exist_ok=True)
    failed = []
    for choice in choices():
        if given.only and choice.name not in given.only:
            continue
        python = environment(choice)
        began = time.monotonic()
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "auto", *(further or TESTS)]
        own = {"PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]])}
        code = subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **own}, check=False).returncode
        print(f"{choice.name}: exit code {code} after {time.monotonic() - began:.0f} s", flush=True)
        failed += [choice.name] if code else []
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
