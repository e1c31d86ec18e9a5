import pytest
from flow_runs import ORBIT, run
from pystac import ItemCollection

from eoflows.base.errors import InvalidInputError, UnreachableError
from eoflows.flows.search_aux import search
from eoflows.products.environment import AuxiliarySource, FlowEnvArgs
from eoflows.sandbox import Fault
from eoflows.tasks.search import search_task

pytestmark = pytest.mark.anyio

NOTHING = {"op": "=", "args": [{"property": "product:type"}, "NO_SUCH_TYPE"]}


async def test_a_search_returns_and_shows_its_items(place):
    done = await run(search, place.env, {"filter": ORBIT, "limit": 5, "sortby": "-created"})
    items = await done.result()
    assert isinstance(items, ItemCollection)
    assert len(items) == 5
    assert {item.properties["product:type"] for item in items} == {"AUX_POEORB"}
    published = [item.properties["published"] for item in items]
    assert published == sorted(published, reverse=True)
    assert done.state.is_completed()
    assert done.name == "search auxip for demo"
    table = done.artifacts["aux-search"]
    assert [row["item"] for row in table["data"]] == [item.id for item in items]
    assert all(row["size"].endswith(" kB") for row in table["data"])
    assert "5 items found in auxip" in table["text"]


async def test_a_search_leaves_no_trace(place):
    await run(search, place.env, {"filter": ORBIT})
    assert place.made() == []
    assert place.downloads() == 0


async def test_no_key_is_kept_anywhere(place):
    done = await run(search, place.env, {"filter": ORBIT})
    assert "sandbox-demo-key" not in done.everything


@pytest.mark.parametrize("name", ["timestamp", "datetime"])
async def test_both_names_of_the_time(place, name):
    done = await run(search, place.env, {"filter": ORBIT, name: "2025-08-03T12:00:00Z"})
    starts = [item.properties["start_datetime"] for item in await done.result()]
    assert starts
    assert all(start <= "2025-08-03T12:00:00.000Z" for start in starts)
    both = await run(search, place.env, {"timestamp": "2025-08-03", "datetime": "2025-08-03"})
    assert both.state.is_failed()
    assert "both `timestamp` and `datetime`" in both.state.message


async def test_nothing_found(place):
    done = await run(search, place.env, NOTHING)
    assert len(await done.result()) == 0
    assert done.artifacts["aux-search"]["data"][0]["item"] == "nothing found"
    strict = await run(search, place.env, NOTHING, error_if_empty=True)
    assert strict.state.is_failed()
    with pytest.raises(ValueError, match="No item found for CQL2") as caught:
        await strict.result()
    assert isinstance(caught.value, InvalidInputError)


async def test_an_unreachable_source_is_not_nothing_found(place):
    fault = Fault("unavailable", "/auxip/search", parameters={"retry_after": 3600})
    with place.box.faults.active(fault):
        done = await run(search, place.env, ORBIT)
    assert done.state.is_failed()
    with pytest.raises(UnreachableError):
        await done.result()


@pytest.mark.parametrize("source", ["prip", "cadip", "cdse"])
async def test_other_sources(place, source):
    done = await run(search, place.env, {"limit": 3}, source=source)
    assert len(await done.result()) == 3
    assert done.name == f"search {source} for demo"


async def test_the_catalogue_as_a_source_before_anything_is_staged(place):
    done = await run(search, place.env, {"collections": ["s1-aux"]}, source=AuxiliarySource.CATALOG)
    assert len(await done.result()) == 0


@pytest.mark.parametrize(
    ("env", "source", "message"),
    [
        ({}, "lta", "LTA auxiliary product search is not supported"),
        ({}, "earthdatahub", "has no earthdatahub; it has auxip"),
        ({"owner_id": "mallory"}, "auxip", "'mallory' is not served by environment 'sandbox'"),
        ({"environment": "absent"}, "auxip", "there is no EO Environment block named 'absent'"),
    ],
)
async def test_what_is_refused(place, env, source, message):
    args = FlowEnvArgs(**({"owner_id": "demo", "environment": "sandbox"} | env))
    done = await run(search, args, ORBIT, source=source)
    assert done.state.is_failed()
    assert message in done.state.message
    assert place.box.log.entries("/auxip/search", since=place.since) == []


async def test_an_unknown_source_is_refused_by_the_form(place):
    done = await run(search, place.env, ORBIT, source="nowhere")
    assert done.state.is_failed()
    assert "source" in done.state.message


async def test_the_task_works_outside_of_a_run(place):
    items = await search_task.fn(place.env, {"filter": ORBIT, "limit": 2})
    assert [item.properties["product:type"] for item in items] == ["AUX_POEORB"] * 2
