"""Retention as a flow, and the figures that a monitor reads."""

import asyncio
import re
import threading
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from flow_runs import ORBIT, run

from eoflows.deployments.metrics import Family, exposition, read_all, serve
from eoflows.flows.run_job import run_job
from eoflows.flows.set_budget import set_budget
from eoflows.flows.stage_aux import aux_staging
from eoflows.flows.tidy import tidy
from eoflows.products.environment import FlowEnvArgs
from eoflows.services.dummy import DummyRequest
from eoflows.tasks.tidy import sweep_tables, tidy_ledger

pytestmark = pytest.mark.anyio
INPUTS = "dummy-server/sandbox-inputs"


async def test_what_ended_goes_and_what_is_young_stays(place):
    asked = DummyRequest(inputs={"test": uuid4().hex, "size": 100})
    await run(run_job, [asked], INPUTS, ledger="sandbox")
    await run(aux_staging, place.env, {"filter": ORBIT, "limit": 1}, "s1-aux")
    done = await run(tidy, "sandbox", place.env, plan_only=False)
    assert done.state.message == "0 things went, of them 0 B of tables."
    tables = list((place.state / "storage/demo/_runs").iterdir())
    assert len(tables) == 1

    none = timedelta(seconds=-5)
    planned = await sweep_tables(place.env, none, plan_only=True)
    assert (planned.tables, tables[0].exists()) == (1, True)
    assert await sweep_tables(place.env, none, plan_only=False) == planned
    assert not tables[0].exists()
    assert (await tidy_ledger("sandbox", none, plan_only=False)).documents == 1
    assert (await run(run_job, [asked], INPUTS, ledger="sandbox")).state.message == "1 succeeded"
    assert sum(job.inputs == asked.inputs for job in place.box.dummy.jobs("inputs-sandbox")) == 1


async def test_figures_are_served(place):
    await run(set_budget, "spring", 100, "month", "sandbox")
    asked = DummyRequest(inputs={"test": uuid4().hex, "size": 1234})
    await run(run_job, [asked], INPUTS, ledger="sandbox")
    await run(aux_staging, place.env, {"filter": ORBIT, "limit": 2}, "s1-aux")

    async def read() -> list[Family]:
        return await read_all(["sandbox", "nowhere"], place.env, sizes=True)

    server = serve("127.0.0.1", 0, read)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            answer = await http.get(f"{url}/metrics")
            assert (await http.get(f"{url}/else")).status_code == 404
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()
    text = answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'eoflows_up{ledger="sandbox"} 1',
        'eoflows_up{ledger="nowhere"} 0',
        'eoflows_jobs{ledger="sandbox",service="dummy",phase="succeeded"} 1',
        'eoflows_results_bytes{ledger="sandbox",service="dummy"} 1234',
        'eoflows_result_files{ledger="sandbox",service="dummy"} 1',
        'eoflows_budget_credits{ledger="sandbox",budget="spring",kind="limit"} 100',
        'eoflows_products{environment="sandbox",owner="demo",collection="demo:s1-aux"} 2',
    ):
        assert line in text.splitlines()
    (stored,) = re.findall(r'eoflows_stored_bytes\{.*collection="s1-aux"\} (\d+)', text)
    assert int(stored) == sum(path.stat().st_size for path in place.files().values())
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) eoflows_\w+ .+|eoflows_\w+(\{.*\})? [0-9.e+]+", line), line


def test_labels_are_escaped():
    families = [Family("x", "What.", [({"a": 'quote " slash \\ line \n'}, 1.5), ({}, 2)])]
    lines = exposition(families).splitlines()
    assert lines == ["# HELP x What.", "# TYPE x gauge", r'x{a="quote \" slash \\ line \n"} 1.5', "x 2"]


async def test_an_environment_that_cannot_be_opened_is_down(place):
    nobody = FlowEnvArgs(owner_id="nobody", environment="nowhere")
    (up,) = [one for one in await read_all([], nobody) if one.name == "eoflows_up"]
    assert up.samples == [({"environment": "nowhere", "owner": "nobody"}, 0.0)]
