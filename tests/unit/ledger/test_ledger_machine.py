"""Whatever order things happen in: at most one job for an intent, and every intent is in the ledger."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from examples import examples
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from job_world import KINDS, World, intent, rows, sqlite_url

from eoflows.base.errors import LateError, OutcomeUnknownError, RefusedError, UnreachableError
from eoflows.jobs.ledger import Finding, JobRecord, Ledger
from eoflows.jobs.models import Phase
from eoflows.jobs.submission import request_token, send_held

PLACES = st.sampled_from([f"{kind}-a" for kind in KINDS])
NAMES = st.sampled_from("xyz")
ORDERS = st.sampled_from(["fine", "lost", "dropped", "broken", "503", "429", "403", "unsent"])
LEASE = 100.0


class JobMachine(RuleBasedStateMachine):
    """Submits, loses answers, dies, follows, cancels; each step is a process of its own on one ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(sqlite_url(Path(self.folder.name)), lease=LEASE, settle=3.0)
        self.loop = asyncio.Runner()
        self.ledger: Ledger = self.loop.run(self._open())
        self.wanted: dict[tuple[str, str], str] = {}
        self.stalled: list[JobRecord] = []

    async def _open(self) -> Ledger:
        return await self.world.ledger().__aenter__()

    def teardown(self) -> None:
        self.loop.run(self.ledger.__aexit__(None, None, None))
        self.loop.close()
        self.folder.cleanup()

    def _note(self, place: str, name: str) -> None:
        self.wanted[place, name] = intent(place, n=name, inputs={"seconds": 20}).key

    @rule(place=PLACES, name=NAMES, order=ORDERS, patience=st.sampled_from([0.0, 5.0]))
    def submit(self, place: str, name: str, order: str, patience: float) -> None:
        self._note(place, name)
        self.world.line.orders.append(order)
        submitted = self.world.submit(self.ledger, place, n=name, inputs={"seconds": 20}, patience=patience)
        try:
            record = self.loop.run(submitted)
        except (OutcomeUnknownError, UnreachableError, RefusedError):
            pass
        else:
            assert record.remote_id is not None or record.closed
        self.world.line.orders.clear()

    @rule(place=PLACES, name=NAMES)
    def die_after_the_intent(self, place: str, name: str) -> None:
        self._note(place, name)
        self.loop.run(self.ledger.intend(intent(place, n=name, inputs={"seconds": 20})))

    @rule(place=PLACES, name=NAMES)
    def stand_still_after_the_intent(self, place: str, name: str) -> None:
        self._note(place, name)
        found = self.loop.run(self.ledger.intend(intent(place, n=name, inputs={"seconds": 20})))
        if found.finding is Finding.SEND:
            self.stalled.append(found.record)

    @rule()
    def wake(self) -> None:
        """Whoever stood still goes on to send, if there is still time by its lease."""
        for held in self.stalled:
            try:
                self.loop.run(send_held(self.ledger, self.world.server(held.server), held))
            except (LateError, UnreachableError, RefusedError):
                continue
        self.stalled.clear()

    @rule(place=PLACES, name=NAMES)
    def die_after_the_request(self, place: str, name: str) -> None:
        """The service has done it, and nobody has read the answer."""
        self._note(place, name)
        wanted = intent(place, n=name, inputs={"seconds": 20})
        found = self.loop.run(self.ledger.intend(wanted))
        if found.finding is Finding.SEND:
            server = self.world.server(place)
            self.loop.run(server.send(wanted.request, request_token(wanted.key)))

    @rule(seconds=st.sampled_from([1.0, 4.0, 30.0, LEASE + 1]))
    def time_goes_by(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule(order=ORDERS)
    def track(self, order: str) -> None:
        self.world.line.orders.append(order)
        self.loop.run(self.world.track(self.ledger))
        self.world.line.orders.clear()

    @rule(place=PLACES)
    def a_round_where_one_is_dead(self, place: str) -> None:
        self.world.line.dead.add(place)
        self.loop.run(self.world.track(self.ledger))
        self.world.line.dead.clear()

    @rule(place=PLACES, name=NAMES)
    def cancel(self, place: str, name: str) -> None:
        key = intent(place, n=name, inputs={"seconds": 20}).key
        self.loop.run(self.ledger.want_cancelled([key]))

    @rule(place=PLACES, name=NAMES)
    def plan(self, place: str, name: str) -> None:
        self._note(place, name)
        self.loop.run(self.ledger.plan([intent(place, n=name, inputs={"seconds": 20})]))

    @invariant()
    def never_two(self) -> None:
        for kind in KINDS:
            jobs = Counter(job.inputs["n"] for job in self.world.jobs(f"{kind}-a"))
            assert all(many == 1 for many in jobs.values()), (kind, jobs)

    @invariant()
    def none_forgotten(self) -> None:
        found = {record.key: record for record in self.loop.run(rows(self.ledger))}
        assert set(found) == set(self.wanted.values())
        ids = {(record.server, record.remote_id) for record in found.values()}
        for (place, name), key in self.wanted.items():
            record = found[key]
            for job in self.world.jobs(place):
                if job.inputs["n"] == name and (place, job.id) not in ids:
                    # There is a job without an id in the ledger: the ledger must know that it may be.
                    assert record.phase in (Phase.SENDING, Phase.UNKNOWN), record


JobMachine.TestCase.settings = settings(
    max_examples=examples(25),
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestJobMachine = JobMachine.TestCase
