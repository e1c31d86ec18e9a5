"""What a test in another process can see and order."""

import httpx
import pytest

ORDER = {
    "description": "from-afar",
    "requestId": "an-id",
    "expression": {"result": "0", "values": {"0": {"constantValue": 1}}},
    "fileExportOptions": {"cloudStorageDestination": {"bucket": "eo-bucket", "filenamePrefix": "a/b"}},
}
ADMIN = "/_sandbox/earth-engine"


@pytest.fixture
def http(box):
    with httpx.Client(base_url=box.url, timeout=10) as client:
        yield client


def test_rules_operations_and_reset(box, http):
    rule = {"description": "from-*", "path": ["RUNNING", "FAILED"], "error": [8, "Too much."], "times": 1}
    assert http.put(f"{ADMIN}/rules", json={"rules": [rule]}).status_code == 204
    assert http.put(f"{ADMIN}/rules", json={"rules": [{"no": 1}]}).status_code == 422
    made = http.post("/v1/projects/demo-project/image:export", json=ORDER).json()
    address = f"{ADMIN}/operations/{made['name'].rpartition('/')[2]}"
    told = http.patch(address, json={"steps": "all"}).json()
    assert told["error"] == {"code": 8, "message": "Too much."}
    assert told["_sandbox"] == {
        "project": "demo-project",
        "past": ["PENDING", "RUNNING", "FAILED"],
        "to_come": [],
        "files": [],
        "user": "anonymous",
        "request_id": "an-id",
    }
    later = http.patch(address, json={"path": ["CANCELLED"], "error": [1, "By hand."], "steps": 1}).json()
    assert later["metadata"]["state"] == "CANCELLED"
    (listed,) = http.get(f"{ADMIN}/operations").json()["operations"]
    assert listed == later
    assert http.delete(address).status_code == 204
    assert http.delete(address).status_code == 404
    assert http.get(f"/v1/{made['name']}").status_code == 404
    box.cloud_storage.store.put("eo-bucket", "a", b"1")
    assert http.post(f"{ADMIN}/reset").status_code == 204
    assert box.cloud_storage.store.names("eo-bucket") == []


def test_a_graph_that_gives_no_image_fails_in_the_end(box, http):
    made = http.post("/v1/projects/demo-project/image:export", json=ORDER).json()
    states = [http.get(f"/v1/{made['name']}").json() for _ in range(2)]
    assert [one["metadata"]["state"] for one in states] == ["RUNNING", "FAILED"]
    assert states[-1]["error"]["message"] == "Exported images must have at least one band."


def test_a_key_file(box, http):
    told = http.get(f"{ADMIN}/key-file", params={"name": "robot", "project": "p-one"}).json()
    assert told["client_email"] == "robot@p-one.iam.gserviceaccount.com"
    assert told["token_uri"] == f"{box.url}/google/token"
    assert told["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}
    assert http.post("/google/token", data=form).json()["error"] == "invalid_grant"


def test_the_description_of_the_api_names_this_server(box, http):
    told = http.get("/$discovery/rest", params={"version": "v1"}).json()
    assert (told["rootUrl"], told["version"]) == (f"{box.url}/", "v1")
    assert told["resources"]["projects"]["resources"]["image"]["methods"]["export"]["path"].startswith("v1/")
