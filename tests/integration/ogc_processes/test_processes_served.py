"""The clients against the sandbox's server, over HTTP."""

import base64

import anyio
import httpx
import pytest

from eoflows.base.errors import OutcomeUnknownError
from eoflows.sandbox import Fault
from eoflows.services.ogc_processes import (
    AsyncClient,
    Client,
    ClientAbsentError,
    ClientConfig,
    ClientCredentialsError,
    ClientException,
    ClientRefusedError,
    ClientThrottledError,
    InvalidInputsError,
    JobFailedError,
    JobGoneError,
    Link,
    ProcessRequest,
    QualifiedValue,
    ResultsNotReadyError,
)

pytestmark = pytest.mark.anyio

HELLO = {"inputs": {"message": "hello"}}
SCENE = {"width": 2, "height": 1, "red": [1, 0], "nir": [3, 0]}
NDVI = {"inputs": {"scene": {"value": SCENE}}}
EXECUTION = "/ogc/processes/echo/execution"


def posts(box, since):
    return [entry for entry in box.log.entries("/ogc", since=since) if entry.method == "POST"]


async def test_every_call(client, finished):
    assert (await client.get_capabilities()).links
    assert any(uri.endswith("/conf/core") for uri in (await client.get_conformance()).conformsTo)
    assert {"echo", "ndvi", "slow", "failing"} <= {one.id for one in (await client.get_processes()).processes}
    assert set((await client.get_process("ndvi")).outputs) == {"ndvi", "statistics"}
    job = await client.execute_process("echo", HELLO)
    assert (await finished(job.jobID)).status == "successful"
    assert (await client.get_job_results(job.jobID)).root == {"echo": {"message": "hello"}}
    assert [one.jobID for one in (await client.get_jobs()).jobs] == [job.jobID]
    assert (await client.dismiss_job(job.jobID)).status == "dismissed"
    with pytest.raises(JobGoneError):
        await client.get_job(job.jobID)


async def test_every_call_plain_inside_a_running_loop(config):
    with Client(config) as client:
        assert client.get_capabilities().links
        assert client.get_conformance().conformsTo
        assert len(client.get_processes().processes) >= 4
        assert client.get_process("echo").id == "echo"
        job = client.execute_process("echo", ProcessRequest.model_validate(HELLO), mode="sync")
        assert client.get_job_results(job.jobID)["echo"] == {"message": "hello"}
        slow = client.execute_process("slow", {"inputs": {"seconds": 60}})
        assert client.get_job(slow.jobID).status in ("accepted", "running")
        assert slow.jobID in {one.jobID for one in client.jobs(process_id="slow")}
        assert client.dismiss_job(slow.jobID).status == "dismissed"
        assert slow.jobID not in {one.jobID for one in client.get_jobs().jobs}


