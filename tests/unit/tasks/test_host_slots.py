"""Slots of a host: bounded over all users, taken rarely, given back."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from eoflows.tasks.limits import PREFIX, HostSlots, shared_slots

HOST = "station.example"
NAME = PREFIX + HOST


class Server:
    """Stands for Prefect's global limit: so many slots, no more."""

    def __init__(self, size: int) -> None:
        self.free = anyio.Semaphore(size)
        self.taken: Counter[str] = Counter()
        self.held = 0

    @asynccontextmanager
    async def take(self, name: str) -> AsyncIterator[None]:
        async with self.free:
            self.taken[name] += 1
            self.held += 1
            try:
                yield
            finally:
                self.held -= 1


async def transfer(slots: HostSlots, running: Counter[str], peak: list[int]) -> None:
    async with slots.slot(HOST):
        running[HOST] += 1
        peak.append(running[HOST])
        await anyio.lowlevel.checkpoint()
        running[HOST] -= 1


NAMES = frozenset({NAME})


@pytest.mark.anyio
async def test_two_workers_stay_below_the_limit_and_take_few_slots() -> None:
    server, running, peak = Server(3), Counter[str](), list[int]()
    async with (
        shared_slots(NAMES, server.take) as one,
        shared_slots(NAMES, server.take) as other,
        anyio.create_task_group() as group,
    ):
        for number in range(200):
            group.start_soon(transfer, (one, other)[number % 2], running, peak)
    assert len(peak) == 200
    assert max(peak) <= 3
    assert server.taken[NAME] < 20
    assert server.held == 0


@pytest.mark.anyio
async def test_a_slot_serves_one_transfer_after_another() -> None:
    server = Server(1)
    async with shared_slots(NAMES, server.take) as slots:
        for _ in range(50):
            async with slots.slot(HOST):
                assert server.held == 1
        assert server.taken[NAME] == 1
    assert server.held == 0


@pytest.mark.anyio
async def test_a_slot_is_given_back_after_its_longest_time() -> None:
    server, now = Server(1), [0.0]
    async with shared_slots(NAMES, server.take, lambda: now[0]) as slots:
        async with slots.slot(HOST):
            now[0] = 31.0
        async with slots.slot(HOST):
            assert server.taken[NAME] == 2


@pytest.mark.anyio
async def test_a_host_without_a_limit_is_free() -> None:
    server = Server(0)
    async with shared_slots(NAMES, server.take) as slots, slots.slot("other.example"):
        assert not server.taken
