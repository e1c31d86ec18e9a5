"""A ledger and the made-up service in one process: the network is a transport, time is a number."""

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from eoflows.base.errors import OutcomeUnknownError
from eoflows.base.http import HttpClient, RetryPolicy
from eoflows.jobs.ledger import Intent, JobFilter, JobRecord, Ledger
from eoflows.jobs.models import JobState, Phase
from eoflows.jobs.service import Ask, JobServer, Output
from eoflows.jobs.submission import submit
from eoflows.jobs.tracker import EndpointRound, Pace, track_round
from eoflows.sandbox.dummy import Dummy, DummyJob, DummySettings
from eoflows.sandbox.stac.errors import Refusal, answer_refusal
from eoflows.services.dummy import DummyRequest, DummyService

KINDS = ("token", "inputs", "listing", "none")
BASE = "http://service.example/dummy"


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


class Line(httpx.AsyncBaseTransport):
    """The network. `orders` says what happens to the next requests that make jobs, one each.

    `lost`: done, and no answer. `unsent`: no connection. `dropped`: nothing done, and no answer.
    `broken`: done, and the answer is no document. `503`, `500`: done, and that is the answer.
    `429`, `403`: not done, and that is the answer. `fine`: as it should be.
    """

    def __init__(self, dummy: Dummy, clock: Clock) -> None:
        app = Starlette(routes=dummy.routes(), exception_handlers={Refusal: answer_refusal})
        self._inner = httpx.ASGITransport(app)
        self._clock = clock
        self.orders: deque[str] = deque()
        self.dead: set[str] = set()
        """Places that nobody can connect to."""
        self.before: Callable[[httpx.Request], Any] = lambda request: None
        """Called before each request is handled."""
        self.asked: Counter[str] = Counter()
        """Requests by method and path."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.before(request)
        path = request.url.path
        self.asked[f"{request.method} {path}"] += 1
        if path.split("/")[2] in self.dead:
            raise httpx.ConnectError("nobody listens", request=request)
        order = "fine"
        if request.method == "POST" and path.endswith("/jobs") and self.orders:
            order = self.orders.popleft()
        if order == "unsent":
            raise httpx.ConnectError("nobody listens", request=request)
        if order == "dropped":
            raise httpx.ReadError("the connection broke", request=request)
        if order in ("429", "403"):
            return httpx.Response(int(order), text="no", request=request)
        answer = await self._inner.handle_async_request(request)
        if order == "lost":
            raise httpx.ReadTimeout("no answer came", request=request)
        if order in ("503", "500"):
            return httpx.Response(int(order), text="a gateway says so", request=request)
        if order == "broken":
            return httpx.Response(200, text='{"id": "jo', request=request)
        answer.headers["date"] = format_datetime(self._clock(), usegmt=True)
        return answer


class World:
    """The made-up service, a clock, and ways to reach the service."""

    def __init__(self, url: str, *, lease: float = 180.0, settle: float = 2.0, **settings: Any) -> None:
        self.url, self.lease, self.settle = url, lease, settle
        self.clock = Clock()
        self.dummy = Dummy(DummySettings(**settings), self.clock)
        self.line = Line(self.dummy, self.clock)
        self.exclusive = True
        self.pending: int | None = None

    def ledger(self, *, lease: float | None = None) -> Ledger:
        """Open the ledger as another process would."""
        return Ledger(self.url, lease=lease or self.lease, clock=self.clock, create=True)

    def server(self, place: str) -> JobServer[DummyRequest]:
        """A server of which the client is never closed: it holds nothing."""
        http = HttpClient(
            transport=self.line, retry=RetryPolicy(attempts=1), sleep=self.clock.sleep, timeout=5.0
        )
        service = DummyService(endpoint(place), settle=self.settle, pending=self.pending)
        return JobServer(service, endpoint(place), http, exclusive=self.exclusive, clock=self.clock)

    @asynccontextmanager
    async def open_server(self, service: str, place: str) -> AsyncIterator[JobServer[DummyRequest]]:
        """As the tracker and the collector open them."""
        assert service == "dummy"
        yield self.server(place)

    @asynccontextmanager
    async def open_collecting(self, service: str, place: str) -> AsyncIterator[JobServer[DummyRequest]]:
        """Servers whose results come with the answer, and need no transfer."""

        class Giving(DummyService):
            async def outputs(self, state: JobState, ask: Ask) -> Sequence[Output]:
                return [Output("a.bin", content=b"abc")]

        yield JobServer(Giving(endpoint(place)), endpoint(place), HttpClient(transport=self.line))

    async def submit(self, ledger: Ledger, place: str, *, patience: float = 10.0, **more: Any) -> JobRecord:
        """Submit by the clock's time."""
        return await submit(
            ledger, self.server(place), intent(place, **more), patience=patience, sleep=self.clock.sleep
        )

    async def track(self, ledger: Ledger, **more: Any) -> list[EndpointRound]:
        """Run a round over all endpoints, whatever their pace."""
        return await track_round(ledger, self.open_server, older_than=0.0, pace=Pace(shortest=0.0), **more)

    def jobs(self, place: str) -> list[DummyJob]:
        """What the service has."""
        return self.dummy.jobs(place)


def endpoint(place: str) -> str:
    """Public identity of a place."""
    return f"{BASE}/{place}"


def intent(place: str, *, n: object = "", inputs: dict[str, Any] | None = None, **more: Any) -> Intent:
    """An intent at a place; another `n` asks for something else."""
    request = DummyRequest(inputs={"n": str(n), **(inputs or {})})
    return Intent(request=request, endpoint=endpoint(place), server=place, **more)


def sqlite_url(folder: Path) -> str:
    """A ledger in a folder."""
    return f"sqlite:///{folder / 'ledger.db'}"


async def rows(ledger: Ledger) -> list[JobRecord]:
    """All that the ledger has, oldest first."""
    return (await ledger.jobs(JobFilter()))[::-1]


def state(name: str, phase: Phase = Phase.RUNNING, **more: Any) -> JobState:
    """Give a state as a service would tell it."""
    return JobState(id=name, phase=phase, **more)


async def in_doubt(world: World, ledger: Ledger, place: str, order: str, **more: Any) -> str:
    """Leave an intent in doubt; give its key."""
    world.line.orders += [order]
    with pytest.raises(OutcomeUnknownError):
        await world.submit(ledger, place, patience=0, **more)
    return intent(place, **more).key
