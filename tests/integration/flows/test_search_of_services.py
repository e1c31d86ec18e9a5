"""The verb `search` asks each service what it has, and makes nothing."""

from typing import Any
from uuid import uuid4

import pytest
from flow_runs import run
from prefect import flow

from eoflows.base.errors import EoError, InvalidInputError
from eoflows.flows.run_process import run_process
from eoflows.flows.run_up42_job import run_up42_job
from eoflows.tasks.search import (
    search_images_task,
    search_process_jobs_task,
    search_processes_task,
    search_up42_task,
    search_workflow_task,
)

pytestmark = pytest.mark.anyio


async def ask(task: Any, *args: Any, **options: Any) -> Any:
    """Call a task as a flow of one's own does."""

    @flow(name="asks")
    async def asks() -> Any:
        return await task(*args, **options)

    return await (await run(asks)).result()


TREES, ACCOUNT = "detection-trees-spacept", "up42-credentials/sandbox"
NDVI = {"type": "Raster", "operator": {"type": "GdalSource", "params": {"data": "ndvi"}}}


async def test_processes_and_jobs_of_an_ogc_server(place):
    assert {"echo", "ndvi", "slow"} <= {one["id"] for one in await ask(search_processes_task, "sandbox")}
    before = {one["jobID"] for one in await ask(search_process_jobs_task, "sandbox")}
    given = {"message": {"value": uuid4().hex}, "number": {"value": 3}}
    await run(run_process, "sandbox", "echo", given, ledger="sandbox")
    (mine,) = [one for one in await ask(search_process_jobs_task, "sandbox") if one["jobID"] not in before]
    assert (mine["processID"], mine["status"]) == ("echo", "successful")
    assert len(await ask(search_process_jobs_task, "sandbox", limit=1)) == 1
    with pytest.raises(InvalidInputError, match="no OGC Processes Server block named 'nowhere'"):
        await ask(search_processes_task, "nowhere")


async def test_jobs_of_an_up42_account(place):
    assert await ask(search_up42_task, ACCOUNT) == []
    source = place.box.up42.sources("demo")[0]
    await run(
        run_up42_job,
        TREES,
        "Trees",
        item_hrefs=[place.box.up42.item_url(source)],
        server=ACCOUNT,
        ledger="sandbox",
        approval="never",
    )
    (job,) = await ask(search_up42_task, ACCOUNT, processes=[TREES])
    assert job["process"] == TREES
    assert await ask(search_up42_task, ACCOUNT, processes=["pansharpening"]) == []
    with pytest.raises(InvalidInputError, match="UP42 knows"):
        await ask(search_up42_task, ACCOUNT, statuses=["nonsense"])


async def test_images_of_earth_engine(place):
    span = ("2022-01-01T00:00:00Z", "2022-03-01T00:00:00Z")
    found = await ask(search_images_task, "LANDSAT/LC09/C02/T1_L2", (4, 3), *span, "sandbox", "sandbox")
    times = [one["time"] for one in found]
    assert times == sorted(times)
    assert all(span[0] <= time < span[1] for time in times)
    assert len({one["image"] for one in found}) == len(found) > 0
    with pytest.raises(EoError):
        await ask(search_images_task, "NO/SUCH/COLLECTION", (4, 3), *span, "sandbox", "sandbox")


async def test_what_a_workflow_of_a_geo_engine_offers(place):
    offered = await ask(search_workflow_task, "sandbox", NDVI)
    assert [band["name"] for band in offered["bands"]] == ["ndvi"]
    assert await ask(search_workflow_task, "sandbox", offered["workflow"]) == offered
    with pytest.raises(EoError):
        await ask(search_workflow_task, "sandbox", str(uuid4()))
