"""Gates: so many at once, the others wait in line."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

__all__ = ["Desks", "Gate"]


class Gate:
    """A semaphore whose limit may change; entering a free one costs no turn of the event loop.

    Args:
        limit: How many may be inside at once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.active = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    @property
    def open(self) -> bool:
        """Whether anybody is let in at all."""
        return True

    async def __aenter__(self) -> Self:
        if self.active < self.limit and not self.waiting and self.open:
            self.active += 1
            return self
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        self.queued()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def queued(self) -> None:
        """Somebody began to wait."""

    def leave(self) -> None:
        """Make room for the next."""
        self.active -= 1
        self.admit()

    def admit(self) -> None:
        """Let in as many as there is room for."""
        while self.waiting and self.active < self.limit and self.open:
            turn = self.waiting.popleft()
            if not turn.done():
                self.active += 1
                turn.set_result(None)

    @property
    def idle(self) -> bool:
        """Whether nobody is inside or waits."""
        return not self.active and not self.waiting


class Desks:
    """Bounds the downloads that hold files and memory: so many per place, and one per target.

    Args:
        most: Downloads per place at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._places: dict[str, Gate] = {}
        self._targets: dict[str, Gate] = {}

    def place(self, name: str) -> Gate:
        """The desks of a place."""
        gate = self._places.get(name)
        if gate is None:
            gate = self._places[name] = Gate(self._most)
        return gate

    def alone(self, target: str) -> Gate:
        """The gate that lets in one download of a target at a time in this process."""
        gate = self._targets.get(target)
        if gate is None:
            gate = self._targets[target] = _Alone(self._targets, target)
        return gate


class _Alone(Gate):
    """A gate for one that is forgotten when nobody needs it any more."""

    def __init__(self, known: dict[str, Gate], name: str) -> None:
        super().__init__(1)
        self._known, self._name = known, name

    def leave(self) -> None:
        super().leave()
        if self.idle:
            self._known.pop(self._name, None)
