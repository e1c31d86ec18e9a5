"""The job core: a round over many open jobs, intents per second, whole life cycles, overhead of a submission.

    python -m benchmarks.ledger [--jobs N] [--intents N] [--cycles N] [--databases sqlite postgresql] [--json]

The made-up service runs in a process of its own, and so does each measured worker; PostgreSQL is private to
the run, installed when missing, and keeps its own durability. The round's figures are of the tracker alone:
`observed` is one in which every job has changed, `quiet` one in which none has. Intents are written by four
processes that commit in groups. A life cycle is intent, request, id, end, announcement.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from eoflows.base.http import HttpClient, Origin
from eoflows.deployments.databases.postgres import PrivatePostgres
from eoflows.jobs.announce import announce
from eoflows.jobs.ledger import Intent, JobRecord, Ledger
from eoflows.jobs.models import JobState, Phase
from eoflows.jobs.service import JobServer
from eoflows.jobs.submission import submit
from eoflows.jobs.tracker import Pace, track_round
from eoflows.services.dummy import DummyRequest, DummyService

Row = dict[str, object]
_PROCESSES = multiprocessing.get_context("spawn")
_WRITERS = 4
_ABREAST = 50


def serve(line: Connection, jobs: int) -> None:
    """Be the made-up service; its first place has running jobs, of which each second one ends when told."""
    from eoflows.sandbox import Sandbox  # noqa: PLC0415

    with Sandbox() as box:
        names = [box.dummy.add("inputs-many", "wait", {"n": n, "seconds": 9e6}).id for n in range(jobs)]
        line.send((box.url, names))
        while (said := line.recv()) != "stop":
            if said == "end":
                for job in box.dummy.jobs("inputs-many"):
                    job.inputs = {**job.inputs, "seconds": 0}
            line.send(box.log.last)


@contextmanager
def sandbox(jobs: int) -> Iterator[tuple[str, list[str], Connection]]:
    """Start the service; give its address, the ids of its jobs, and a line to it."""
    line, theirs = _PROCESSES.Pipe()
    process = _PROCESSES.Process(target=serve, args=(theirs, jobs))
    process.start()
    url, names = line.recv()
    try:
        yield url, names, line
    finally:
        line.send("stop")
        process.join()


def opener(base: str) -> Callable[..., Any]:
    """Open places of the service."""

    @asynccontextmanager
    async def open_server(service: str, place: str) -> AsyncIterator[JobServer[DummyRequest]]:
        url = f"{base}/dummy/{place}"
        async with HttpClient(trusted=[Origin.of(base)]) as http:
            yield JobServer(DummyService(url), url, http)

    return open_server


def intents(base: str, place: str, count: int, *, run: str = "") -> list[Intent]:
    """Give intents that ask for as many different jobs."""
    return [
        Intent(
            request=DummyRequest(inputs={"n": n, "run": run}), endpoint=f"{base}/dummy/{place}", server=place
        )
        for n in range(count)
    ]


def in_process(work: Callable[..., Any], *given: object) -> Any:
    """Run work in a process of its own, and give what it returns."""
    with _PROCESSES.Pool(1) as pool:
        return pool.apply(_run, (work, given))


def _run(work: Callable[..., Any], given: Sequence[object]) -> Any:
    return asyncio.run(work(*given))


# A round over many jobs


async def fill(ledger_url: str, base: str, names: list[str]) -> None:
    """Write the jobs that the service has."""
    async with Ledger(ledger_url, create=True) as ledger, asyncio.TaskGroup() as group:

        async def one(intent: Intent, name: str) -> None:
            held = (await ledger.intend(intent)).record
            await ledger.accepted(held, JobState(id=name, phase=Phase.QUEUED, raw_status="queued"))

        for intent, name in zip(intents(base, "inputs-many", len(names)), names, strict=True):
            group.create_task(one(intent, name))


async def look(ledger_url: str, base: str) -> tuple[float, float, int]:
    """Run a round; give its seconds, the peak of this process's memory in MB, and the jobs that ended."""
    async with Ledger(ledger_url, create=True) as ledger:
        started = time.perf_counter()
        (found,) = await track_round(ledger, opener(base), pace=Pace(shortest=0.0))
        spent = time.perf_counter() - started
    if found.error:
        raise SystemExit(found.error)
    return spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found.ended


def rounds(ledger_url: str, jobs: int) -> Iterator[Row]:
    """Measure a round in which all jobs begin, one in which nothing happens, and one in which all end."""
    with sandbox(jobs) as (base, names, line):
        in_process(fill, ledger_url, base, names)
        for kind in ("observed", "quiet", "ended"):
            line.send("end" if kind == "ended" else "count")
            before = line.recv()
            seconds, memory, ended = in_process(look, ledger_url, base)
            line.send("count")
            yield {
                "measured": f"round over {jobs:,} jobs, {kind}",
                "seconds": round(seconds, 1),
                "requests": line.recv() - before,
                "peak RSS MB": round(memory),
                "ended": ended,
            }


# Writing


