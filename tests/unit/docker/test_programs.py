"""What the image brings to start a command with its secrets, and to say whether it is well."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

DOCKER = Path(__file__).parents[3] / "docker"
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def entered(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-I", "-S", str(DOCKER / "entrypoint.py"), *command]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_secrets_become_variables_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "LEDGER_PASSWORD").write_text("one two\n")
    (tmp_path / "PGPASSWORD").write_text("from the file")
    (tmp_path / "not_a_variable").write_text("x")
    given = {"SECRETS_DIRECTORY": str(tmp_path), "PGPASSWORD": "from the environment"}
    seen = json.loads(entered(given, sys.executable, "-c", SHOW).stdout)
    assert (seen["LEDGER_PASSWORD"], seen["PGPASSWORD"]) == ("one two", "from the environment")
    assert "not_a_variable" not in seen


def test_no_folder_is_no_secret(tmp_path: Path) -> None:
    given = {"SECRETS_DIRECTORY": str(tmp_path / "absent")}
    assert entered(given, sys.executable, "-c", "import sys; sys.exit(7)").returncode == 7


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = entered({"PATH": str(tmp_path)}, "no-such-program")
    assert (done.returncode, done.stderr.strip()) == (1, "no-such-program: No such file or directory")


@pytest.fixture
def site() -> Iterator[str]:
    """Answers 200 at /health and 503 elsewhere."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 503)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def healthy(what: str, **environment: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(DOCKER / "healthcheck.py"), what]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_an_address_is_well_when_it_answers_200(site: str) -> None:
    assert healthy(f"{site}/health", http_proxy="http://127.0.0.1:9").returncode == 0
    ill = healthy(f"{site}/other")
    assert (ill.returncode, "503" in ill.stderr) == (1, True)


def test_nobody_there_is_not_well() -> None:
    assert healthy("http://127.0.0.1:9/health").returncode == 1


@pytest.mark.parametrize(("age", "code"), [(1.0, 0), (3600.0, 1), (None, 1)])
def test_services_are_well_when_they_have_signed_on(
    age: float | None, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import runpy

    import redis

    class Server:
        def __enter__(self) -> "Server":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def zrevrange(self, name: str, *_: int, withscores: bool) -> list[tuple[bytes, float]]:
            assert (name, withscores) == ("prefect:workers", True)
            return [] if age is None else [(b"services", time.time() - age)]

    monkeypatch.setenv("PREFECT_SERVER_DOCKET_URL", "redis://127.0.0.1:9/1")
    monkeypatch.setattr(redis.Redis, "from_url", lambda *_, **__: Server())
    services = runpy.run_path(str(DOCKER / "healthcheck.py"))["services"]
    assert (services() is not None) == bool(code)
