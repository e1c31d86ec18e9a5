"""All operations of all projects: who may start one, what moves them on, how they are listed."""

import base64
import binascii
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from eoflows.sandbox.earth_engine.errors import refusal
from eoflows.sandbox.earth_engine.operations import ENDED, Operation, operation_id
from eoflows.sandbox.earth_engine.settings import EarthEngineSettings, Failure, Rule

__all__ = ["OperationStore"]


class OperationStore:
    """Operations, safe for threads. Methods raise what the service would answer."""

    def __init__(
        self,
        settings: EarthEngineSettings,
        clock: Callable[[], datetime],
        seed: int,
        deliver: Callable[[Operation], Failure | None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._seed = seed
        self._deliver = deliver
        self._lock = threading.RLock()
        self._operations: dict[str, Operation] = {}
        self._requests: dict[tuple[str, str, str], Operation] = {}
        self._waiting: dict[str, list[Operation]] = {}
        self._number = 0
        self._rules: tuple[Rule, ...] = ()
        self._used: Counter[int] = Counter()
        self.set_rules(*settings.rules)

    def clear(self) -> None:
        """Forget all operations and all `requestId`s; rules are those of the settings again."""
        with self._lock:
            for kept in (self._operations, self._requests, self._waiting):
                kept.clear()
            self.set_rules(*self._settings.rules)

    def set_rules(self, *rules: Rule) -> None:
        """Say what becomes of the exports that are started from now on."""
        with self._lock:
            self._rules, self._used = rules, Counter()

    def create(
        self, project: str, user: str, order: Mapping[str, Any], sent: bytes, settings: EarthEngineSettings
    ) -> Operation:
        """Start an export, or return the one that was started with the same `requestId` and body.

        Raises:
            Refusal: The `requestId` is known with another body, or the queue is full.
        """
        with self._lock:
            self._catch_up()
            known = self._known(project, user, str(order.get("requestId", "")), settings)
            if known is not None:
                if known.sent != sent:
                    raise refusal(
                        settings.request_id_other_body,
                        f"Request id {known.request_id!r} was used before with a different request.",
                        "INVALID_ARGUMENT",
                    )
                return known
            if self._pending(project, settings.most_pending) >= settings.most_pending:
                raise refusal(
                    settings.queue_full,
                    f"Too many tasks already in the queue ({settings.most_pending}). Please wait for some of"
                    " them to complete.",
                    "RESOURCE_EXHAUSTED",
                )
            return self._add(project, user, order, sent, settings)

    def _known(
        self, project: str, user: str, request_id: str, settings: EarthEngineSettings
    ) -> Operation | None:
        known = self._requests.get((project, user, request_id)) if request_id else None
        lifetime = settings.request_id_lifetime
        if known is None or lifetime is None:
            return known
        return known if self._clock() < known.created + timedelta(seconds=lifetime) else None

    def _pending(self, project: str, enough: int) -> int:
        """Return how many operations wait; looks at each only when there may be too many."""
        waiting = self._waiting.setdefault(project, [])
        if len(waiting) >= enough:
            waiting[:] = [one for one in waiting if one.state == "PENDING"]
        return len(waiting)

    def _add(
        self, project: str, user: str, order: Mapping[str, Any], sent: bytes, settings: EarthEngineSettings
    ) -> Operation:
        self._number += 1
        now, rule = self._clock(), self._rule(project, str(order.get("description", "")))
        made = Operation(
            number=self._number,
            id=operation_id(self._seed, self._number),
            project=project,
            user=user,
            order=order,
            sent=sent,
            path=list(rule.path if rule else settings.path),
            error=rule.error if rule else None,
            created=now,
            updated=now,
            hidden=settings.listing_lag,
        )
        self._operations[made.id] = made
        self._waiting.setdefault(project, []).append(made)
        if made.request_id:
            self._requests[project, user, made.request_id] = made
        return made

    def _rule(self, project: str, description: str) -> Rule | None:
        for number, rule in enumerate(self._rules):
            if rule.fits(project, description) and (rule.times is None or self._used[number] < rule.times):
                self._used[number] += 1
                return rule
        return None

    @property
    def all(self) -> list[Operation]:
        """All operations of all projects, oldest first, for an oracle; looking is no poll."""
        with self._lock:
            self._catch_up()
            return list(self._operations.values())

    def described(self, description: str) -> list[Operation]:
        """Return the operations with a description, oldest first."""
        return [one for one in self.all if one.description == description]

    def asked(self, project: str, name: str, settings: EarthEngineSettings) -> dict[str, Any]:
        """Return what a client that asks for an operation is told, which is a poll.

        Raises:
            Refusal: 404.
        """
        with self._lock:
            found = self._find(project, name, settings)
            self._poll(found)
            return found.document(settings)

    def listed(
        self, project: str, size: int | None, token: str | None, settings: EarthEngineSettings
    ) -> dict[str, Any]:
        """Return a page of a project's operations, each of them polled; empty when there are none.

        Raises:
            Refusal: 400, the token is none that was given out.
        """
        with self._lock:
            self._catch_up()
            after = _number(token)
            found = [one for one in self._operations.values() if one.project == project]
            seen = [one for one in found if one.hidden <= 0 and not self._is_forgotten(one, settings)]
            if token is None:
                for one in found:
                    one.hidden -= 1
            if settings.newest_first:
                seen.reverse()
                seen = [one for one in seen if after is None or one.number < after]
            else:
                seen = [one for one in seen if after is None or one.number > after]
            limit = min(size or settings.page_size, settings.page_size)
            page = seen[:limit]
            for one in page:
                self._poll(one)
            document: dict[str, Any] = {}
            if page:
                document["operations"] = [one.document(settings) for one in page]
            if len(seen) > limit:
                document["nextPageToken"] = base64.urlsafe_b64encode(f"{page[-1].number}".encode()).decode()
            return document

    def cancel(self, project: str, name: str, settings: EarthEngineSettings) -> None:
        """Stop an operation.

        Raises:
            Refusal: 404, or 400 if it has ended and the settings say so.
        """
        with self._lock:
            found = self._find(project, name, settings)
            if found.state in ENDED and settings.cancel_finished == "refused":
                raise refusal(400, "Task is already completed.", "FAILED_PRECONDITION")
            found.cancel(self._clock())

    def get(self, name: str) -> Operation:
        """Return an operation by its identifier; looking moves nothing but the clock's.

        Raises:
            KeyError: There is none.
        """
        with self._lock:
            self._catch_up()
            return self._operations[name]

    def advance(self, name: str, steps: int = 1) -> Operation:
        """Move an operation on, at most to the end of its path."""
        with self._lock:
            found = self._operations[name]
            for _ in range(min(steps, len(found.path))):
                if found.path:
                    found.step(self._clock(), self._deliver)
            return found

    def finish(self, name: str) -> Operation:
        """Move an operation on to the end of its path."""
        return self.advance(name, len(self.get(name).path))

    def redirect(self, name: str, *path: str, error: Failure | None = None) -> Operation:
        """Give an operation another future; `advance` it to see any of it."""
        with self._lock:
            found = self._operations[name]
            found.path, found.error = list(path), error
            return found

    def forget(self, name: str) -> None:
        """Lose an operation: 404 from now on, and absent from lists; its `requestId` is free again."""
        with self._lock:
            lost = self._operations.pop(name)
            self._requests.pop((lost.project, lost.user, lost.request_id), None)
            if lost in self._waiting.get(lost.project, []):
                self._waiting[lost.project].remove(lost)

    def _find(self, project: str, name: str, settings: EarthEngineSettings) -> Operation:
        self._catch_up()
        found = self._operations.get(name)
        if found is None or found.project != project or self._is_forgotten(found, settings):
            raise refusal(404, f"Operation 'projects/{project}/operations/{name}' not found.")
        return found

    def _is_forgotten(self, one: Operation, settings: EarthEngineSettings) -> bool:
        if settings.retention is None or one.ended is None:
            return False
        return self._clock() >= one.ended + timedelta(seconds=settings.retention)

    def _poll(self, one: Operation) -> None:
        if self._settings.pace == "polls":
            self.advance(one.id, self._settings.steps_per_poll)

    def _catch_up(self) -> None:
        """With `pace="clock"`: carry out, in order of time, every step that is due."""
        if self._settings.pace != "clock":
            return
        now = self._clock()
        live = [one for one in self._operations.values() if one.path]
        while live:
            first = min(live, key=self._due)
            if self._due(first) > now:
                return
            first.step(self._due(first), self._deliver)
            live = [one for one in live if one.path]

    def _due(self, one: Operation) -> datetime:
        return one.updated + timedelta(seconds=self._settings.durations.get(one.state, 1.0))


def _number(token: str | None) -> int | None:
    if token is None:
        return None
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError) as error:
        raise refusal(400, "Invalid page token.") from error
