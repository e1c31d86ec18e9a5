"""Limits per host over all workers, by Prefect's global concurrency limits.

A limit named `host-<name>` (`host-stac.dataspace.copernicus.eu`) bounds the connections that all runs
together have to that host. Taking a slot from the server costs as much as fetching a small file, so a
slot that was taken serves one transfer after another, for a bounded time. Nothing but politeness
depends on a slot: losing its lease does not end a transfer.
"""

import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup
from prefect.client.orchestration import get_client
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency
from prefect.logging import get_logger

from eoflows.base.concurrency import one_error

__all__ = ["PREFIX", "Slot", "host_slots"]

PREFIX = "host-"
Slot = Callable[[str], AbstractAsyncContextManager[object]]
Take = Callable[[str], AbstractAsyncContextManager[object]]

_IDLE = 1.0
_LONGEST = 30.0


@asynccontextmanager
async def _take(name: str) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(
                concurrency(name, occupy=1, strict=False, raise_on_lease_renewal_failure=False)
            )
        except ConcurrencySlotAcquisitionError as error:
            get_logger(__name__).warning("%s: no slot, going on without: %s", name, error)
        yield


@asynccontextmanager
async def host_slots() -> AsyncIterator[Slot | None]:
    """Give the `slot(host)` for a transfer engine, or None if no limit for any host is defined."""
    async with get_client() as client:
        limits = await client.read_global_concurrency_limits(limit=200)
    names = frozenset(limit.name for limit in limits if limit.active and limit.name.startswith(PREFIX))
    if not names:
        yield None
        return
    async with shared_slots(names) as slots:
        yield slots.slot


@dataclass(frozen=True, eq=False)
class _Held:
    """A slot taken from the server; setting `done` gives it back."""

    done: anyio.Event
    since: float


class _Pool:
    """The slots of one limit that this run holds and nobody uses at the moment."""

    def __init__(self) -> None:
        self.put, self.take = anyio.create_memory_object_stream[_Held](math.inf)

    def waiting(self) -> int:
        return self.put.statistics().tasks_waiting_receive


@asynccontextmanager
async def shared_slots(
    names: frozenset[str], take: Take = _take, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator["HostSlots"]:
    """Share the slots of some limits among the transfers of a run, and give all back at the end.

    Args:
        names: Limits that exist.
        take: Takes one slot of a limit from the server, for as long as its context lasts.
        clock: Monotonic seconds.
    """
    async with one_error(), anyio.create_task_group() as group:
        slots = HostSlots(names, group, take, clock)
        try:
            yield slots
        finally:
            slots.close()
            group.cancel_scope.cancel()


@dataclass
class HostSlots:
    """Slots that are taken once and used several times; `shared_slots` makes and ends them."""

    names: frozenset[str]
    group: TaskGroup
    take: Take
    clock: Callable[[], float]
    _pools: defaultdict[str, _Pool] = field(default_factory=lambda: defaultdict(_Pool))

    @asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[None]:
        """Hold a slot of a host; hosts without a limit are free."""
        name = PREFIX + host
        if name not in self.names:
            yield
            return
        pool = self._pools[name]
        held = await self._free_slot(name, pool)
        try:
            yield
        finally:
            if self.clock() - held.since > _LONGEST:
                held.done.set()
            else:
                pool.put.send_nowait(held)
                self.group.start_soon(self._expire, pool)

    def close(self) -> None:
        """Forget the pools."""
        for pool in self._pools.values():
            pool.put.close()
            pool.take.close()

    async def _free_slot(self, name: str, pool: _Pool) -> _Held:
        try:
            return pool.take.receive_nowait()
        except anyio.WouldBlock:
            # Whichever comes first: one from the server, or one that another transfer leaves.
            self.group.start_soon(self._hold, name, pool)
            return await pool.take.receive()

    async def _hold(self, name: str, pool: _Pool) -> None:
        async with self.take(name):
            if pool.waiting():
                held = _Held(anyio.Event(), self.clock())
                pool.put.send_nowait(held)
                await held.done.wait()

    async def _expire(self, pool: _Pool) -> None:
        await anyio.sleep(_IDLE)
        with suppress(anyio.WouldBlock):
            pool.take.receive_nowait().done.set()
