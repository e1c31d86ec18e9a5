"""The automations, each seen firing on a real server."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import isawaitable
from typing import Any
from uuid import UUID, uuid4

import anyio
import pytest
from flow_runs import ORBIT, run
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from eoflows.deployments.automations import (
    alert_incidents,
    apply,
    apply_all,
    collect_finished,
    remove,
    resubmit_lost,
)
from eoflows.deployments.errors import StackError
from eoflows.flows.collect_jobs import collect_jobs
from eoflows.flows.resubmit_lost import resubmit_lost as resubmit_lost_flow
from eoflows.flows.run_job import run_job
from eoflows.flows.stage_aux import aux_staging
from eoflows.jobs.ledger import JobFilter
from eoflows.sandbox.faults import Fault
from eoflows.services.dummy import DummyRequest
from eoflows.tasks.servers import open_desk
from eoflows.tasks.track import track_jobs_once

pytestmark = pytest.mark.anyio
INPUTS = "dummy-server/sandbox-inputs"


class Receiver:
    """A person's inbox."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


async def until(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> None:
    with anyio.move_on_after(seconds):
        while True:
            met = condition()
            if await met if isawaitable(met) else met:
                return
            await anyio.sleep(0.2)
    raise AssertionError(f"{what} did not come in {seconds:.0f} s")


async def save_inbox(receiver: Receiver) -> UUID:
    name = f"inbox-{uuid4().hex[:8]}"
    form = {"subject": "{{subject}}", "body": "{{body}}"}
    saved: UUID = await CustomWebhookNotificationBlock(name=name, url=receiver.url, json_data=form).save(name)
    return saved


async def test_one_alert_per_incident(place, receiver):
    inbox = await save_inbox(receiver)
    alert = alert_incidents([inbox])
    assert await apply(alert) == "made"
    assert await apply(alert_incidents([inbox])) == "as it should be"

    async def stage() -> str:
        asked = {"filter": ORBIT, "limit": 2}
        return (await run(aux_staging, place.env, asked, "s1-aux", on_failure="fail")).state.name

    async def told(number: int) -> None:
        await until(lambda: len(receiver.got) >= number, f"{number} messages")

    try:
        with place.box.faults.active(Fault("forbidden", path="*$value", after=1)):
            assert [await stage() for _ in range(3)] == ["PartiallyStaged"] * 3
        await told(1)
        assert [await stage() for _ in range(2)] == ["Completed"] * 2
        await told(2)
        with place.box.faults.active(Fault("forbidden", path="/auxip/*")):
            assert await stage() == "Failed"
        await told(3)
    finally:
        assert await remove(alert.name)
    begun, over, again = receiver.got
    assert begun["subject"] == "eoflows: aux-staging"
    assert "eoflows.incident.begun" in begun["body"]
    assert "PartiallyStaged" in begun["body"]
    assert "2 found in auxip: 1 staged, 1 failed." in begun["body"]
    assert "eoflows.incident.over" in over["body"]
    assert "eoflows.incident.begun" in again["body"]


async def deployed(flow: Any, name: str) -> UUID:
    """Deploy a flow without a worker: what is scheduled for it stays so."""
    async with get_client() as client:
        return await client.create_deployment(await client.create_flow(flow), name)


async def test_what_is_wanted_is_applied_and_what_is_not_is_removed(place, receiver):
    await save_inbox(receiver)
    async with get_client() as client:
        documents = await client.read_block_documents_by_type("custom-webhook")
    inbox = f"custom-webhook/{documents[-1].name}"
    name = f"applied-{uuid4().hex[:8]}"
    with pytest.raises(ObjectNotFound):
        await apply_all(name, [], [])
    for flow in (collect_jobs, resubmit_lost_flow):
        await deployed(flow, name)
    with pytest.raises(StackError, match="no notification block 'slack-webhook/nobody'"):
        await apply_all(name, ["slack-webhook/nobody"], [])
    every = [f"collect finished jobs ({name})", "crash dead runs", "alert of incidents"]
    every.append(f"resubmit lost jobs ({name})")
    try:
        assert await apply_all(name, [inbox], ["dummy"]) == [f"{one}: made" for one in every]
        assert await apply_all(name, [inbox], ["dummy"]) == [f"{one}: as it should be" for one in every]
        changed = await apply_all(name, [inbox], ["dummy", "ogc-processes"])
        assert changed[3] == f"resubmit lost jobs ({name}): changed"
        fewer = await apply_all(name, [], [])
        assert fewer[2:] == ["alert of incidents: removed", f"resubmit lost jobs ({name}): removed"]
    finally:
        removed = [await remove(one) for one in every]
    assert removed == [True, True, False, False]


async def scheduled(deployment: UUID) -> dict[str, Any]:
    """Wait for the run that an automation starts, and give its parameters."""
    found: list[FlowRun] = []

    async def there() -> bool:
        async with get_client() as client:
            mine = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
            found[:] = await client.read_flow_runs(deployment_filter=mine)
        return bool(found)

    await until(there, "the automation's run")
    return found[0].parameters


async def test_finished_jobs_are_fetched_and_lost_ones_sent_again(place):
    name = f"seen-{uuid4().hex[:8]}"
    collect, resubmit = await deployed(collect_jobs, name), await deployed(resubmit_lost_flow, name)
    wanted = [collect_finished("seen", collect), resubmit_lost("seen", resubmit, ["dummy"])]
    assert [await apply(one) for one in wanted] == ["made", "made"]
    asked = DummyRequest(inputs={"test": uuid4().hex, "seconds": 600})
    try:
        await run(run_job, [asked], INPUTS, ledger="sandbox", wait_seconds=0)
        place.box.dummy.forget("inputs-sandbox")
        await rounds_until(asked, "lost")
        assert await scheduled(collect) == {"ledger": "sandbox"}
        parameters = await scheduled(resubmit)
    finally:
        assert [await remove(one.name) for one in wanted] == [True, True]
    assert parameters == {"ledger": "sandbox", "services": ["dummy"], "who": "the automation"}
    done = await run(resubmit_lost_flow, **parameters)
    assert done.state.message == "1 lost jobs are sent again, 0 stay lost."
    await rounds_until(asked, "running")
    assert [one.inputs for one in place.box.dummy.jobs("inputs-sandbox")] == [asked.inputs]


async def rounds_until(asked: DummyRequest, phase: str) -> None:
    """Track until a job stands somewhere."""
    async with open_desk("sandbox") as desk:

        async def stands() -> bool:
            await track_jobs_once(desk, older_than=0.0)
            (record,) = [one for one in await desk.ledger.jobs(JobFilter()) if one.request == wire(asked)]
            return str(record.phase) == phase

        await until(stands, f"a job that is {phase}")


def wire(asked: DummyRequest) -> dict[str, Any]:
    return asked.model_dump(mode="json")
