"""The watermark of one stream, moved on by any number of runs at once."""

from datetime import datetime

from eoflows.products.systematic.watermark import Reading, Watermark, WatermarkStore

__all__ = ["StreamProgress"]


class StreamProgress:
    """Moves one watermark.

    Two runs at once need no lock: each says what it settled beyond a position that it read, and the
    farther of the two counts. A change is repeated until nobody came between reading and writing.

    Args:
        store: Where it is kept.
        key: Its name.
        writable: Whether it may be written; a plan leaves it as it is.
    """

    def __init__(self, store: WatermarkStore, key: str, *, writable: bool = True) -> None:
        self._store, self.key, self._writable = store, key, writable

    async def begin(self, start: datetime) -> Watermark:
        """Give the watermark; one that does not exist begins at `start` (aware UTC)."""
        fresh = Watermark(start, start)
        while True:
            found = await self._store.read(self.key)
            if found is not None:
                return found.watermark
            if not self._writable or await self._store.swap(self.key, None, fresh):
                return fresh

    async def advance(self, began: datetime, reading: Reading) -> Watermark | None:
        """Record what a run that began to read at `began` (aware UTC) has come to.

        Returns:
            The watermark now; None if nothing was recorded, for a plan or because another run has
            finished the range.
        """
        while True:
            found = await self._store.read(self.key)
            if found is None or not self._writable or found.watermark.position < began:
                return None
            moved = found.watermark.moved(reading)
            if moved == found.watermark or await self._store.swap(self.key, found.version, moved):
                return moved

    async def finish(self, end: datetime) -> bool:
        """Forget the watermark if it has come to `end`, so that the range can be gone through again.

        Returns:
            Whether all of the range was looked at and nothing is to be tried again; also if another run
            has said so.
        """
        while True:
            found = await self._store.read(self.key)
            if found is None:
                return True
            if found.watermark.position < end or found.watermark.failing:
                return False
            if await self._store.swap(self.key, found.version, None):
                return True
