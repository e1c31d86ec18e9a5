"""A real pygeoapi 0.21.0 under gunicorn, with processes of ours, on a free port."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from peers import peer_python

PROCESSES = {"mirror": "Mirror", "slow": "Slow", "failing": "Failing"}
UNREACHABLE = ("dns error", "error sending request", "Failed to fetch", "Connection refused", "timed out")
START_SECONDS = 60.0


@contextlib.contextmanager
def pygeoapi(directory: Path) -> Iterator[str]:
    """Run the server, with all its files in `directory`; gives its URL without a slash at the end."""
    python = _python()
    listening = _listening()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    environment = _environment(directory, url)
    tools = python.parent
    generate = [str(tools / "pygeoapi"), "openapi", "generate", environment["PYGEOAPI_CONFIG"]]
    place = ["--output-file", environment["PYGEOAPI_OPENAPI"]]
    subprocess.run([*generate, *place], env=environment, check=True, capture_output=True)
    serve = [str(tools / "gunicorn"), "-w", "1", "--threads", "8", "-b", f"fd://{listening.fileno()}"]
    with (directory / "log.txt").open("wb") as log:
        server = subprocess.Popen(
            [*serve, "--chdir", str(directory), "pygeoapi.flask_app:APP"],
            env=environment,
            pass_fds=[listening.fileno()],
            stdout=log,
            stderr=log,
        )
    listening.close()
    try:
        _wait_until_it_answers(url, server, directory / "log.txt")
        yield url
    finally:
        server.terminate()
        server.wait(20)


def _python() -> Path:
    try:
        return peer_python("pygeoapi-0.21.0", "pygeoapi==0.21.0", "gunicorn")
    except RuntimeError as error:
        if any(sign in str(error) for sign in UNREACHABLE):
            pytest.skip(f"the package registry cannot be reached: {error}")
        raise


def _listening() -> socket.socket:
    """Bind here and hand the socket over: nobody can take the port in between."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen(64)
    return bound


def _environment(directory: Path, url: str) -> dict[str, str]:
    config, outputs = directory / "config.yml", directory / "outputs"
    outputs.mkdir()
    config.write_text(yaml.safe_dump(_config(url, directory / "jobs.json", outputs)))
    return {
        **os.environ,
        "PYGEOAPI_CONFIG": str(config),
        "PYGEOAPI_OPENAPI": str(directory / "openapi.yml"),
        "PYTHONPATH": str(Path(__file__).parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _config(url: str, jobs: Path, outputs: Path) -> dict[str, object]:
    text = {"en": "pygeoapi of the tests"}
    manager = {"name": "TinyDB", "connection": str(jobs), "output_dir": str(outputs)}
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": int(url.rpartition(":")[2])},
            "url": url,
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en-US"],
            "limits": {"default_items": 10, "max_items": 100},
            "map": {"url": "http://127.0.0.1/{z}/{x}/{y}.png", "attribution": "none"},
            "manager": manager,
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": text,
                "description": text,
                "keywords": {"en": ["test"]},
                "keywords_type": "theme",
                "terms_of_service": "none",
                "url": url,
            },
            "license": {"name": "none", "url": url},
            "provider": {"name": "tests", "url": url},
            "contact": {"name": "tests", "email": "tests@localhost"},
        },
        "resources": {
            name: {"type": "process", "processor": {"name": f"processes_of_ours.{kind}"}}
            for name, kind in PROCESSES.items()
        },
    }


def _wait_until_it_answers(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/processes?f=json", timeout=START_SECONDS).status_code == 200:
                return
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"pygeoapi does not answer:\n{log.read_text()[-4000:]}")
        time.sleep(0.1)
