"""OAuth2 token endpoint: password and refresh_token grants, tokens that expire."""

import hashlib
import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

__all__ = ["TokenStore", "token_routes"]


@dataclass(kw_only=True)
class TokenStore:
    """Tokens issued, and until when they live."""

    users: Mapping[str, str]
    """Login to password."""
    clock: Callable[[], datetime]
    """The time now."""
    seed: int
    """Another seed, other tokens."""
    lifetime: float
    """Seconds that an access token lives."""
    refresh_lifetime: float | None
    """Seconds that a refresh token lives; None: nothing is said of that."""
    issued: int = 0
    """Number of access tokens issued."""
    _access: dict[str, datetime] = field(default_factory=dict)
    _refresh: dict[str, tuple[str, datetime | None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def issue(self, user: str) -> dict[str, object]:
        """Return a token document for a user."""
        now, lifetime = self.clock(), self.refresh_lifetime
        with self._lock:
            self.issued += 1
            access, refresh = self._name(user), self._name(user)
            self._access[access] = now + timedelta(seconds=self.lifetime)
            self._refresh[refresh] = (user, None if lifetime is None else now + timedelta(seconds=lifetime))
        document: dict[str, object] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "refresh_token": refresh,
        }
        if lifetime is not None:
            document["refresh_expires_in"] = lifetime
        return document

    def _name(self, user: str) -> str:
        text = f"{self.seed}:{user}:{next(self._numbers)}"
        return hashlib.sha256(text.encode()).hexdigest()

    def is_valid(self, token: str) -> bool:
        """Tell whether an access token is known and alive."""
        with self._lock:
            until = self._access.get(token)
        return until is not None and self.clock() < until

    def refreshed(self, token: str) -> str | None:
        """Use up a refresh token and return its user; None if it is not valid."""
        with self._lock:
            user, until = self._refresh.pop(token, (None, None))
        return user if user and (until is None or self.clock() < until) else None

    def expire_all(self) -> None:
        """End the life of every access token issued so far."""
        with self._lock:
            self._access.clear()


def token_routes(tokens: TokenStore, paths: tuple[str, ...]) -> list[Route]:
    """Return the routes of the token endpoint."""

    async def grant(request: Request) -> Response:
        body = await request.body()
        form = {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}
        return _grant(tokens, form)

    return [Route(path, grant, methods=["POST"]) for path in paths]


def _grant(tokens: TokenStore, form: Mapping[str, str]) -> Response:
    kind = form.get("grant_type")
    if kind == "password":
        user: str | None = form.get("username", "")
        if tokens.users.get(user or "") != form.get("password", ""):
            user = None
    elif kind == "refresh_token":
        user = tokens.refreshed(form.get("refresh_token", ""))
    else:
        return _refused(400, "unsupported_grant_type")
    if not user:
        return _refused(401 if kind == "password" else 400, "invalid_grant")
    return JSONResponse(tokens.issue(user), headers={"cache-control": "no-store"})


def _refused(status: int, error: str) -> Response:
    return JSONResponse({"error": error, "error_description": error.replace("_", " ")}, status)
