"""A process that submits, follows and announces jobs, and is killed, or stops, at a step of its own.

No hook of the production code is used: the driver wraps the ledger and the network that it hands over.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from eoflows.base.errors import EoError
from eoflows.base.http import HttpClient, Origin
from eoflows.base.http.addresses import AddressPolicy
from eoflows.base.http.client import guarded_transport
from eoflows.jobs.announce import announce
from eoflows.jobs.ledger import Intent, JobRecord, Ledger, Reservation
from eoflows.jobs.service import JobServer
from eoflows.jobs.submission import submit
from eoflows.jobs.tracker import Pace, track_round
from eoflows.jobs.wait import wait_for_jobs
from eoflows.services.dummy import DummyRequest, DummyService

STEPS = (
    "before intent",
    "after intent",
    "after snapshot",
    "before request",
    "after request",
    "after answer",
    "after recording",
    "after end",
    "after telling",
)
"""Moments at which the driver can die, from before the intent to after the outbox was read."""

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Moment:
    """Ends or stops this process, by its own hand, when a step is reached for the first time."""

    def __init__(self, step: str, how: str) -> None:
        self._step, self._how = step, how

    def reached(self, step: str) -> None:
        if step == self._step:
            self._step = ""
            os.kill(os.getpid(), SIGNALS[self._how])


class WatchedLedger(Ledger):
    """A ledger whose steps are moments."""

    moment: Moment

    async def intend(self, intent: Intent) -> Any:
        self.moment.reached("before intent")
        found = await super().intend(intent)
        self.moment.reached("after intent")
        return found

    async def note_seen(self, held: JobRecord, ids: Sequence[str]) -> JobRecord:
        noted = await super().note_seen(held, ids)
        self.moment.reached("after snapshot")
        return noted

    async def accepted(self, held: JobRecord, state: Any) -> JobRecord:
        self.moment.reached("after answer")
        record = await super().accepted(held, state)
        self.moment.reached("after recording")
        return record

    async def observe(self, *given: Any) -> int:
        ended = await super().observe(*given)
        if ended:
            self.moment.reached("after end")
        return ended

    async def mark_told(self, records: Any) -> None:
        self.moment.reached("after telling")
        await super().mark_told(records)


class WatchedLine(httpx.AsyncBaseTransport):
    """A network whose requests that make jobs are moments."""

    def __init__(self, inner: httpx.AsyncBaseTransport, moment: Moment) -> None:
        self._inner, self._moment = inner, moment

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        makes = request.method == "POST" and request.url.path.endswith("/jobs")
        if makes:
            self._moment.reached("before request")
        answer = await self._inner.handle_async_request(request)
        if makes:
            # The head of the answer has come: the service has done it; nobody has read the body.
            self._moment.reached("after request")
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


def opener(base: str, *, settle: float, timeout: float, moment: Moment) -> Callable[..., Any]:
    """Open places of the made-up service over real sockets."""

    @asynccontextmanager
    async def open_server(service: str, place: str) -> AsyncIterator[JobServer[DummyRequest]]:
        url, origin = f"{base}/dummy/{place}", Origin.of(base)
        line = WatchedLine(guarded_transport(AddressPolicy([origin])), moment)
        async with HttpClient(trusted=[origin], transport=line, timeout=timeout) as http:
            yield JobServer(DummyService(url, settle=settle), url, http, exclusive=True)

    return open_server


def tell_into(path: Path) -> Callable[[Sequence[JobRecord]], Any]:
    """Announce jobs as lines of a file."""

    async def tell(records: Sequence[JobRecord]) -> None:
        with path.open("a") as file:
            file.writelines(f"{record.key} {record.phase}\n" for record in records)

    return tell


async def one_job(given: argparse.Namespace) -> str:
    """Submit a job, follow it to its end, announce that; give what is known of it in the end."""
    moment = Moment(given.step, given.how)
    open_server = opener(given.base, settle=given.settle, timeout=given.timeout, moment=moment)
    inputs = {"seconds": 0.2, "n": given.name}
    async with (
        WatchedLedger(given.ledger, lease=given.lease, clock=given.clock, create=True) as ledger,
        open_server("dummy", given.place) as s,
    ):
        ledger.moment = moment
        wanted = Intent(request=DummyRequest(inputs=inputs), endpoint=s.endpoint, server=given.place)
        try:
            record = await submit(ledger, s, wanted, patience=given.patience)
        except EoError as error:
            return type(error).__name__
        pace = Pace(shortest=0.2)
        until = ledger.now() + timedelta(seconds=given.patience)
        (record,) = await wait_for_jobs(
            ledger, open_server, [record.key], until=until, pace=pace, shortest=0.3, longest=0.5
        )
        await announce(ledger, tell_into(given.told))
        return str(record.phase)


async def many_jobs(given: argparse.Namespace) -> str:
    """Submit many jobs at once, in an order of one's own."""
    open_server = opener(given.base, settle=given.settle, timeout=given.timeout, moment=Moment("", "kill"))
    outcomes: list[str] = []
    async with (
        Ledger(given.ledger, lease=given.lease, clock=given.clock, create=True) as ledger,
        open_server("dummy", given.place) as s,
    ):

        async def one(number: int) -> None:
            inputs = {"seconds": 0.2, "n": f"{given.name}{number}"}
            reserved = Reservation(budget=given.budget, credits=10) if given.budget else None
            wanted = Intent(
                request=DummyRequest(inputs=inputs),
                endpoint=s.endpoint,
                server=given.place,
                reservation=reserved,
            )
            try:
                outcomes.append(str((await submit(ledger, s, wanted, patience=given.patience)).phase))
            except EoError as error:
                outcomes.append(type(error).__name__)

        numbers = range(given.count)
        order = numbers if os.getpid() % 2 else reversed(numbers)
        async with asyncio.TaskGroup() as group:
            for number in order:
                group.create_task(one(number))
    return json.dumps(sorted(outcomes))


