"""The request log of all services: what was asked, what was answered, what went wrong on purpose."""

import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

__all__ = ["Entry", "RequestLog", "path_matches"]


def path_matches(pattern: str, path: str) -> bool:
    """Tell whether a path fits: `re:` and a regular expression, a glob, or else a prefix."""
    if pattern.startswith("re:"):
        return re.search(pattern[3:], path) is not None
    if any(sign in pattern for sign in "*?["):
        return fnmatchcase(path, pattern)
    return path.startswith(pattern)


@dataclass(frozen=True)
class Entry:
    """One request and its answer."""

    sequence: int
    """1, 2, 3 ... in order of arrival."""
    time: datetime
    """Arrival, aware, UTC."""
    origin: str
    """`main`, or `other` for the second port."""
    method: str
    path: str
    query: str
    """Raw query string."""
    headers: dict[str, str]
    """Names in lower case; the last of equal names."""
    body_size: int
    """Bytes of the request's body."""
    body: Any = None
    """The body if it is JSON and small."""
    faults: tuple[str, ...] = ()
    """Kinds of the faults applied."""
    status: int | None = None
    """Status sent; None while there is no answer, or for ever when the fault withheld it."""
    bytes_sent: int = 0
    """Bytes of the answer's body handed to the connection."""
    aborted: bool = False
    """The client left before the answer was complete."""
    began: float = 0.0
    """Monotonic seconds at arrival."""
    ended: float | None = None
    """Monotonic seconds at the last byte; None while it is served."""

    @property
    def parameters(self) -> dict[str, list[str]]:
        """The query, parsed."""
        return parse_qs(self.query, keep_blank_values=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as plain JSON values."""
        return {**asdict(self), "time": self.time.isoformat(), "faults": list(self.faults)}


@dataclass
class RequestLog:
    """Bounded, thread-safe list of entries."""

    capacity: int = 200_000
    _entries: deque[Entry] = field(init=False)
    _last: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)

    def __post_init__(self) -> None:
        self._entries = deque(maxlen=self.capacity)

    def begin(self, **known: Any) -> int:
        """Note an arrival and return its sequence number."""
        with self._changed:
            self._last += 1
            self._entries.append(
                Entry(sequence=self._last, time=datetime.now(UTC), began=monotonic(), **known)
            )
            self._changed.notify_all()
            return self._last

    def update(self, sequence: int, **known: Any) -> None:
        """Complete an entry; one that has been dropped or cleared is left alone."""
        with self._changed:
            if not self._entries:
                return
            position = sequence - self._entries[0].sequence
            if 0 <= position < len(self._entries):
                self._entries[position] = replace(self._entries[position], **known)
                self._changed.notify_all()

    def clear(self) -> None:
        """Forget all entries; numbering goes on."""
        with self._changed:
            self._entries.clear()

    @property
    def last(self) -> int:
        """Sequence number of the latest arrival, to pass as `since`."""
        with self._changed:
            return self._last

    def entries(
        self,
        path: str = "",
        *,
        method: str | None = None,
        origin: str | None = None,
        status: int | None = None,
        fault: str | None = None,
        since: int = 0,
    ) -> list[Entry]:
        """Return the entries that match, oldest first.

        Args:
            path: A prefix, a glob, or `re:` and a regular expression.
            method: HTTP method.
            origin: `main` or `other`.
            status: Status of the answer.
            fault: Kind of a fault applied.
            since: Only entries with a higher sequence number.
        """
        with self._changed:
            found = list(self._entries)
        return [
            entry
            for entry in found
            if entry.sequence > since
            and path_matches(path, entry.path)
            and (method is None or entry.method == method.upper())
            and (origin is None or entry.origin == origin)
            and (status is None or entry.status == status)
            and (fault is None or fault in entry.faults)
        ]

    def count(self, path: str = "", **filters: Any) -> int:
        """Return how many entries match; filters as in `entries`."""
        return len(self.entries(path, **filters))

    def peak(self, path: str = "", **filters: Any) -> int:
        """Return the largest number of matching requests that were served at one moment."""
        moments: list[tuple[float, int]] = []
        for entry in self.entries(path, **filters):
            moments.append((entry.began, 1))
            moments.append((entry.ended if entry.ended is not None else monotonic(), -1))
        level = highest = 0
        for _, step in sorted(moments):
            level += step
            highest = max(highest, level)
        return highest

    def wait_for(self, condition: Callable[["RequestLog"], bool], timeout: float = 120.0) -> bool:
        """Wait until a condition on the log holds; False when the time is over."""
        deadline = monotonic() + timeout
        while not condition(self):
            with self._changed:
                left = deadline - monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.05))
        return True
