"""The number of connections per host, with a clock of our own."""

import asyncio

import pytest

from eoflows.base.errors import ThrottledError
from eoflows.stores.transfer.gates import Desks, Gate
from eoflows.stores.transfer.lanes import Lane

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def work(lane: Lane, clock: Clock, rate_of) -> None:
    """A period in which the host gives `rate_of(connections)` bytes a second."""
    clock.now += 1.0
    lane.moved += int(rate_of(lane.limit))
    lane.judge()


def test_it_grows_while_throughput_grows_and_no_further():
    clock = Clock()
    lane = Lane(8, 32, clock=clock)
    for _ in range(10):
        work(lane, clock, lambda connections: 1000 * min(connections, 16))
    assert 16 <= lane.limit <= 32
    lane = Lane(8, 64, clock=clock)
    for _ in range(4):
        work(lane, clock, lambda connections: 1000 * connections)
    assert lane.limit == 64


def test_it_stays_where_more_does_not_help():
    clock = Clock()
    lane = Lane(8, 32, clock=clock)
    for _ in range(3):
        work(lane, clock, lambda _: 1000)
    assert lane.limit <= 16


def test_429_halves_once_for_all_that_were_under_way():
    clock = Clock()
    lane = Lane(16, 32, clock=clock)
    began = clock.now
    clock.now += 1
    for _ in range(16):
        lane.throttled(began, 0)
    assert lane.limit == 8
    clock.now += 1
    lane.throttled(clock.now - 0.5, 0)
    assert lane.limit == 4
    for _ in range(5):
        clock.now += 1
        lane.throttled(clock.now - 0.5, 0)
    assert lane.limit == 1


def test_after_a_halving_it_grows_by_one():
    clock = Clock()
    lane = Lane(16, 32, clock=clock)
    lane.throttled(clock.now, 0)
    limits = []
    for _ in range(4):
        work(lane, clock, lambda connections: 1000 * connections)
        limits.append(lane.limit)
    assert limits == [9, 10, 11, 12]


async def test_a_pause_holds_everybody_and_a_long_one_gives_up():
    clock = Clock()
    lane = Lane(1, 4, patience=60, clock=clock)
    async with lane:
        waiting = asyncio.create_task(lane.__aenter__())
        await asyncio.sleep(0)
        lane.throttled(clock.now, 3600)
        with pytest.raises(ThrottledError) as caught:
            await waiting
    assert caught.value.retry_after == 3600
    with pytest.raises(ThrottledError):
        await lane.__aenter__()
    clock.now += 3600
    async with lane:
        pass
    assert lane.idle


async def test_a_gate_keeps_its_limit_and_its_order_and_survives_cancellation():
    gate, order = Gate(2), []

    async def enter(number: int) -> None:
        async with gate:
            order.append(number)
            assert gate.active <= 2
            await asyncio.sleep(0)

    jobs = [asyncio.create_task(enter(number)) for number in range(20)]
    await asyncio.sleep(0)
    for job in jobs[5:10]:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    assert order == [*range(5), *range(10, 20)]
    assert gate.idle


async def test_a_turn_that_was_given_and_cancelled_at_once_is_passed_on():
    gate = Gate(1)
    await gate.__aenter__()
    first, second = asyncio.create_task(gate.__aenter__()), asyncio.create_task(gate.__aenter__())
    await asyncio.sleep(0)
    gate.leave()
    first.cancel()
    await asyncio.wait_for(second, 120)
    assert gate.active == 1


async def test_desks_forget_their_targets():
    desks = Desks(2)
    async with desks.alone("a"), desks.place("host"):
        pass
    assert not desks._targets
