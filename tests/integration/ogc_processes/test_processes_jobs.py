"""Jobs of an OGC API - Processes server through the ledger: made once, followed, fetched, stopped."""

import struct

import orjson
import pytest
from ogc_desk import ogc_desk

from eoflows.base.errors import AbsentError, OutcomeUnknownError, RefusedError
from eoflows.blocks import OgcProcessesServer
from eoflows.jobs.models import Phase
from eoflows.jobs.resolve import resolve_job
from eoflows.sandbox import Fault
from eoflows.services.ogc_processes import InvalidInputsError
from eoflows.services.ogc_processes.request import OgcRequest

pytestmark = pytest.mark.anyio

EXECUTION = "/ogc/processes/*/execution"
HELLO = {"inputs": {"message": "hello"}}
SCENE = {"width": 2, "height": 1, "red": [1, 0], "nir": [3, 0]}
NDVI = {"inputs": {"scene": {"value": SCENE}}}
BY_REFERENCE = {"ndvi": {"transmissionMode": "reference"}}


@pytest.fixture
async def desk(box, tmp_path):
    url = f"{box.url}/ogc"
    servers = {
        "plain": OgcProcessesServer(url=url, settle=0.5),
        "inputs": OgcProcessesServer(url=url, recognition="inputs", settle=1.5),
        "listing": OgcProcessesServer(url=url, recognition="listing", exclusive=True, settle=1.5),
        **{
            auth: OgcProcessesServer(url=f"{box.url}/{auth}", auth=auth, user="demo", secret=secret)
            for auth, secret in (("basic", "demo-password"), ("bearer", "sandbox-demo-token"))
        },
        "api-key": OgcProcessesServer(
            url=f"{box.url}/api_key",
            auth="api-key",
            secret="sandbox-demo-key",
            result_origins=[box.other_url],
        ),
    }
    async with ogc_desk(tmp_path, **servers) as opened:
        yield opened


def made(box) -> int:
    return len(box.ogc_processes["/ogc"].jobs.all())


async def test_a_job_is_made_once_followed_and_fetched(box, desk):
    first = await desk.submit("plain", "echo", **HELLO)
    again = await desk.submit("plain", "echo", **HELLO)
    assert (again.key, again.remote_id) == (first.key, first.remote_id)
    assert await desk.files(first.key) == {"echo.json": b'{"message":"hello"}'}
    (row,) = await desk.rows(first.key)
    assert (row.phase, row.raw_status, row.progress) == (Phase.SUCCEEDED, "successful", 1.0)
    other = await desk.submit("plain", "echo", **HELLO, run_key="again")
    assert other.remote_id != first.remote_id
    assert made(box) == 2


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("body", ["status", "id", "null", "object"])
async def test_any_announcement_and_any_version(desk, behave, body, version):
    behave(accepted_body=body, status_documents=version, links="wrong")
    job = await desk.submit("plain", "echo", **HELLO)
    assert list(await desk.files(job.key)) == ["echo.json"]


@pytest.mark.parametrize("name", ["basic", "bearer", "api-key"])
async def test_credentials(desk, name):
    job = await desk.submit(name, "echo", **HELLO)
    assert list(await desk.files(job.key)) == ["echo.json"]
    assert ("#demo" in job.endpoint) == (name in ("basic", "bearer"))


@pytest.mark.parametrize("document", [{"message": 7, "number": 101, "nonsense": 1}, {}])
async def test_inputs_are_checked_before_anything_is_written(box, desk, document):
    with pytest.raises(InvalidInputsError) as caught:
        await desk.submit("plain", "echo", inputs=document)
    assert len(caught.value.faults) == max(1, len(document))
    assert await desk.rows() == []
    assert made(box) == 0


