"""kill -9 at every step of a submission: nothing is exported twice, and nothing is forgotten."""

import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from submitting_process import COLLECTION, SPAN, TILE, tracker
from waiting import becomes

from eoflows.jobs.ledger import Intent, JobFilter, Ledger
from eoflows.jobs.models import Phase
from eoflows.jobs.submission import request_token
from eoflows.jobs.tracker import Pace, track_round
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.earth_engine.settings import EarthEngineSettings
from eoflows.services.earth_engine import outcomes, progress
from eoflows.services.earth_engine.request import EarthEngineRequest

HERE = Path(__file__).parent


def test_death_at_every_step_of_a_submission(box, tmp_path):
    whole = tracker(box.url, tmp_path, "whole")
    before = box.log.last
    whole.submit(COLLECTION, TILE, *SPAN)
    steps = 2 * (box.log.last - before)
    assert steps >= 20
    command = [sys.executable, str(HERE / "submitting_process.py"), box.url, str(tmp_path), str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parents[2])
    assert done.stdout.split("\n")[:-1] == [f"{step} killed" for step in range(steps)], done.stderr
    for step in range(steps):
        again = tracker(box.url, tmp_path, step)
        name, _ = again.submit(COLLECTION, TILE, *SPAN)
        with anyio.from_thread.start_blocking_portal() as portal:
            document = portal.call(_until_ended, again, name)
        assert outcomes(document) == {"COMPLETED": 2}, f"step {step}"
        assert again.list() == [name]
        made = [one for one in box.earth_engine.operations.all if one.project == f"project-{step}"]
        assert len(made) == 2, f"step {step} made {len(made)} exports"
        assert {one.request_id for one in made} == {
            request_token(order["key"]) for order in document["orders"]
        }
        assert {one.id for one in made} == {order["status"]["id"] for order in document["orders"]}


async def _until_ended(again, name):
    """A dead process's lease lasts a little."""

    async def complete():
        document = await anyio.to_thread.run_sync(again.update, name)
        return document if progress(document) == 1.0 else None

    return await becomes(complete, "the last order")


@pytest.mark.anyio
@pytest.mark.parametrize(("count", "requests"), [(600, 3), pytest.param(3000, 10, marks=pytest.mark.prove)])
async def test_thousands_of_orders_are_followed_in_few_requests(tmp_path, count, requests):
    settings = EarthEngineSettings(delivers=False, pace="manual")
    with Sandbox(SandboxSettings(days=0, earth_engine=settings)) as box:
        client = tracker(box.url, tmp_path, "many")._client
        where = {"cloudStorageDestination": {"bucket": "eo-bucket", "filenamePrefix": "P/x"}}
        body = f'{{"expression":{{}},"fileExportOptions":{str(where).replace(chr(39), chr(34))}}}'
        async with client.project.open() as server, Ledger(str(client.ledger), create=True) as ledger:
            await ledger.plan([
                Intent(
                    request=EarthEngineRequest(
                        order={"number": number},
                        bucket="eo-bucket",
                        name=f"P/x{number}",
                        size=(1, 1),
                        shard=(1, 1),
                        layers=[],
                        body=body,
                    ),
                    endpoint=server.endpoint,
                    server=client.project.server_name,
                )
                for number in range(count)
            ])  # fmt: skip
            only = [("earth_engine", server.endpoint)]

            async def round():
                return await track_round(
                    ledger, client.open_server, pace=Pace(shortest=0.01), only=only, older_than=0.0
                )

            sent = 0
            while sent < count:
                (one,) = await round()
                assert one.error == ""
                sent += one.sent
            assert len(box.earth_engine.operations.all) == count
            for made in box.earth_engine.operations.all:
                box.earth_engine.operations.advance(made.id)
            before = box.log.last
            (one,) = await round()
            assert (one.looked_at, one.changed, one.error) == (count, count, "")
            assert box.log.last - before <= requests
            assert len(await ledger.jobs(JobFilter(phases=(Phase.RUNNING,)))) == count
