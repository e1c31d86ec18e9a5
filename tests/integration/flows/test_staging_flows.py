import time

import anyio
import pytest
from flow_runs import ORBIT, run

from eoflows.base.errors import DeadlineError, InvalidInputError, PartialError
from eoflows.flows.stage_aux import aux_staging, on_demand_aux_staging
from eoflows.products.environment import FlowEnvArgs
from eoflows.sandbox import Fault
from eoflows.tasks.stage import aux_staging_task

pytestmark = pytest.mark.anyio

SOME = {"filter": ORBIT, "sortby": "-created", "limit": 3}
NOTHING = {"op": "=", "args": [{"property": "product:type"}, "NO_SUCH_TYPE"]}


def orbits(place):
    return [one for one in place.box.stations["auxip"].products if one.product_type == "AUX_POEORB"]


def corrupt(product):
    return Fault("wrong_checksum", f"/auxip/Products({product.uuid})/$value")


async def test_staging_as_documented(place):
    done = await run(aux_staging, place.env, SOME, "s1-aux")
    status, items = await done.result()
    assert status is True
    assert {f"{item.id}.EOF" for item in items} == set(place.files())
    assert len(items) == 3
    assert (done.state.name, done.state.message) == ("Completed", "3 found in auxip: 3 staged.")
    assert done.name == "stage auxip into s1-aux for demo"
    for item in items:
        (asset,) = item.assets.values()
        assert asset.href.startswith(place.state.as_uri())


async def test_what_people_see_of_it(place):
    bad = orbits(place)[2]
    with place.box.faults.active(corrupt(bad)):
        done = await run(aux_staging, place.env, {"filter": ORBIT}, "s1-aux")
    table, progress = done.artifacts["aux-staging"], done.artifacts["aux-staging-progress"]
    assert (table["type"], progress["type"]) == ("table", "progress")
    rows = table["data"]
    assert [row["outcome"] for row in rows] == ["failed"] + ["staged"] * 11
    assert bad.name.startswith(rows[0]["item"])
    assert "Integrity: md5" in rows[0]["why"]
    assert "12 found in auxip: 11 staged, 1 failed." in table["text"]
    assert progress["data"] == 100
    assert progress["text"].startswith("12 of 12 products")
    link = done.artifacts["aux-staging-products"]
    assert link["type"] == "markdown"
    assert (place.state / "storage/demo/s1-aux").as_uri() in link["data"]
    (report,) = (place.state / "storage/demo/_runs").iterdir()
    assert len(report.read_text().splitlines()) == 13
    assert report.as_uri() in table["text"]


async def test_run_again_it_fetches_nothing(place):
    await run(aux_staging, place.env, SOME, "s1-aux")
    before = place.downloads()
    done = await run(aux_staging, place.env, SOME, "s1-aux")
    status, items = await done.result()
    assert status is True
    assert len(items) == 3
    assert done.state.message == "3 found in auxip: 3 already there."
    assert place.downloads() == before == 3


async def test_nothing_found_is_a_third_outcome(place):
    done = await run(aux_staging, place.env, NOTHING, "s1-aux")
    assert await done.result() == (True, None)
    assert (done.state.name, done.state.type.value) == ("NothingFound", "COMPLETED")
    assert done.state.message == "Nothing found in auxip."
    assert done.artifacts["aux-staging"]["data"][0]["item"] == "nothing found"
    assert "Nothing found" in done.artifacts["aux-staging"]["text"]


@pytest.mark.parametrize(
    ("every", "name", "message", "kept"),
    [
        (False, "PartiallyStaged", "12 found in auxip: 11 staged, 1 failed.", 11),
        (True, "NothingStaged", "12 found in auxip: 12 failed.", 0),
    ],
)
@pytest.mark.parametrize("on_failure", ["return", "fail"])
async def test_a_partial_result_is_never_called_a_success(place, every, name, message, kept, on_failure):
    faults = [corrupt(product) for product in (orbits(place) if every else orbits(place)[:1])]
    with place.box.faults.active(*faults):
        done = await run(aux_staging, place.env, ORBIT, "s1-aux", on_failure=on_failure)
    assert (done.state.name, done.state.message) == (name, message)
    assert done.state.is_failed() == (on_failure == "fail")
    assert len(place.files()) == kept
    if on_failure == "fail":
        with pytest.raises(PartialError, match="md5") as caught:
            await done.result()
        assert len(caught.value.causes) == 12 - kept
    else:
        status, items = await done.result()
        assert status is False
        assert len(items or []) == kept