async def test_no_such_process_and_a_failing_one(desk):
    with pytest.raises(AbsentError):
        await desk.submit("plain", "nonsense")
    assert await desk.rows() == []
    job = await desk.submit("plain", "failing", inputs={"message": "no red band"})
    (row,) = await desk.ended(job.key)
    assert (row.phase, row.message) == (Phase.FAILED, "no red band")
    assert not row.wanted


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, {"ndvi.tif", "statistics.json"}),
        ({"response": "document"}, {"ndvi.tif", "statistics.json"}),
        ({"outputs": {"ndvi": {"transmissionMode": "value"}}}, {"result.tif"}),
        ({"outputs": {"ndvi": {"format": {"mediaType": "image/png"}}}, "response": "document"}, {"ndvi.png"}),
        (
            {"outputs": {name: {"transmissionMode": "reference"} for name in ("ndvi", "statistics")}},
            {"ndvi.tif", "statistics.json"},
        ),
        (
            {"outputs": {**BY_REFERENCE, "statistics": {}}},
            {"ndvi.tif", "statistics.json"},
        ),
    ],
)
async def test_every_form_of_results(desk, request_, names):
    job = await desk.submit("plain", "ndvi", **NDVI, **request_)
    files = await desk.files(job.key)
    assert set(files) == names
    for name, content in files.items():
        if name.endswith(".tif"):
            assert content[:4] == b"II*\0"
            assert struct.pack("<f", 0.5) in content
        elif name.endswith(".png"):
            assert content.startswith(b"\x89PNG")
        else:
            assert orjson.loads(content)["valid"] == 1


@pytest.mark.parametrize("links", ["relative", "wrong"])
async def test_references_of_a_server_that_does_not_know_its_address(desk, behave, links):
    behave(links=links)
    job = await desk.submit("plain", "ndvi", **NDVI, outputs=BY_REFERENCE)
    assert set(await desk.files(job.key)) == {"ndvi.tif"}


async def test_a_reference_to_another_host_gets_no_credentials(box, desk):
    box.faults.add(Fault("behave", path="/api_key", parameters={"settings": {"links": "foreign"}}))
    since = box.log.last
    job = await desk.submit("api-key", "ndvi", **NDVI, outputs=BY_REFERENCE)
    assert set(await desk.files(job.key)) == {"ndvi.tif"}
    asked = {entry.origin: entry.headers for entry in box.log.entries("/api_key", since=since)}
    assert "x-api-key" in asked["main"]
    assert "x-api-key" not in asked["other"]


async def test_a_synchronous_answer_is_a_job_that_succeeded(box, desk, behave):
    behave(async_answer="sync")
    job = await desk.submit("plain", "ndvi", **NDVI)
    assert (job.phase, job.wanted) == (Phase.SUCCEEDED, True)
    assert job.remote_id.startswith("local-")
    box.ogc_processes["/ogc"].jobs.clear()
    assert set(await desk.files(job.key)) == {"ndvi.tif", "statistics.json"}
    again = await desk.submit("plain", "ndvi", **NDVI)
    assert (again.remote_id, made(box)) == (job.remote_id, 0)


async def test_a_synchronous_answer_that_is_too_large_is_known_and_refused(desk, behave, monkeypatch):
    monkeypatch.setattr("eoflows.services.ogc_processes.kept.MOST_KEPT", 100)
    behave(async_answer="sync")
    job = await desk.submit("plain", "echo", inputs={"message": "x" * 200})
    assert job.phase is Phase.SUCCEEDED
    (done,) = await desk.collect()
    assert "at most 100 are kept" in done.error
    assert not done.again


@pytest.mark.parametrize("name", ["inputs", "listing"])
async def test_a_lost_answer_is_found_again(box, desk, behave, name):
    behave(shows_inputs=name == "inputs", hidden_requests=1)
    await desk.submit(name, "echo", inputs={"message": "another"})
    box.faults.add(Fault("lost_answer", path=EXECUTION, method="POST", times=1))
    job = await desk.submit(name, "echo", **HELLO, patience=30)
    assert job.remote_id == box.ogc_processes["/ogc"].jobs.all()[1].id
    assert made(box) == 2


@pytest.mark.parametrize("name", ["inputs", "listing"])
async def test_a_request_that_never_arrived_is_sent_again(box, desk, behave, name):
    behave(shows_inputs=True)
    box.faults.add(Fault("reset", path=EXECUTION, method="POST", times=1))
    job = await desk.submit(name, "echo", **HELLO, patience=30)
    assert job.remote_id
    assert made(box) == 1