async def follow(given: argparse.Namespace) -> str:
    """Run rounds and announce, until killed or nothing is left to watch."""
    open_server = opener(given.base, settle=given.settle, timeout=given.timeout, moment=Moment("", "kill"))
    async with Ledger(given.ledger, lease=given.lease, clock=given.clock, create=True) as ledger:
        until = ledger.now() + timedelta(seconds=given.patience)
        while ledger.now() < until:
            await track_round(ledger, open_server, pace=Pace(shortest=0.2, longest=1.0))
            await announce(ledger, tell_into(given.told))
            await asyncio.sleep(0.1)
    return "over"


async def as_most_do_it(given: argparse.Namespace) -> str:
    """The control: the id is saved after the request, which is repeated when no id was saved."""
    saved = given.told.with_suffix(".ids")
    known = json.loads(saved.read_text()) if saved.exists() else {}
    moment = Moment(given.step, given.how)
    if given.name not in known:
        moment.reached("before intent")
        moment.reached("after intent")
        line = WatchedLine(httpx.AsyncHTTPTransport(), moment)
        async with httpx.AsyncClient(transport=line, timeout=given.timeout) as client:
            body = {"process": "wait", "inputs": {"seconds": 0.2, "n": given.name}}
            for _ in range(3):
                try:
                    answer = await client.post(f"{given.base}/dummy/{given.place}/jobs", json=body)
                    known[given.name] = answer.raise_for_status().json()["id"]
                except (httpx.HTTPError, json.JSONDecodeError):
                    continue
                break
        moment.reached("after answer")
        saved.write_text(json.dumps(known))
        moment.reached("after recording")
    return "succeeded"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=["one_job", "many_jobs", "follow", "as_most_do_it"])
    for name in ("ledger", "base", "place"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--name", default="a")
    parser.add_argument("--step", default="", choices=["", *STEPS])
    parser.add_argument("--how", default="kill", choices=list(SIGNALS))
    parser.add_argument("--budget", default="")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--told", type=Path)
    parser.add_argument("--said", type=Path)
    parser.add_argument("--lease", type=float, default=90.0)
    parser.add_argument("--settle", type=float, default=0.5)
    parser.add_argument("--timeout", type=float, default=120.0)
    parser.add_argument("--patience", type=float, default=120.0)
    parser.add_argument("--ahead", type=float, default=0.0, help="seconds that its clock is ahead of others'")
    given = parser.parse_args(arguments)
    given.clock = lambda: datetime.now(UTC) + timedelta(seconds=given.ahead)
    return given


def live(arguments: Sequence[str]) -> None:
    """Be a driver: do the work, leave its last word in a file, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    given, code = parse(arguments), 0
    try:
        said = asyncio.run(globals()[given.work](given))
    except BaseException:  # noqa: BLE001 - a forked process must not return into its parent's code
        said, code = traceback.format_exc(), 1
    given.said.write_text(said)
    os._exit(code)


def main() -> None:
    """Fork a driver per line of input: whoever has imported everything starts at once.

    Says `started PID` for each, in turn, and `ended PID CODE`; the code of a killed one is negative.
    """

    def reap(number: int, frame: object) -> None:
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                os.write(1, f"ended {found[0]} {os.waitstatus_to_exitcode(found[1])}\n".encode())

    signal.signal(signal.SIGCHLD, reap)
    for line in sys.stdin:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if pid == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            live(json.loads(line))
        os.write(1, f"started {pid}\n".encode())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


if __name__ == "__main__":
    main()