async def test_a_plan_touches_nothing(place):
    done = await run(aux_staging, place.env, SOME, "s1-aux", plan_only=True)
    assert await done.result() == (True, None)
    assert (done.state.name, done.state.message) == ("Planned", "3 found in auxip: 3 would be staged.")
    rows = done.artifacts["aux-staging"]["data"]
    assert [row["outcome"] for row in rows] == ["would be staged"] * 3
    assert all(row["size"].endswith("kB") and row["why"] == "not in the catalogue" for row in rows)
    assert "Whole table" not in done.artifacts["aux-staging"]["text"]
    assert place.made() == []
    assert place.downloads() == 0


async def test_a_plan_knows_what_is_there(place):
    await run(aux_staging, place.env, SOME | {"limit": 1}, "s1-aux")
    before = sorted(path for path in place.state.rglob("*"))
    done = await run(aux_staging, place.env, SOME, "s1-aux", plan_only=True)
    assert done.state.message == "3 found in auxip: 2 would be staged, 1 already there."
    assert sorted(path for path in place.state.rglob("*")) == before
    assert place.downloads() == 1


async def test_the_catalogue_as_source(place):
    await run(aux_staging, place.env, SOME, "s1-aux")
    before = place.box.log.last
    search = {"filter": ORBIT, "collections": ["s1-aux"]}
    done = await run(aux_staging, place.env, search, "s1-aux", source="catalog")
    status, items = await done.result()
    assert status is True
    assert len(items) == 3
    assert done.state.message == "3 found in catalog: 3 already there."
    assert place.box.log.last == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "lta"}, "LTA auxiliary product search is not supported"),
        ({"source": "earthdatahub"}, "has no earthdatahub"),
        ({"source": "nowhere"}, "source"),
        ({"env": FlowEnvArgs(owner_id="mallory", environment="sandbox")}, "'mallory' is not served"),
        ({"cql2_filter": {"max_items": 5}}, "'max_items'"),
        ({"cql2_filter": {"timestamp": "2025-08-01", "datetime": "2025-08-01"}}, "both"),
        ({"catalog_collection_identifier": "demo:s1-aux"}, "without its owner"),
        ({"catalog_collection_identifier": "../x"}, "cannot be stored"),
        ({"timeout_seconds": -2}, "timeout_seconds"),
        ({"on_failure": "ignore"}, "on_failure"),
    ],
)
async def test_what_is_refused(place, arguments, message):
    arguments = {
        "env": place.env,
        "cql2_filter": SOME,
        "catalog_collection_identifier": "s1-aux",
    } | arguments
    done = await run(aux_staging, **arguments)
    assert done.state.is_failed() or done.state.name == "NothingStaged"
    rows = done.artifacts.get("aux-staging", {"data": []})["data"]
    assert message in done.state.message or any(message in row["why"] for row in rows)
    assert place.downloads() == 0
    assert place.files() == {}


@pytest.mark.parametrize("seconds", [-1, 0])
async def test_no_time_limit(place, seconds):
    with place.box.faults.active(Fault("latency", "/auxip/search", parameters={"seconds": 0.3})):
        done = await run(aux_staging, place.env, SOME | {"limit": 1}, "s1-aux", timeout_seconds=seconds)
    assert done.state.name == "Completed"


async def test_a_hanging_search_is_interrupted_and_fails_the_run(place):
    began = time.monotonic()
    with place.box.faults.active(Fault("hang", "/auxip/search")):
        done = await run(aux_staging, place.env, SOME, "s1-aux", timeout_seconds=1)
    assert time.monotonic() - began < 6
    assert done.state.is_failed()
    with pytest.raises(DeadlineError, match="limit of 1 s"):
        await done.result()
    assert place.files() == {}


async def test_time_for_transfers_does_not_count(place):
    with place.box.faults.active(Fault("latency", "*$value", parameters={"seconds": 1.5})):
        done = await run(aux_staging, place.env, SOME, "s1-aux", timeout_seconds=1)
    assert done.state.message == "3 found in auxip: 3 staged."


async def test_selected_assets(place):
    session = place.box.stations["cadip"].sessions[0]
    chunk = session.chunks[0].name
    search = {"op": "=", "args": [{"property": "cadip:id"}, session.uuid]}
    done = await run(aux_staging, place.env, search, "cadu", source="cadip", selected_assets=[chunk])
    assert done.state.message == "1 found in cadip: 1 staged."
    assert set(place.files("cadu")) == {chunk}
    other = await run(aux_staging, place.env, search, "cadu", source="cadip", selected_assets=["product"])
    assert other.state.name == "NothingStaged"
    assert "it has none of product" in other.artifacts["aux-staging"]["data"][0]["why"]


