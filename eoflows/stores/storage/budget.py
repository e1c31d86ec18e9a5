"""A shared amount, of which each user takes a share for a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

__all__ = ["Budget"]


class Budget:
    """Bounds what all users hold at one time, memory for instance.

    Args:
        total: The whole amount. Who wants more gets all of it, and so works alone.
    """

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._changed = anyio.Condition()

    @asynccontextmanager
    async def take(self, amount: int) -> AsyncIterator[None]:
        """Wait until so much is free, and hold it."""
        share = min(amount, self._total)
        async with self._changed:
            while self._free < share:
                await self._changed.wait()
            self._free -= share
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                async with self._changed:
                    self._free += share
                    self._changed.notify_all()
