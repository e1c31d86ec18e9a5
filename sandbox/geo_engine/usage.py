"""Credits: what users have left, and what their computations took."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from eoflows.sandbox.geo_engine.sessions import User, timestamp
from eoflows.sandbox.geo_engine.workflows import Workflow

__all__ = ["GRANULARITIES", "UsageBook"]

GRANULARITIES = ("minutes", "hours", "days", "months", "years")
_CUT = {
    "minutes": {"second": 0, "microsecond": 0},
    "hours": {"minute": 0, "second": 0, "microsecond": 0},
    "days": {"hour": 0, "minute": 0, "second": 0, "microsecond": 0},
    "months": {"day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0},
    "years": {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0},
}


@dataclass(frozen=True)
class Use:
    """A computation, and what it took."""

    time: datetime
    user: User
    computation: UUID
    operator: str
    data: str
    count: int

    def to_json(self) -> dict[str, Any]:
        """Return it as `GET /quota/dataUsage` does."""
        return {
            "timestamp": timestamp(self.time),
            "userId": str(self.user.id),
            "computationId": str(self.computation),
            "data": self.data,
            "count": self.count,
        }


@dataclass
class UsageBook:
    """All computations, and what each user may still spend; thread-safe."""

    initial: int
    """Credits of a new user."""
    clock: Callable[[], datetime]
    _uses: list[Use] = field(default_factory=list)
    _granted: dict[UUID, int] = field(default_factory=dict)
    """Credits that a user has, the used ones included."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, user: User, workflow: Workflow, count: int = 1) -> UUID:
        """Book a computation and return its identifier."""
        number, now, operator = uuid4(), self.clock(), workflow.operator["type"]
        with self._lock:
            for name in workflow.data or (operator,):
                self._uses.append(Use(now, user, number, operator, name, count))
        return number

    def quota(self, user: UUID) -> dict[str, int]:
        """Return what a user has left (perhaps less than nothing) and has used."""
        with self._lock:
            used = sum(use.count for use in self._uses if use.user.id == user)
            return {"available": self._granted.get(user, self.initial) - used, "used": used}

    def grant(self, user: UUID, available: int) -> None:
        """Set what a user has left."""
        used = self.quota(user)["used"]
        with self._lock:
            self._granted[user] = available + used

    def uses(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return a page of all users' computations, the latest first."""
        return [use.to_json() for use in self._all()[::-1][offset : offset + limit]]

    def summary(self, granularity: str, data: str | None, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return a page of the sums per span of time and data set, the latest first."""
        sums: Counter[tuple[str, str]] = Counter()
        for use in self._all():
            if data is None or use.data == data:
                sums[timestamp(use.time.replace(**_CUT[granularity])), use.data] += use.count  # type: ignore[arg-type]
        rows = [{"timestamp": time, "data": name, "count": count} for (time, name), count in sums.items()]
        rows.sort(key=lambda row: str(row["timestamp"]), reverse=True)
        return rows[offset : offset + limit]

    def computation(self, number: str) -> list[dict[str, Any]]:
        """Return what the operators of a computation took; of an unknown one nothing."""
        found = [use for use in self._all() if str(use.computation) == number]
        return [{"operatorName": use.operator, "operatorPath": "[]", "count": use.count} for use in found]

    def _all(self) -> list[Use]:
        with self._lock:
            return list(self._uses)