async def test_of_cdse_the_product_is_the_usual_asset(place):
    done = await run(aux_staging, place.env, SOME | {"limit": 2}, "s1-aux", source="cdse")
    status, items = await done.result()
    assert status is True
    assert [set(item.assets) for item in items] == [{"product"}] * 2
    assert set(place.files()) == {"product"}
    assert sum(path.is_file() for path in (place.state / "storage/demo/s1-aux").rglob("*")) == 2


@pytest.mark.parametrize(("boundary", "found"), [("inclusive", True), ("strict", False)])
async def test_a_validity_that_begins_exactly_at_the_start(place, boundary, found):
    product = orbits(place)[4]
    start, end = product.start, product.start.replace(tzinfo=None).isoformat() + "Z"
    arguments = (place.env, start, end, "AUX_POEORB", "s1-aux")
    done = await run(on_demand_aux_staging, *arguments, boundary=boundary)
    assert (product.name in place.files()) is found
    assert done.name == "stage AUX_POEORB into s1-aux for demo"
    expected = [
        one.name
        for one in orbits(place)
        if (one.start <= start <= one.end if boundary == "inclusive" else one.start < start < one.end)
    ]
    assert sorted(place.files()) == sorted(expected)


async def test_on_demand_with_open_validities(place):
    interval = ("2025-08-03T11:51:12.509000Z", "2025-08-03T14:00:00.509000Z")
    done = await run(on_demand_aux_staging, place.env, *interval, "AX___OSF_AX", "s3-aux")
    expected = {
        one.name
        for one in place.box.stations["auxip"].products
        if one.product_type == "AX___OSF_AX" and one.start.year < 2025
    }
    assert set(place.files("s3-aux")) == expected
    assert done.state.message == f"{len(expected)} found in auxip: {len(expected)} staged."


async def test_on_demand_refuses_an_interval_that_ends_before_it_starts(place):
    done = await run(on_demand_aux_staging, place.env, "2025-08-04", "2025-08-03", "AUX_POEORB", "s1-aux")
    assert done.state.is_failed()
    with pytest.raises(InvalidInputError, match="swap them"):
        await done.result()


async def test_no_key_is_kept_anywhere(place):
    bad = orbits(place)[2]
    with place.box.faults.active(corrupt(bad), Fault("forbidden", f"*({orbits(place)[3].uuid})/$value")):
        done = await run(aux_staging, place.env, ORBIT, "s1-aux", on_failure="fail")
    assert done.state.name == "PartiallyStaged"
    texts = [done.everything, *(path.read_text() for path in place.state.rglob("*.jsonl"))]
    for secret in ("sandbox-demo-key", "demo-password"):
        assert not any(secret in text for text in texts)


async def test_only_what_failed_is_run_again(place):
    with place.box.faults.active(corrupt(orbits(place)[0])):
        first = await run(aux_staging, place.env, ORBIT, "s1-aux")
    run_id = str(first.state.state_details.flow_run_id)
    done = await run(aux_staging, place.env, ORBIT, "s1-aux", from_run=run_id)
    assert done.state.message == "1 found in auxip: 1 staged."
    assert len(place.files()) == 12


async def test_connections_are_closed(place):
    await run(aux_staging, place.env, SOME, "s1-aux")
    with anyio.move_on_after(5):
        while place.box.connections:  # noqa: ASYNC110
            await anyio.sleep(0.01)
    assert place.box.connections == 0


async def test_the_task_as_a_step_of_another_flow(place):
    from prefect import flow

    @flow(name="another")
    async def another(on_failure):
        return await aux_staging_task(place.env, SOME, "s1-aux", on_failure=on_failure)

    status, items = await (await run(another, "fail")).result()
    assert status is True
    assert len(items) == 3
    bad = {**SOME, "limit": 12}
    with place.box.faults.active(*map(corrupt, orbits(place))):

        @flow(name="failing")
        async def failing(on_failure):
            return await aux_staging_task(place.env, bad, "other", on_failure=on_failure)

        status, items = await (await run(failing, "return")).result()
        assert (status, list(items)) == (False, [])
        with pytest.raises(PartialError):
            await (await run(failing, "fail")).result()
