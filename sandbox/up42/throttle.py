"""So many requests in a second from one address, then 429."""

import math
import threading
from collections.abc import Callable
from time import monotonic

from eoflows.sandbox.up42.answers import problem

__all__ = ["Throttle"]


class Throttle:
    """A bucket of tokens for each client address."""

    def __init__(self, rate: float | None, burst: int, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}

    def admit(self, address: str) -> None:
        """Count a request.

        Raises:
            Refusal: 429 with `Retry-After`, when there were too many.
        """
        if self._rate is None:
            return
        now = self._clock()
        with self._lock:
            level, seen = self._levels.get(address, (float(self._burst), now))
            level = min(float(self._burst), level + (now - seen) * self._rate)
            passes = level >= 1
            self._levels[address] = (level - 1 if passes else level, now)
        if not passes:
            wait = math.ceil((1 - level) / self._rate)
            raise problem(429, "Too Many Requests", {"retry-after": str(max(1, wait))})

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._levels.clear()
