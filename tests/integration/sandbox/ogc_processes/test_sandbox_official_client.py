"""s2gos-client 0.1.0 from the package registry, in an environment of its own, against the sandbox."""

import json
import os
import subprocess
from pathlib import Path

import httpx
import pytest
from peers import peer_python

DRIVE = Path(__file__).with_name("s2gos_drive.py")
TYPES = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"


@pytest.fixture(scope="session")
def s2gos(tmp_path_factory):
    """Run Python in the client's environment, with a home that holds no configuration."""
    python = peer_python("s2gos-client-0.1.0", "s2gos-client==0.1.0", "gavicore==0.1.1")
    home = tmp_path_factory.mktemp("home")

    def run(*arguments: str) -> str:
        environment = {**os.environ, "HOME": str(home)}
        command = [str(python), *arguments]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=home, env=environment, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def settings_for(auth, box):
    if auth == "login":
        url = f"{box.url}/login/auth/login"
        form = {"grant_type": "password", "username": "demo", "password": "demo-password"}
        token = httpx.post(url, data=form).json()["access_token"]
        return {"auth_type": "login", "auth_url": url, "token": token}
    return {
        "basic": {"auth_type": "basic", "username": "demo", "password": "demo-password"},
        "bearer": {"auth_type": "token", "token": "sandbox-demo-token"},
        "api_key": {"auth_type": "api-key", "api_key": "sandbox-demo-key"},
    }[auth]


def test_every_call_sync_and_async(box, s2gos):
    found = json.loads(s2gos(str(DRIVE), f"{box.url}/ogc", "{}"))
    assert found["sync"]["capabilities"] == "Sandbox processes"
    for colour, seen in found.items():
        assert seen["conformance"] == 7
        assert seen["processes"] == ["echo", "ndvi", "slow", "failing", "inventory"]
        assert seen["inputs"] == ["fail_at", "seconds", "steps"]
        assert seen["sync"] == seen["echo"] == {"message": "hello"}
        assert seen["job"] == ["JobInfo", "accepted", "successful", 100]
        assert seen["ndvi"]["media_type"] == "image/tiff; application=geotiff"
        assert seen["ndvi"]["statistics"]["mean"] == 0.25
        message, error = seen["failed"]
        assert (message, error["detail"], error["status"]) == ("boom", "boom", 500)
        runs = 1 if colour == "sync" else 2
        assert seen["jobs"].count("ndvi") == seen["jobs"].count("failing") == runs
        assert seen["jobs"].count("echo") == 1
        assert seen["filtered"].count(True) == 1
        assert len(seen["filtered"]) == runs
        assert seen["dismissed"] == "dismissed"
        assert (seen["gone"]["type"], seen["gone"]["status"]) == (f"{TYPES}/gone", 410)
        unknown, invalid = seen["refused"]
        assert (unknown["type"], invalid["status"]) == (f"{TYPES}/no-such-process", 400)


@pytest.mark.parametrize("auth", ["basic", "bearer", "api_key", "login"])
def test_every_call_with_authentication(box, s2gos, auth):
    settings = json.dumps(settings_for(auth, box))
    found = json.loads(s2gos(str(DRIVE), f"{box.url}/{auth}", settings))
    assert found["sync"]["echo"] == found["async"]["echo"] == {"message": "hello"}
    assert found["sync"]["dismissed"] == found["async"]["dismissed"] == "dismissed"


def test_its_command_line(box, s2gos):
    home = json.loads(s2gos("-c", "import json, os; print(json.dumps(os.environ['HOME']))"))
    config = Path(home) / "config.yml"
    config.write_text(json.dumps({"api_url": f"{box.url}/ogc", "auth_type": "none"}))

    def cli(command: str, *arguments: str) -> object:
        place = ["-c", str(config), "-f", "json"]
        return json.loads(s2gos("-m", "s2gos_client.cli", command, *place, *arguments))

    processes = cli("list-processes")
    assert [one["id"] for one in processes["processes"]] == ["echo", "ndvi", "slow", "failing", "inventory"]
    assert cli("get-process", "echo")["title"] == "Echo"
    assert cli("list-jobs")["jobs"] == []
