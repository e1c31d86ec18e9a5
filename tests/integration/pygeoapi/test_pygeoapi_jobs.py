"""Jobs of a real pygeoapi through the ledger, with all its deviations."""

import uuid
from datetime import UTC, datetime, timedelta

import anyio
import httpx
import orjson
import pytest
from ogc_desk import ogc_desk

from eoflows.base.errors import AbsentError
from eoflows.blocks import OgcProcessesServer
from eoflows.jobs.ledger import Intent
from eoflows.jobs.models import Phase
from eoflows.jobs.service import JobServer
from eoflows.services.ogc_processes import InvalidInputsError
from eoflows.services.ogc_processes.request import OgcRequest

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk(pygeoapi_url, tmp_path):
    servers = {
        "plain": OgcProcessesServer(url=pygeoapi_url, settle=2.0),
        "mine": OgcProcessesServer(url=pygeoapi_url, recognition="listing", exclusive=True, settle=2.0),
    }
    async with ogc_desk(tmp_path, **servers) as opened:
        yield opened


def inputs(**more: object) -> dict[str, object]:
    return {"message": uuid.uuid4().hex, **more}


@pytest.mark.parametrize("mode", ["async", "sync"])
@pytest.mark.parametrize("response", [None, "raw", "document"])
async def test_a_job_is_made_once_followed_and_fetched(desk, mode, response):
    given = inputs(number=1)
    job = await desk.submit("plain", "mirror", inputs=given, mode=mode, response=response)
    again = await desk.submit("plain", "mirror", inputs=given, mode=mode, response=response)
    assert again.remote_id == job.remote_id
    assert not job.remote_id.startswith("local-")
    ((name, content),) = (await desk.files(job.key)).items()
    assert name in ("mirror.json", "outputs.json")
    assert orjson.dumps(given) in content


async def test_bytes(desk):
    given = inputs(as_bytes=True)
    job = await desk.submit("plain", "mirror", inputs=given)
    assert await desk.files(job.key) == {"mirror": given["message"].encode()}


async def test_inputs_that_do_not_fit_and_a_process_that_fails(desk):
    with pytest.raises(InvalidInputsError, match=r"number: .*less than the minimum") as caught:
        await desk.submit("plain", "mirror", inputs={"number": -1})
    assert len(caught.value.faults) == 2
    with pytest.raises(AbsentError):
        await desk.submit("plain", "never-was")
    assert await desk.rows() == []
    job = await desk.submit("plain", "failing", inputs={"message": "no red band"})
    (row,) = await desk.ended(job.key)
    assert row.phase is Phase.FAILED
    assert "no red band" in row.message


async def test_a_dismissed_job_is_forgotten_and_counts_as_stopped(desk):
    job = await desk.submit("plain", "slow", inputs={"seconds": 3})
    await desk.ledger.want_cancelled([job.key])
    (row,) = await desk.ended(job.key)
    assert row.phase is Phase.CANCELLED


async def test_many_jobs_are_followed_by_their_list(desk):
    asked = [OgcRequest(process_id="mirror", inputs=inputs()) for _ in range(30)]
    await desk.submit_all("plain", asked)
    assert {row.phase for row in await desk.ended()} == {Phase.SUCCEEDED}
    done = await desk.collect()
    assert (len(done), [one.error for one in done if one.error]) == (30, [])


async def youngest(server: JobServer[OgcRequest]) -> datetime:
    """When the latest of its jobs was made, aware UTC."""
    made = [state.created async for states in server.states() for state in states]
    return max((one for one in made if one), default=datetime.min.replace(tzinfo=UTC))


async def test_a_lost_answer_is_found_in_its_list(desk, pygeoapi_url):
    given = inputs()
    intent = Intent(
        request=OgcRequest(process_id="mirror", inputs=given), endpoint=pygeoapi_url, server="mine"
    )
    async with desk.open_server("", "mine") as server:
        with anyio.fail_after(30):
            # Whoever else made a job there just now would be nobody else any more.
            while await youngest(server) > datetime.now(UTC) - timedelta(seconds=4):  # noqa: ASYNC110
                await anyio.sleep(0.2)
    held = (await desk.ledger.intend(intent)).record
    async with httpx.AsyncClient(headers={"prefer": "respond-async"}) as http:
        url = f"{pygeoapi_url}/processes/mirror/execution"
        answer = await http.post(url, json={"inputs": given})
    await desk.ledger.unknown(held, "no answer")
    job = await desk.submit("mine", "mirror", inputs=given, patience=30)
    assert answer.headers["location"].endswith(f"/{job.remote_id}")
    ((_, content),) = (await desk.files(job.key)).items()
    assert given["message"] in content.decode()
