"""Whatever happens to the answer, over real sockets: never two jobs for an intent, and none forgotten."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from ledger_processes import Drivers, check_never_two

from eoflows.base.errors import OutcomeUnknownError
from eoflows.base.http import AddressPolicy, HttpClient, Origin
from eoflows.base.http.client import guarded_transport
from eoflows.jobs.ledger import Intent, Ledger
from eoflows.jobs.models import Phase
from eoflows.jobs.service import JobServer
from eoflows.jobs.submission import submit
from eoflows.sandbox import Fault, Sandbox
from eoflows.services.dummy import DummyRequest, DummyService

pytestmark = pytest.mark.anyio
KINDS = ("token", "inputs", "listing", "none")
TAKEN, NOT_TAKEN = {"takes_effect": True}, {"takes_effect": False}
FAULTS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "answer dropped": ("lost_answer", {}, True),
    "reset before effect": ("reset", NOT_TAKEN, False),
    "reset after effect": ("reset", TAKEN, True),
    "503 after commit": ("unavailable", TAKEN, True),
    "503 before commit": ("unavailable", NOT_TAKEN, False),
    "500 after commit": ("server_error", TAKEN, True),
    "broken body": ("bad_json", {}, True),
    "cut body": ("truncate", {"after_bytes": 10}, True),
    "a page instead": ("error_page", {"format": "html"}, False),
    "hang after commit": ("hang", {"seconds": 30.0, **TAKEN}, True),
    "hang before commit": ("hang", {"seconds": 30.0, **NOT_TAKEN}, False),
}
"""By name: the fault, its parameters, and whether the service makes the job all the same."""


class ImpatientLine(httpx.AsyncBaseTransport):
    """Waits a moment for an answer that is withheld, and for any other as long as it takes."""

    def __init__(self, inner: httpx.AsyncBaseTransport, box: Sandbox) -> None:
        self._inner, self._box = inner, box

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        about = {"kind": "hang", "method": request.method, "path": request.url.path, "struck": 0}
        if any(about.items() <= one.items() for one in self._box.faults.listing()):
            request.extensions["timeout"]["read"] = 1.0
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
def open_place(box: Sandbox) -> Callable[[str], Any]:
    @asynccontextmanager
    async def opened(place: str) -> AsyncIterator[JobServer[DummyRequest]]:
        url = f"{box.url}/dummy/{place}"
        origin = Origin.of(box.url)
        line = ImpatientLine(guarded_transport(AddressPolicy([origin])), box)
        async with HttpClient(transport=line, timeout=120) as http:
            yield JobServer(DummyService(url, settle=0.6), url, http, exclusive=True)

    return opened


def wanted(server: JobServer[DummyRequest], place: str) -> Intent:
    return Intent(request=DummyRequest(inputs={"n": "a"}), endpoint=server.endpoint, server=place)


@pytest.mark.parametrize("name", FAULTS)
async def test_never_two(name: str, ledger_url: str, box: Sandbox, tmp_path: Path, open_place) -> None:
    fault, parameters, taken = FAULTS[name]

    async def one(ledger: Ledger, kind: str) -> None:
        place = f"{kind}-{tmp_path.name}"
        order = Fault(fault, path=f"/dummy/{place}/jobs", method="POST", times=1, parameters=parameters)
        box.faults.add(order)
        async with open_place(place) as server:
            if kind == "none":
                for _ in range(2):
                    with pytest.raises(OutcomeUnknownError, match="resolve-job"):
                        await submit(ledger, server, wanted(server, place), patience=5)
                record = await ledger.job(wanted(server, place).key)
                assert record.phase is Phase.UNKNOWN
                assert len(box.dummy.jobs(place)) == taken
                return
            first = await submit(ledger, server, wanted(server, place), patience=10)
            second = await submit(ledger, server, wanted(server, place), patience=10)
        assert [job.id for job in box.dummy.jobs(place)] == [first.remote_id] == [second.remote_id]
        assert first.attempts == (1 if taken and kind != "token" else 2)

    async with Ledger(ledger_url, create=True) as ledger, asyncio.TaskGroup() as group:
        for kind in KINDS:
            group.create_task(one(ledger, kind))


async def test_a_definite_no_is_not_in_doubt(
    ledger_url: str, box: Sandbox, tmp_path: Path, open_place
) -> None:
    place = f"none-{tmp_path.name}"
    throttle = Fault("throttle", path=f"/dummy/{place}/jobs", method="POST", times=1)
    async with Ledger(ledger_url, create=True) as ledger, open_place(place) as server:
        with box.faults.active(throttle), pytest.raises(Exception, match="429"):
            await submit(ledger, server, wanted(server, place))
        assert (await ledger.job(wanted(server, place).key)).phase is Phase.PLANNED
        assert (await submit(ledger, server, wanted(server, place))).remote_id
    assert len(box.dummy.jobs(place)) == 1


@pytest.mark.parametrize("name", [name for name, (_, _, taken) in FAULTS.items() if taken])
def test_as_most_do_it_fails_the_same_check(name: str, careless: Drivers, box: Sandbox) -> None:
    kind, parameters, _ = FAULTS[name]
    place = f"inputs-{careless.folder.name}"
    order = Fault(kind, path=f"/dummy/{place}/jobs", method="POST", times=1, parameters=parameters)
    with box.faults.active(order):
        careless.run("as_most_do_it", place, timeout=1)
    with pytest.raises(AssertionError, match="there more often"):
        check_never_two(box.dummy.jobs(place))
