"""Time that may be spent waiting for a service, over several waits."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import anyio

from eoflows.base.errors import DeadlineError

__all__ = ["Patience", "within"]

T = TypeVar("T")


class Patience:
    """Seconds that a search may wait for its service; the time between waits does not count.

    Args:
        seconds: How many; None is no limit.
        clock: Monotonic seconds.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._left, self._clock = seconds, seconds, clock

    async def spend(self, work: Awaitable[T]) -> T:
        """Wait for something.

        Raises:
            DeadlineError: All waits together took longer than the limit.
        """
        if self._left is None:
            return await work
        started = self._clock()
        with anyio.move_on_after(max(0.0, self._left)):
            answer = await work
            self._left -= self._clock() - started
            if self._left >= 0:
                return answer
        raise DeadlineError(f"the search took longer than its limit of {self._limit:g} s")


async def within(
    pages: AsyncIterator[T], seconds: float, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[T]:
    """Give pages, as long as waiting for them takes no longer than so many seconds in all.

    Raises:
        DeadlineError: It took longer.
    """
    patience = Patience(seconds, clock)
    while (page := await patience.spend(anext(pages, None))) is not None:
        yield page
