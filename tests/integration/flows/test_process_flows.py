"""The flows of OGC API - Processes, against the sandbox."""

from uuid import uuid4

import pytest
from flow_runs import Run, run
from prefect.utilities.callables import parameter_schema

from eoflows.base.errors import EoError
from eoflows.flows.describe_process import describe_process
from eoflows.flows.list_processes import list_processes
from eoflows.flows.run_job import run_job
from eoflows.flows.run_process import run_process
from eoflows.sandbox import Fault

pytestmark = pytest.mark.anyio
SCENE = {"width": 2, "height": 1, "red": [1, 0], "nir": [3, 0]}


@pytest.fixture
def jobs(place):
    """The server's jobs, of this test only."""
    place.box.ogc_processes["/ogc"].jobs.clear()
    return place.box.ogc_processes["/ogc"].jobs.all


def message() -> dict[str, str]:
    return {"message": uuid4().hex}


def files(place) -> set[str]:
    return {path.name for path in (place.state / "storage/jobs").rglob("*") if path.is_file()}


async def failure(done: Run) -> str:
    """What a run raises, in words."""
    with pytest.raises(EoError) as caught:
        await done.result()
    return str(caught.value)


async def test_a_process_runs_once_and_its_results_are_fetched(place, jobs):
    given = {"scene": {"value": SCENE}}
    for _ in range(2):
        done = await run(run_process, "sandbox", "ndvi", given, ledger="sandbox")
        assert (done.state.name, done.state.message) == ("Completed", "1 succeeded")
    assert (done.name, files(place)) == ("run ndvi on sandbox", {"ndvi.tif", "statistics.json"})
    (outputs,) = (await done.result())["outputs"].values()
    assert set(outputs) == {"ndvi.tif", "statistics.json"}
    assert len(jobs()) == 1


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ('{"message": 7, "number": 101}', ["message: 7 is not", "number: 101 is greater"]),
        ("{'message': 7}", ["the inputs are no JSON"]),
        ("[1]", ["not an object of names and values"]),
        ({"nonsense": 1}, ["nonsense: the process has no such input", "message: is missing"]),
    ],
)
async def test_wrong_inputs_are_named_and_nothing_is_sent(place, jobs, inputs, words):
    done = await run(run_process, "sandbox", "echo", inputs, ledger="sandbox")
    assert done.state.is_failed()
    said = await failure(done)
    assert all(word in said for word in words)
    assert jobs() == []


async def test_a_failed_process_and_one_that_there_is_not(place, jobs):
    failed = await run(run_process, "sandbox", "failing", {"message": uuid4().hex}, ledger="sandbox")
    assert failed.state.name == "Failed"
    assert failed.state.message.startswith("1 of 1 failed; 1 failed\n")
    absent = await run(run_process, "sandbox", "nonsense", "{}", ledger="sandbox")
    assert "answered 404" in await failure(absent)
    nowhere = await run(run_process, "nowhere", "echo", message(), ledger="sandbox")
    assert "named 'nowhere'" in nowhere.state.message


async def test_a_lost_answer_is_made_good(place, jobs):
    lost = Fault("lost_answer", path="/ogc/processes/*/execution", method="POST", times=1)
    with place.box.faults.active(lost):
        done = await run(run_process, "sandbox", "echo", message(), ledger="sandbox")
    assert done.state.message == "1 succeeded"
    assert len(jobs()) == 1


async def test_what_outlives_the_bound_goes_on(place, jobs):
    given = {"seconds": 600}
    done = await run(run_process, "sandbox", "slow", given, ledger="sandbox", wait_seconds=0)
    assert done.state.name == "StillRunning"
    assert len(jobs()) == 1


async def test_processes_also_run_as_jobs_of_any_service(place, jobs):
    asked = [{"service": "ogc-processes", "process_id": "echo", "inputs": message()} for _ in range(3)]
    done = await run(run_job, asked, "ogc-processes-server/sandbox", ledger="sandbox")
    assert done.state.message == "3 succeeded"
    assert len(jobs()) == 3


async def test_processes_are_listed_and_described(place):
    listed = await run(list_processes, "sandbox")
    rows = {row["process"]: row for row in listed.artifacts["processes"]["data"]}
    assert {"echo", "ndvi", "slow", "failing"} <= set(rows)
    assert rows["ndvi"]["runs"] == "sync-execute, async-execute, dismiss"
    assert {one["id"] for one in await listed.result()} == set(rows)

    described = await run(describe_process, "sandbox", "echo")
    page = described.artifacts["process"]["data"]
    assert "| many | 0 to any number | string |" in page
    assert '"maxLength": 1000' in page
    assert set((await described.result())["inputs"]) >= {"message", "number"}
    absent = await run(describe_process, "sandbox", "nonsense")
    assert absent.state.is_failed()


def test_the_form_has_the_process_and_its_inputs():
    schema = parameter_schema(run_process.fn).model_dump()
    assert schema["required"] == ["server", "process_id", "inputs"]
    kinds = {one.get("type") for one in schema["properties"]["inputs"]["anyOf"]}
    assert kinds == {"object", "string"}
    assert "as JSON" in schema["properties"]["inputs"]["description"]
