"""docker/compose.yaml without Docker: what each service is given, with addresses and paths of this host."""

import os
import re
import shlex
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import yaml
from image_file import exec_form, variables

COMPOSE = Path(__file__).parents[2] / "docker" / "compose.yaml"
HOST = "127.0.0.1"
PORTS = {
    "postgres": 5432,
    "redis": 6379,
    "storage": 8333,
    "server": 4200,
    "worker": 8080,
    "catalog": 8080,
    "sandbox": 8080,
}
"""What each service listens on in its container."""

_FOLDERS = ("/var/lib/eoflows", "/run/secrets", "/data", "/tmp")
"""Folders of the containers that services write into, or read."""
_WORDS = re.compile(
    r"(?P<dollar>\$\$)"
    r"|(?P<any>0\.0\.0\.0)"
    rf"|(?<=[@/])(?P<server>{'|'.join(PORTS)}):\d+"
    r"|(?P<path>(?<![\w/.-])(?:/[\w.-]+)+)"
    rf"|(?P<port>(?<![\d.])(?:{'|'.join(sorted({str(port) for port in PORTS.values()}))})(?![\d.]))"
)
"""What has another value here; the rest of a text is what it is."""


def interpolated(text: str, given: Mapping[str, str]) -> str:
    """Put variables into a compose file: `${NAME:-default}` and `$$`."""

    def value(match: re.Match[str]) -> str:
        return "$$" if match[0] == "$$" else given.get(match["name"]) or match["default"] or ""

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}", value, text)


def read(given: Mapping[str, str]) -> dict[str, Any]:
    """Read the file; a dollar sign that is meant for a shell is still doubled."""
    found: dict[str, Any] = yaml.safe_load(interpolated(COMPOSE.read_text(), given))
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Started:
    """What it takes to start a service, or one of its commands, here."""

    command: list[str]
    environment: dict[str, str]
    directory: Path


@dataclass
class Compose:
    """The services on this host.

    Args:
        given: The operator's variables, as in .env.
        root: Stands for the containers' file systems.
        images: For the service's image: folder of its programs, and its working directory.
        ports: Where servers listen that are there already.
    """

    given: Mapping[str, str]
    root: Path
    images: Mapping[str, tuple[Path, Path]]
    ports: dict[str, int]
    paths: Mapping[str, Path] = field(default_factory=dict)
    """Where programs and folders of the images are here."""

    def __post_init__(self) -> None:
        self._document = read(self.given)
        for name in PORTS:
            self.ports.setdefault(name, free_port())

    def service(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._document["services"][name]
        return found

    def main(self, name: str) -> Started:
        """Give the command of a service."""
        return self._started(name, self.service(name)["command"])

    def health(self, name: str) -> Started:
        """Give the command that looks after a service's health."""
        kind, *command = self.service(name)["healthcheck"]["test"]
        assert kind == "CMD"
        return self._started(name, command, entrypoint=False)

    def _started(self, name: str, command: list[str], *, entrypoint: bool = True) -> Started:
        service = self.service(name)
        image = service["image"].partition(":")[0]
        binaries, directory = self.images.get(image, (Path("/usr/bin"), self.root))
        first = service.get("entrypoint", [])
        if image in self.images:
            first = exec_form(service["build"]["target"], "ENTRYPOINT")
        there = [*(first if entrypoint else []), *command]
        script = there.index("-ec") + 1 if there[0] == "sh" else None
        words = [self._here(name, word, shell=at == script) for at, word in enumerate(there)]
        environment = {key: self._here(name, value) for key, value in service.get("environment", {}).items()}
        environment |= self._addresses(name, service.get("environment", {}))
        return Started(words, {**self._common(binaries, name, service), **environment}, directory)

    def _common(self, binaries: Path, name: str, service: Mapping[str, Any]) -> dict[str, str]:
        stage = service.get("build", {}).get("target", "")
        image = {**variables("base"), **variables(stage)} if stage else {}
        return {
            **{key: self._here(name, value) for key, value in image.items()},
            "PATH": os.pathsep.join([str(binaries), os.environ["PATH"]]),
            "LC_ALL": "C.UTF-8",
            "NO_PROXY": HOST,
            "HOME": str(self._folder(name, "home")),
            "TMPDIR": str(self._folder(name, "tmp")),
            "SECRETS_DIRECTORY": str(self._secrets(name, service.get("secrets", []))),
        }

    def _folder(self, *parts: str) -> Path:
        folder = self.root.joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _secrets(self, name: str, secrets: list[Any]) -> Path:
        folder = self._folder(name, "secrets")
        for one in secrets:
            source, target = (one, one) if isinstance(one, str) else (one["source"], one["target"])
            variable = self._document["secrets"][source]["environment"]
            (folder / target).write_text(self.given[variable])
        return folder

    def _addresses(self, name: str, environment: Mapping[str, str]) -> dict[str, str]:
        """Translate pairs of variables `..._HOST` and `..._PORT`."""
        found = {}
        for key, value in environment.items():
            if key.endswith("HOST") and (value in PORTS or value == HOST):
                found[key] = HOST
                found[key.removesuffix("HOST") + "PORT"] = str(self.ports[value if value in PORTS else name])
        return found

    def _here(self, name: str, text: str, *, shell: bool = False) -> str:
        """Translate addresses and paths, and end what is left of compose's own syntax.

        Each word once: what is put in is of this host, whose paths may look like those of a container.
        """

        def word(found: re.Match[str]) -> str:
            match found.lastgroup:
                case "dollar":
                    return "$"
                case "any":
                    return HOST
                case "server":
                    return f"{HOST}:{self.ports[found['server']]}"
                case "port":
                    return str(self.ports.get(name, found[0]))
                case _:
                    here = str(self._path(name, PurePosixPath(found[0])))
                    return shlex.quote(here) if shell else here

        return f"--host={HOST}" if text == f"--host={name}" else _WORDS.sub(word, text)

    def _path(self, name: str, there: PurePosixPath) -> PurePath:
        """Say where a path of a container is here; one that is not ours is what it is."""
        for known in (there, *there.parents):
            if str(known) in self.paths:
                return self.paths[str(known)] / there.relative_to(known)
            if str(known) in _FOLDERS:
                # The volume `state` is shared.
                parts = ("state",) if str(known) == "/var/lib/eoflows" else (name, known.name)
                return self._folder(*parts) / there.relative_to(known)
        return there
