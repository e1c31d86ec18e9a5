"""The made-up service's answers are read as they are, and every state has a row."""

import json

import httpx
import pytest
from job_world import World, endpoint, sqlite_url

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.base.http import HttpClient
from eoflows.jobs.models import CLOSED, OPEN, Phase, Recognition
from eoflows.jobs.service import JobServer
from eoflows.services.dummy import DummyRequest, DummyService

pytestmark = pytest.mark.anyio


def server(body: bytes) -> JobServer[DummyRequest]:
    line = httpx.MockTransport(lambda request: httpx.Response(200, content=body))
    return JobServer(DummyService(endpoint("inputs-a")), endpoint("inputs-a"), HttpClient(transport=line))


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("running", Phase.RUNNING),
        ("success", Phase.SUCCEEDED),
        ("failed", Phase.FAILED),
        ("cancelled", Phase.CANCELLED),
        ("never heard of", Phase.RUNNING),
    ],
)
async def test_every_status_has_a_row(status: str, phase: Phase) -> None:
    found = await server(json.dumps({"id": "a", "status": status}).encode()).state("a")
    assert (found.phase, found.raw_status) == (phase, status)


def test_phases_are_open_or_closed_or_ours() -> None:
    assert not OPEN & CLOSED
    assert set(Phase) - OPEN - CLOSED == {Phase.PLANNED, Phase.SENDING, Phase.UNKNOWN}


@pytest.mark.parametrize("kind", list(Recognition))
def test_a_place_says_how_its_jobs_are_recognised(kind: Recognition) -> None:
    can = DummyService(endpoint(f"{kind}-a")).can
    assert (can.recognition, can.lists) == (kind, kind is not Recognition.NONE)


def test_another_place_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="begins with token"):
        DummyService(endpoint("elsewhere"))


BODIES = [
    b"",
    b"[]",
    b"3",
    b"null",
    b"{}",
    b'{"id": "a"}',
    b'{"id": "a", "status": []}',
    b"\xff",
    b'{"id": "a"',
]


@pytest.mark.parametrize("body", BODIES)
async def test_what_cannot_be_read_is_said_to_be_so(body: bytes) -> None:
    asked = server(body)
    with pytest.raises(ContractError):
        await asked.state("a")
    with pytest.raises(ContractError):
        await asked.send(DummyRequest(), "t")
    with pytest.raises(ContractError):
        await asked.cancel("a")
    with pytest.raises(ContractError):
        _ = [page async for page in asked.states()]


async def test_what_is_written_is_read(tmp_path) -> None:
    world = World(sqlite_url(tmp_path))
    asked = world.server("inputs-a")
    made = await asked.send(DummyRequest(inputs={"seconds": 4, "credits": 3}), "t")
    world.clock.advance(1)
    found = await asked.state(made.id)
    assert (found.phase, found.progress, found.credits) == (Phase.RUNNING, 0.25, 3)
    assert found.created == made.created
    assert [state.id async for page in asked.states() for state in page] == [made.id]
    assert (await asked.cancel(made.id)).phase is Phase.CANCELLED
