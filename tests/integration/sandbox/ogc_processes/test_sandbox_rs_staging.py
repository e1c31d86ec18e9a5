"""RS-Server's staging service, as its source reads."""

import hashlib
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.ogc_processes.jobs import Steps
from eoflows.sandbox.settings import StagingSettings

KEY = {"x-api-key": "sandbox-demo-key"}


@pytest.fixture(scope="session")
def staging_box(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bucket")
    with Sandbox(SandboxSettings(days=2, staging=StagingSettings(directory=directory))) as box:
        yield box


@pytest.fixture
def box(staging_box):
    staging_box.faults.clear()
    staging_box.catalogue.clear()
    staging_box.staging.jobs.clear()
    yield staging_box
    staging_box.faults.clear()


@pytest.fixture
def http(box):
    with httpx.Client(base_url=box.url, headers=KEY, timeout=10) as client:
        yield client


@pytest.fixture
def items(http):
    found = http.post("/auxip/search", json={"limit": 3, "sortby": [{"field": "id", "direction": "asc"}]})
    return found.json()


@pytest.fixture
def stage(http):
    def order(items, collection="s1-aux", **more):
        inputs = {"collection": collection, "items": items, **more}
        return http.post("/processes/staging/execution", json={"inputs": inputs})

    return order


@pytest.fixture
def ended(http, wait_for):
    def wait(answer):
        assert answer.status_code == 201
        name = answer.json()["jobID"]

        def end():
            job = http.get(f"/jobs/{name}").json()
            return job if job["status"] in ("successful", "failed") else None

        return wait_for(end)

    return wait


def path_of(href):
    return Path(unquote(urlsplit(href).path))


def test_items_are_really_staged(box, http, stage, ended, items):
    answer = stage({"value": items})
    first = answer.json()
    assert (first["status"], first["message"], first["progress"], first["processID"]) == (
        "running",
        "Successfully searched catalog",
        0,
        "staging",
    )
    assert "finished" not in first
    job = ended(answer)
    assert (job["status"], job["message"], job["progress"]) == ("successful", "Finished", 100)
    assert job["finished"] >= job["started"]
    stored = {item["id"]: item for item in box.catalogue.items("demo:s1-aux")}
    assert stored.keys() == {feature["id"] for feature in items["features"]}
    for feature in items["features"]:
        for name, asset in feature["assets"].items():
            landed = path_of(stored[feature["id"]]["assets"][name]["href"])
            data = landed.read_bytes()
            assert landed.parts[-4:] == ("demo", "s1-aux", feature["id"], name)
            assert len(data) == asset["file:size"]
            assert hashlib.md5(data).hexdigest() == asset["file:checksum"].lower()
    assert http.get(f"/jobs/{job['jobID']}/results").json() == "successful"
    listing = http.get("/jobs").json()
    assert (listing["numberMatched"], [one["jobID"] for one in listing["jobs"]]) == (1, [job["jobID"]])


def test_items_behind_an_address_and_named_assets(box, http, stage, ended, items):
    wanted = items["features"][0]
    (name,) = wanted["assets"]
    href = f"{box.url}/auxip/collections/adgs/items/{wanted['id']}"
    job = ended(stage({"href": href}, asset_names=[name]))
    assert job["status"] == "successful"
    assert [item["id"] for item in box.catalogue.items("demo:s1-aux")] == [wanted["id"]]
    none = stage({"value": items}, asset_names=["nonsense"]).json()
    assert (none["status"], none["progress"]) == ("successful", 100)
    assert none["message"].startswith("No items with assets were found")


def test_what_is_there_is_skipped_and_what_expired_comes_again(box, http, stage, ended, items):
    ended(stage({"value": items}))
    since = box.log.last
    again = stage({"value": items}).json()
    assert (again["status"], again["message"]) == ("successful", "Finished without processing any tasks")
    assert box.log.count("/auxip/Products", since=since) == 0
    expired = items["features"][1]["id"]
    box.catalogue.unpublish("demo:s1-aux", expired)
    assert ended(stage({"value": items}))["status"] == "successful"
    assert box.log.count("/auxip/Products", since=since) == 1
    assert box.catalogue.record("demo:s1-aux", expired).item["assets"]
    assert len(box.log.entries("/catalog", method="PUT", since=since)) == 1


def test_one_bad_asset_fails_the_job_and_everything_is_deleted(box, http, stage, ended, items):
    bad = urlsplit(next(iter(items["features"][2]["assets"].values()))["href"]).path
    box.faults.add(Fault("server_error", path=bad))
    job = ended(stage({"value": items}))
    assert job["status"] == "failed"
    assert "status 500" in job["message"]
    assert box.catalogue.items("demo:s1-aux") == []
    directory = box.staging.settings.directory
    assert not [path for path in directory.rglob("*") if path.is_file() and path.parts[-3] == "s1-aux"]


@pytest.mark.parametrize(("twin", "status"), [("fails", "failed"), ("succeeds", "successful")])
def test_a_twin_that_published_first(box, http, stage, ended, items, twin, status):
    steps, feature = Steps(), items["features"][0]
    settings = {"pace": steps, "twin": twin}
    box.faults.add(Fault("behave", path="/processes", parameters={"settings": settings}))
    answer = stage({"value": feature}, collection=twin)
    assert answer.json()["status"] == "running"
    box.catalogue.insert(f"demo:{twin}", [{**feature, "collection": twin}])
    steps.release()
    assert ended(answer)["status"] == status
    landed = list(box.staging.settings.directory.glob(f"*/demo/{twin}/*/*"))
    assert len(landed) == (twin == "succeeds")


def behaving(**settings):
    return Fault("behave", path="/processes", parameters={"settings": settings})


SILENT = Fault("hang", path="/catalog/search")


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ([behaving(fails_at_once="boom")], "boom"),
        ([Fault("unavailable", path="/catalog/search")], "Failed to search catalog"),
        ([Fault("reset", path="/catalog/collections")], "Failed to search catalog"),
        ([SILENT, behaving(catalogue_timeout=0.1)], "Failed to search catalog"),
    ],
)
def test_201_with_a_job_that_has_failed_already(box, stage, items, faults, told):
    box.faults.add(*faults)
    answer = stage({"value": items})
    assert (answer.status_code, answer.json()["status"]) == (201, "failed")
    assert answer.json()["message"].startswith(told)


