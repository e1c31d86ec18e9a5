"""RS-Server's staging service: by its own flow, and in place of the engine of `aux_staging`."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import anyio
import httpx
import pytest
from flow_runs import ORBIT, run
from pystac import ItemCollection

from eoflows.base.errors import PartialError
from eoflows.blocks import EoEnvironment
from eoflows.flows.collect_jobs import collect_jobs
from eoflows.flows.rs_staging import staging
from eoflows.flows.stage_aux import aux_staging
from eoflows.products.environment import FlowEnvArgs
from eoflows.sandbox import Fault
from eoflows.tasks.stage_by_service import staging_task

pytestmark = pytest.mark.anyio
COLLECTION, HERE = "s1-aux", "demo:s1-aux"
SOON = 0.2
"""Seconds between the first two looks at a job."""
EXECUTION = "/processes/staging/execution"


@pytest.fixture
def box(place):
    place.box.catalogue.clear()
    place.box.staging.jobs.clear()
    return place.box


@pytest.fixture
def env() -> FlowEnvArgs:
    return FlowEnvArgs(owner_id="demo", environment="sandbox-service")


@pytest.fixture
def items(box):
    query = {"limit": 3, "sortby": [{"field": "id", "direction": "asc"}]}
    found = httpx.post(f"{box.url}/auxip/search", json=query, headers={"x-api-key": "sandbox-demo-key"})
    return {"type": "FeatureCollection", "features": found.json()["features"]}


def names(items) -> set[str]:
    return {item["id"] for item in items["features"]}


def catalogued(box) -> dict[str, dict]:
    return {item["id"]: item for item in box.catalogue.items(HERE)}


def executions(place) -> int:
    return sum(entry.method == "POST" for entry in place.box.log.entries(EXECUTION, since=place.since))


def file_of(asset) -> Path:
    return Path(unquote(urlsplit(asset["href"]).path))


async def test_items_are_staged_and_the_catalogue_says_so(place, box, env, items):
    done = await run(staging, env, items, COLLECTION, poll_interval=SOON)
    assert (done.state.name, done.state.message) == ("Completed", "3 found in the input: 3 staged.")
    (job,) = (await done.result()).values()
    assert (job["status"], job["message"], job["processID"]) == ("successful", "Finished", "staging")
    assert set(catalogued(box)) == names(items)
    for item in catalogued(box).values():
        for asset in item["assets"].values():
            assert file_of(asset).stat().st_size == asset["file:size"]
    assert {row["outcome"] for row in done.artifacts["staging"]["data"]} == {"staged"}

    again = await run(staging, env, items, COLLECTION, poll_interval=SOON)
    assert again.state.message == "3 found in the input: 3 already there."
    ((station, job),) = (await again.result()).items()
    assert (station, job["status"], job["jobID"]) == ("127.0.0.1", "successful", None)
    assert executions(place) == 1
    assert (await run(collect_jobs, "sandbox")).state.message.startswith("1 fetched: ")


@pytest.mark.parametrize("form", ["text", "path", "url", "item collection", "feature"])
async def test_every_form_of_input(place, box, env, items, form, tmp_path):
    first = items["features"][0]
    path = tmp_path / "items.json"
    path.write_text(json.dumps(items))
    given, expected = {
        "text": (json.dumps(items), 3),
        "path": (str(path), 3),
        "url": (f"{box.url}/auxip/collections/adgs/items/{first['id']}", 1),
        "item collection": (ItemCollection.from_dict(items), 3),
        "feature": (first, 1),
    }[form]
    done = await run(staging, env, given, COLLECTION, poll_interval=SOON)
    assert done.state.name == "Completed"
    assert len(catalogued(box)) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("items.json", "neither JSON, nor a URL"),
        ({"type": "Catalog"}, "no FeatureCollection"),
        ("{", "no JSON"),
    ],
)
async def test_what_is_no_input(place, box, env, given, words):
    done = await run(staging, env, given, COLLECTION, poll_interval=SOON)
    assert done.state.is_failed()
    assert words in done.state.message
    assert executions(place) == 0


async def test_only_named_assets_are_staged(place, box, env, items):
    (name,) = items["features"][0]["assets"]
    jobs = await staging_task.fn(env, items, COLLECTION, [name])
    assert {station: job["status"] for station, job in jobs.items()} == {
        "127.0.0.1": "successful",
        "": "failed",
    }
    assert "none of" in jobs[""]["message"]
    assert set(catalogued(box)) == {items["features"][0]["id"]}


async def test_each_station_has_a_job_of_its_own(place, box, env, items):
    far = items["features"][2]
    for asset in far["assets"].values():
        asset["href"] = "http://station.invalid/file"
    done = await run(staging, env, items, COLLECTION, poll_interval=SOON)
    assert done.state.name == "PartiallyStaged"
    jobs = await done.result()
    assert {station: job["status"] for station, job in jobs.items()} == {
        "127.0.0.1": "successful",
        "station.invalid": "failed",
    }
    assert jobs["station.invalid"]["jobID"]
    assert jobs["station.invalid"]["message"]
    assert set(catalogued(box)) == names(items) - {far["id"]}
    assert executions(place) == 2


async def test_a_job_that_has_failed_already_is_data_and_is_tried_again_by_the_next_run(
    place, box, env, items
):
    boom = Fault("behave", path=EXECUTION, parameters={"settings": {"fails_at_once": "boom"}})
    with box.faults.active(boom):
        done = await run(staging, env, items, COLLECTION, poll_interval=SOON)
        (job,) = (await done.result()).values()
        assert (done.state.name, job["status"], job["message"]) == ("NothingStaged", "failed", "boom")
        strict = await run(staging, env, items, COLLECTION, poll_interval=SOON, on_failure="fail")
    with pytest.raises(PartialError, match="boom"):
        await strict.result()
    assert (
        await run(staging, env, items, COLLECTION, poll_interval=SOON)
    ).state.message == "3 found in the input: 3 staged."
    assert executions(place) == 3


async def test_the_services_odd_errors_are_read(place, box, env, items):
    with box.faults.active(Fault("forbidden", path=EXECUTION)):
        done = await run(staging, env, items, COLLECTION, poll_interval=SOON)
    (job,) = (await done.result()).values()
    assert (job["status"], job["jobID"]) == ("failed", None)
    assert "403" in job["message"]
    assert box.staging.jobs.all() == []


async def test_a_lost_answer_makes_no_second_job(place, box, env, items):
    with box.faults.active(Fault("lost_answer", path=EXECUTION, method="POST", times=1)):
        done = await run(staging, env, items, COLLECTION, poll_interval=SOON)
    assert done.state.message == "3 found in the input: 3 staged."
    assert (executions(place), len(box.staging.jobs.all())) == (1, 1)


async def test_what_a_job_is_staging_is_not_sent_again(place, box, env, items):
    slow = Fault("latency", path="/auxip/Products*", parameters={"seconds": 2.0})
    first = dict(items, features=items["features"][:2])
    with box.faults.active(slow):
        done = {}

        async def one(name: str, given: object) -> None:
            done[name] = await run(staging, env, given, COLLECTION, poll_interval=SOON)

        async with anyio.create_task_group() as group:
            group.start_soon(one, "first", first)
            while not executions(place):  # noqa: ASYNC110
                await anyio.sleep(0.05)
            group.start_soon(one, "second", items)
    assert {one.state.name for one in done.values()} == {"Completed"}
    sent = [job.inputs["items"]["value"]["features"] for job in box.staging.jobs.all()]
    assert sorted(len(features) for features in sent) == [1, 2]
    assert set(catalogued(box)) == names(items)


async def test_aux_staging_by_the_service(place, box, env):
    query = {"filter": ORBIT, "limit": 4}
    done = await run(aux_staging, env, query, COLLECTION)
    succeeded, found = await done.result()
    assert (succeeded, len(found)) == (True, 4)
    assert done.state.message == "4 found in auxip: 4 staged."
    assets = [asset for item in catalogued(box).values() for asset in item["assets"].values()]
    assert len(assets) == 4
    assert all(file_of(asset).exists() for asset in assets)
    assert place.files() == {}

    again = await run(aux_staging, env, query, COLLECTION)
    assert again.state.message == "4 found in auxip: 4 already there."
    assert executions(place) == 1


async def test_aux_staging_by_the_service_that_fails(place, box, env):
    boom = Fault("behave", path=EXECUTION, parameters={"settings": {"fails_at_once": "boom"}})
    with box.faults.active(boom):
        done = await run(aux_staging, env, {"filter": ORBIT, "limit": 2}, COLLECTION)
    assert (await done.result())[0] is False
    assert done.state.name == "NothingStaged"
    assert "boom" in done.artifacts["aux-staging"]["data"][0]["why"]


async def test_an_environment_without_a_service_says_so(place, items):
    done = await run(staging, place.env, items, COLLECTION, poll_interval=SOON)
    assert "has no staging service" in done.state.message
    block = await EoEnvironment.aload("sandbox")
    with pytest.raises(ValueError, match="staging is 'service'"):
        EoEnvironment(owners=["demo"], catalog=block.catalog, storage=block.storage, staging="service")
