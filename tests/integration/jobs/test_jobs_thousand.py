"""A thousand jobs at three endpoints, one dead and one unreliable, and a tracker that is killed often."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from eoflows.base.http import HttpClient, Origin
from eoflows.jobs.ledger import Intent, JobFilter, Ledger
from eoflows.jobs.models import JobState, Phase
from eoflows.jobs.service import JobServer
from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.services.dummy import DummyRequest, DummyService

pytestmark = pytest.mark.anyio
TRACKER = Path(__file__).with_name("tracker_process.py")
JOBS = {"inputs-steady": 400, "token-flapping": 400, "inputs-dead": 200}
KILLS = 10


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(days=0)) as found:
        yield found


@asynccontextmanager
async def opened(box: Sandbox, place: str) -> AsyncIterator[JobServer[DummyRequest]]:
    url = f"{box.url}/dummy/{place}"
    async with HttpClient(trusted=[Origin.of(box.url)]) as http:
        yield JobServer(DummyService(url), url, http)


async def accept_all(box: Sandbox, ledger: Ledger, place: str, count: int) -> None:
    """Have jobs made, and written down, before anything goes wrong."""
    async with opened(box, place) as server, asyncio.TaskGroup() as group:
        deadline = ledger.now() + timedelta(seconds=8 if place == "inputs-dead" else 300)

        async def one(n: int) -> None:
            # The first one ends when the test says so: until then there is something to look at.
            seconds = n % 3 if n else 1e6
            inputs = {"n": n, "seconds": seconds, "outcome": "failed" if n % 7 == 0 else "success"}
            wanted = Intent(
                request=DummyRequest(inputs=inputs), endpoint=server.endpoint, server=place, deadline=deadline
            )
            held = (await ledger.intend(wanted)).record
            job = box.dummy.add(place, "wait", inputs)
            await ledger.accepted(held, JobState(id=job.id, phase=Phase.RUNNING))

        for n in range(count):
            group.create_task(one(n))


async def test_none_is_lost_and_each_end_is_told(box: Sandbox, tmp_path: Path) -> None:
    url, told = f"sqlite:///{tmp_path / 'l.db'}", tmp_path / "told"
    async with Ledger(url, create=True) as ledger:
        for place, count in JOBS.items():
            await accept_all(box, ledger, place, count)
        faults = (
            Fault("reset", path="/dummy/inputs-dead/*"),
            Fault("unavailable", path="/dummy/token-flapping/*", probability=0.3, seed=1),
            Fault("bad_json", path="/dummy/token-flapping/*", probability=0.2, seed=2),
        )
        with box.faults.active(*faults):
            kills = 0
            async with asyncio.timeout(200):
                while await ledger.jobs(JobFilter(phases=[Phase.RUNNING], limit=1)):
                    process = await asyncio.create_subprocess_exec(
                        sys.executable, str(TRACKER), url, box.url, str(told)
                    )
                    if kills < KILLS:
                        # At another moment each time, from the first look on.
                        seen = box.log.last
                        while box.log.last <= seen + kills % 4 and process.returncode is None:  # noqa: ASYNC110
                            await asyncio.sleep(0.02)
                        if process.returncode is None:
                            os.kill(process.pid, signal.SIGKILL)
                            kills += 1
                        if kills == KILLS:
                            for place in JOBS:
                                first = next(job for job in box.dummy.jobs(place) if not job.inputs["n"])
                                first.inputs = {**first.inputs, "seconds": 0}
                    assert await process.wait() in (0, -9)
        assert kills == KILLS
        records = await ledger.jobs(JobFilter())
        assert not await ledger.untold()

    ends = Counter((record.server, record.phase) for record in records)
    assert ends == expected()
    announced = Counter(line for line in told.read_text().splitlines())
    assert set(announced) == {record.key for record in records}
    assert {place: len(box.dummy.jobs(place)) for place in JOBS} == JOBS


def expected() -> Counter[tuple[str, Phase]]:
    found = Counter({("inputs-dead", Phase.UNREACHABLE): JOBS["inputs-dead"]})
    for place in ("inputs-steady", "token-flapping"):
        failed = len(range(0, JOBS[place], 7))
        found |= {(place, Phase.FAILED): failed, (place, Phase.SUCCEEDED): JOBS[place] - failed}
    return found
