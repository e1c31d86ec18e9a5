"""When to ask again, and after how long."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["RETRIED_STATUS", "RetryPolicy", "retry_after"]

LONGEST_ASKED = 86400.0
"""Seconds that a service can ask to be left alone for: whoever means longer says so again."""

RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Read `Retry-After` (seconds or an HTTP date) as seconds from now, never negative and at most a day.

    Returns:
        Seconds, or None when the header is absent or says nothing that can be read.
    """
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_ASKED)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - (now or datetime.now(UTC))).total_seconds()), LONGEST_ASKED)


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently a request is repeated.

    Attributes:
        attempts: Requests in all, the first included.
        base: Seconds before the first repeat; doubles each time.
        longest: Upper limit of one wait in seconds. A longer `Retry-After` is not waited for: the
            error carries it, so that a schedule can come back instead of a worker sleeping.
        chance: Gives a number in [0, 1) for the jitter.
    """

    attempts: int = 5
    base: float = 0.5
    longest: float = 60.0
    chance: Callable[[], float] = random.random

    def delay(self, attempt: int, asked: float | None = None) -> float | None:
        """Seconds to wait after a failed attempt, or None to give up.

        Args:
            attempt: Number of the failed attempt, from 1.
            asked: What the service asked for in `Retry-After`, in seconds.
        """
        if attempt >= self.attempts:
            return None
        if asked is not None:
            return asked if asked <= self.longest else None
        backoff = min(self.longest, self.base * 2.0 ** min(attempt - 1, 60))
        return backoff * (0.5 + self.chance() / 2)
