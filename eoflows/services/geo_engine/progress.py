"""How far a stream is."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Progress", "ProgressCallback"]


@dataclass(frozen=True)
class Progress:
    """A stream at one moment.

    Attributes:
        tiles: Messages received, over all connections; each counts once.
        expected: Messages that must come, as far as is known; None where only the data know.
        received_bytes: Bytes of all messages.
        seconds: Time since the start.
        connections: Times that the stream was opened.
        found: Those of `tiles` that were there before, from a run that was killed.
    """

    tiles: int
    expected: int | None
    received_bytes: int
    seconds: float
    connections: int = 1
    found: int = 0

    @property
    def remaining_seconds(self) -> float | None:
        """Time that the rest will take at the mean speed so far, or None."""
        came = self.tiles - self.found
        if self.expected is None or not came:
            return None
        return max(0, self.expected - self.tiles) * self.seconds / came


ProgressCallback = Callable[[Progress], None]
"""Called after each message in the event loop; it must return at once."""