async def write_intents(ledger_url: str, run: str, count: int) -> tuple[float, float, float]:
    """Write intents, some at a time as tasks do; give when this began and ended, and seconds of the CPU."""
    wanted = iter(intents("http://service.example", f"inputs-{run}", count, run=run))
    async with Ledger(ledger_url, create=True) as ledger:

        async def writer() -> None:
            for intent in wanted:
                await ledger.intend(intent)

        started, busy = time.time(), time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(_ABREAST):
                group.create_task(writer())
        return started, time.time(), time.process_time() - busy


def intents_per_second(ledger_url: str, count: int) -> Row:
    """Let four processes write intents at once."""
    in_process(write_intents, ledger_url, "first", 1)
    with _PROCESSES.Pool(_WRITERS) as pool:
        given = [(write_intents, (ledger_url, f"w{n}", count // _WRITERS)) for n in range(_WRITERS)]
        times = pool.starmap(_run, given, chunksize=1)
    spent = max(end for _, end, _ in times) - min(start for start, _, _ in times)
    busy = sum(one for *_, one in times)
    return {
        "measured": f"intents by {_WRITERS} processes",
        "per second": round(count / spent),
        "CPU ms each": round(1000 * busy / count, 2),
    }


async def write_one_by_one(ledger_url: str, count: int) -> float:
    """Write intents one after the other; give seconds each."""
    async with Ledger(ledger_url, create=True) as ledger:
        started = time.perf_counter()
        for intent in intents("http://service.example", "inputs-one", count):
            await ledger.intend(intent)
        return (time.perf_counter() - started) / count


# Life cycles


async def live(ledger_url: str, base: str, count: int) -> tuple[float, float, int]:
    """Submit jobs, follow and announce them; give seconds, those of the CPU, and the number announced."""
    open_server = opener(base)
    wanted = iter(intents(base, "inputs-lives", count))
    told: list[str] = []

    async def tell(records: Sequence[JobRecord]) -> None:
        told.extend(record.key for record in records)

    async with Ledger(ledger_url, create=True) as ledger, open_server("dummy", "inputs-lives") as server:

        async def submitter() -> None:
            for intent in wanted:
                await submit(ledger, server, intent)

        started, busy = time.perf_counter(), time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(16):
                group.create_task(submitter())
        while len(told) < count:
            await track_round(ledger, open_server, pace=Pace(shortest=0.0))
            await announce(ledger, tell)
        return time.perf_counter() - started, time.process_time() - busy, len(set(told))


async def overhead(ledger_url: str, base: str, count: int) -> tuple[float, float]:
    """Give milliseconds of a submission through the ledger, and of the bare request, one after the other."""
    wanted = intents(base, "inputs-slow", count)
    async with Ledger(ledger_url, create=True) as ledger, opener(base)("dummy", "inputs-slow") as server:
        for intent in wanted[:5]:
            await submit(ledger, server, intent)
        started = time.perf_counter()
        for intent in wanted[5:]:
            await submit(ledger, server, intent)
        through = time.perf_counter() - started
        started = time.perf_counter()
        for intent in wanted[5:]:
            await server.send(DummyRequest.model_validate(intent.request), "")
        bare = time.perf_counter() - started
    each = 1000 / (count - 5)
    return through * each, bare * each


def lives(ledger_url: str, count: int) -> Iterator[Row]:
    """Measure life cycles, and what the ledger adds to a submission."""
    with sandbox(0) as (base, _, _):
        spent, busy, told = in_process(live, ledger_url, base, count)
        yield {
            "measured": f"life cycles of {told:,} jobs",
            "per second": round(told / spent),
            "CPU ms each": round(1000 * busy / told, 1),
        }
        through, bare = in_process(overhead, ledger_url, base, 205)
        yield {
            "measured": "submission",
            "ms": round(through, 1),
            "of these the service's": round(bare, 1),
            "overhead ms": round(through - bare, 1),
        }


def measure(ledger_url: Callable[[], str], options: argparse.Namespace) -> Iterator[Row]:
    """Measure everything on ledgers of one database."""
    yield intents_per_second(ledger_url(), options.intents)
    alone = in_process(write_one_by_one, ledger_url(), 200)
    yield {"measured": "intents, one after the other", "ms": round(1000 * alone, 1)}
    yield from lives(ledger_url(), options.cycles)
    yield from rounds(ledger_url(), options.jobs)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Callable[[], str]]:
    """Give a maker of new ledgers."""
    if kind == "sqlite":
        numbers = iter(range(100))
        yield lambda: f"sqlite:///{folder / f'{next(numbers)}.db'}"
        return
    with PrivatePostgres({}) as postgres:
        names = (f"ledger{number}" for number in range(100))
        yield lambda: postgres.login(next(names)).url


def main() -> None:
    """Print a row per measurement."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ledger",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--jobs", type=int, default=10_000, help="open jobs of the round")
    parser.add_argument("--intents", type=int, default=4_000)
    parser.add_argument("--cycles", type=int, default=1_000, help="whole life cycles")
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    options = parser.parse_args()
    for kind in options.databases:
        with tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as ledger_url:
            for row in measure(ledger_url, options):
                _print({"database": kind, **row}, as_json=options.json)


def _print(row: Row, *, as_json: bool) -> None:
    text = (
        json.dumps(row) if as_json else "| " + " | ".join(f"{name}: {value}" for name, value in row.items())
    )
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
