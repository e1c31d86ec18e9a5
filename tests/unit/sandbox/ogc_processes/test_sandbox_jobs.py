import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import QueryParams

from eoflows.sandbox.ogc_processes.documents import Addresses
from eoflows.sandbox.ogc_processes.jobs import JobStore, Output, Steps
from eoflows.sandbox.ogc_processes.listing import chosen, page
from eoflows.sandbox.ogc_processes.problems import Problem
from eoflows.sandbox.ogc_processes.settings import OgcProcessesSettings
from eoflows.sandbox.origins import Origins

START = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def now():
    return [START]


@pytest.fixture
def store(now):
    return JobStore(lambda: now[0])


def test_the_times_of_a_job(store, now):
    job = store.create("echo", {})
    assert job.duration(START) is None
    now[0] += timedelta(seconds=1)
    store.change(job, status="running")
    now[0] += timedelta(seconds=2)
    assert job.duration(now[0]) == 2
    store.change(job, status="successful", outputs={"a": Output(1)})
    now[0] += timedelta(seconds=4)
    assert job.duration(now[0]) == 2
    store.change(job, status="failed")
    assert (job.status, job.started, job.finished) == (
        "successful",
        START + timedelta(seconds=1),
        START + timedelta(seconds=3),
    )
    store.dismiss(job)
    assert (job.status, job.outputs) == ("dismissed", {})
    store.forget(job.id)
    assert store.get(job.id) is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "abc"),
        ("processID=echo", "ac"),
        ("processID=echo&processID=slow", "abc"),
        ("processID=echo,slow&status=running", "b"),
        ("status=accepted&status=successful", "ac"),
        ("type=process", "abc"),
        ("type=wps", ""),
        ("datetime=2025-01-01T00:00:10Z/..", "bc"),
        ("datetime=2025-01-01T00:00:10Z", "b"),
        ("minDuration=10", "bc"),
        ("maxDuration=10", "c"),
        ("minDuration=11", "b"),
        ("minDuration=11&status=successful", ""),
    ],
)
def test_filters_of_the_list(store, now, query, found):
    names = {}
    for name, process in (("a", "echo"), ("b", "slow"), ("c", "echo")):
        names[name] = store.create(process, {})
        now[0] += timedelta(seconds=10)
    store.change(names["b"], status="running")
    store.change(names["c"], status="running")
    now[0] += timedelta(seconds=10)
    store.change(names["c"], status="successful")
    now[0] += timedelta(seconds=10)
    assert chosen(store.all(), QueryParams(query), now[0]) == [names[name] for name in found]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "offset=-1", "datetime=x", "minDuration=x"])
def test_bad_filters(store, query):
    addresses, settings = Addresses(Origins("h", 1, 2), "/ogc"), OgcProcessesSettings()
    with pytest.raises(Problem) as caught:
        page(chosen([], QueryParams(query), START), "/jobs", QueryParams(query), 10, addresses, settings)
    assert caught.value.status == 400


def rels(number, query, **changes):
    addresses, settings = Addresses(Origins("h", 1, 2), "/ogc"), OgcProcessesSettings(**changes)
    found, links = page(list(range(number)), "/jobs", QueryParams(query), 10, addresses, settings)
    return list(found), {link["rel"]: link["href"] for link in links}


def test_pages():
    found, links = rels(25, "limit=10&offset=10&status=failed")
    assert found == list(range(10, 20))
    assert links == {
        "self": "http://h:1/ogc/jobs?status=failed&limit=10&offset=10",
        "prev": "http://h:1/ogc/jobs?status=failed&limit=10&offset=0",
        "next": "http://h:1/ogc/jobs?status=failed&limit=10&offset=20",
    }
    assert rels(25, "offset=20")[1].keys() == {"self", "prev"}
    assert rels(25, "", next_link="none")[1].keys() == {"self"}
    assert rels(25, "offset=10", next_link="loop")[1]["next"].endswith("offset=0")
    assert rels(25, "limit=20", max_page=5)[0] == list(range(5))
    assert rels(25, "", links="relative")[1]["next"] == "/ogc/jobs?limit=10&offset=10"
    assert rels(25, "", links="foreign")[1]["next"] == "http://h:2/ogc/jobs?limit=10&offset=10"
    assert rels(25, "", links="wrong")[1]["next"].startswith("http://processes.invalid:5000/jobs?")


@pytest.mark.anyio
async def test_steps_go_as_they_are_released():
    steps, done = Steps(), []
    steps.release()

    async def walk(name):
        for number in range(3):
            await steps(60)
            done.append((name, number))

    first = asyncio.create_task(walk("a"))
    await asyncio.sleep(0)
    assert done == [("a", 0)]
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(walk("b"))
    await asyncio.sleep(0)
    await asyncio.get_running_loop().run_in_executor(None, steps.release, 3)
    await second
    assert done == [("a", 0), ("b", 0), ("b", 1), ("b", 2)]
