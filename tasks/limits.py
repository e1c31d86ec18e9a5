"""Limits per host over all workers, by Prefect's global concurrency limits.

A limit named `host-<name>` (`host-stac.dataspace.copernicus.eu`) bounds the connections that all runs
together have to that host. Taking a slot from the server costs as much as fetching a small file, so a
slot that was taken serves one transfer after another, for a bounded time. Nothing but politeness
depends on a slot: losing its lease does not end a transfer.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup, TaskStatus
from prefect.client.orchestration import get_client
from prefect.concurrency.asyncio import concurrency

from eokit.concurrency import one_error

__all__ = ["PREFIX", "Slot", "host_slots"]

PREFIX = "host-"
Slot = Callable[[str], AbstractAsyncContextManager[object]]
Take = Callable[[str], AbstractAsyncContextManager[object]]

_IDLE = 1.0
_LONGEST = 30.0


def _take(name: str) -> AbstractAsyncContextManager[object]:
    return concurrency(name, occupy=1, strict=False, raise_on_lease_renewal_failure=False)


@asynccontextmanager
async def host_slots() -> AsyncIterator[Slot | None]:
    """Give the `slot(host)` for a transfer engine, or None if no limit for any host is defined."""
    async with get_client() as client:
        limits = await client.read_global_concurrency_limits(limit=200)
    names = frozenset(limit.name for limit in limits if limit.active and limit.name.startswith(PREFIX))
    if not names:
        yield None
        return
    async with one_error(), anyio.create_task_group() as group:
        slots = HostSlots(names, group)
        try:
            yield slots.slot
        finally:
            group.cancel_scope.cancel()


@dataclass(eq=False)
class _Held:
    """A slot taken from the server; setting `done` gives it back."""

    done: anyio.Event
    since: float


@dataclass
class HostSlots:
    """Slots that are taken once and used several times.

    Attributes:
        names: Limits that exist.
        group: Where idle slots wait for their end.
        take: Takes one slot of a limit from the server, for as long as its context lasts.
        clock: Monotonic seconds.
    """

    names: frozenset[str]
    group: TaskGroup
    take: Take = _take
    clock: Callable[[], float] = time.monotonic
    _idle: dict[str, list[_Held]] = field(default_factory=dict)

    @asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[None]:
        """Hold a slot of a host; hosts without a limit are free."""
        name = PREFIX + host
        if name not in self.names:
            yield
            return
        idle = self._idle.setdefault(name, [])
        held = idle.pop() if idle else await self.group.start(self._hold, name)
        try:
            yield
        finally:
            if self.clock() - held.since > _LONGEST:
                held.done.set()
            else:
                idle.append(held)
                self.group.start_soon(self._expire, idle, held)

    async def _hold(self, name: str, *, task_status: TaskStatus[_Held]) -> None:
        held = _Held(anyio.Event(), self.clock())
        async with self.take(name):
            task_status.started(held)
            await held.done.wait()

    async def _expire(self, idle: list[_Held], held: _Held) -> None:
        await anyio.sleep(_IDLE)
        if held in idle:
            idle.remove(held)
            held.done.set()