BODIES = ["status", "id", "empty", "null", "object"]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("location", ["absolute", "relative", "foreign", "wrong", "none"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
async def test_any_announcement_of_a_job(client, behave, finished, body, location, version):
    behave(accepted_body=body, accepted_location=location, status_documents=version, links="wrong")
    if location == "none" and body not in ("status", "id"):
        with pytest.raises(OutcomeUnknownError):
            await client.execute_process("echo", HELLO)
        return
    job = await client.execute_process("echo", HELLO)
    done = await finished(job.jobID)
    assert done.status == {"1.0": "successful", "2.0": "succeeded"}[version]
    assert (await client.get_job_results(job.jobID))["echo"] == {"message": "hello"}


@pytest.mark.parametrize("response", [None, "raw", "document"])
@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("transmission", ["value", "reference"])
async def test_results_in_every_shape(client, finished, response, mode, transmission):
    how = {"transmissionMode": transmission}
    request = {**NDVI, "outputs": {"ndvi": how, "statistics": how}}
    request |= {"response": response} if response else {}
    job = await client.execute_process("ndvi", request, mode=mode)
    if mode == "async":
        await finished(job.jobID)
    results = await client.get_job_results(job.jobID)
    assert set(results.names()) == {"ndvi", "statistics"}
    raster, statistics = results["ndvi"], results["statistics"]
    if transmission == "reference":
        assert isinstance(raster, Link)
        assert isinstance(statistics, Link)
        async with httpx.AsyncClient() as http:
            assert (await http.get(raster.href)).content[:2] == b"II"
            assert (await http.get(statistics.href)).json()["mean"] == 0.5
    else:
        assert isinstance(raster, QualifiedValue)
        assert (raster.data[:2], raster.mediaType.partition(";")[0]) == (b"II", "image/tiff")
        assert getattr(statistics, "value", statistics)["mean"] == 0.5


async def test_one_raw_output_has_its_name(client, finished):
    request = {**NDVI, "outputs": {"ndvi": {"format": {"mediaType": "image/png"}}}}
    for mode in ("sync", "async"):
        job = await client.execute_process("ndvi", request, mode=mode)
        if mode == "async":
            await finished(job.jobID)
        results = await client.get_job_results(job.jobID)
        assert results["ndvi"].data.startswith(b"\x89PNG")


async def test_inputs_by_value_by_reference_and_qualified(client, box):
    raster = (await _get(f"{box.url}/ogc/samples/scene.tif")).content
    values = [
        {"href": f"{box.url}/ogc/samples/scene.tif", "type": "image/tiff"},
        {"value": base64.b64encode(raster).decode(), "encoding": "base64", "mediaType": "image/tiff"},
        base64.b64encode(raster).decode(),
        {"value": SCENE},
    ]
    for value in values:
        job = await client.execute_process("ndvi", {"inputs": {"scene": value}}, mode="sync")
        assert "statistics" in (await client.get_job_results(job.jobID))
    area = {"bbox": [0, 0, 1, 1], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
    inputs = {"message": "a", "values": [1, 2], "many": "one", "area": area, "document": {"value": {"a": 1}}}
    job = await client.execute_process("echo", {"inputs": inputs}, mode="sync")
    assert (await client.get_job_results(job.jobID))["echo"]["values"] == [1, 2]


async def _get(url):
    async with httpx.AsyncClient() as http:
        return await http.get(url)


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"message": ""},
        {"message": "a", "number": 101},
        {"message": "a", "colour": "pink"},
        {"message": "a", "values": [1, 2, 3, 4]},
        {"message": "a", "values": [1, "x"]},
        {"message": "a", "what": 1},
        {"message": "a", "area": {"bbox": [1]}},
    ],
)
async def test_what_we_refuse_the_server_would_have_refused(client, box, inputs):
    before = box.log.last
    with pytest.raises(InvalidInputsError):
        await client.execute_process("echo", {"inputs": inputs})
    assert posts(box, before) == []
    with pytest.raises(ClientRefusedError) as caught:
        await client.execute_process("echo", {"inputs": inputs}, validate=False)
    assert caught.value.api_error.status == 400
    assert caught.value.api_error.detail


async def test_results_that_are_not_there(client, finished):
    slow = await client.execute_process("slow", {"inputs": {"seconds": 60}})
    with pytest.raises(ResultsNotReadyError):
        await client.get_job_results(slow.jobID)
    await client.dismiss_job(slow.jobID)
    with pytest.raises(JobGoneError):
        await client.get_job_results(slow.jobID)
    with pytest.raises(JobGoneError):
        await client.dismiss_job(slow.jobID)
    failed = await client.execute_process("failing", {"inputs": {"message": "no red band", "status": 422}})
    assert (await finished(failed.jobID)).status == "failed"
    with pytest.raises(JobFailedError, match="no red band"):
        await client.get_job_results(failed.jobID)
    for call in (client.get_job, client.get_job_results, client.dismiss_job):
        with pytest.raises(ClientAbsentError):
            await call("never-was")
    with pytest.raises(ClientAbsentError):
        await client.get_process("never-was")


@pytest.mark.parametrize("style", ["problem", "json", "pygeoapi", "html", "empty"])
async def test_errors_in_every_style(client, behave, style):
    behave(errors=style)
    with pytest.raises(ClientAbsentError) as caught:
        await client.get_job("never-was")
    assert caught.value.api_error.status == 404
    assert caught.value.api_error.detail


async def test_pages(client, box, behave):
    many = AsyncClient(ClientConfig(server_url=f"{box.url}/many"))
    assert len((await many.get_processes()).processes) == 26
    await many.close()
    made = {(await client.execute_process("echo", HELLO)).jobID for _ in range(23)}
    behave(links="wrong", list_filters=False)
    assert {job.jobID for job in (await client.get_jobs()).jobs} == made
    assert len((await client.get_jobs(statuses=["dismissed"])).jobs) == 0
    behave(next_link="loop")
    with pytest.raises(ClientException, match="circle"):
        await client.get_jobs()