async def test_where_nothing_tells_a_person_decides(box, desk):
    box.faults.add(Fault("lost_answer", path=EXECUTION, method="POST", times=1))
    for _ in range(2):
        with pytest.raises(OutcomeUnknownError):
            await desk.submit("plain", "echo", **HELLO)
    (row,), (job,) = await desk.rows(), box.ogc_processes["/ogc"].jobs.all()
    async with desk.open_server("ogc-processes", "plain") as server:
        found = await resolve_job(desk.ledger, server, row.key, "adopt", job_id=job.id, who="ada")
    assert (found.remote_id, made(box)) == (job.id, 1)


async def test_an_announcement_without_an_id_is_an_unknown_outcome(box, desk, behave):
    behave(accepted_body="empty", accepted_location="none")
    with pytest.raises(OutcomeUnknownError, match="neither body nor Location"):
        await desk.submit("plain", "echo", **HELLO)
    (row,) = await desk.rows()
    assert row.phase is Phase.UNKNOWN


async def test_a_block_that_promises_inputs_where_there_are_none_sends_nothing_twice(box, desk):
    box.faults.add(Fault("lost_answer", path=EXECUTION, method="POST", times=1))
    with pytest.raises(OutcomeUnknownError, match="does not show its inputs"):
        await desk.submit("inputs", "echo", **HELLO, patience=3)
    assert made(box) == 1


async def test_500_jobs(box, desk):
    asked = [OgcRequest(process_id="echo", inputs={"message": str(number)}) for number in range(500)]
    await desk.submit_all("plain", asked)
    since = box.log.last
    rows = await desk.ended()
    assert [row.phase for row in rows] == [Phase.SUCCEEDED] * 500
    assert len(box.log.entries("/ogc/jobs*", since=since)) < 20
    await desk.submit_all("plain", asked)
    assert made(box) == 500
    done = await desk.collect()
    assert (len(done), [one.error for one in done if one.error]) == (500, [])


async def test_a_running_job_is_dismissed_and_a_finished_one_is_not(box, desk):
    slow = await desk.submit("plain", "slow", inputs={"seconds": 600})
    quick = await desk.submit("plain", "echo", **HELLO)
    await desk.ended(quick.key)
    await desk.ledger.want_cancelled([slow.key, quick.key])
    rows = {row.key: row.phase for row in await desk.ended(slow.key, quick.key)}
    assert rows == {slow.key: Phase.CANCELLED, quick.key: Phase.SUCCEEDED}
    assert set(await desk.files(quick.key)) == {"echo.json"}
    async with desk.open_server("ogc-processes", "plain") as server:
        await server.purge(quick.remote_id)
        with pytest.raises(AbsentError):
            await server.state(quick.remote_id)


@pytest.mark.parametrize("dismissed", ["gone", "missing", "kept"])
async def test_every_way_to_forget_a_dismissed_job(desk, behave, dismissed):
    behave(dismissed=dismissed, dismiss_body="bare", dismiss_stops=False)
    job = await desk.submit("plain", "slow", inputs={"seconds": 600})
    await desk.ledger.want_cancelled([job.key])
    (row,) = await desk.ended(job.key)
    assert row.phase is Phase.CANCELLED


async def test_a_list_in_circles_is_refused_and_harms_no_job(box, desk, behave):
    for number in range(4):
        await desk.submit("plain", "slow", inputs={"seconds": 600 + number})
    behave(next_link="loop", max_page=2)
    (found,) = await desk.track()
    assert "circles" in found.unlisted
    assert (found.error, found.failures) == ("", {})
    assert {row.phase for row in await desk.rows()} <= {Phase.QUEUED, Phase.RUNNING}


async def test_results_that_cannot_be_had_now_are_fetched_later(box, desk):
    job = await desk.submit("plain", "echo", **HELLO)
    await desk.ended(job.key)
    with box.faults.active(Fault("unavailable", path="/ogc/jobs/*/results")):
        (done,) = await desk.collect()
    assert done.again
    assert await desk.collect() == []
    assert set(await desk.files(job.key)) == {"echo.json"}


async def test_refusals_are_definite(box, desk):
    box.faults.add(Fault("forbidden", path=EXECUTION))
    with pytest.raises(RefusedError):
        await desk.submit("plain", "echo", **HELLO)
    (row,) = await desk.rows()
    assert (row.phase, row.remote_id) == (Phase.REJECTED, None)
