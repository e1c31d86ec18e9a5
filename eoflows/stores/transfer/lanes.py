"""How many connections a host gets: more while that helps, fewer when it asks for patience."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Self

from eoflows.base.errors import ThrottledError
from eoflows.stores.transfer.gates import Gate
from eoflows.stores.transfer.models import Slot, TransferSettings

__all__ = ["Lane", "Lanes"]

# Seconds over which throughput is measured before the number of connections changes.
_PERIOD = 0.1
_SLOWEST_PERIOD = 1.0
# Of the gain that ideal scaling would give, the share that counts as help.
_HELPS = 0.3
_NO_SLOT = nullcontext()
# The best throughput seen is slowly forgotten, so that a host that recovered is tried again.
_FORGETS = 0.98


class Lane(Gate):
    """The connections to one host, as a context manager for the use of one.

    The limit doubles while throughput grows, then creeps up by one (AIMD); a 429 or 503 halves it,
    once for all connections that were under way, and `Retry-After` holds all of them back.

    Args:
        start: Connections to begin with.
        most: Upper limit of connections.
        patience: Seconds; a host that asks for a longer pause is given up until it has passed.
        clock: Monotonic seconds.
    """

    def __init__(
        self, start: int, most: int, patience: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(start)
        self._most, self._patience, self._clock = most, patience, clock
        # Bytes that came from the host; one thread changes it, and a lost update does no harm.
        self.moved = 0
        self._closed_until = self._halved_at = float("-inf")
        self._doubling = True
        self._best = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._measure_anew()

    @property
    def open(self) -> bool:
        """Whether the host did not ask for a pause."""
        return self._clock() >= self._closed_until

    async def __aenter__(self) -> Self:
        if self._closed_until > self._clock() + self._patience:
            raise self._given_up()
        return await super().__aenter__()

    def _given_up(self) -> ThrottledError:
        left = round(self._closed_until - self._clock(), 1)
        return ThrottledError(f"the host asked to be left alone for another {left:g} s", retry_after=left)

    def queued(self) -> None:
        """Somebody waits, so the limit matters: measure whether a higher one would help."""
        if len(self.waiting) == 1:
            self._measure_anew()
        self._arm()

    def leave(self) -> None:
        """One exchange ended."""
        self._finished += 1
        super().leave()

    def throttled(self, began: float, pause: float) -> None:
        """The host answered 429 or 503.

        Args:
            began: When the refused request was sent, in seconds of the clock.
            pause: Seconds during which the host gets no request at all.
        """
        now = self._clock()
        self._closed_until = max(self._closed_until, now + pause)
        if pause > self._patience:
            while self.waiting:
                turn = self.waiting.popleft()
                if not turn.done():
                    turn.set_exception(self._given_up())
        if began > self._halved_at:
            self._halved_at = now
            self.limit = max(1, self.limit // 2)
            self._doubling, self._best = False, 0.0
            self._measure_anew()

    def _arm(self) -> None:
        if self._timer is None:
            wait = max(_PERIOD, self._closed_until - self._clock())
            self._timer = asyncio.get_running_loop().call_later(wait, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self.waiting:
            self.judge()
            self.admit()
            self._arm()

    def judge(self) -> None:
        """Change the limit, if enough was seen since it last changed."""
        elapsed = self._clock() - self._since
        if elapsed < _PERIOD or (self._finished < self.limit and elapsed < _SLOWEST_PERIOD):
            return
        rate = (self.moved - self._moved_since) / elapsed
        step = self.limit if self._doubling else 1
        helps = rate > self._best * (1 + _HELPS * step / self.limit)
        if helps:
            self.limit = min(self._most, self.limit + step)
        self._doubling = self._doubling and helps
        self._best = max(rate, self._best * _FORGETS)
        self._measure_anew()

    def _measure_anew(self) -> None:
        self._since, self._moved_since, self._finished = self._clock(), self.moved, 0


class Lanes:
    """The lanes of all hosts, whatever protocol they speak.

    Args:
        settings: First and largest number of connections.
        patience: Seconds that a host may ask to be left alone.
        slot: Makes limits hold over all workers; None limits this engine only.
    """

    def __init__(self, settings: TransferSettings, patience: float, slot: Slot | None) -> None:
        self._settings, self._patience, self._slot = settings, patience, slot
        self._lanes: dict[tuple[str, int], Lane] = {}

    def lane(self, host: str, port: int) -> Lane:
        """The lane of a host; enter it, then its slot, for as long as a connection is used."""
        lane = self._lanes.get((host, port))
        if lane is None:
            settings = self._settings
            lane = Lane(settings.start_connections, settings.most_connections, self._patience)
            self._lanes[host, port] = lane
        return lane

    def slot(self, host: str) -> AbstractAsyncContextManager[object]:
        """The context in which one connection to a host may be used, over all workers."""
        return _NO_SLOT if self._slot is None else self._slot(host)
