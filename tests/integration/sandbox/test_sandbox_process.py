import json
import os
import signal
import subprocess
import sys

import httpx
import pytest

KEY = {"x-api-key": "mine"}


@pytest.fixture
def start():
    running = []

    def begin(*arguments):
        command = [sys.executable, "-W", "error", "-m", "eoflows.sandbox", "--days", "2", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        return process, json.loads(process.stdout.readline())

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_serves_until_it_is_told_to_stop(start, tmp_path, number):
    ready = tmp_path / "ready.json"
    process, told = start("--api-key", "mine", "--ready-file", str(ready))
    assert json.loads(ready.read_text()) == told
    assert os.listdir(tmp_path) == ["ready.json"]
    assert httpx.get(f"{told['url']}/auxip/", headers=KEY).json()["id"] == "auxip"
    process.send_signal(number)
    out, errors = process.communicate(timeout=20)
    assert (process.returncode, out, errors) == (0, "", "")


def test_several_processes_with_faults_and_log_by_http(start):
    (_, first), (_, second) = start("--api-key", "mine"), start("--api-key", "mine")
    assert first["url"] != second["url"]
    with httpx.Client(base_url=first["url"], headers=KEY) as http:
        ordered = http.post("/_sandbox/faults", json={"kind": "throttle", "path": "/prip", "times": 1})
        assert ordered.status_code == 201
        (name,) = ordered.json()["ids"]
        assert http.post("/_sandbox/faults", json={"kind": "nonsense"}).status_code == 422
        assert httpx.get(f"{second['url']}/prip/", headers=KEY).status_code == 200
        assert [http.get("/prip/").status_code for _ in range(2)] == [429, 200]
        assert http.get("/_sandbox/faults").json()["faults"][0]["struck"] == 1
        http.post("/prip/search", json={"limit": 1})
        httpx.get(f"{first['other_url']}/prip/", headers=KEY)
        log = http.get("/_sandbox/log", params={"path": "/prip"}).json()
        assert [(one["method"], one["status"], one["faults"], one["origin"]) for one in log["entries"]] == [
            ("GET", 429, ["throttle"], "main"),
            ("GET", 200, [], "main"),
            ("POST", 200, [], "main"),
            ("GET", 200, [], "other"),
        ]
        assert log["entries"][2]["body"] == {"limit": 1}
        since = {"since": log["entries"][1]["sequence"], "method": "post"}
        assert len(http.get("/_sandbox/log", params=since).json()["entries"]) == 1
        assert http.delete(f"/_sandbox/faults/{name}").status_code == 204
        assert http.delete("/_sandbox/log").status_code == http.delete("/_sandbox/faults").status_code == 204
        assert http.get("/_sandbox/log").json()["entries"] == []
        assert http.get("/_sandbox/health").json()["status"] == "ok"
