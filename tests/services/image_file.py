"""docker/Dockerfile without Docker: its instructions, and the commands of its build."""

import fcntl
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from dockerfile import DOCKERFILE, Instruction, instructions

CHECKOUT = Path(__file__).parents[2]
IGNORE = CHECKOUT / ".dockerignore"


def context() -> Iterator[Path]:
    """Give the files and folders that .dockerignore lets in, relative to the checkout."""
    for line in IGNORE.read_text().splitlines():
        if line.startswith("!"):
            yield Path(line[1:])


class ImageBuild:
    """Carries out the stages that make a virtual environment, in a folder that stands for the image's root.

    What the locks name is installed once for a Dockerfile; the package is installed anew each time.

    Args:
        stage: The image whose environment it is.
    """

    def __init__(self, stage: str) -> None:
        made_of = [DOCKERFILE, IGNORE, *CHECKOUT.glob("*.lock"), *CHECKOUT.glob("docker/*.lock")]
        known = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(made_of))).hexdigest()
        self.root, self._stage = CHECKOUT / ".eoflows" / "images" / known[:12] / stage, stage
        self._work = Path("/")

    @property
    def binaries(self) -> Path:
        """Where the image's programs are."""
        return self.local("/opt/venv/bin")

    @property
    def home(self) -> Path:
        """The image's working directory."""
        return self.local("/opt/eoflows")

    def local(self, path: str | Path) -> Path:
        """Say where a path of the image is here."""
        return self.root / Path(path).relative_to("/")

    def word(self, word: str) -> str:
        """Give a word of a command as it is here: a path below the image's working directory is another."""
        return str(self.local(word)) if Path(word).is_relative_to("/opt/eoflows") else word

    def build(self) -> None:
        """Carry out the stages of the environment, and what the image takes from the checkout itself."""
        self.root.mkdir(parents=True, exist_ok=True)
        complete = self.root / "complete"
        with (self.root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not complete.exists():
                subprocess.run(
                    [sys.executable, "-m", "venv", "--clear", str(self.root / "python")], check=True
                )
                shutil.rmtree(self.local("/opt"), ignore_errors=True)
            installed = complete.exists()
            for one in instructions():
                if one.stage in ("builder", f"{self._stage}-venv"):
                    if one.word != "RUN" or not installed:
                        self._carry_out(one)
                    if one == Instruction("eoflows-venv", "COPY", ". ."):
                        installed = False  # Of the package it is not known whether it is as before.
                elif one.stage == self._stage and one.word == "COPY" and "--from" not in one.rest:
                    self._carry_out(one)
            complete.touch()

    def _carry_out(self, one: Instruction) -> None:
        match one.word:
            case "WORKDIR":
                self._work = Path(one.rest)
                self.local(self._work).mkdir(parents=True, exist_ok=True)
            case "COPY":
                *sources, target = one.rest.split()
                self._copy(sources, self.local(self._work / target))
            case "RUN":
                self._run(one.rest)
            case "FROM":
                pass
            case other:
                raise AssertionError(f"{other} is not expected while an environment is built")

    def _copy(self, sources: list[str], target: Path) -> None:
        wanted = list(context())
        for path in wanted if sources == ["."] else map(Path, sources):
            assert path in wanted, f"{path} is left out by .dockerignore"
            place = target / (path if sources == ["."] else path.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            if (CHECKOUT / path).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.rmtree(place, ignore_errors=True)
                shutil.copytree(CHECKOUT / path, place, symlinks=True, ignore=ignored)
            else:
                shutil.copy2(CHECKOUT / path, place)

    def _run(self, command: str) -> None:
        # The cache that is shut off in a layer saves these tests a download of 300 MB.
        place = shlex.quote(str(self.local("/opt/venv")))
        here = re.sub(
            r"(?<![\w/.-])/opt/venv(?![\w.-])", lambda _: place, command.replace(" --no-cache ", " ")
        )
        # Of the same version another one may be there, from another state of the checkout.
        here = here.replace("uv pip install ", "uv pip install --reinstall-package eoflows ")
        search = os.pathsep.join([str(self.root / "python" / "bin"), os.environ["PATH"]])
        kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        done = subprocess.run(
            ["sh", "-ec", here],
            cwd=self.local(self._work),
            env={**kept, "PATH": search},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{here}\n{done.stdout}{done.stderr}"


def exec_form(stage: str, word: str) -> list[str]:
    """Return the words of an ENTRYPOINT, CMD or HEALTHCHECK of a stage."""
    (found,) = [one.rest for one in instructions() if (one.stage, one.word) == (stage, word)]
    return re.findall(r'"([^"]*)"', found)


def variables(stage: str) -> Mapping[str, str]:
    """Return what ENV sets in a stage."""
    found = [one.rest for one in instructions() if (one.stage, one.word) == (stage, "ENV")]
    return dict(pair.split("=", 1) for rest in found for pair in shlex.split(rest))
