"""The wheel alone, in an environment of its own outside any checkout: what it brings, demo, verbs."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from runs import Runs
from shared_stack import wait_until

from eoflows.deployments.prefect_database import cache_directory

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

CHECKOUT = Path(__file__).parents[3]
SECONDS = 400

EACH_MODULE = """
import importlib, pkgutil, eoflows
from eoflows.base.errors import MissingExtraError
# Alembic runs one file itself.
left_out = ("__main__", "migrations.env")
extras = set()
for found in pkgutil.walk_packages(eoflows.__path__, "eoflows."):
    if not found.name.endswith(left_out):
        try:
            importlib.import_module(found.name)
        except MissingExtraError as error:
            extras.add(str(error).rpartition("[")[2].removesuffix("]'"))
print(*sorted(extras))
"""

TOP_LEVEL = """
from importlib.metadata import files
from importlib.util import find_spec
print(*sorted({path.parts[0] for path in files("eoflows") if path.suffix == ".py"}))
print([name for name in ("flows", "tasks", "blocks", "deployments", "sandbox") if find_spec(name)])
"""


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheel."""

    home: Path
    """The environment."""
    folder: Path
    """Empty at first: where commands run."""
    environment: Mapping[str, str]
    """That of a user who has never run Prefect."""

    def run(self, *command: str, **more: str) -> str:
        """Run a program of the environment and give what it says."""
        done = subprocess.run(
            [str(self.home / "bin" / command[0]), *command[1:]],
            cwd=self.folder,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def uv(*arguments: str | Path) -> None:
    program = Path(sys.executable).with_name("uv")
    subprocess.run([program, *arguments], cwd=CHECKOUT, check=True, capture_output=True)


def install(python: Path, wheel: Path, extras: str = "") -> None:
    known = CHECKOUT / "requirements.lock"
    uv("pip", "install", "--python", python, "--constraint", known, f"eoflows{extras} @ {wheel.as_uri()}")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    [made] = target.iterdir()
    return made


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel without any extra."""
    home, folder = tmp_path_factory.mktemp("core") / "venv", tmp_path_factory.mktemp("empty")
    uv("venv", "--python", sys.executable, home)
    install(home / "bin" / "python", wheel)
    cache = tmp_path_factory.mktemp("cache")
    if cache_directory().is_dir():  # A database that has had its migrations need not have them again.
        shutil.copytree(cache_directory(), cache / "eoflows")
    environment = {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PATH": os.pathsep.join([str(home / "bin"), os.defpath]),
        "XDG_CACHE_HOME": str(cache),
        "DO_NOT_TRACK": "1",
    }
    return Installed(home, folder, environment)


def test_one_name_can_be_imported(core: Installed) -> None:
    assert core.run("python", "-c", TOP_LEVEL).splitlines() == ["eoflows", "[]"]


def test_each_module_is_there_or_names_its_extra(core: Installed, tmp_path: Path) -> None:
    assert core.run("python", "-c", EACH_MODULE, PREFECT_HOME=str(tmp_path)).split() == [
        "geo-engine",
        "sandbox",
    ]


def test_the_demo_runs_in_an_empty_folder_and_says_what_it_does(core: Installed) -> None:
    said = core.run("eoflows", "demo")
    assert re.search(r"found   already there   staged   failed\n *11 +0 +11 +0\n", said)
    for what in ("the sandbox answers", "Prefect's server answers", "a run is started", "Next: `demo` again"):
        assert what in said
    assert [path.name for path in core.folder.iterdir()] == [".eoflows"]
    home = core.environment["HOME"]
    assert list(Path(home).iterdir()) == [], "something was written into the user's home"
    assert re.search(r"\n *11 +11 +0 +0\n", core.run("eoflows", "demo"))


@pytest.fixture(scope="module")
def api(core: Installed, wheel: Path) -> Iterator[str]:
    """Prefect's address while `eoflows up` runs from the wheel with all extras."""
    install(core.home / "bin" / "python", wheel, "[all]")
    with going_up(core) as log:
        wait_until(lambda: "Ctrl-C ends" in log.read_text(), SECONDS, f"`eoflows up`; see {log}")
        found = re.search(r"PREFECT_API_URL=(\S+)", log.read_text())
        assert found
        yield found[1]


@contextmanager
def going_up(core: Installed) -> Iterator[Path]:
    log = core.folder / "up.log"
    with log.open("wb") as output:
        program = subprocess.Popen(
            [core.home / "bin" / "eoflows", "up", "--state", "installation"],
            cwd=core.folder,
            env=core.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield log
            program.send_signal(signal.SIGINT)
            assert program.wait(60) == 0, log.read_text()
            assert log.read_text().endswith("stopping\n")
        finally:
            program.kill()
            program.wait()


@pytest.mark.parametrize(
    "deployment",
    [
        "search-aux/sandbox",
        "aux-staging/sandbox",
        "run-job/sandbox",  # Submits, and waits for its job.
        "track-jobs/sandbox",
        "collect-jobs/sandbox",  # Downloads.
        "stream-raster/sandbox",
    ],
)
def test_each_verb_runs(api: str, deployment: str) -> None:
    with Runs(api) as runs:
        state = runs.wait(runs.start(deployment))
    assert state["type"] == "COMPLETED", state
