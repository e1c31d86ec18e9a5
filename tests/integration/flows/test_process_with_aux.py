"""The chain from a scene to a published product, on real HTTP: staged, sent once, collected, published."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from flow_runs import Run, run
from prefect.utilities.callables import parameter_schema

from eoflows.base.errors import CatalogError, InvalidInputError, PartialError
from eoflows.flows.process_with_aux import process_with_aux
from eoflows.sandbox import Fault
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.catalog.serve import create_app

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

S1 = "S1A_IW_RAW__0SDV_20250805T100000_20250805T100030_043829_053B7F_203C"
ORBIT = {"product": "orbit", "input": "items", "give": "item"}
PARAMETERS = {"product": "processing parameters", "input": "items", "give": "item"}


@pytest.fixture
def jobs(place):
    """The server's jobs, of this test only."""
    place.box.ogc_processes["/ogc"].jobs.clear()
    return place.box.ogc_processes["/ogc"].jobs.all


async def chain(place: Any, **changed: Any) -> Run:
    given = {"inputs": {"scene": "{scene.name}"}, "ledger": "sandbox", "feeds": [ORBIT, PARAMETERS]} | changed
    return await run(process_with_aux, place.env, "aux", "sandbox", "inventory", scene=S1,
                     output_collection="made", **given)  # fmt: skip


def outcomes(done: Run) -> dict[str, list[str]]:
    """The outcomes of the table, by step."""
    rows = done.artifacts["process-with-aux"]["data"]
    return {
        step: [row["outcome"] for row in rows if row["step"] == step] for step in ("product", "job", "item")
    }


def sent(place: Any) -> int:
    return len(place.box.log.entries("/ogc/processes/*/execution", since=place.since))


async def made(place: Any) -> list[dict[str, Any]]:
    async with LocalCatalog(place.state / "catalog.sqlite", create=False) as catalog:
        return [item async for page in catalog.search(["demo:made"]) for item in page]


async def test_a_product_is_made_once_of_what_was_staged_and_says_of_what(place, jobs):
    done = await chain(place)
    assert done.state.name == "Completed", done.state.message
    assert outcomes(done) == {"product": ["staged", "staged"], "job": ["succeeded"], "item": ["published"]}
    assert done.artifacts["process-with-aux-progress"]["data"] == 100.0
    assert "process-with-aux-item" in done.artifacts

    served = LocalCatalog(place.state / "catalog.sqlite", create=False)
    transport = httpx.ASGITransport(create_app(served))
    async with served, httpx.AsyncClient(transport=transport, base_url="http://catalogue.test") as http:
        (item,) = (await http.get("/collections/demo:made/items")).json()["features"]
        origins = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
        inputs = [(await http.get(origin)).raise_for_status().json() for origin in origins]
    result = await done.result()
    assert (result["item"], result["collection"]) == (item["id"], "demo:made")
    assert result["made_from"] == [one["id"] for one in inputs]
    assert [one["properties"]["product:type"] for one in inputs] == ["AUX_POEORB", "AUX_PP2"]

    (asset,) = item["assets"].values()
    inventory = json.loads((place.state / "storage" / urlsplit(asset["href"]).path).read_bytes())
    assert inventory["scene"] == S1
    promised = {a["file:checksum"] for one in inputs for a in one["assets"].values()}
    assert {a["checksum"] for one in inventory["items"] for a in one["assets"]} == promised
    (job,) = jobs()
    properties = item["properties"]
    assert properties["start_datetime"].startswith("2025-08-05T10:00:00")
    assert properties["processing:datetime"][:19] == job.finished.isoformat()[:19]
    assert properties["processing:software"]["inventory"] == "1.0.0"
    assert job.id in properties["processing:lineage"]
    execution = next(link["href"] for link in item["links"] if link["rel"] == "processing-execution")
    async with httpx.AsyncClient(trust_env=False) as web:
        assert (await web.get(execution)).json()["status"] == "successful"

    before, downloads = await made(place), place.downloads()
    again = await chain(place)
    assert again.state.name == "AlreadyThere"
    assert outcomes(again) == {
        "product": ["chosen before"] * 2,
        "job": ["succeeded"],
        "item": ["already there"],
    }
    assert (await made(place), place.downloads(), len(jobs()), sent(place)) == (before, downloads, 1, 1)