async def test_a_lost_answer_is_an_unknown_outcome_and_the_job_is_there_once(client, box):
    before = box.log.last
    for fault in (
        Fault("lost_answer", EXECUTION),
        Fault("server_error", EXECUTION, parameters={"takes_effect": True}),
    ):
        with box.faults.active(fault), pytest.raises(OutcomeUnknownError) as caught:
            await client.execute_process("echo", HELLO)
        assert isinstance(caught.value, ClientException)
    assert len(posts(box, before)) == 2
    assert len((await client.get_jobs()).jobs) == 2


async def test_429_and_nobody_there_are_certain(client, box):
    with box.faults.active(Fault("throttle", EXECUTION)), pytest.raises(ClientThrottledError):
        await client.execute_process("echo", HELLO)
    assert (await client.get_jobs()).jobs == []
    async with AsyncClient(ClientConfig(server_url="http://127.0.0.1:9")) as nobody:
        with pytest.raises(ClientException) as caught:
            await nobody.execute_process("echo", HELLO, validate=False)
    assert not isinstance(caught.value, OutcomeUnknownError)


async def test_a_long_synchronous_execution_has_a_limit_of_its_own(config):
    request = {"inputs": {"steps": 1, "seconds": 1.0}}
    # What is asked besides must come, and has no time for that: so nothing is.
    async with AsyncClient(config, timeout=0.3) as client:
        job = await client.execute_process("slow", request, mode="sync", validate=False)
        assert job.status == "successful"
        with pytest.raises(OutcomeUnknownError, match="ReadTimeout"):
            await client.execute_process("slow", request, mode="sync", validate=False, timeout=0.2)


WAYS = {
    "basic": {"user_name": "demo", "password": "demo-password"},
    "bearer": {"access_token": "sandbox-demo-token"},
    "api_key": {"api_key": "sandbox-demo-key"},
}


@pytest.mark.parametrize("auth", WAYS)
async def test_ways_to_identify(box, auth):
    server = f"{box.url}/{auth}"
    async with AsyncClient(ClientConfig(server_url=server, **WAYS[auth])) as client:
        assert (await client.execute_process("echo", HELLO, mode="sync")).status == "successful"
    async with AsyncClient(ClientConfig(server_url=server)) as stranger:
        with pytest.raises(ClientCredentialsError) as caught:
            await stranger.get_jobs()
    assert caught.value.api_error.status == 401


async def test_a_login_is_renewed_once_also_for_an_execution(box):
    server = f"{box.url}/login"
    fields = {"user_name": "demo", "password": "demo-password", "auth_url": f"{server}/auth/login"}
    async with AsyncClient(ClientConfig(server_url=server, **fields)) as client:
        assert (await client.get_jobs()).jobs == []
        box.tokens.expire_all()
        before, issued = box.log.last, box.tokens.issued
        job = await client.execute_process("echo", HELLO, mode="sync", validate=False)
        assert job.status == "successful"
    sent = [one for one in box.log.entries("/login/processes", since=before) if one.method == "POST"]
    assert [one.status for one in sent] == [401, 200]
    assert box.tokens.issued == issued + 1


async def test_no_credentials_to_another_host(box):
    server = f"{box.url}/bearer"
    config = ClientConfig(server_url=server, access_token="sandbox-demo-token")
    async with AsyncClient(config) as client:
        settings = {"links": "foreign", "accepted_location": "foreign"}
        box.faults.add(Fault("behave", path="/bearer", parameters={"settings": settings}))
        before = box.log.last
        made = [await client.execute_process("echo", HELLO) for _ in range(12)]
        assert len((await client.get_jobs()).jobs) == 12
        assert (await client.get_job(made[0].jobID)).jobID == made[0].jobID
    assert {entry.origin for entry in box.log.entries("/bearer", since=before)} == {"main"}


async def test_many_jobs_at_once(client):
    made: set[str] = set()

    async def one() -> None:
        made.add((await client.execute_process("echo", HELLO)).jobID)

    async with anyio.create_task_group() as group:
        for _ in range(200):
            group.start_soon(one)
    assert len(made) == 200
    assert {job.jobID async for job in client.jobs()} == made
