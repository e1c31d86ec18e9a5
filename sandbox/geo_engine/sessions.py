"""Users and their sessions: anonymous, by login, by token."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from starlette.requests import HTTPConnection

from eoflows.sandbox.geo_engine.errors import EngineError, unauthorized
from eoflows.sandbox.geo_engine.settings import GeoEngineSettings

__all__ = ["Session", "SessionStore", "User", "timestamp"]

_USERS = UUID("6f4b1f6e-1b1d-4a0a-9a0d-6c3f7d1a2b11")
_ROLES = {"admin": "d5328854-6190-4af9-ad69-4e74b0961ac9", "user": "4e8081b6-8aa6-4275-af0c-2fa2da557d28"}
ANONYMOUS_ROLE = "fd8e87bf-515c-4f36-8da6-1a53702ff102"


@dataclass(frozen=True)
class User:
    """Somebody with a quota."""

    id: UUID
    email: str | None = None
    real_name: str | None = None
    admin: bool = False


@dataclass(frozen=True)
class Session:
    """What a bearer token stands for."""

    id: UUID
    user: User
    created: datetime
    valid_until: datetime

    def to_json(self) -> dict[str, Any]:
        """Return the session as a login answers it."""
        user = self.user
        known = _ROLES["admin"] if user.admin else _ROLES["user"] if user.email else ANONYMOUS_ROLE
        return {
            "id": str(self.id),
            "user": {"id": str(user.id), "email": user.email, "realName": user.real_name},
            "created": timestamp(self.created),
            "validUntil": timestamp(self.valid_until),
            "project": None,
            "view": None,
            "roles": [str(user.id), known],
        }


def timestamp(moment: datetime) -> str:
    """Return a time as Geo Engine's documents have it, in UTC with milliseconds and `Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@dataclass
class SessionStore:
    """The sessions that are alive; thread-safe."""

    settings: GeoEngineSettings
    clock: Callable[[], datetime]
    issued: int = 0
    """Number of sessions given."""
    _sessions: dict[UUID, Session] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def anonymous(self) -> Session:
        """Give a session to a new user without a name.

        Raises:
            EngineError: 401, no such sessions are given.
        """
        if not self.settings.anonymous:
            raise EngineError(
                "Unauthorized", "Authorization error: Anonymous access is disabled, please log in", 401
            )
        return self._begin(User(uuid4()))

    def login(self, email: str, password: str) -> Session:
        """Give a session to a known user.

        Raises:
            EngineError: 401, unknown or wrong password.
        """
        known = self.settings.users.get(email)
        if known is None or known.password != password:
            raise EngineError("LoginFailed", "User does not exist or password is wrong.", 401)
        return self._begin(User(uuid5(_USERS, email), email, known.real_name, known.admin))

    def _begin(self, user: User) -> Session:
        now = self.clock()
        session = Session(uuid4(), user, now, now + timedelta(seconds=self.settings.session_lifetime))
        with self._lock:
            self._sessions[session.id] = session
            self.issued += 1
        return session

    def of(self, request: HTTPConnection) -> Session:
        """Return the session of a request's bearer token.

        Raises:
            EngineError: 401, with Geo Engine's text for what is wrong.
        """
        header = request.headers.get("authorization")
        if header is None:
            raise unauthorized("Header with authorization token not provided.")
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer":
            raise unauthorized("Authentication scheme must be Bearer.")
        try:
            key = UUID(token)
        except ValueError as error:
            raise unauthorized("Identifier does not have the right format.") from error
        with self._lock:
            session = self._sessions.get(key)
        if session is None or session.valid_until <= self.clock():
            raise unauthorized("The session id is invalid.")
        return session

    def end(self, session: Session) -> None:
        """Log out."""
        with self._lock:
            self._sessions.pop(session.id, None)

    def expire_all(self) -> None:
        """End every session given so far."""
        with self._lock:
            self._sessions.clear()
