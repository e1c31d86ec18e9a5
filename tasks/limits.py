"""Limits per host over all workers, by Prefect's global concurrency limits.

A limit named `host-<name>` (`host-stac.dataspace.copernicus.eu`) bounds the connections that all runs
together have to that host. Taking a slot from the server costs as much as fetching a small file, so a
slot that was taken serves one transfer after another, for a bounded time. Nothing but politeness
depends on a slot: losing its lease does not end a transfer.

Whoever holds a slot keeps a short lease, so that a slot is free again soon after its holder was killed, if
the server keeps leases over its own restart. Where it does not, the wait for a slot ends all the same.
"""

import math
import os
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
from eoflows.base.errors import DeadlineError, InvalidInputError

__all__ = ["PATIENCE", "PREFIX", "Slot", "host_slots"]

PREFIX = "host-"
PATIENCE = "EOFLOWS_HOST_SLOT_SECONDS"
"""Environment variable: how long a run goes without any slot of a host before its transfers give up."""

Slot = Callable[[str], AbstractAsyncContextManager[object]]
Take = Callable[[str], AbstractAsyncContextManager[object]]

_IDLE = 1.0
_LONGEST = 30.0
_LEASE = 60.0
_PATIENCE = 7200.0
_VAIN = (
    "no slot of the limit {name} in {seconds:g} s; run this again later. `prefect gcl inspect {name}` shows "
    "how many are taken. If no run uses that host, their holders are gone: `prefect gcl update {name} "
    f"--active-slots 0` frees the slots. {PATIENCE} sets how long a run waits."
)


@asynccontextmanager
async def _take(name: str) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(
                concurrency(
                    name, occupy=1, lease_duration=_LEASE, strict=False, raise_on_lease_renewal_failure=False
                )
            )
        except ConcurrencySlotAcquisitionError as error:
            get_logger(__name__).warning("%s: no slot, going on without: %s", name, error)
        yield


@asynccontextmanager
async def host_slots() -> AsyncIterator[Slot | None]:
    """Give the `slot(host)` for a transfer engine, or None if no limit for any host is defined.

    Raises:
        InvalidInputError: `EOFLOWS_HOST_SLOT_SECONDS` is no number of seconds.
    """
    patience = _patience()
    async with get_client() as client:
        limits = await client.read_global_concurrency_limits(limit=200)
    names = frozenset(limit.name for limit in limits if limit.active and limit.name.startswith(PREFIX))
    if not names:
        yield None
        return
    async with shared_slots(names, patience=patience) as slots:
        yield slots.slot


def _patience() -> float:
    text = os.environ.get(PATIENCE, str(_PATIENCE))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if seconds > 0:
        return seconds
    raise InvalidInputError(f"{PATIENCE} is {text!r}; give a number of seconds above 0")


@dataclass(frozen=True, eq=False)
class _Held:
    """A slot taken from the server; setting `done` gives it back."""

    done: anyio.Event
    since: float


class _Pool:
    """The slots of one limit that this run holds and nobody uses at the moment.

    Attributes:
        wanting: Transfers that wait for one.
        asking: Slots that the server has been asked for and has not given yet.
        serving: Slots that are in use.
        served: When one was last in use, monotonic seconds.
        dry: Whether a transfer has given up since.
    """

    def __init__(self) -> None:
        self.put, self.take = anyio.create_memory_object_stream[_Held](math.inf)
        self.wanting = self.asking = self.serving = 0
        self.served = -math.inf
        self.dry = False


@asynccontextmanager
async def shared_slots(
    names: frozenset[str],
    take: Take = _take,
    clock: Callable[[], float] = time.monotonic,
    patience: float = _PATIENCE,
) -> AsyncIterator["HostSlots"]:
    """Share the slots of some limits among the transfers of a run, and give all back at the end.

    Args:
        names: Limits that exist.
        take: Takes one slot of a limit from the server, for as long as its context lasts.
        clock: Monotonic seconds.
        patience: Seconds without any slot of a limit after which its transfers give up.
    """
    async with one_error(), anyio.create_task_group() as group:
        slots = HostSlots(names, group, take, clock, patience)
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
    patience: float
    _pools: defaultdict[str, _Pool] = field(default_factory=lambda: defaultdict(_Pool))

    @asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[None]:
        """Hold a slot of a host; hosts without a limit are free.

        Raises:
            DeadlineError: For all its patience, no transfer of this run was given a slot.
        """
        name = PREFIX + host
        if name not in self.names:
            yield
            return
        pool = self._pools[name]
        held = await self._free_slot(name, pool)
        pool.serving, pool.dry = pool.serving + 1, False
        try:
            yield
        finally:
            pool.serving, pool.served = pool.serving - 1, self.clock()
            if self.clock() - held.since > _LONGEST:
                held.done.set()
            else:
                self._leave(held, pool)

    def close(self) -> None:
        """Forget the pools."""
        for pool in self._pools.values():
            pool.put.close()
            pool.take.close()

    async def _free_slot(self, name: str, pool: _Pool) -> _Held:
        with suppress(anyio.WouldBlock):
            return pool.take.receive_nowait()
        pool.wanting += 1
        if pool.asking < pool.wanting:
            # Whichever comes first: one from the server, or one that another transfer leaves.
            pool.asking += 1
            self.group.start_soon(self._hold, name, pool)
        try:
            # Where one has waited in vain, the others need not do so for as long again.
            since, patience = self.clock(), _IDLE if pool.dry else self.patience
            while pool.serving or self.clock() - max(since, pool.served) < patience:
                with anyio.move_on_after(patience):
                    return await pool.take.receive()
        finally:
            pool.wanting -= 1
        pool.dry = True
        raise DeadlineError(_VAIN.format(name=name, seconds=self.patience))

    async def _hold(self, name: str, pool: _Pool) -> None:
        async with self.take(name):
            pool.asking -= 1
            if pool.wanting:
                held = _Held(anyio.Event(), self.clock())
                self._leave(held, pool)
                await held.done.wait()

    def _leave(self, held: _Held, pool: _Pool) -> None:
        """Have a slot ready for a while."""
        pool.put.send_nowait(held)
        self.group.start_soon(self._expire, pool)

    async def _expire(self, pool: _Pool) -> None:
        await anyio.sleep(_IDLE)
        with suppress(anyio.WouldBlock):
            pool.take.receive_nowait().done.set()
