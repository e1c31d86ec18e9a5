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
    """

    tiles: int
    expected: int | None
    received_bytes: int
    seconds: float
    connections: int = 1

    @property
    def remaining_seconds(self) -> float | None:
        """Time that the rest will take at the mean speed so far, or None."""
        if self.expected is None or not self.tiles:
            return None
        return max(0, self.expected - self.tiles) * self.seconds / self.tiles


ProgressCallback = Callable[[Progress], None]
"""Called after each message in the event loop; it must return at once."""