async def test_what_was_sent_is_gone_on_with_though_products_would_be_chosen_anew(place, jobs):
    """The run ends after sending; what it chose leaves the catalogue; the next one publishes."""
    slow = {"inputs": {"seconds": 3600}}
    first = await chain(place, **slow, wait_seconds=0)
    assert first.state.name == "StillRunning"
    assert outcomes(first)["item"] == ["not published"]
    with sqlite3.connect(place.state / "catalog.sqlite") as database:
        database.execute("DELETE FROM items")
    database.close()
    (job,) = jobs()
    second = await chain(place, **slow, wait_seconds=0)
    assert (second.state.name, outcomes(second)["product"]) == ("StillRunning", ["chosen before"] * 2)
    assert [one.id for one in jobs()] == [job.id]


async def test_killed_before_publishing_or_with_the_catalogue_down_it_goes_on(place, jobs, monkeypatch):
    class Killed(BaseException):
        """Nothing catches it, as nothing catches SIGKILL."""

    def failing(error: BaseException) -> Any:
        async def fail(*_: Any) -> None:
            raise error

        return fail

    with monkeypatch.context() as patch:
        patch.setattr("eoflows.tasks.derive.publish_derived", failing(Killed()))
        with pytest.raises(Killed):
            await chain(place)
    assert (len(jobs()), await made(place)) == (1, [])

    with monkeypatch.context() as patch:
        patch.setattr(LocalCatalog, "upsert", failing(CatalogError("the catalogue is down")))
        done = await chain(place)
    assert (done.state.type.value, done.state.name) == ("FAILED", "NotPublished")
    assert "run again to publish" in done.state.message
    with pytest.raises(CatalogError):
        await done.result()

    again = await chain(place)
    assert (again.state.name, len(await made(place)), len(jobs())) == ("Completed", 1, 1)


async def test_incomplete_staging_sends_nothing(place, jobs):
    with place.box.faults.active(
        Fault("unavailable", path="/auxip/search", times=5, parameters={"retry_after": 0})
    ):
        done = await chain(place)
    assert (done.state.type.value, done.state.name) == ("FAILED", "NothingSent")
    assert outcomes(done) == {
        "product": ["unreachable", "staged"],
        "job": ["not sent"],
        "item": ["not published"],
    }
    with pytest.raises(PartialError, match="unreachable"):
        await done.result()
    assert (jobs(), sent(place), await made(place)) == ([], 0, [])


async def test_a_plan_touches_nothing(place, jobs):
    done = await chain(place, plan_only=True)
    assert done.state.name == "Planned"
    assert outcomes(done) == {
        "product": ["would be staged"] * 2,
        "job": ["would be sent"],
        "item": ["would be there"],
    }
    rows = done.artifacts["process-with-aux"]["data"]
    assert [row["goes to"] for row in rows] == ["items", "items", "ogc-processes-server/sandbox", "demo:made"]
    assert (jobs(), sent(place), place.downloads(), place.made()) == ([], 0, 0, [])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"feeds": [{"product": "orbits", "input": "itmes"}], "inputs": {"seconds": -1}},
            [
                "nothing is called 'orbits'; there are orbit, AUX_POEORB",
                "itmes: the process has no such input",
                "items: is missing",
                "seconds: -1 is less",
            ],
        ),
        ({"feeds": [{**ORBIT, "give": "link"}]}, ["give the one at which it is served as catalog_url"]),
    ],
)
async def test_a_chain_that_does_not_fit_is_refused_before_anything_is_done(place, jobs, changed, words):
    done = await chain(place, **changed)
    with pytest.raises(InvalidInputError) as caught:
        await done.result()
    assert [word for word in words if word not in str(caught.value)] == []
    assert (jobs(), place.downloads(), place.made()) == ([], 0, [])


def test_the_form_has_a_row_per_feed():
    schema = parameter_schema(process_with_aux.fn).model_dump()
    assert schema["properties"]["feeds"]["items"] == {"$ref": "#/definitions/Feed"}
    feed = schema["definitions"]["Feed"]
    assert feed["required"] == ["product", "input"]
    assert feed["properties"]["give"]["enum"] == ["files", "item", "link"]


async def test_the_flow_of_ones_own_in_the_docs_does_what_it_says(place, jobs):
    page = Path(__file__).parents[3] / "docs" / "process_with_aux.md"
    (example,) = re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(example, str(page), "exec"), names)
    done = await run(names["list_newest_orbits"], place.env, "sandbox", ledger="sandbox")
    assert done.state.message == "2 succeeded"
    results = [path.read_bytes() for path in (place.state / "storage/jobs").rglob("inventory.json")]
    found = {item["id"] for result in results for item in json.loads(result)["items"]}
    async with LocalCatalog(place.state / "catalog.sqlite", create=False) as catalog:
        staged = {item["id"] async for page in catalog.search(["demo:s1-aux"]) for item in page}
    assert (found, len(found), len(jobs())) == (staged, 2, 2)
