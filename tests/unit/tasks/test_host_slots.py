"""Slots of a host: bounded over all users, taken rarely, given back."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from eoflows.base.errors import DeadlineError, InvalidInputError
from eoflows.tasks.limits import PATIENCE, PREFIX, HostSlots, host_slots, shared_slots

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


@pytest.mark.anyio
async def test_a_wait_in_vain_ends_and_says_which_limit_and_what_to_do() -> None:
    server = Server(0)
    with anyio.fail_after(20):
        async with shared_slots(NAMES, server.take, patience=0.05) as slots:
            with pytest.raises(
                DeadlineError, match=rf"limit {NAME} in 0\.05 s.* update {NAME} --active-slots 0"
            ):
                async with slots.slot(HOST):
                    pass
            server.free.release()
            async with slots.slot(HOST):
                assert server.held == 1
    assert server.held == 0


@pytest.mark.anyio
async def test_those_that_come_after_a_wait_in_vain_do_not_wait_as_long() -> None:
    server, failed = Server(0), list[float]()

    async def wait(slots: HostSlots) -> None:
        began = anyio.current_time()
        with pytest.raises(DeadlineError):
            async with slots.slot(HOST):
                pass
        failed.append(anyio.current_time() - began)

    async with shared_slots(NAMES, server.take, anyio.current_time, patience=3.0) as slots:
        await wait(slots)
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(wait, slots)
    assert len(failed) == 21
    assert failed[0] >= 3.0 > max(failed[1:])


@pytest.mark.anyio
async def test_who_waits_behind_transfers_of_its_own_run_waits_for_them() -> None:
    server, patience = Server(1), 0.05
    async with shared_slots(NAMES, server.take, patience=patience) as slots:
        begun, waited = anyio.Event(), anyio.Event()

        async def second() -> None:
            await begun.wait()
            async with slots.slot(HOST):
                waited.set()

        async with anyio.create_task_group() as group:
            group.start_soon(second)
            async with slots.slot(HOST):
                begun.set()
                await anyio.sleep(5 * patience)
                assert not waited.is_set()
        assert waited.is_set()


@pytest.mark.anyio
@pytest.mark.parametrize("given", ["soon", "0", "-1", "nan"])
async def test_a_bound_that_is_none_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATIENCE, given)
    with pytest.raises(InvalidInputError, match=f"{PATIENCE} is '{given}'"):
        async with host_slots():
            pass