def test_an_address_that_does_not_answer(stage):
    job = stage({"href": "http://127.0.0.1:1/items"}).json()
    assert job["status"] == "failed"


@pytest.mark.parametrize(
    "items",
    [
        {"value": {"features": [1]}},
        {"value": {"features": None}},
        {"value": {"id": "a", "assets": {"x": 1}}},
        {"value": {"id": "a", "assets": {"x": {}}}},
        {"value": {"id": "a", "assets": {"x": {"href": "s3://bucket/x"}}}},
        {"value": {"id": "a", "assets": ["x"]}},
        {"href": 3},
    ],
)
def test_what_is_no_item_collection_fails_the_job(stage, ended, items):
    job = ended(stage(items))
    assert job["status"] == "failed"
    assert job["message"]


def test_errors_are_json_inside_json(http, stage):
    answer = http.get("/jobs/x")
    inner = json.loads(answer.json()["description"])
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")
    assert (inner["status"], inner["detail"]) == (404, "Job with ID x not found")
    for bad in ({"nonsense": 1}, [1], None):
        assert stage(bad).status_code == 422
    assert http.post("/processes/other/execution", json={}).status_code == 404
    assert http.get("/processes/other").status_code == 404


def test_a_deleted_job_goes_on_unseen(box, http, stage, items):
    steps = Steps()
    box.faults.add(Fault("behave", path="/processes", parameters={"settings": {"pace": steps}}))
    name = stage({"value": items}).json()["jobID"]
    assert http.delete(f"/jobs/{name}").status_code == 200
    assert http.get(f"/jobs/{name}").status_code == http.delete(f"/jobs/{name}").status_code == 404
    steps.release(3)
    assert box.log.wait_for(lambda log: len(box.catalogue.items("demo:s1-aux")) == 3)


def test_roles(box, items):
    inputs = {"inputs": {"collection": "c", "items": {"value": items}}}
    with httpx.Client(base_url=box.url) as http:
        assert http.get("/processes").status_code == 401
        reader = {"x-api-key": "sandbox-reader-key"}
        (process,) = http.get("/processes", headers=reader).json()["processes"]
        assert process == http.get("/processes/staging", headers=reader).json()
        assert process["inputs"].keys() == {"collection", "items", "asset_names"}
        assert http.post("/processes/staging/execution", headers=reader, json=inputs).status_code == 403
        assert http.get("/_mgmt/ping").json() == {"healthy": True}


def test_without_a_directory_the_bytes_are_dropped():
    with Sandbox(SandboxSettings(days=1)) as box, httpx.Client(base_url=box.url, headers=KEY) as http:
        (item,) = http.post("/auxip/search", json={"limit": 1}).json()["features"]
        inputs = {"collection": "c", "items": {"value": item}}
        http.post("/processes/staging/execution", json={"inputs": inputs})
        assert box.log.wait_for(lambda log: box.staging.jobs.all()[0].is_final)
        (stored,) = box.catalogue.items("demo:c")
        (name,) = item["assets"]
        assert stored["assets"][name]["href"] == f"s3://rs-sandbox-staging/demo/c/{item['id']}/{name}"
        (download,) = box.log.entries("/auxip/Products")
        assert download.bytes_sent == item["assets"][name]["file:size"]
