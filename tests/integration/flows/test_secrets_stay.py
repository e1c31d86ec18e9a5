"""Services that repeat what they were sent: nothing of it is in what a run leaves behind."""

import base64
import logging
import sqlite3
from urllib.parse import quote
from uuid import uuid4

import pytest
from flow_runs import ORBIT, run
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterLevel

from eoflows.deployments.register import SANDBOX_KEY, SANDBOX_PASSWORD
from eoflows.flows.run_job import run_job
from eoflows.flows.stage_aux import aux_staging
from eoflows.sandbox import Fault

pytestmark = pytest.mark.anyio


def assert_private(text: str) -> None:
    for secret in (SANDBOX_KEY, SANDBOX_PASSWORD):
        for form in (secret, quote(quote(secret, safe="")), base64.b64encode(secret.encode()).decode()):
            assert form not in text
            assert form.upper() not in text


async def logged() -> str:
    """All that the server was told as log lines."""
    async with get_client() as client:
        lines = await client.read_logs(
            LogFilter(level=LogFilterLevel(ge_=0)), limit=200, sort="TIMESTAMP_DESC"
        )
    return "\n".join(line.message for line in lines)


@pytest.mark.parametrize("status", [403, 500])
async def test_an_asset_host_that_repeats_its_key(place, caplog, status):
    caplog.set_level(logging.DEBUG)
    fault = Fault("repeat", path="*$value", parameters={"status": status})
    with place.box.faults.active(fault) as (name,):
        done = await run(aux_staging, place.env, {"filter": ORBIT, "limit": 2}, "s1-aux")
        assert place.box.faults.struck(name)
    reports = [path.read_text() for path in place.state.rglob("*.jsonl")]
    table = str(done.artifacts)
    for text in (done.everything, table, str(done.state), *reports):
        assert_private(text)
    assert "***" in table
    assert_private(caplog.text)
    assert_private(await logged())


async def test_a_service_of_jobs_that_repeats_its_key(place, caplog):
    caplog.set_level(logging.DEBUG)
    items = {"value": {"type": "FeatureCollection", "features": []}}
    request = {"service": "ogc-processes", "process_id": "staging"}
    request |= {"inputs": {"collection": uuid4().hex, "items": items}}
    with place.box.faults.active(Fault("repeat", path="/processes/staging/execution")) as (name,):
        done = await run(run_job, [request], "ogc-processes-server/sandbox-staging", ledger="sandbox")
        assert place.box.faults.struck(name)
    assert_private(done.everything)
    assert_private(caplog.text)
    assert_private(await logged())
    ledger = sqlite3.connect(place.state / "ledger.sqlite")
    try:
        assert_private("\n".join(ledger.iterdump()))
    finally:
        ledger.close()
